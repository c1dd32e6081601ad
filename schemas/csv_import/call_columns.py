"""The columns of a file of calls: what belongs to a person's item in the queue of a call campaign
(S3-26).

They have a meaning only for such a campaign: for others a column `priority` is an attribute.
"""

from collections.abc import Mapping
from datetime import datetime

from schemas.base.priorities import PRIORITY_MAX, parse_priority
from schemas.base.times import EARLIEST, LATEST, OUT_OF_RANGE, format_rfc3339, from_datetime
from schemas.base.zones import zone
from schemas.csv_import.headings import Rank, field_of, heading_key

FULL_NAME = "name"
PRIORITY, SCHEDULED_FOR, AGENT = ITEM_VARIABLES = ("priority", "scheduled_for", "agent")
"""The variables of an enrollment that are about the call."""

CALL_FIELDS: dict[str, tuple[str, ...]] = {
    FULL_NAME: ("name", "full_name", "contact_name", "customer_name", "lead_name", "person_name"),
    PRIORITY: ("priority", "prio", "call_priority", "custom_priority"),
    SCHEDULED_FOR: (
        *("scheduled_for", "scheduled_at", "scheduled_time", "schedule_time", "scheduled"),
        *("call_at", "call_time", "call_date", "not_before"),
    ),
    AGENT: ("agent", "agent_id", "assigned_agent", "voice_agent", "assistant", "assistant_id"),
}
"""The further headings of a file of calls, the first of which counts."""

AGENT_CHARACTERS_MAX = 200

_RANKS: dict[str, tuple[str, int]] = {
    heading_key(heading): (name, rank)
    for name, headings in CALL_FIELDS.items()
    for rank, heading in enumerate(headings)
}


def call_field_of(key: str, keys: Mapping[str, object]) -> tuple[str, Rank] | None:
    """As `field_of`, for a file of calls. A whole name is a field only where the file has no column
    for a part of it."""
    name, rank = _RANKS.get(key, ("", 0))
    if name == FULL_NAME:
        parts = (field_of(each, keys) for each in keys)
        if any(part is not None and part[0] in ("first_name", "last_name") for part in parts):
            return None
    return (name, (rank, 0)) if name else field_of(key, keys)


def split_name(text: str) -> dict[str, str]:
    """The first and the last name in a whole one: `Ann Lee`, `Lee, Ann` or `Ann`."""
    last, comma, first = text.partition(",")
    if not comma:
        first, _, last = text.partition(" ")
    names = {"first_name": first.strip(), "last_name": last.strip()}
    return {field: name for field, name in names.items() if name}


def priority_text(cell: str) -> str:
    """The priority in a cell. Raises ValueError."""
    value = parse_priority(cell)
    if value is None:
        raise ValueError(f"must be a whole number from -{PRIORITY_MAX} to {PRIORITY_MAX}")
    return str(value)


def moment_text(cell: str, zone_name: str) -> str:
    """The moment in a cell as RFC 3339 in UTC. A time without an offset is one by the clock of the
    zone, a day without a time its beginning. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        message = "must be a time such as 2026-03-02 09:30 or 2026-03-02T09:30:00-05:00"
        raise ValueError(message) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone(zone_name))
    micros = from_datetime(moment)
    if not EARLIEST <= micros < LATEST:
        raise ValueError(OUT_OF_RANGE)
    return format_rfc3339(micros)


def agent_text(cell: str) -> str:
    """The id of an agent in a cell. Raises ValueError."""
    if len(cell) > AGENT_CHARACTERS_MAX or not cell.isprintable():
        raise ValueError(f"must have up to {AGENT_CHARACTERS_MAX} printable characters")
    return cell
