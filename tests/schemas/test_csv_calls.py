"""Files of calls: which columns are about the call, and what an invalid cell costs (S3-26)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.priorities import parse_priority
from schemas.csv_import import ContactLine, ContactsFile, RejectedLine
from schemas.csv_import.call_columns import CALL_FIELDS, split_name
from schemas.csv_import.headings import FIELDS, heading_key

ZONE = "America/New_York"
HEAD = "Phone,Full Name,Priority,Scheduled For,Agent,Company\n"
MARA = "+1 212 555 0101"


def read(text: str, zone: str | None = ZONE) -> list[ContactLine | RejectedLine]:
    file = ContactsFile(text.encode().splitlines(keepends=True), calls_zone=zone)
    return list(file.contacts("acme"))


def line(*cells: str) -> ContactLine | RejectedLine:
    """The only line of a file with HEAD."""
    (found,) = read(HEAD + ",".join((*cells, *[""] * (6 - len(cells)))) + "\n")
    return found


def item(*cells: str) -> dict[str, str] | None:
    found = line(MARA, *cells)
    assert isinstance(found, ContactLine) and not found.dropped, found
    return found.item


def test_a_line_has_its_person_and_the_item_of_the_queue() -> None:
    found = line(MARA, "Mara Olsen", "50", "2026-06-01 10:30", "agent-7", "Nordlys")
    assert isinstance(found, ContactLine) and found.dropped == ()
    assert found.item == {
        "priority": "50",
        "scheduled_for": "2026-06-01T14:30:00Z",
        "agent": "agent-7",
    }
    event = found.event
    assert (event.first_name, event.last_name) == ("Mara", "Olsen")
    assert event.attributes == {"company": "Nordlys"}


def test_a_line_without_cells_of_the_call_has_no_item() -> None:
    assert item("Mara Olsen") is None


def test_for_another_campaign_the_same_columns_are_attributes() -> None:
    (found,) = read(HEAD + f"{MARA},Mara Olsen,high,soon,7,Nordlys\n", None)
    assert isinstance(found, ContactLine) and found.item is None
    assert found.event.attributes == {
        "full_name": "Mara Olsen",
        "priority": "high",
        "scheduled_for": "soon",
        "agent": "7",
        "company": "Nordlys",
    }


@pytest.mark.parametrize("text", ["-1000", "1000", "0", "+7", " 12 ", "007"])
def test_a_whole_number_is_a_priority(text: str) -> None:
    found = item("", text)
    assert found is not None and int(found["priority"]) == int(text)


@pytest.mark.parametrize(
    "text", ["high", "1.5", "10.0", "1001", "-1001", "1e3", "٣", "²", "0x10", "9" * 400, "1 0"]
)
def test_any_other_priority_costs_its_cell_with_a_reason(text: str) -> None:
    found = line(MARA, "", text, "", "agent-7")
    assert isinstance(found, ContactLine), found
    assert found.item == {"agent": "agent-7"}
    ((number, column, code, detail),) = found.dropped
    assert (number, column, code) == (2, "Priority", "CALL_PRIORITY_INVALID")
    assert "-1000 to 1000" in detail and text not in detail


@given(st.text())
def test_a_priority_is_a_whole_number_in_its_range_or_none(text: str) -> None:
    found = parse_priority(text)
    assert found is None or -1_000 <= found <= 1_000
    if found is not None and text.strip():
        assert int(text) == found


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-01T14:00:00-04:00", "2026-06-01T18:00:00Z"),
        ("2026-06-01T14:00:00Z", "2026-06-01T14:00:00Z"),
        ("2026-06-01", "2026-06-01T04:00:00Z"),
        ("2026-01-05 09:00:30", "2026-01-05T14:00:30Z"),
    ],
)
def test_a_time_without_an_offset_is_one_of_the_campaigns_zone(text: str, moment: str) -> None:
    assert item("", "", text) == {"scheduled_for": moment}


@pytest.mark.parametrize("text", ["soon", "6/1/2026 9:00", "1999-01-01", "2100-01-01", "24:00"])
def test_an_invalid_time_costs_the_line(text: str) -> None:
    found = line(MARA, "Mara", "5", text)
    assert isinstance(found, RejectedLine), found
    assert (found.line, found.code) == (2, "CALL_TIME_INVALID")
    assert found.detail.startswith("Scheduled For: ") and text not in found.detail


def test_an_invalid_agent_costs_the_line() -> None:
    found = line(MARA, "", "", "", "a" * 201)
    assert isinstance(found, RejectedLine) and found.code == "CALL_AGENT_INVALID"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Mara Olsen", {"first_name": "Mara", "last_name": "Olsen"}),
        ("Olsen, Mara", {"first_name": "Mara", "last_name": "Olsen"}),
        ("Ana de la Cruz", {"first_name": "Ana", "last_name": "de la Cruz"}),
        ("Mara", {"first_name": "Mara"}),
        (" ", {}),
    ],
)
def test_a_whole_name_is_split(name: str, parts: dict[str, str]) -> None:
    assert split_name(name) == parts


def test_a_whole_name_beside_its_parts_stays_as_it_is() -> None:
    (found,) = read(f"phone,first_name,name\n{MARA},Mara,Mara Olsen-Lee\n")
    assert isinstance(found, ContactLine)
    assert (found.event.first_name, found.event.last_name) == ("Mara", None)
    assert found.event.attributes == {"name": "Mara Olsen-Lee"}


def test_a_number_is_called_once() -> None:
    text = f"contact_id,phone\na,{MARA}\nb,(212) 555-0101\nc,+1-212-555-0101\n,+12125550101\n"
    file = ContactsFile(text.encode().splitlines(keepends=True), country="US", calls_zone=ZONE)
    first, *others = file.contacts("acme")
    assert isinstance(first, ContactLine)
    for other in others:
        assert isinstance(other, RejectedLine) and other.code == "CONTACT_DUPLICATE"
        assert other.detail == "the same number as line 2"
    assert len(read("contact_id,phone\na,\nb,\n")) == 2  # nobody has the number


def test_no_heading_has_two_meanings() -> None:
    keys = [heading_key(name) for names in CALL_FIELDS.values() for name in names]
    assert len(keys) == len({*keys})
    of_contacts = {heading_key(name) for names in FIELDS.values() for name in names}
    assert of_contacts.isdisjoint(keys)
