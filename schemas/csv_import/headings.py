"""The columns of contacts, and the headings under which spreadsheets and other systems export them.

A heading is compared by its letters and digits alone: `E-mail Address`, `email_address` and
`EmailAddress` are one heading. Where a line fills several columns of one field, the first of the
table counts. Any other heading becomes an attribute under its own name, in any script.
"""

import re
import unicodedata
from collections.abc import Mapping

from schemas.channels import ADDRESSES, LINKEDIN_URL, Address

NAME_CHARACTERS_MAX = 100
"""The longest name of an attribute, as in the events."""

IDENTIFIERS = ("contact_id", *ADDRESSES)
"""A person is identified by the first of these that the line has (C-18)."""

_OTHER_HEADINGS: dict[str, tuple[str, ...]] = {
    "contact_id": ("id", "record_id", "record_id_contact", "lead_id"),
    "first_name": ("given_name", "forename", "fname"),
    "last_name": ("surname", "family_name", "lname"),
    "timezone": ("zone",),
    "region": (
        *("state_code", "mailing_state_code", "state", "state_region", "state_province"),
        *("mailing_state", "mailing_state_province", "mailing_state_province_text_only"),
        *("region", "province", "home_state", "business_state", "work_state"),
        *("other_state", "other_state_province", "other_state_province_text_only"),
    ),
}
"""The further headings of the fields that are no address. The name of a field is before all, unless
it stands among them."""

_BESIDE: dict[str, tuple[str, str]] = {"url": ("connectedon", LINKEDIN_URL.name)}
"""Headings that are a field only beside another heading: in LinkedIn's export of connections `URL`
is the profile, elsewhere it is any page."""

_PREFIX = "person"
"""What some systems write before the headings of a person: `Person - Phone` of Pipedrive, `Person
Linkedin Url` of Apollo."""


def _order(name: str, others: tuple[str, ...]) -> tuple[str, ...]:
    return others if name in others else (name, *others)


def headings_of(address: Address) -> tuple[str, ...]:
    """All headings of an address, the first of which counts."""
    return _order(address.name, address.headings)


def heading_key(heading: str) -> str:
    """The letters and digits of a heading in lower case, by which headings are compared."""
    return attribute_name(heading).replace("_", "")


def attribute_name(heading: str) -> str:
    """The name of the attribute under a heading: its letters and digits in lower case, with an
    underscore for everything between; the heading itself if it has neither."""
    text = unicodedata.normalize("NFC", heading).strip()
    kept = (char if unicodedata.category(char)[0] in "LMN" else " " for char in text.lower())
    name = "_".join("".join(kept).split())
    printable = "".join(char for char in text if char.isprintable())
    return (name or printable.strip())[:NAME_CHARACTERS_MAX]


FIELDS: dict[str, tuple[str, ...]] = {
    name: _order(name, others) for name, others in _OTHER_HEADINGS.items()
} | {name: headings_of(row) for name, row in ADDRESSES.items()}
"""The headings of each field of an event, the first of which counts."""

Rank = tuple[int, int]
"""The place of a heading among those of its field, and the number in the heading."""

_NUMBER = re.compile(r"[0-9]{1,3}")

_RANKS: dict[str, tuple[str, int]] = {
    heading_key(heading): (name, rank)
    for name, headings in FIELDS.items()
    for rank, heading in enumerate(headings)
}


def field_of(key: str, keys: Mapping[str, object]) -> tuple[str, Rank] | None:
    """The field of a heading and the heading's rank among those of the field; None if the heading
    is of no field. `keys` are the keys of all headings of the file."""
    for form in (key, key.removeprefix(_PREFIX)):
        if form in _RANKS:
            name, rank = _RANKS[form]
            return name, (rank, 0)
        for shorter in (form, form.removesuffix("number"), form.removesuffix("address")):
            name, rank = _RANKS.get(_NUMBER.sub("", shorter), ("", 0))
            if name in ADDRESSES:  # `Phone 2`, `Work Phone Number`, `E-mail 2 Address`
                number = _NUMBER.search(form)
                return name, (rank, int(number[0]) if number else 0)
    if key in _BESIDE and _BESIDE[key][0] in keys:
        return _BESIDE[key][1], (0, 0)
    return None
