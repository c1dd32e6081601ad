"""Each line of a CSV file becomes an event, or is rejected with a code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.csv_import import (
    ContactLine,
    ContactsFile,
    CsvCode,
    CsvHeaderInvalid,
    RejectedLine,
    read_contacts,
)
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
        (b",Ann,not an address,,,\n", "CONTACT_EMAIL_INVALID"),
        (b",Ann,ann@example,call me,,\n", "CONTACT_EMAIL_INVALID"),
        (b",Ann,,call me,,\n", "CONTACT_PHONE_INVALID"),
        (b",Ann,,,https://example.com/in/ann,\n", "CONTACT_LINKEDIN_INVALID"),
        (b",Ann,n/a,-,null,\n", CsvCode.NOBODY),
        (b"null,Ann,,,,\n", CsvCode.NOBODY),
        (b",Ann,,,,\n", CsvCode.NOBODY),
        (b",Ann\n", CsvCode.NOBODY),
        (b"ann,Ann,,,,,more\n", CsvCode.COLUMNS),
        (b"All rights reserved.\n", CsvCode.COLUMNS),
        (b"ann,J\xf6rg,,,,\n", CsvCode.ENCODING),
        (b'ann,"Ann,,,,\n', CsvCode.QUOTE),
        (b"ann," + b"x" * 70_000 + b",,,,\n", CsvCode.TOO_LONG),
        (b"x" * 400 + b",Ann,,,,\n", CsvCode.FIELD),
        (b"a\x00n,Ann,,,,\n", CsvCode.FIELD),
    ],
)
def test_a_bad_line_is_rejected_and_the_next_line_is_read(line: bytes, code: CsvCode) -> None:
    results = read(line, b"ben,Ben,ben@example.com,,,\n")
    assert [type(each) for each in results] == [RejectedLine, ContactLine]
    assert isinstance(results[0], RejectedLine)
    assert (results[0].line, results[0].code) == (2, code)
    assert b"x" * 100 not in repr(results[0]).encode()


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        (b"ann,Ann,not an address,,,\n", "email", "CONTACT_EMAIL_INVALID"),
        (b",Ann,ann@example.com,call me,,\n", "phone", "CONTACT_PHONE_INVALID"),
        (b"ann,Ann,,,https://example.com/in/ann,\n", "linkedin_url", "CONTACT_LINKEDIN_INVALID"),
        (b"ann,Ann,,,,Moon/Base\n", "timezone", CsvCode.FIELD),
        (b"ann," + b"x" * 400 + b",,,,\n", "first_name", CsvCode.FIELD),
        (b"ann,A\x00n,,,,\n", "first_name", CsvCode.FIELD),
    ],
)
def test_a_bad_cell_is_left_out_and_the_line_is_read(line: bytes, column: str, code: str) -> None:
    (contact,) = read(line)
    assert isinstance(contact, ContactLine)
    assert [(each.line, each.column, each.code) for each in contact.dropped] == [(2, column, code)]
    assert getattr(contact.event, column) is None
    assert b"x" * 100 not in repr(contact).encode()


def test_a_bad_attribute_is_left_out() -> None:
    head = b"contact_id,notes,city\n"
    (contact,) = read(b"ann," + b"x" * 3_000 + b",Oslo\n", head=head)
    assert isinstance(contact, ContactLine)
    assert contact.event.attributes == {"city": "Oslo"}
    assert [each.column for each in contact.dropped] == ["notes"]


def test_more_attributes_than_an_event_holds_are_left_out() -> None:
    head = b"contact_id" + b"".join(b",a%d" % number for number in range(102)) + b"\n"
    (contact,) = read(b"ann" + b",x" * 102 + b"\n", head=head)
    assert isinstance(contact, ContactLine)
    assert len(contact.event.attributes or {}) == 100
    assert [each.column for each in contact.dropped] == ["a100", "a101"]


@pytest.mark.parametrize(
    "text", ["=HYPERLINK(1)", "@SUM(1)", "-1+cmd", "+1", "- met at the fair", "@ann"]
)
def test_a_formula_is_a_text(text: str) -> None:
    event = read_one(f"ann,{text},,,,{text}\n".encode(), HEAD.replace(b"timezone", b"notes"))
    assert (event.first_name, event.attributes) == (text, {"notes": text})


@pytest.mark.parametrize(
    ("cell", "read_as"),
    [
        ("'=1+1", "=1+1"),
        ("'+1 212 555 0101", "+1 212 555 0101"),
        ("'-5", "-5"),
        ("'@ann", "@ann"),
        ("'0123", "0123"),
        ("''=1", "'=1"),
        ("'", None),
        ('="Ann"', "Ann"),
        ('"=""0123"""', "0123"),
        ('=" "', None),
        ('"=""O""""Neil"""', 'O"Neil'),
        ('\'="Ann"', "Ann"),
        ('=A1&"x"', '=A1&"x"'),
        ("'t Hooft", "'t Hooft"),
        ("'90s music", "'90s music"),
        ("-", None),
        ("--", None),
        ("\u2013", None),
        ("n/a", "n/a"),
        ("\u00a0 Ann ", "Ann"),
    ],
)
def test_the_mark_of_a_forced_text_is_removed_and_dashes_are_no_value(
    cell: str, read_as: str | None
) -> None:
    assert read_one(f"ann,{cell}\n".encode(), b"contact_id,first_name\n").first_name == read_as


@pytest.mark.parametrize("nothing", ["-", "n/a", "N/A", "none", "NULL", "'-", "#N/A"])
def test_a_placeholder_in_the_column_of_an_address_is_no_address(nothing: str) -> None:
    (contact,) = read(f"ann,Null,{nothing},{nothing},{nothing},{nothing}\n".encode())
    assert isinstance(contact, ContactLine)
    event = contact.event
    assert (event.email, event.phone, event.linkedin_url, event.timezone) == (None,) * 4
    assert (event.first_name, contact.dropped) == ("Null", ())


def test_short_lines_are_filled_up_and_long_lines_may_end_in_empty_cells() -> None:
    lines = (b"ann\n", b"ben,Ben\n", b"cem,Cem,,,,,, ,-\n")
    events = [each.event for each in read(*lines) if isinstance(each, ContactLine)]
    assert [(each.contact_id, each.first_name) for each in events] == [
        ("ann", None),
        ("ben", "Ben"),
        ("cem", "Cem"),
    ]


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


def test_a_quote_of_another_line_does_not_join_people() -> None:
    head = b"email,notes,first_name\n"
    lines = (
        *(b'a@x.com,"unclosed,Ann\n', b"b@x.com,ok,Bob\n", b'c@x.com,5" pipe,Carl\n'),
        *(b'd@x.com,6" pipe,Dan\n', b'e@x.com,"a ""b"" c",Eve\n', b'f@x.com,"x" y,Fay\n'),
    )
    results = read(*lines, head=head)
    events = [each.event for each in results if isinstance(each, ContactLine)]
    assert [(event.first_name, event.attributes) for event in events] == [
        ("Bob", {"notes": "ok"}),
        ("Carl", {"notes": '5" pipe'}),
        ("Dan", {"notes": '6" pipe'}),
        ("Eve", {"notes": 'a "b" c'}),
        ("Fay", {"notes": "x y"}),
    ]
    assert [(each.line, each.code) for each in results if isinstance(each, RejectedLine)] == [
        (2, CsvCode.QUOTE)
    ]


def test_empty_lines_are_ignored() -> None:
    assert read(b"\n", b",,,,,\r\n", b"  \n") == []


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"name,age\n",
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


_CELLS = st.one_of(
    st.sampled_from(["email", "Phone", "URL", "id", "State", "", "-", "'+1", "n/a", "a@b.example"]),
    st.text(max_size=12),
)


@given(st.lists(st.lists(_CELLS, max_size=6), max_size=8), st.sampled_from(",;\t"))
def test_any_file_is_read_or_has_no_header(rows: list[list[str]], separator: str) -> None:
    text = "\n".join(separator.join(row) for row in rows)
    lines = text.encode("utf-8", "replace").splitlines(keepends=True)
    try:
        file = ContactsFile(lines)
    except CsvHeaderInvalid:
        return
    for result in file.contacts("acme"):
        assert isinstance(result, ContactLine | RejectedLine)
        assert file.header_line < result.line <= len(lines)
        for cell in result.dropped if isinstance(result, ContactLine) else ():
            assert cell.line == result.line
