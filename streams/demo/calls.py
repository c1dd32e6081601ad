"""The call campaigns of the demo: two businesses share the slots of the platform's pool; the people
whom they call, and how a dialler and these people react.

Hours pass on the demo's clock between a command and its answer, so the slots are given for hours.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.base.times import DAY, HOUR, MINUTE, SECOND
from schemas.campaigns.compiled_definition import DEFAULT_POOL
from schemas.channels import CHANNELS
from schemas.internal.messages import PLATFORM
from schemas.public.command_models import TouchDue
from streams.demo.businesses import answer_timeout_minutes

SLOTS = 5
"""Fewer than the two businesses may use together, so that they get turns."""

TENANT_SLOTS, AGENT_SLOTS = 4, 3
_CHANNEL = next(name for name, row in CHANNELS.items() if row.by_pool)
PEOPLE_MIN = 6
FIRST_AT = 9 * HOUR
PLACE_SECONDS, RING_SECONDS, TALK_SECONDS = 4 * 3_600, 60, 3_600
DIRECT_CALLS = 2
LATE_US = 22 * HOUR
"""A late end comes after its slot has expired, and while a late report is still awaited."""


class CallingCampaign(NamedTuple):
    """A call campaign of one of the businesses. `number` is the caller's, and `prefix` begins the
    numbers of the people."""

    tenant_id: str
    campaign_id: str
    name: str
    timezone: str
    agent_id: str
    number: str
    prefix: str


CALL_CAMPAIGNS = (
    CallingCampaign(
        "lakeside-plumbing",
        "renewals",
        "Contracts that end this year",
        "America/Chicago",
        "dispatcher",
        "+13122250100",
        "+131223",
    ),
    CallingCampaign(
        "pacific-hvac",
        "tune-ups",
        "Customers without a tune-up",
        "America/Los_Angeles",
        "planner",
        "+12132250100",
        "+121323",
    ),
)


def pool_event() -> dict[str, Any]:
    """Returns the data of the event `pool.upserted`."""
    return {"tenant_id": PLATFORM, "pool_id": DEFAULT_POOL, "slots": SLOTS}


def tenant_calls(tenant_id: str) -> dict[str, Any]:
    """Returns the limits of calls of a business, as a part of `tenant.upserted`; nothing for one
    that calls nobody."""
    for calls in CALL_CAMPAIGNS:
        if calls.tenant_id == tenant_id:
            agents, numbers = {calls.agent_id: AGENT_SLOTS}, {calls.number: None}
            limits = {"concurrent": TENANT_SLOTS, "agents": agents, "numbers": numbers}
            return {"calls": limits}
    return {}


def calls_document(calls: CallingCampaign, answer_timeout_us: int) -> dict[str, Any]:
    """Returns the definition of the campaign."""
    return {
        "tenant_id": calls.tenant_id,
        "campaign_id": calls.campaign_id,
        "name": calls.name,
        "kind": "calls",
        "settings": {
            "answer_timeout_minutes": answer_timeout_minutes(answer_timeout_us),
            "calls": {
                "agent": calls.agent_id,
                "from_number": calls.number,
                "first_call_time": "08:00",
                "last_call_time": "20:00",
                "place_seconds": PLACE_SECONDS,
                "ring_seconds": RING_SECONDS,
                "max_seconds": TALK_SECONDS,
            },
        },
        "steps": [
            {
                "id": "call",
                "channel": _CHANNEL,
                "template_id": f"{calls.campaign_id}-script",
                "redial": {
                    "max_attempts": 3,
                    "max_per_number_per_day": 2,
                    "min_gap_minutes": 60,
                    "outcomes": {"busy": [60, 240], "no_answer": [240, 1440], "failed": [30]},
                },
            }
        ],
    }


def call_events(customers: int) -> list[tuple[int, str, str, dict[str, Any]]]:
    """Returns the events that put people into the campaigns, and some direct calls: for each event
    its time in microseconds since the start of the demo period, its id, its type and its data."""
    events: list[tuple[int, str, str, dict[str, Any]]] = []
    for calls in CALL_CAMPAIGNS:
        for number in range(max(PEOPLE_MIN, customers // 40)):
            contact_id = f"k-{number:04}"
            ids = {"tenant_id": calls.tenant_id, "contact_id": contact_id}
            name = f"{calls.campaign_id}-{contact_id}"
            person = {"first_name": f"Person {number}", "phone": f"{calls.prefix}{number:05}"}
            at = FIRST_AT + number * SECOND
            events.append((at, f"known-{name}", "contact.upserted", {**ids, **person}))
            enrolled = {**ids, "campaign_id": calls.campaign_id}
            events.append((at, f"enrolled-{name}", "contact.enrolled", enrolled))
        for number in range(DIRECT_CALLS):
            data = {
                "tenant_id": calls.tenant_id,
                "phone": f"{calls.prefix}9{number:04}",
                "name": f"Caller {number}",
                "agent_id": calls.agent_id,
            }
            at = 2 * DAY + 18 * HOUR + number * DAY
            events.append((at, f"direct-{calls.tenant_id}-{number}", "call.requested", data))
    return events


HashDraw = Callable[[str, str], float]
"""Returns a number in [0, 1) for a question and a subject; the same for the same arguments."""

_OUTCOMES = (
    ("answered", 0.4),
    ("no_answer", 0.7),
    ("busy", 0.82),
    ("voicemail", 0.92),
    ("failed", 0.95),
    ("rejected", 1.0),
)
"""The outcomes of calls with the upper ends of their shares."""


def call_reactions(
    command: TouchDue, placed_us: int, draw: HashDraw
) -> list[tuple[int, str, dict[str, Any]]]:
    """Returns what the dialler reports of a call that it places `placed_us` after the command:
    microseconds after the command, type and fields. The end of some calls is lost, and that of
    others comes late."""
    drawn = draw("outcome", command.command_id)
    outcome = next(name for name, below in _OUTCOMES if drawn < below)
    seconds = 20 + int(400 * draw("talk", command.command_id)) if outcome == "answered" else 0
    call_id = f"call-{command.command_id[:13]}"
    progress: dict[str, Any] = {"state": "ringing", "call_id": call_id}
    end: dict[str, Any] = {"outcome": outcome, "seconds": seconds, "call_id": call_id}
    ringing = (placed_us + SECOND, "call.progressed", progress)
    ended_us = placed_us + 20 * SECOND + seconds * SECOND
    fate = draw("end", command.command_id)
    if fate < 0.03:
        return [ringing]  # its end is lost
    if fate < 0.05:
        return [ringing, (ended_us + LATE_US, "call.ended", end)]
    reactions = [ringing, (ended_us, "call.ended", end)]
    if outcome == "answered":
        success = draw("success", command.command_id) < 0.5
        reactions.append((ended_us + 5 * MINUTE, "call.reviewed", {"success": success}))
    return reactions
