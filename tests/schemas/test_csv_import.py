"""Each line of a CSV file becomes an event, or is rejected with a code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.csv_import import ContactLine, CsvCode, CsvHeaderInvalid, RejectedLine, read_contacts
from schemas.public.inbound_events import ContactUpserted

HEAD = b"contact_id,first_name,email,phone,linkedin_url,timezone\n"


def read(*lines: bytes, head: bytes = HEAD) -> list[ContactLine | RejectedLine]:
    return list(read_contacts([head, *lines], "acme"))


def read_one(line: bytes, head: bytes = HEAD) -> ContactUpserted:
    (contact,) = read(line, head=head)
    assert isinstance(contact, ContactLine), contact
    return contact.event


def rejections(*lines: bytes, head: bytes = HEAD) -> list[tuple[int, str]]:
    return [
        (result.line, result.code)
        for result in read(*lines, head=head)
        if isinstance(result, RejectedLine)
    ]


def test_a_line_becomes_an_event() -> None:
    event = read_one(
        b"ann,Ann,ann@example.com,+1 555 0100,https://linkedin.com/in/ann,Europe/Rome\n"
    )
    assert (event.tenant_id, event.contact_id, event.first_name) == ("acme", "ann", "Ann")
    assert event.linkedin_url == "https://linkedin.com/in/ann"
    assert event.addresses is None
    assert event.attributes is None


def test_columns_have_several_names_and_other_columns_are_attributes() -> None:
    head = b"\xef\xbb\xbfE-Mail;First Name;Company Name\r\n"  # as a spreadsheet writes it
    event = read_one(b"ann@example.com;Ann;Acme & Sons\r\n", head)
    assert (event.email, event.first_name) == ("ann@example.com", "Ann")
    assert event.attributes == {"company_name": "Acme & Sons"}


def test_without_a_contact_id_the_id_derives_from_the_address() -> None:
    ids = {
        read_one(line, b"email,linkedin_url\n").contact_id
        for line in (b"Ann@Example.com,\n", b"ann@example.com,https://linkedin.com/in/ann\n")
    }
    assert len(ids) == 1
    assert read_one(b",https://linkedin.com/in/Ann/\n", b"email,linkedin_url\n").contact_id == (
        read_one(b",http://www.linkedin.com/in/ann\n", b"email,linkedin_url\n").contact_id
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"ann,Ann,not an address,,,\n", "CONTACT_EMAIL_INVALID"),
        (b"ann,Ann,ann@example,,,\n", "CONTACT_EMAIL_INVALID"),
        (b"ann,Ann,,call me,,\n", "CONTACT_PHONE_INVALID"),
        (b"ann,Ann,,,https://example.com/in/ann,\n", "CONTACT_LINKEDIN_INVALID"),
        (b"ann,Ann,,,,Moon/Base\n", CsvCode.FIELD),
        (b"ann,=HYPERLINK(1),,,,\n", CsvCode.FORMULA),
        (b"ann,@SUM(1),,,,\n", CsvCode.FORMULA),
        (b"ann,-1+cmd,,,,\n", CsvCode.FORMULA),
        (b",Ann,,,,\n", CsvCode.NOBODY),
        (b"ann,Ann\n", CsvCode.COLUMNS),
        (b"ann,Ann,,,,,,\n", CsvCode.COLUMNS),
        (b"ann,J\xf6rg,,,,\n", CsvCode.ENCODING),
        (b'ann,"Ann,,,,\n', CsvCode.QUOTE),
        (b"ann," + b"x" * 70_000 + b",,,,\n", CsvCode.TOO_LONG),
        (b"ann," + b"x" * 400 + b",,,,\n", CsvCode.FIELD),
        (b"a\x00n,Ann,,,,\n", CsvCode.FIELD),
    ],
)
def test_a_bad_line_is_rejected_and_the_next_line_is_read(line: bytes, code: CsvCode) -> None:
    results = read(line, b"ben,Ben,ben@example.com,,,\n")
    assert [type(each) for each in results] == [RejectedLine, ContactLine]
    assert isinstance(results[0], RejectedLine)
    assert (results[0].line, results[0].code) == (2, code)
    assert b"x" * 100 not in repr(results[0]).encode()


def test_a_phone_number_with_a_plus_sign_is_not_a_formula() -> None:
    assert read_one(b"ann,Ann,,+1 (555) 0100,,\n").phone == "+1 (555) 0100"


def test_the_second_line_of_a_contact_is_rejected() -> None:
    assert rejections(b"ann,Ann,,,,\n", b"ben,Ben,,,,\n", b"ann,Ann,,,,\n") == [
        (4, CsvCode.DUPLICATE)
    ]


def test_a_quoted_cell_can_have_separators_quotes_and_line_breaks() -> None:
    event = read_one(b'ann,"Ann, ""the"" first",,,,\n')
    assert event.first_name == 'Ann, "the" first'
    head = b"contact_id,notes\n"
    results = read(b'ann,"one\n', b'two"\n', b"ben,three\n", head=head)
    events = [each.event for each in results if isinstance(each, ContactLine)]
    assert [event.attributes for event in events] == [{"notes": "one\ntwo"}, {"notes": "three"}]


def test_a_line_with_an_unclosed_quote_is_rejected_alone() -> None:
    lines = [b"p%d,Ann,,,,\n" % number for number in range(500)]
    results = read(b'ann,"Ann,,,,\n', *lines)
    assert len([each for each in results if isinstance(each, ContactLine)]) == 500
    assert [each.code for each in results if isinstance(each, RejectedLine)] == [CsvCode.QUOTE]


def test_empty_lines_are_ignored() -> None:
    assert read(b"\n", b",,,,,\r\n", b"  \n") == []


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"name,age\n",
        b"email,e-mail\n",
        "contact_id\n".encode("utf-16"),
        b"contact_id,na\xefve\n",
        b"\x00\x01\x02",
    ],
)
def test_a_file_without_a_header_is_an_error(head: bytes) -> None:
    with pytest.raises(CsvHeaderInvalid):
        read(b"ann,Ann\n", head=head)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_line_is_an_event_or_a_rejection(lines: list[bytes]) -> None:
    for result in read(*(line + b"\n" for line in lines)):
        assert isinstance(result, ContactLine | RejectedLine)
