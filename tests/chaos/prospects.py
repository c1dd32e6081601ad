"""Prospects: people with a sequence on several channels, whose runs wait for their actions.

The actions of a prospect follow from the id, and so do the commands that must be emitted, and those
that must not, whatever is killed meanwhile. Where chance decides whether an open or the end of a
short wait comes first, both lead to the same step.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

OUTREACH = "outreach"
REQUEST, MAIL, MESSAGE, WHATSAPP, CALL = "request", "mail", "message", "whatsapp", "call"
LONG_HOURS = 24
SHORT_HOURS = 0.0005  # under two seconds
BEHAVIOURS = 6

_ACCEPTS, _SILENT, _REPLIES, _FAST, _FAILING_ONCE, _UNKNOWN = range(BEHAVIOURS)
"""The behaviours: accepts, opens and replies; does nothing; replies to the mail, and to the message
if that went out too, and is resumed; accepts before the sender reports the request as sent; the
request fails once; the request fails for good, and the reply comes before the message is reported
as sent."""


_REQUIRED_STEPS = {
    _SILENT: {REQUEST},
    _FAST: {REQUEST, MAIL, MESSAGE},
    _REPLIES: {REQUEST, MAIL, WHATSAPP, CALL},
}


class ProspectAnswer(NamedTuple):
    """An event that answers a command."""

    kind: str
    fields: dict[str, Any]


def definition(tenant_id: str) -> dict[str, Any]:
    """A campaign that waits for an accepted request, and goes on with mail, message, WhatsApp and a
    call, each after an action of the prospect."""
    rows = [
        {
            "id": REQUEST,
            "channel": "linkedin",
            "action": "send_connection_request",
            "wait_for": _wait("connection_accepted", LONG_HOURS, on_timeout="stop"),
        },
        {
            "id": MAIL,
            "channel": "email",
            "anchor": "previous_executed",
            "wait_for": _wait("open", SHORT_HOURS),
        },
        {
            "id": MESSAGE,
            "channel": "linkedin",
            "skip_when": "already_replied",
            "wait_for": _wait("reply", LONG_HOURS, on_timeout="stop"),
        },
        {"id": WHATSAPP, "channel": "whatsapp", "wait_for": _wait("read", SHORT_HOURS)},
        {"id": CALL, "channel": "voice", "wait_for": _wait("call_outcome", SHORT_HOURS)},
    ]
    return {
        "tenant_id": tenant_id,
        "campaign_id": OUTREACH,
        "name": "Outreach",
        "kind": "prospecting",
        "settings": {"quiet_hours": "none", "retry_minutes": [0.005, 0.005, 0.005]},
        "steps": [{**row, "template_id": "t", "delay_hours": 0} for row in rows],
    }


def _wait(event: str, hours: float, **ways: str) -> dict[str, Any]:
    return {"event": event, "max_wait_hours": hours, **ways}


def is_prospect(contact_id: str) -> bool:
    return contact_id.startswith("p-")


def behaviour_of(contact_id: str) -> int:
    """The behaviour of a prospect, which follows from the id."""
    return int(contact_id.rpartition("-")[2]) % BEHAVIOURS


def required(contact_id: str) -> set[str]:
    """The steps that must be commanded."""
    return _REQUIRED_STEPS.get(behaviour_of(contact_id), {REQUEST, MAIL, MESSAGE, WHATSAPP, CALL})


def allowed(contact_id: str) -> set[str]:
    """The steps that may be commanded: a reply may arrive after the message was commanded."""
    return required(contact_id) | ({MESSAGE} if behaviour_of(contact_id) == _REPLIES else set())


def answers(contact_id: str, step: str, attempt: int) -> Iterator[ProspectAnswer]:
    """The answers of the sender and the prospect to a command, in this order."""
    behaviour = behaviour_of(contact_id)
    if step == REQUEST and behaviour == _UNKNOWN:
        yield ProspectAnswer("touch.failed", {"code": "404", "permanent": True})
        return
    if step == REQUEST and behaviour == _FAILING_ONCE and attempt == 1:
        yield ProspectAnswer("touch.failed", {"code": "503", "permanent": False})
        return
    early = {(_FAST, REQUEST): _accepted(), (_UNKNOWN, MESSAGE): _replied("linkedin")}
    first = early.get((behaviour, step))
    if first is not None:
        yield first
    yield ProspectAnswer("touch.sent", {})
    if first is None:
        yield from _person_answers(behaviour, step)


def _person_answers(behaviour: int, step: str) -> Iterator[ProspectAnswer]:
    match step:
        case "request" if behaviour != _SILENT:
            yield _accepted()
        case "mail" if behaviour == _REPLIES:
            yield _replied("email")
        case "mail" if behaviour == _ACCEPTS:
            yield ProspectAnswer("touch.opened", {})
        case "message" if behaviour != _FAST:
            yield _replied("linkedin")
        case "whatsapp":
            yield ProspectAnswer("touch.read", {})
        case "call":
            yield call_ended("answered")


def call_ended(outcome: str) -> ProspectAnswer:
    """The end of a call, of which the provider states nothing else."""
    fields = {"outcome": outcome, "raw_status": None, "answered_by": None}
    return ProspectAnswer("call.ended", fields)


def _accepted() -> ProspectAnswer:
    return ProspectAnswer("connection.accepted", {})


def _replied(channel: str) -> ProspectAnswer:
    return ProspectAnswer("contact.replied", {"channel": channel})
