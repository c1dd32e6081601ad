"""Files of people for an outreach campaign: what identifies a person, and what an invalid cell
costs (S4-35 … S4-38, C-18, C-19)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.ids import derived_contact_id
from schemas.campaigns.contact_types import CONTACT_TYPES
from schemas.csv_import import ContactLine, ContactsFile, CsvHeaderInvalid, RejectedLine
from schemas.csv_import.headings import FIELDS, heading_key
from schemas.csv_import.outreach_columns import OUTREACH_FIELDS

BY_MAIL, BY_LINKEDIN, COMBINED = ("email",), ("linkedin_url",), ("email", "linkedin_url")
HEAD = "Contact Type,First Name,Email,LinkedIn,Company,Job Title,User ID,Lead ID\n"
MAIL, PROFILE = "john.doe@example.com", "https://linkedin.com/in/johndoe"


def read(text: str, outreach: tuple[str, ...] | None) -> list[ContactLine | RejectedLine]:
    file = ContactsFile(text.encode().splitlines(keepends=True), outreach=outreach)
    return list(file.contacts("acme"))


def line(*cells: str, outreach: tuple[str, ...] = BY_MAIL) -> ContactLine | RejectedLine:
    """The only line of a file with HEAD."""
    (found,) = read(HEAD + ",".join((*cells, *[""] * (8 - len(cells)))) + "\n", outreach)
    return found


def accepted(*cells: str, outreach: tuple[str, ...] = BY_MAIL) -> ContactLine:
    found = line(*cells, outreach=outreach)
    assert isinstance(found, ContactLine), found
    return found


def rejected(*cells: str, outreach: tuple[str, ...] = BY_MAIL) -> tuple[str, str]:
    found = line(*cells, outreach=outreach)
    assert isinstance(found, RejectedLine), found
    return found.code, found.detail


def test_the_sample_contact_of_the_source_is_a_line() -> None:
    """S4-110: the candidate John Doe of TechCorp."""
    found = accepted("candidate", "John", MAIL, PROFILE, "TechCorp Inc", "Senior Software Engineer")
    assert found.item == {
        "contact_type": "candidate",
        "company_name": "TechCorp Inc",
        "title": "Senior Software Engineer",
    }
    assert (found.event.email, found.event.linkedin_url) == (MAIL, PROFILE)
    assert found.event.attributes is None and found.dropped == ()


def test_for_another_campaign_the_same_columns_are_attributes_and_the_lead_is_the_contact() -> None:
    (found,) = read(HEAD + f"candidate,John,{MAIL},,TechCorp,Engineer,U-1,L-1\n", None)
    assert isinstance(found, ContactLine) and found.item is None
    assert found.event.contact_id == "L-1"
    assert found.event.attributes == {
        "contact_type": "candidate",
        "company": "TechCorp",
        "job_title": "Engineer",
        "user_id": "U-1",
    }


def test_a_person_is_the_user_else_the_lead_else_the_address() -> None:
    """N-13."""
    ids = [
        accepted("", "J", MAIL, "", "", "", user, lead).event.contact_id
        for user, lead in (("U-1", "L-1"), ("U-1", ""), ("", "L-1"), ("", ""))
    ]
    assert ids == ["U-1", "U-1", "L-1", derived_contact_id("email", MAIL)]
    both = accepted("", "J", MAIL, "", "", "", "U-1", "L-1")
    assert both.item == {"user_id": "U-1", "lead_id": "L-1"}


def test_a_user_and_a_lead_with_the_same_id_are_one_person() -> None:
    """As `touchstream contacts import --help` states it: an id is taken as it is."""
    user, lead = read(f"user_id,lead_id,email\n7,,{MAIL}\n,7,jane@example.com\n", BY_MAIL)
    assert isinstance(user, ContactLine) and user.event.contact_id == "7"
    assert isinstance(lead, RejectedLine) and lead.code == "CONTACT_DUPLICATE"


def test_a_column_contact_id_is_before_all_ids() -> None:
    text = f"contact_id,user_id,lead_id,email\nann,U-1,L-1,{MAIL}\n"
    (found,) = read(text, BY_MAIL)
    assert isinstance(found, ContactLine) and found.event.contact_id == "ann"


def test_an_empty_contact_id_is_none() -> None:
    text = f"contact_id,user_id,email\n,U-1,\nnull,U-2,\n,,{MAIL}\n,,ann@\n"
    user, other, mail, nobody = read(text, BY_MAIL)
    assert isinstance(user, ContactLine) and user.event.contact_id == "U-1"
    assert isinstance(other, ContactLine) and other.event.contact_id == "U-2"
    assert isinstance(mail, ContactLine) and mail.event.contact_id.startswith("c-")
    assert isinstance(nobody, RejectedLine) and nobody.code == "CONTACT_EMAIL_INVALID"


def test_a_file_may_name_people_by_the_ids_of_users_only() -> None:
    (found,) = read("user_id,title\nU-1,CTO\n", BY_MAIL)
    assert isinstance(found, ContactLine) and found.event.contact_id == "U-1"
    with pytest.raises(CsvHeaderInvalid, match="contact_id, user_id, lead_id, email"):
        read("name,title\nAnn,CTO\n", BY_MAIL)


@pytest.mark.parametrize(
    ("outreach", "mail", "profile", "code"),
    [
        (BY_MAIL, MAIL, "", None),
        (BY_MAIL, "", PROFILE, "CONTACT_NO_ADDRESS"),
        (BY_MAIL, "john.doe", PROFILE, "CONTACT_EMAIL_INVALID"),
        (BY_MAIL, "john.doe", "", "CONTACT_EMAIL_INVALID"),
        (BY_LINKEDIN, "", PROFILE, None),
        (BY_LINKEDIN, MAIL, "", "CONTACT_NO_ADDRESS"),
        (BY_LINKEDIN, MAIL, "https://example.com/johndoe", "CONTACT_LINKEDIN_INVALID"),
        (COMBINED, MAIL, "", None),
        (COMBINED, "", PROFILE, None),
        (COMBINED, "john.doe", PROFILE, None),
        (COMBINED, "", "", "CONTACT_NO_ADDRESS"),
        (COMBINED, "john.doe", "", "CONTACT_EMAIL_INVALID"),
    ],
)
def test_a_line_without_an_id_needs_an_address_of_the_campaigns_channels(
    outreach: tuple[str, ...], mail: str, profile: str, code: str | None
) -> None:
    """C-19, S4-99."""
    found = line("", "John", mail, profile, outreach=outreach)
    if code is None:
        assert isinstance(found, ContactLine), found
    else:
        assert isinstance(found, RejectedLine) and found.code == code, found
        assert "john.doe" not in found.detail


def test_a_line_with_an_id_needs_none() -> None:
    found = accepted("", "", "john.doe", "", "", "", "U-1")
    assert [cell.code for cell in found.dropped] == ["CONTACT_EMAIL_INVALID"]


@pytest.mark.parametrize(
    ("cell", "becomes"),
    [(name, name) for name in CONTACT_TYPES]
    + [("Hiring Manager", "hiring_manager"), ("DECISION-MAKER", "decision_maker")],
)
def test_the_type_of_a_contact_has_any_spelling(cell: str, becomes: str) -> None:
    assert accepted(cell, "J", MAIL).item == {"contact_type": becomes}


def test_an_unknown_type_is_left_out() -> None:
    found = accepted("developer", "J", MAIL)
    assert found.item is None
    ((number, column, code, detail),) = found.dropped
    assert (number, column, code) == (2, "Contact Type", "CONTACT_TYPE_INVALID")
    assert detail == "must be one of candidate, hiring_manager, decision_maker, referral"


def test_a_cell_that_is_too_long_is_left_out() -> None:
    found = accepted("", "J", MAIL, "", "x" * 321, "CTO")
    assert found.item == {"title": "CTO"}
    assert [cell.column for cell in found.dropped] == ["Company"]


def test_an_address_on_two_lines_is_one_person() -> None:
    """C-18: another id does not make it another person."""
    text = (
        HEAD + f",A,{MAIL},,,,U-1,\n,B,John.Doe@Example.com,,,,U-2,\n,C,c@example.com,{PROFILE}\n"
    )
    text += ",D,d@example.com,https://www.linkedin.com/in/JohnDoe/\n"
    found = read(text, COMBINED)
    assert [type(each) for each in found] == [ContactLine, RejectedLine, ContactLine, RejectedLine]
    assert isinstance(found[1], RejectedLine) and isinstance(found[3], RejectedLine)
    assert found[1][1:] == ("CONTACT_DUPLICATE", "the same email as line 2")
    assert found[3][1:] == ("CONTACT_DUPLICATE", "the same linkedin_url as line 4")


def test_placeholders_are_no_ids_and_no_companies() -> None:
    found = accepted("", "J", MAIL, "", "N/A", "null", "NULL", "none")
    assert found.item is None and found.event.contact_id == derived_contact_id("email", MAIL)


def test_every_heading_is_of_one_field() -> None:
    keys = [heading_key(name) for names in OUTREACH_FIELDS.values() for name in names]
    assert len(keys) == len(set(keys))
    of_contacts = {heading_key(name): field for field, names in FIELDS.items() for name in names}
    assert {key: of_contacts[key] for key in keys if key in of_contacts} == {"leadid": "contact_id"}


@given(st.lists(st.text(max_size=30), min_size=8, max_size=8), st.sampled_from([BY_MAIL, COMBINED]))
def test_any_line_is_an_event_or_a_rejection(cells: list[str], outreach: tuple[str, ...]) -> None:
    text = HEAD + ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    for found in read(text.replace("\r", " "), outreach):
        if isinstance(found, ContactLine) and found.item is not None:
            assert found.item.get("contact_type", "candidate") in CONTACT_TYPES
