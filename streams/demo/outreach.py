"""The demo's two prospecting campaigns: the worked example of S2-22 and the four channels of F-13;
whom they reach, and how those respond."""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.public.command_models import TouchDue
from streams.demo.businesses import answer_minutes

FEWEST = 6
MINUTES_APART = 11 * MINUTE
FIRST_AT = 8 * HOUR

_REQUEST = {
    "id": "request",
    "channel": "linkedin",
    "action": "send_connection_request",
    "delay_hours": 0,
}
_ACCEPTED = {"event": "connection_accepted", "max_wait_hours": 72}


class Outreach(NamedTuple):
    """A prospecting campaign of one of the businesses."""

    tenant_id: str
    campaign_id: str
    name: str
    timezone: str
    steps: tuple[dict[str, Any], ...]


OUTREACHES = (
    Outreach(
        "lakeside-plumbing",
        "outreach",
        "Property managers on four channels",
        "America/Chicago",
        (
            {**_REQUEST, "wait_for": _ACCEPTED},
            {"id": "mail", "channel": "email", "anchor": "trigger"}
            | {"skip_when": ["linkedin_connected"]},
            {"id": "message", "channel": "linkedin", "delay_hours": 48}
            | {"skip_when": ["already_replied", "linkedin_not_connected"]},
            {"id": "whatsapp", "channel": "whatsapp", "delay_hours": 96}
            | {"skip_when": ["already_replied"]},
        ),
    ),
    Outreach(
        "pacific-hvac",
        "partners",
        "Partners who accept",
        "America/Los_Angeles",
        (
            {**_REQUEST, "wait_for": {**_ACCEPTED, "on_timeout": "stop"}},
            {"id": "mail", "channel": "email", "anchor": "trigger"},
            {"id": "message", "channel": "linkedin", "delay_hours": 48},
        ),
    ),
)
CAMPAIGNS = frozenset(outreach.campaign_id for outreach in OUTREACHES)


def document(outreach: Outreach, patience: int) -> dict[str, Any]:
    """The campaign's document; `patience` (micros) is how long a sender may take to answer."""
    steps = [
        {**step, "template_id": f"{outreach.campaign_id}-{step['id']}"} for step in outreach.steps
    ]
    return {
        "tenant_id": outreach.tenant_id,
        "campaign_id": outreach.campaign_id,
        "name": outreach.name,
        "kind": "prospecting",
        "settings": {"answer_timeout_minutes": answer_minutes(patience)},
        "steps": steps,
    }


def prospects(seed: int, customers: int) -> list[tuple[int, str, str, dict[str, Any]]]:
    """Who is enrolled, each as an upsert and an enrollment: when, counted in micros from the
    lapse's beginning, the event's id, its type and its data."""
    told = []
    for outreach in OUTREACHES:
        chance = Random(f"{seed}/{outreach.tenant_id}/{outreach.campaign_id}")
        for number in range(max(FEWEST, customers // 25)):
            contact_id = f"p-{number:04}"
            ids = {"tenant_id": outreach.tenant_id, "contact_id": contact_id}
            own = f"{outreach.campaign_id}-{contact_id}"
            known = {
                "first_name": f"Prospect {number}",
                "email": f"{own}@prospects.example",
                "phone": f"+1556{number:07}",
                "linkedin_url": f"https://linkedin.com/in/{own}" if chance.random() > 0.05 else "",
                "timezone": outreach.timezone,
            }
            at = FIRST_AT + number * MINUTES_APART % (10 * HOUR)
            told.append((at, f"known-{own}", "contact.upserted", {**ids, **known}))
            enrolled = {**ids, "campaign_id": outreach.campaign_id}
            told.append((at + SECOND, f"enrolled-{own}", "contact.enrolled", enrolled))
    return told


Die = Callable[[str, str], float]
"""The same for the same question, evenly over [0, 1)."""


def responses(command: TouchDue, die: Die) -> list[tuple[int, str, dict[str, Any]]]:
    """What a prospect does with what was sent: micros after it, type and fields."""
    thrown = die("response", command.command_id)
    wait = int(die("hurry", command.command_id) ** 2 * 30 * HOUR)
    if command.action == "send_connection_request":
        return [(HOUR + wait, "connection.accepted", {})] if thrown < 0.5 else []
    if thrown < 0.15:
        return _reply(command, HOUR + wait // 4, die)
    if thrown < 0.2:
        automatic = {"channel": command.channel, "automatic": True}
        return [(MINUTE, "contact.replied", automatic)]
    if command.channel == "email" and thrown < 0.6:
        return [(HOUR + wait // 4, "touch.opened", {})]
    return [(10 * MINUTE, "touch.read", {})] if command.channel == "whatsapp" else []


def _reply(command: TouchDue, after: int, die: Die) -> list[tuple[int, str, dict[str, Any]]]:
    """A reply; some hours later somebody has read it, and lets the run go on or ends it (F-14)."""
    about = {"campaign_id": command.campaign_id}
    on = die("decision", command.command_id) < 0.5
    decision = ("contact.resumed", about) if on else ("contact.stopped", {**about, "reason": "won"})
    return [
        (after, "contact.replied", {"channel": command.channel}),
        (after + 6 * HOUR, *decision),
    ]
