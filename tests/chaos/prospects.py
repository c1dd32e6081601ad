"""People reached on four channels and by telephone, whose runs wait for what they do.

What a prospect does follows from their number; so does what must be commanded, whatever is killed
meanwhile, and what must not be. Where it is chance which of two comes first, an open or the end of
a short wait, both lead to the same step.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

OUTREACH = "outreach"
REQUEST, MAIL, MESSAGE, WHATSAPP, CALL = "request", "mail", "message", "whatsapp", "call"
LONG_HOURS = 24
SHORT_HOURS = 0.0005  # under two seconds
LIKES = 6

_ACCEPTS, _SILENT, _REPLIES, _FAST, _UNLUCKY, _UNKNOWN = range(LIKES)
"""Accepts, opens, answers; does nothing; replies to the mail and is resumed; accepts before anybody
says that the request was sent; fails once; cannot be asked, and replies before the message is said
to be sent."""


_MUST = {
    _SILENT: {REQUEST},
    _FAST: {REQUEST, MAIL, MESSAGE},
    _REPLIES: {REQUEST, MAIL, WHATSAPP, CALL},
}


class Answer(NamedTuple):
    """An event that comes of a command."""

    kind: str
    fields: dict[str, Any]


def definition(tenant_id: str) -> dict[str, Any]:
    """A request that is waited for, then mail, message, WhatsApp and a call, by their answers."""
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


def like(contact_id: str) -> int:
    """What a prospect is like, for publisher and sender alike."""
    return int(contact_id.rpartition("-")[2]) % LIKES


def must(contact_id: str) -> set[str]:
    """The steps that must be commanded."""
    return _MUST.get(like(contact_id), {REQUEST, MAIL, MESSAGE, WHATSAPP, CALL})


def may(contact_id: str) -> set[str]:
    """Those that may be: a reply may be read when the message is on its way already."""
    return must(contact_id) | ({MESSAGE} if like(contact_id) == _REPLIES else set())


def answers(contact_id: str, step: str, attempt: int) -> Iterator[Answer]:
    """What a sender and the person say to a command, in this order."""
    who = like(contact_id)
    if step == REQUEST and who == _UNKNOWN:
        yield Answer("touch.failed", {"code": "404", "permanent": True})
        return
    if step == REQUEST and who == _UNLUCKY and attempt == 1:
        yield Answer("touch.failed", {"code": "503", "permanent": False})
        return
    early = {(_FAST, REQUEST): _accepted(), (_UNKNOWN, MESSAGE): _replied("linkedin")}
    first = early.get((who, step))
    if first is not None:
        yield first
    yield Answer("touch.sent", {})
    if first is None:
        yield from _does(who, step)


def _does(who: int, step: str) -> Iterator[Answer]:
    match step:
        case "request" if who != _SILENT:
            yield _accepted()
        case "mail" if who == _REPLIES:
            yield _replied("email")
        case "mail" if who == _ACCEPTS:
            yield Answer("touch.opened", {})
        case "message" if who not in (_FAST, _REPLIES):
            yield _replied("linkedin")
        case "whatsapp":
            yield Answer("touch.read", {})
        case "call":
            yield Answer("call.ended", {"outcome": "answered"})


def _accepted() -> Answer:
    return Answer("connection.accepted", {})


def _replied(channel: str) -> Answer:
    return Answer("contact.replied", {"channel": channel})
