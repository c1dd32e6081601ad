"""What each column of a CSV file becomes, and which line names the columns."""

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from schemas.csv_import import ContactLine, ContactsFile, CsvHeaderInvalid, RejectedLine
from schemas.csv_import.headings import FIELDS, attribute_name
from schemas.public.inbound_events import ContactUpserted

Uses = list[tuple[str, str, int]]


def uses(head: str, *given: tuple[str, str]) -> Uses:
    """The heading of each column, what it becomes, and its place among those that become the
    same."""
    columns = ContactsFile([head.encode()], given).columns
    return [(column.heading, column.becomes, column.choice) for column in columns]


def events(text: str, *given: tuple[str, str], country: str = "") -> list[ContactUpserted]:
    """The events of a file without bad lines."""
    file = ContactsFile(text.encode().splitlines(keepends=True), given, country)
    found = list(file.contacts("acme"))
    contacts = [line.event for line in found if isinstance(line, ContactLine)]
    assert len(contacts) == len(found), found
    return contacts


def test_of_several_columns_the_first_filled_one_in_the_stated_order_counts() -> None:
    text = (
        "id,Home Phone,Work Phone,Phone,Mobile\n"
        "a,1 212 555 0101,1 212 555 0102,1 212 555 0103,1 212 555 0104\n"
        "b,1 212 555 0101,1 212 555 0102,1 212 555 0103,-\n"
        "c,1 212 555 0101,1 212 555 0102,,n/a\n"
        "d,1 212 555 0101,,,\n"
        "e,,,,\n"
    )
    assert [event.phone for event in events(text)] == [
        "1 212 555 0104",
        "1 212 555 0103",
        "1 212 555 0102",
        "1 212 555 0101",
        None,
    ]
    assert uses("id,Home Phone,Phone,Mobile") == [
        ("id", "contact_id", 1),
        ("Home Phone", "phone", 3),
        ("Phone", "phone", 2),
        ("Mobile", "phone", 1),
    ]


@pytest.mark.parametrize(
    ("headings", "field"),
    [
        (("Phone", "Phone 2", "Phone 3"), "phone"),
        (("Mobile Phone Number", "WhatsApp Phone Number", "Phone Number", "Work Phone"), "phone"),
        (("Cell #", "Phone 1 - Value", "Phone 2 - Value", "Business Phone Number"), "phone"),
        (("Phone (Mobile)", "Phone (Work)", "Home Phone", "Home Phone 2"), "phone"),
        (("E-mail", "E-mail Address", "E-mail 2 Address", "E-mail 3 Address"), "email"),
        (("Email", "E-mail 1 - Value", "Work E-mail", "Home Email Address"), "email"),
        (("LinkedIn URL", "Person Linkedin Url", "LinkedIn"), "linkedin_url"),
        (("State Code", "State", "Mailing State/Province", "Region", "Other State"), "region"),
        (("Contact ID", "ID", "Record ID - Contact"), "contact_id"),
        (("First Name", "Given Name", "FNAME"), "first_name"),
        (("TimeZone",), "timezone"),
    ],
)
def test_headings_are_known_in_many_forms_and_have_an_order(
    headings: tuple[str, ...], field: str
) -> None:
    columns = ContactsFile([",".join(("tel", *headings)).encode()]).columns[1:]
    assert [column.becomes for column in columns] == [field] * len(headings)
    assert [column.choice for column in columns] == sorted(column.choice for column in columns)


@pytest.mark.parametrize(
    "heading",
    [
        *("Address", "Fax", "Company Phone", "Corporate Phone", "Assistant Phone", "Pager"),
        *("Email Opt Out", "E-mail Type", "Email 1 - Label", "Company Linkedin Url", "Name"),
        *("Organization - Phone", "Mailing City", "Account ID", "LEID", "Full Name", "WhatsApp"),
    ],
)
def test_headings_of_something_else_are_attributes(heading: str) -> None:
    (column,) = ContactsFile([f"id,{heading}".encode()]).columns[1:]
    assert column.attribute


def test_a_bad_cell_before_a_good_one_is_left_out() -> None:
    file = ContactsFile([b"id,Phone,Mobile\n", b"a,+1 212 555 0101,ask Lea\n"])
    (line,) = file.contacts("acme")
    assert isinstance(line, ContactLine)
    assert line.event.phone == "+1 212 555 0101"
    assert [(cell.column, cell.code) for cell in line.dropped] == [
        ("Mobile", "CONTACT_PHONE_INVALID")
    ]


def test_two_columns_with_one_heading_are_both_read() -> None:
    assert [event.phone for event in events("id,Phone,phone\na,,+1 212 555 0101\n")] == [
        "+1 212 555 0101"
    ]
    assert uses("id,Notes,notes,NOTES,notes 2") == [
        ("id", "contact_id", 1),
        ("Notes", "notes", 1),
        ("notes", "notes_2", 1),
        ("NOTES", "notes_3", 1),
        ("notes 2", "notes_2_2", 1),
    ]


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Straße", "straße"),
        ("Компания", "компания"),
        ("会社名", "会社名"),
        ("कंपनी का नाम", "कंपनी_का_नाम"),
        ("شركة", "شركة"),
        ("Umsatz (€)", "umsatz"),
        ("№", "№"),
        ("100 %", "100"),
        ("Cafe\u0301", "café"),
        ("\u200bCity\ufeff", "city"),
    ],
)
def test_a_heading_keeps_its_letters_in_any_script(heading: str, name: str) -> None:
    assert uses(f"id,{heading}")[1] == (heading, name, 1)
    (event,) = events(f"id,{heading}\na,x\n")
    assert event.attributes == {name: "x"}


@examples(st.text(st.characters(exclude_characters='",;\t\r\n', exclude_categories=["Cs"])))
def test_a_heading_is_the_name_of_an_attribute_that_events_have(heading: str) -> None:
    name = attribute_name(heading)
    assert attribute_name(name) == name or len(name) == 100
    (column,) = ContactsFile([f"id,{heading}\n".encode()]).columns[1:]
    assert bool(column.becomes) != bool(column.reason)
    if column.attribute:
        (event,) = events(f"id,{heading}\na,x\n")
        assert event.attributes == {column.becomes: "x"}


def test_a_column_without_a_heading_is_ignored_with_its_reason() -> None:
    columns = ContactsFile([b"id, ,city\n"]).columns
    assert [(column.becomes, column.reason) for column in columns] == [
        ("contact_id", ""),
        ("", "it has no heading"),
        ("city", ""),
    ]


def test_url_is_the_profile_in_the_export_of_connections_only() -> None:
    assert uses("Email,URL,Connected On")[1] == ("URL", "linkedin_url", 1)
    assert uses("Email,URL,Company")[1] == ("URL", "url", 1)


def test_a_column_becomes_what_it_is_given_for() -> None:
    head = "Email,Phone,Mobile Phone,Direct,Notes,Company"
    given = (
        ("direct", "phone"),
        ("Mobile Phone", "phone"),
        ("Notes", ""),
        ("COMPANY", "employer"),
    )
    assert uses(head, *given) == [
        ("Email", "email", 1),
        ("Phone", "", 1),
        ("Mobile Phone", "phone", 2),
        ("Direct", "phone", 1),
        ("Notes", "", 1),
        ("Company", "employer", 1),
    ]
    reasons = [column.reason for column in ContactsFile([head.encode()], given).columns]
    assert [reason for reason in reasons if reason] == [
        "phone is another column, as asked for",
        "as asked for",
    ]
    (event,) = events(f"{head}\na@example.com,+1 212 555 0101,,-,x,y\n", *given)
    assert (event.phone, event.attributes) == (None, {"employer": "y"})


def test_a_given_heading_makes_a_line_the_header() -> None:
    (event,) = events("Nom,Courriel\nMara,mara@example.com\n", ("Courriel", "email"))
    assert (event.email, event.attributes) == ("mara@example.com", {"nom": "Mara"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((("Fax", "phone"),), "no column is named Fax; the columns are Email, Mobile Phone"),
        ((("Email", "a"), ("email", "b")), "given twice"),
        ((("Email", "tenant_id"),), "no column becomes tenant_id: a column becomes contact_id"),
        ((("Email", "addresses"),), "no column becomes addresses"),
        ((("Email", "x" * 101),), "at most 100 characters"),
        ((("Email", "a\nb"),), "printable"),
    ],
)
def test_a_wrong_use_of_a_column_is_an_error(
    given: tuple[tuple[str, str], ...], message: str
) -> None:
    with pytest.raises(CsvHeaderInvalid, match=message):
        ContactsFile([b"Email,Mobile Phone\n"], given)


@pytest.mark.parametrize(
    "preamble",
    [
        "",
        "\n\n",
        "sep=;\n",
        "Contacts, as of today\n\n",
        '"Notes, with\na line break"\n',
        "Contacts\n" * 20,
        "J\u00f6rg's list\n",
    ],
)
def test_lines_before_the_header_are_skipped(preamble: str) -> None:
    text = f"{preamble}Email;First Name;Company;Notes\nmara@example.com;Mara;Nordlys;x\n"
    file = ContactsFile(text.encode("latin-1").splitlines(keepends=True))
    assert file.header_line == text.partition("Email")[0].count("\n") + 1
    (line,) = file.contacts("acme")
    assert isinstance(line, ContactLine)
    assert (line.line, line.event.email) == (file.header_line + 1, "mara@example.com")


@pytest.mark.parametrize(
    "text",
    [
        "Name,Kind,Value\nMara,mobile,1\n",
        "Name,Kind\nMara,email\n",
        "Mara,+1 212 555 0101\nmobile,home,work,+1 212 555 0102\n",
        "a\n" * 25 + "email,name\n",
    ],
)
def test_a_line_of_data_is_no_header(text: str) -> None:
    with pytest.raises(CsvHeaderInvalid, match="must name the columns"):
        ContactsFile(text.encode().splitlines(keepends=True))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_that_of_the_header(separator: str) -> None:
    head = separator.join(("E-mail Address", "First Name", "Sales, net; in EUR"))
    quoted = head.replace("Sales, net; in EUR", '"Sales, net; in EUR"')
    line = separator.join(("mara@example.com", "Mara", "7"))
    (event,) = events(f"{quoted}\n{line}\n")
    assert event.attributes == {"sales_net_in_eur": "7"}


def test_the_country_counts_for_numbers_without_a_country_code() -> None:
    text = "Phone\n(212) 555-0101\n"
    local, us = events(text)[0], events(text, country="US")[0]
    full = events("Phone\n+1 212-555-0101\n")[0]
    assert us.contact_id == full.contact_id != local.contact_id
    file = ContactsFile([b"Phone\n", b"(212) 555-0101\n", b"+12125550101\n"], country="US")
    results = list(file.contacts("acme"))
    assert isinstance(results[1], RejectedLine)
    assert results[1].code == "CONTACT_DUPLICATE"


@pytest.mark.parametrize(
    ("line", "contact_id"),
    [
        ("ann.lee@example.com,,", "c-b7f02b6f2dec242def6843a8"),
        ("Ann.Lee@Example.com,,", "c-b7f02b6f2dec242def6843a8"),
        (",+1 212 555 0102,", "c-ccc6e021570b5e98d4bd9615"),
        (",,https://www.linkedin.com/in/Ann-Lee/", "c-1f7d2e1952b3e44ac3f7ae3c"),
    ],
)
def test_a_derived_id_is_what_it_was_in_the_first_release(line: str, contact_id: str) -> None:
    """Another id would enroll people again whose file is imported again."""
    (event,) = events(f"email,phone,linkedin_url\n{line}\n")
    assert event.contact_id == contact_id


def test_every_field_of_a_contact_has_headings() -> None:
    own = set(ContactUpserted.model_fields) - {"tenant_id", "attributes", "addresses"}
    assert own <= set(FIELDS)
