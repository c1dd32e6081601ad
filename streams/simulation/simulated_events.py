"""A drawn signal in two forms: the message that intake would write to contact-log, and the public
event that intake would make it from.

A test decodes the public event through intake and compares the result with the message.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from schemas.base.call_outcomes import call_outcome
from schemas.internal import contact_messages
from schemas.internal.contact_messages import BOUNCE_RULES, CONVERSION_RULES, RESPONSE_RULES
from schemas.internal.facts import fact_time
from streams.simulation.drawn_signals import DrawnSignal, kind_of
from streams.simulation.senders import CommandedTouch

SOURCE = "/touchstream/simulation"
COMPLAINT = "complaint"
"""The method of an opt-out that is a report of spam."""


class SimulatedEvent(NamedTuple):
    """A public event and its message. `fields` are the fields of the event besides its ids."""

    ce_type: str
    event_id: str
    message: contact_messages.ExternalEvent
    fields: dict[str, Any]


def build_event(touch: CommandedTouch, signal: DrawnSignal) -> SimulatedEvent:
    """Builds the event of a signal. Its id is the command id and the name of the signal, with the
    emission of a repeated command between them."""
    name = signal.rule.name
    repeated = f"{touch.emission}:" if touch.emission > 1 else ""
    event_id = f"{touch.command_id}:{repeated}{name}"
    cause = f"{SOURCE}#{event_id}"
    ce_type, message, fields = _BUILDERS[kind_of(name)](touch, signal, cause)
    return SimulatedEvent(ce_type, event_id, message, fields)


def event_line(touch: CommandedTouch, signal: DrawnSignal, event: SimulatedEvent) -> bytes:
    """Encodes the event as a CloudEvent in structured JSON, which `touchstream publish` accepts."""
    ids = {
        "tenant_id": touch.tenant_id,
        "contact_id": touch.contact_id,
        "command_id": touch.command_id,
    }
    return _to_json(
        {
            "specversion": "1.0",
            "type": event.ce_type,
            "source": SOURCE,
            "id": event.event_id,
            "time": fact_time(signal.at),
            "data": {**ids, **event.fields},
        }
    )


_to_json = msgspec.json.Encoder().encode
_EventParts = tuple[str, contact_messages.ExternalEvent, dict[str, Any]]
"""The type of the event, its message, and its fields besides the ids."""


def _sent(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    message = contact_messages.TouchSent(
        touch.tenant_id, touch.contact_id, cause, signal.at, touch.command_id
    )
    return "touch.sent", message, {}


def _failed(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    code, permanent = signal.rule.code, bool(signal.rule.number)
    message = contact_messages.TouchFailed(
        touch.tenant_id, touch.contact_id, cause, signal.at, touch.command_id, code, permanent
    )
    return "touch.failed", message, {"code": code, **({"permanent": True} if permanent else {})}


def _seen(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    name = signal.rule.name
    message = contact_messages.TouchSeen(
        touch.tenant_id, touch.contact_id, cause, signal.at, touch.command_id, name
    )
    return f"touch.{name}", message, {}


def _opened_or_clicked(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    ce_type, message, fields = _seen(touch, signal, cause)
    if signal.is_variant:
        message, fields = msgspec.structs.replace(message, automatic=True), {"automatic": True}
    return ce_type, message, fields


def _bounced(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    kind = "hard" if signal.is_variant else "soft"
    message = contact_messages.TouchBounced(
        *_ids(touch), cause, signal.at, touch.command_id, kind, None, BOUNCE_RULES
    )
    return "touch.bounced", message, {"bounce_type": kind}


def _replied(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    automatic = signal.is_variant
    message = contact_messages.ContactReplied(
        *_ids(touch),
        cause,
        signal.at,
        touch.channel,
        automatic,
        touch.command_id,
        rules=RESPONSE_RULES,
    )
    fields = {"channel": touch.channel, **({"automatic": True} if automatic else {})}
    return "contact.replied", message, fields


def _accepted(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    message = contact_messages.ConnectionAccepted(
        touch.tenant_id, touch.contact_id, cause, signal.at, touch.command_id, touch.sender_id
    )
    return "connection.accepted", message, _filled(sender_id=touch.sender_id)


def _unsubscribed(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    channel = "all" if signal.is_variant else touch.channel
    method = signal.rule.code or None
    message = contact_messages.ContactUnsubscribed(
        *_ids(touch), cause, signal.at, channel, method == COMPLAINT, method
    )
    return "contact.unsubscribed", message, {"channel": channel, **_filled(method=method)}


def _converted(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    kind = signal.rule.code
    message = contact_messages.ConversionRecorded(
        *_ids(touch), cause, signal.at, kind, None, touch.command_id, rules=CONVERSION_RULES
    )
    return "conversion.recorded", message, {"conversion_type": kind}


def _reviewed(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    message = contact_messages.ReviewReceived(
        touch.tenant_id,
        touch.contact_id,
        cause,
        signal.at,
        "review_clicked",
        touch.command_id,
        touch.campaign_id,
    )
    return "review.clicked", message, {"campaign_id": touch.campaign_id}


def _progressed(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    state, call_id = signal.rule.name, _call_id(touch)
    message = contact_messages.CallProgressed(
        touch.tenant_id, touch.contact_id, cause, signal.at, touch.command_id, state, call_id
    )
    return "call.progressed", message, {"state": state, "call_id": call_id}


def _called(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    word, seconds, call_id = signal.rule.code, signal.seconds, _call_id(touch)
    message = contact_messages.CallEnded(
        touch.tenant_id,
        touch.contact_id,
        cause,
        signal.at,
        touch.command_id,
        call_outcome(word),
        seconds,
        call_id,
        word,
    )
    return "call.ended", message, {"outcome": word, "seconds": seconds, "call_id": call_id}


def _assessed(touch: CommandedTouch, signal: DrawnSignal, cause: str) -> _EventParts:
    message = contact_messages.CallReviewed(
        touch.tenant_id,
        touch.contact_id,
        cause,
        signal.at,
        touch.command_id,
        signal.is_variant,
    )
    return "call.reviewed", message, {"success": signal.is_variant}


def _ids(touch: CommandedTouch) -> tuple[str, str]:
    return touch.tenant_id, touch.contact_id


def _call_id(touch: CommandedTouch) -> str:
    """The id that the provider gives to the call."""
    return f"call-{touch.command_id}"


def _filled(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


_BUILDERS: dict[str, Callable[[CommandedTouch, DrawnSignal, str], _EventParts]] = {
    "sent": _sent,
    "failed": _failed,
    "delivered": _seen,
    "opened": _opened_or_clicked,
    "read": _seen,
    "clicked": _opened_or_clicked,
    "bounced": _bounced,
    "replied": _replied,
    "accepted": _accepted,
    "unsubscribed": _unsubscribed,
    "converted": _converted,
    "reviewed": _reviewed,
    "ringing": _progressed,
    "in_progress": _progressed,
    "called": _called,
    "assessed": _assessed,
}
"""How the event of each signal is built, by the name of the signal."""
