"""The two prospecting campaigns of the demo: the worked example of S2-22 and the four channels of
F-13; their prospects, and how these react."""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.public.command_models import TouchDue
from streams.demo.businesses import answer_timeout_minutes

PROSPECTS_MIN = 6
ENROLLED_APART = 11 * MINUTE
FIRST_AT = 8 * HOUR

_REQUEST = {
    "id": "request",
    "channel": "linkedin",
    "action": "send_connection_request",
    "delay_hours": 0,
}
_ACCEPTED = {"event": "connection_accepted", "max_wait_hours": 72}


class OutreachCampaign(NamedTuple):
    """A prospecting campaign of one of the businesses."""

    tenant_id: str
    campaign_id: str
    name: str
    timezone: str
    steps: tuple[dict[str, Any], ...]


OUTREACH_CAMPAIGNS = (
    OutreachCampaign(
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
    OutreachCampaign(
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
OUTREACH_CAMPAIGN_IDS = frozenset(outreach.campaign_id for outreach in OUTREACH_CAMPAIGNS)


def outreach_document(outreach: OutreachCampaign, answer_timeout_us: int) -> dict[str, Any]:
    """Returns the definition of the campaign."""
    steps = [
        {**step, "template_id": f"{outreach.campaign_id}-{step['id']}"} for step in outreach.steps
    ]
    return {
        "tenant_id": outreach.tenant_id,
        "campaign_id": outreach.campaign_id,
        "name": outreach.name,
        "kind": "prospecting",
        "settings": {"answer_timeout_minutes": answer_timeout_minutes(answer_timeout_us)},
        "steps": steps,
    }


def prospect_events(seed: int, customers: int) -> list[tuple[int, str, str, dict[str, Any]]]:
    """Returns the events that enroll the prospects: for each event its time in microseconds since
    the start of the demo period, its id, its type and its data."""
    events = []
    for outreach in OUTREACH_CAMPAIGNS:
        random = Random(f"{seed}/{outreach.tenant_id}/{outreach.campaign_id}")
        for number in range(max(PROSPECTS_MIN, customers // 25)):
            contact_id = f"p-{number:04}"
            ids = {"tenant_id": outreach.tenant_id, "contact_id": contact_id}
            name = f"{outreach.campaign_id}-{contact_id}"
            fields = {
                "first_name": f"Prospect {number}",
                "email": f"{name}@prospects.example",
                "phone": f"+1556{number:07}",
                "linkedin_url": f"https://linkedin.com/in/{name}" if random.random() > 0.05 else "",
                "timezone": outreach.timezone,
            }
            at = FIRST_AT + number * ENROLLED_APART % (10 * HOUR)
            events.append((at, f"known-{name}", "contact.upserted", {**ids, **fields}))
            enrolled = {**ids, "campaign_id": outreach.campaign_id}
            events.append((at + SECOND, f"enrolled-{name}", "contact.enrolled", enrolled))
    return events


HashDraw = Callable[[str, str], float]
"""Returns a number in [0, 1) for a question and a subject; the same for the same arguments."""


def prospect_reactions(command: TouchDue, draw: HashDraw) -> list[tuple[int, str, dict[str, Any]]]:
    """Returns the reactions of a prospect: microseconds after the delivery, type and fields."""
    drawn = draw("response", command.command_id)
    wait_us = int(draw("hurry", command.command_id) ** 2 * 30 * HOUR)
    if command.action == "send_connection_request":
        account = {} if command.sender_id is None else {"sender_id": command.sender_id}
        return [(HOUR + wait_us, "connection.accepted", account)] if drawn < 0.5 else []
    if drawn < 0.15:
        return _reply(command, HOUR + wait_us // 4, draw)
    if drawn < 0.2:
        automatic = {"channel": command.channel, "automatic": True}
        return [(MINUTE, "contact.replied", automatic)]
    if command.channel == "email" and drawn < 0.6:
        return [(HOUR + wait_us // 4, "touch.opened", {})]
    return [(10 * MINUTE, "touch.read", {})] if command.channel == "whatsapp" else []


def _reply(
    command: TouchDue, after_us: int, draw: HashDraw
) -> list[tuple[int, str, dict[str, Any]]]:
    """Returns a reply, and the decision of a person who reads it some hours later: the run goes on
    or ends (F-14)."""
    about = {"campaign_id": command.campaign_id}
    goes_on = draw("decision", command.command_id) < 0.5
    decision = (
        ("contact.resumed", about) if goes_on else ("contact.stopped", {**about, "reason": "won"})
    )
    return [
        (after_us, "contact.replied", {"channel": command.channel}),
        (after_us + 6 * HOUR, *decision),
    ]
