"""What a simulated sender or person says, both ways: as the message that intake would make of it,
and as the public event that it would make it of.

A test holds the two against each other, through intake.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from schemas.internal import contact_messages as o
from schemas.internal.facts import moment
from streams.simulation.senders import CommandedTouch, DrawnSignal

SOURCE = "/touchstream/simulation"


class SimulatedEvent(NamedTuple):
    """One public event, understood; `fields` are what it says beside its ids."""

    ce_type: str
    event_id: str
    message: o.Outside
    fields: dict[str, Any]


def event(who: CommandedTouch, said: DrawnSignal) -> SimulatedEvent:
    """What is heard."""
    name = said.row.name
    event_id = f"{who.command_id}:{name}"
    cause = f"{SOURCE}#{event_id}"
    ce_type, message, fields = _TELL[name](who, said, cause)
    return SimulatedEvent(ce_type, event_id, message, fields)


def line(who: CommandedTouch, said: DrawnSignal, told: SimulatedEvent) -> bytes:
    """The same as a CloudEvent in structured JSON, as `touchstream publish` takes it."""
    ids = {
        "tenant_id": who.tenant_id,
        "contact_id": who.contact_id,
        "command_id": who.command_id,
    }
    return _to_json(
        {
            "specversion": "1.0",
            "type": told.ce_type,
            "source": SOURCE,
            "id": told.event_id,
            "time": moment(said.at),
            "data": {**ids, **told.fields},
        }
    )


_to_json = msgspec.json.Encoder().encode
_Told = tuple[str, o.Outside, dict[str, Any]]


def _sent(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    message = o.TouchSent(who.tenant_id, who.contact_id, cause, said.at, who.command_id)
    return "touch.sent", message, {}


def _failed(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    code, permanent = said.row.more, bool(said.row.number)
    message = o.TouchFailed(
        who.tenant_id, who.contact_id, cause, said.at, who.command_id, code, permanent
    )
    return "touch.failed", message, {"code": code, **({"permanent": True} if permanent else {})}


def _seen(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    name = said.row.name
    message = o.TouchSeen(who.tenant_id, who.contact_id, cause, said.at, who.command_id, name)
    return f"touch.{name}", message, {}


def _bounced(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    kind = "hard" if said.other else "soft"
    message = o.TouchBounced(who.tenant_id, who.contact_id, cause, said.at, who.command_id, kind)
    return "touch.bounced", message, {"bounce_type": kind}


def _replied(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    message = o.ContactReplied(
        who.tenant_id, who.contact_id, cause, said.at, who.channel, False, who.command_id
    )
    return "contact.replied", message, {"channel": who.channel}


def _accepted(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    message = o.ConnectionAccepted(who.tenant_id, who.contact_id, cause, said.at, who.command_id)
    return "connection.accepted", message, {}


def _unsubscribed(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    channel = "all" if said.other else who.channel
    message = o.ContactUnsubscribed(who.tenant_id, who.contact_id, cause, said.at, channel)
    return "contact.unsubscribed", message, {"channel": channel}


def _converted(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    kind = said.row.more
    message = o.ConversionRecorded(
        who.tenant_id, who.contact_id, cause, said.at, kind, None, who.command_id
    )
    return "conversion.recorded", message, {"conversion_type": kind}


def _reviewed(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    message = o.ReviewReceived(
        who.tenant_id,
        who.contact_id,
        cause,
        said.at,
        "review_clicked",
        who.command_id,
        who.campaign_id,
    )
    return "review.clicked", message, {"campaign_id": who.campaign_id}


def _called(who: CommandedTouch, said: DrawnSignal, cause: str) -> _Told:
    outcome, seconds = said.row.more, said.row.number
    message = o.CallEnded(
        who.tenant_id, who.contact_id, cause, said.at, who.command_id, outcome, seconds
    )
    return "call.ended", message, {"outcome": outcome, "seconds": seconds}


_TELL: dict[str, Callable[[CommandedTouch, DrawnSignal, str], _Told]] = {
    "sent": _sent,
    "failed": _failed,
    "delivered": _seen,
    "opened": _seen,
    "read": _seen,
    "clicked": _seen,
    "bounced": _bounced,
    "replied": _replied,
    "accepted": _accepted,
    "unsubscribed": _unsubscribed,
    "converted": _converted,
    "reviewed": _reviewed,
    "called": _called,
}
