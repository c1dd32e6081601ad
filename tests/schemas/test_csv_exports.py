"""Files of contacts as the usual systems export them are read without a change: their headings,
titles and marks. The people in tests/schemas/csv_files/ are made up."""

from pathlib import Path

import pytest

from schemas.csv_import import ContactLine, ContactsFile, RejectedLine
from schemas.public.inbound_events import ContactUpserted

FILES = Path(__file__).parent / "csv_files"


def contacts_of(name: str) -> tuple[ContactsFile, list[ContactLine | RejectedLine]]:
    """A file of FILES, and all its lines."""
    lines = (FILES / f"{name}.csv").read_bytes().splitlines(keepends=True)
    contacts = ContactsFile(lines)
    return contacts, list(contacts.contacts("acme"))


def events_of(name: str) -> list[ContactUpserted]:
    """The events of a file without bad lines and bad cells."""
    _, lines = contacts_of(name)
    contacts = [line for line in lines if isinstance(line, ContactLine)]
    assert len(contacts) == len(lines)
    assert [line.dropped for line in contacts] == [()] * len(lines)
    return [line.event for line in contacts]


def person(event: ContactUpserted) -> tuple[str | None, ...]:
    """First name, last name, e-mail address, phone number, region and time zone."""
    names = event.first_name, event.last_name
    return (*names, event.email, event.phone, event.region, event.timezone)


def attributes(event: ContactUpserted, *names: str) -> tuple[object, ...]:
    return tuple((event.attributes or {}).get(name) for name in names)


MARA = ("Mara", "Olsen", "mara.olsen@example.com")
IVO = ("Ivo", "Brandt", "ivo.brandt@example.com")


def test_salesforce() -> None:
    mara, ivo = events_of("salesforce")
    assert person(mara) == (*MARA, "(212) 555-0102", "NY", None)
    assert person(ivo) == (*IVO, "(305) 555-0103 x12", "FL", None)
    assert (mara.contact_id, ivo.contact_id) == ("0035g00000QxR1TAAV", "0035g00000QxR1UAAV")
    assert attributes(mara, "account_name", "fax", "email_opt_out") == (
        "Nordlys, Inc.",
        "(212) 555-0190",
        "0",
    )


def test_salesforce_report_with_a_title_above_and_a_remark_below() -> None:
    contacts, lines = contacts_of("salesforce_report")
    assert contacts.header_line == 5
    (mara,) = [line.event for line in lines if isinstance(line, ContactLine)]
    assert person(mara) == (*MARA, "(212) 555-0101", "NY", None)
    rejected = [line for line in lines if isinstance(line, RejectedLine)]
    assert [(line.line, line.code) for line in rejected] == [
        (8, "CONTACT_UNKNOWN"),
        (9, "CONTACT_UNKNOWN"),
    ]


def test_salesforce_data_loader() -> None:
    (mara,) = events_of("salesforce_data_loader")
    assert person(mara) == (*MARA, "2125550101", "NY", None)
    assert (mara.contact_id, mara.attributes) == (
        "0035g00000QxR1TAAV",
        {"accountid": "0015g00000AbC1DAAV"},
    )


def test_hubspot() -> None:
    mara, ivo = events_of("hubspot")
    assert person(mara) == (*MARA, "+1 212-555-0102", "New York", "America/New_York")
    assert person(ivo) == (*IVO, "+49 30 5550 1234", None, None)
    assert (mara.contact_id, mara.linkedin_url) == (
        "51001",
        "https://www.linkedin.com/in/mara-olsen",
    )
    assert attributes(ivo, "associated_company", "country_region") == (
        "Elbwerk GmbH, Berlin",
        "Germany",
    )


def test_apollo() -> None:
    mara, ivo = events_of("apollo")
    assert person(mara) == (*MARA, "+1 212-555-0102", "New York", None)
    assert mara.linkedin_url == "http://www.linkedin.com/in/mara-olsen"
    assert attributes(mara, "company_name", "corporate_phone", "company_state") == (
        "Nordlys",
        "+1 212-555-0100",
        "California",
    )
    assert (ivo.email, ivo.phone) == ("ivo@brandt.example", "+49 30 5550 1234")


def test_linkedin_connections_below_their_notes() -> None:
    contacts, _ = contacts_of("linkedin_connections")
    assert contacts.header_line == 4
    mara, joerg = events_of("linkedin_connections")
    assert (mara.email, mara.linkedin_url) == (None, "https://www.linkedin.com/in/mara-olsen")
    assert (joerg.first_name, joerg.email) == ("Jörg", "joerg@example.com")
    assert attributes(mara, "company", "position", "connected_on", "url") == (
        "Nordlys",
        "Dispatcher, North",
        "03 Nov 2026",
        None,
    )


def test_mailchimp() -> None:
    mara, ivo = events_of("mailchimp")
    assert person(mara) == (*MARA, "(212) 555-0101", "NY", "America/New_York")
    assert person(ivo) == (*IVO, None, None, None)
    assert mara.contact_id.startswith("c-")  # LEID is the id of a membership, not of a person
    assert attributes(mara, "address", "leid", "gmtoff", "notes") == (
        "1 Pine St, Albany",
        "410001",
        "-5",
        "- met at the fair",
    )


def test_pipedrive() -> None:
    mara, ivo = events_of("pipedrive")
    assert person(mara) == (*MARA, "+1 212 555 0102", None, None)
    assert (ivo.contact_id, ivo.email, ivo.phone) == ("8", "ivo@home.example", "+49 30 5550 1234")
    assert attributes(mara, "person_name", "person_organization", "organization_phone") == (
        "Mara Olsen",
        "Nordlys",
        "+1 212 555 0100",
    )


def test_outlook() -> None:
    mara, ivo = events_of("outlook")
    assert person(mara) == (*MARA, "(212) 555-0102", "NY", None)
    assert person(ivo) == (*IVO, "(305) 555-0103", "FL", None)
    assert attributes(mara, "home_street", "notes", "company_main_phone") == (
        "1 Pine St\nAlbany",
        'Likes "early" calls',
        "(212) 555-0100",
    )


@pytest.mark.parametrize("file", sorted(FILES.glob("*.csv")), ids=lambda file: file.stem)
def test_every_column_of_a_file_has_a_use_or_a_reason(file: Path) -> None:
    contacts, _ = contacts_of(file.stem)
    assert [column.number for column in contacts.columns] == [*range(1, len(contacts.columns) + 1)]
    used = {(column.becomes, column.choice) for column in contacts.columns if column.becomes}
    assert len(used) == len(contacts.columns)
