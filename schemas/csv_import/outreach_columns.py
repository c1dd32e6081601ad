"""The columns of a file of people for an outreach campaign: what S4 keeps of a person beside name
and addresses (S4-35, S4-36).

They have a meaning only for such a campaign: for others a column `title` is an attribute.
"""

from collections.abc import Mapping

from schemas.campaigns.contact_types import CONTACT_TYPES
from schemas.csv_import.headings import Rank, field_of, heading_key

USER_ID, LEAD_ID = OUTREACH_IDS = ("user_id", "lead_id")
"""The ids of a person in the tenant's own tables. Each stands for the person: a line without
contact_id is the contact with the user's id, or else with the lead's (N-13)."""

CONTACT_TYPE, COMPANY_NAME, TITLE = "contact_type", "company_name", "title"

OUTREACH_FIELDS: dict[str, tuple[str, ...]] = {
    CONTACT_TYPE: ("contact_type", "type_of_contact", "person_type", "contact_role"),
    USER_ID: ("user_id", "user_profile_id", "profile_id"),
    LEAD_ID: ("lead_id", "lead", "salesforce_lead_id"),
    COMPANY_NAME: (
        *("company_name", "company", "company_account", "account_name", "organization"),
        *("organisation", "organization_name", "organisation_name", "current_company", "employer"),
    ),
    TITLE: ("title", "job_title", "position", "current_title", "current_position", "job_role"),
}
"""The further headings of a file of outreach, the first of which counts. Each of these fields
becomes a variable of the enrollment."""

CHARACTERS_MAX = {USER_ID: 200, LEAD_ID: 200, COMPANY_NAME: 320, TITLE: 320}

_RANKS: dict[str, tuple[str, int]] = {
    heading_key(heading): (name, rank)
    for name, headings in OUTREACH_FIELDS.items()
    for rank, heading in enumerate(headings)
}


def outreach_field_of(key: str, keys: Mapping[str, object]) -> tuple[str, Rank] | None:
    """As `field_of`, for a file of outreach."""
    name, rank = _RANKS.get(key, ("", 0))
    return (name, (rank, 0)) if name else field_of(key, keys)


def contact_type_text(cell: str) -> str:
    """The type of a contact in a cell, in any spelling: `Hiring Manager`. Raises ValueError."""
    key = heading_key(cell)
    for name in CONTACT_TYPES:
        if heading_key(name) == key:
            return name
    raise ValueError(f"must be one of {', '.join(CONTACT_TYPES)}")


def plain_text(name: str, cell: str) -> str:
    """The text of another field, on one line. Raises ValueError."""
    text = " ".join(cell.split())
    most = CHARACTERS_MAX[name]
    if len(text) > most or not text.isprintable():
        raise ValueError(f"must have up to {most} printable characters")
    return text
