"""Intake: the only place that meets foreign bytes. Validates, identifies, and writes the log that
an event is for.

Stateless. What cannot be read becomes a dead letter with a code, its origin and its bytes (design
2.10).
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from processors.fold.task import Record
from processors.fold.turn import Turn
from schemas.base.error_codes import RefusalCode, Refused, is_plain_code
from schemas.base.times import DAY, EARLIEST, HOUR, LATEST, parse_clock
from schemas.internal import messages as m
from schemas.internal.states import State
from schemas.internal.topics import Topic
from schemas.public import admin_events, inbound_events
from schemas.public.auto_reply import is_automatic
from schemas.public.codec import DecodeEvent, PublicEvent
from schemas.public.events import EVENTS

VALUE_KEPT, KEY_KEPT, HEADERS_KEPT = 2_000_000, 65_536, 500_000
"""What a dead letter keeps, in bytes. A record may be greater than that, a compressed one even
greater than the broker takes back: its letter is cut, and the whole of it stays at its origin."""

Read = Callable[[Any, str, int, str], m.Message]


class IntakeProcessor:
    """One public topic. `decode` may ask a registry; everything else is a function of the
    record."""

    decode_state: Callable[[bytes], State] = staticmethod(
        msgspec.msgpack.Decoder(State).decode
    )  # it has none

    def __init__(self, topic: Topic, decode: DecodeEvent) -> None:
        self.topic = topic
        self.decode = decode

    def apply(self, turn: Turn, record: Record) -> None:
        """A public record becomes a record of one of our logs, or a dead letter."""
        headers = None
        try:
            headers = headers_of(record)
            event = self.read(record, headers)
        except Refused as refused:
            self._park(turn, record, refused, headers)
            return
        message = understood(event, record.timestamp)
        turn.send(*address(message), message)

    def read(self, record: Record, headers: Any) -> PublicEvent:
        """The event of a public record. Raises Refused."""
        if not EARLIEST <= record.timestamp < LATEST:
            raise Refused(RefusalCode.TIME_OUT_OF_RANGE, "the record's own timestamp is no date")
        event = self.decode(headers, record.value)
        if EVENTS[event.type].topic is not self.topic:
            raise Refused(_WRONG_TOPIC, f"{event.type} does not belong on {self.topic}")  # type: ignore[arg-type]
        if event.time is not None and event.time > record.timestamp + DAY:
            detail = "ce_time is more than a day after the record's own time"
            raise Refused(RefusalCode.TIME_OUT_OF_RANGE, detail)
        return event

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Nothing here waits."""

    def _park(self, turn: Turn, record: Record, refused: Refused, headers: Any) -> None:
        kept = tuple(_kept(headers or ()))
        large = len(record.key) > KEY_KEPT or len(record.value) > VALUE_KEPT
        letter = m.DeadLetter(
            str(refused.code),
            refused.detail,
            self.topic,
            turn.partition,
            record.offset,
            record.key[:KEY_KEPT],
            record.value[:VALUE_KEPT],
            kept,
            record.timestamp,
            large or len(kept) < len(headers or ()),
        )
        turn.send(Topic.DEAD_LETTERS, record.key[:KEY_KEPT], letter)


def understood(event: PublicEvent, reported_at: int) -> m.Message:
    """What one of our logs holds of a public event, which was told at that moment."""
    at = reported_at if event.time is None else event.time
    cause = f"{event.source}#{event.id}"
    message = _READ[event.type](event.data, cause, at, event.type)
    if event.backfill and isinstance(message, m.ExternalEvent):
        names = (message.tenant_id, message.contact_id, message.cause, message.at)
        message = m.BackfilledEvent(*names, m.encode(message))
    return message


def address(message: m.Message) -> tuple[Topic, bytes]:
    """The log that a message is for, and its key there."""
    if isinstance(message, m.ExternalEvent):
        return Topic.CONTACT_LOG, m.contact_key(message.tenant_id, message.contact_id)
    tenant_id: str = message.tenant_id  # type: ignore[attr-defined]
    return Topic.CAMPAIGN_LOG, tenant_id.encode()


def _kept(headers: Any) -> Iterator[tuple[str, bytes | None]]:
    left = HEADERS_KEPT
    for name, value in headers:
        left -= len(name) + len(value or b"")
        if left < 0:
            return
        yield name, _bytes(value)


_WRONG_TOPIC = "EVENT_WRONG_TOPIC"


def _reason(code: str) -> str:
    """A code that can stand in facts, which quote nobody's address."""
    return code if is_plain_code(code) else "other"


def headers_of(record: Record) -> Any:
    """As the client gives them. Raises Refused."""
    try:
        return record.headers()
    except (SystemError, UnicodeError):  # the client's own answer to a name that is no UTF-8
        raise Refused(RefusalCode.NOT_CLOUDEVENT, "a header's name is not UTF-8") from None


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _job_completed(data: inbound_events.JobCompleted, cause: str, at: int, _: str) -> m.Message:
    who = data.customer
    person = m.Person(who.first_name, who.last_name, who.email, who.phone, who.timezone, who.region)
    return m.JobCompleted(
        data.tenant_id,
        who.contact_id,
        cause,
        at,
        data.job_id,
        data.service_type,
        data.completed_at,
        person,
        data.enroll,
    )


def _job_deleted(data: inbound_events.JobDeleted, cause: str, at: int, _: str) -> m.Message:
    return m.JobDeleted(data.tenant_id, data.contact_id, cause, at, data.job_id)


def _upserted(data: Any, cause: str, at: int, _: str) -> m.Message:
    person = m.Person(
        data.first_name,
        data.last_name,
        data.email,
        data.phone,
        data.timezone,
        data.region,
        data.linkedin_url,
        data.addresses,
    )
    return m.ContactUpserted(data.tenant_id, data.contact_id, cause, at, person, data.attributes)


def _enrolled(data: inbound_events.ContactEnrolled, cause: str, at: int, _: str) -> m.Message:
    return m.ContactEnrolled(
        data.tenant_id, data.contact_id, cause, at, data.campaign_id, data.variables
    )


_STEERED = {
    "contact.paused": m.ContactPaused,
    "contact.resumed": m.ContactResumed,
    "contact.stopped": m.ContactStopped,
}


def _steered(data: Any, cause: str, at: int, event_type: str) -> m.Message:
    make = _STEERED[event_type]
    return make(data.tenant_id, data.contact_id, cause, at, data.campaign_id, data.reason)


def _replied(data: inbound_events.ContactReplied, cause: str, at: int, _: str) -> m.Message:
    automatic = data.automatic or is_automatic(data.headers or {})
    return m.ContactReplied(
        data.tenant_id, data.contact_id, cause, at, data.channel, automatic, data.command_id
    )


def _connected(data: inbound_events.ConnectionAccepted, cause: str, at: int, _: str) -> m.Message:
    return m.ConnectionAccepted(data.tenant_id, data.contact_id, cause, at, data.command_id)


def _converted(data: inbound_events.ConversionRecorded, cause: str, at: int, _: str) -> m.Message:
    return m.ConversionRecorded(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        _reason(data.conversion_type),
        data.entity_id,
        data.command_id,
    )


def _call_ended(data: inbound_events.CallEnded, cause: str, at: int, _: str) -> m.Message:
    return m.CallEnded(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        data.command_id,
        _reason(data.outcome),
        data.seconds,
    )


def _erased(data: Any, cause: str, at: int, _: str) -> m.Message:
    return m.ContactErased(data.tenant_id, data.contact_id, cause, at)


def _sent(data: inbound_events.TouchSent, cause: str, at: int, _: str) -> m.Message:
    return m.TouchSent(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        data.command_id,
        data.sent_at,
        data.provider_message_id,
    )


def _failed(data: inbound_events.TouchFailed, cause: str, at: int, _: str) -> m.Message:
    return m.TouchFailed(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        data.command_id,
        _reason(data.code),
        bool(data.permanent),
        data.detail,
        data.permanent is False,
    )


def _seen(data: Any, cause: str, at: int, event_type: str) -> m.Message:
    signal = event_type.removeprefix("touch.")
    link = data.url if signal == "clicked" else None
    url = link.partition("?")[0].partition("#")[0] if link else None  # the rest may name a person
    return m.TouchSeen(data.tenant_id, data.contact_id, cause, at, data.command_id, signal, url)


def _bounced(data: inbound_events.TouchBounced, cause: str, at: int, _: str) -> m.Message:
    return m.TouchBounced(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        data.command_id,
        data.bounce_type,
        data.reason,
    )


def _unsubscribed(data: Any, cause: str, at: int, event_type: str) -> m.Message:
    complained = event_type == "contact.complained"
    return m.ContactUnsubscribed(
        data.tenant_id, data.contact_id, cause, at, data.channel, complained
    )


def _review(data: inbound_events.ReviewReceived, cause: str, at: int, event_type: str) -> m.Message:
    kind = event_type.replace(".", "_")
    return m.ReviewReceived(
        data.tenant_id, data.contact_id, cause, at, kind, data.command_id, data.campaign_id
    )


def _unsupported(data: Any, cause: str, at: int, event_type: str) -> m.Message:
    contact_id = str(getattr(data, "contact_id", getattr(data, "sender_id", "")))
    return m.EventUnsupported(data.tenant_id, contact_id, cause, at, event_type)


def _published(data: admin_events.CampaignPublished, cause: str, at: int, _: str) -> m.Message:
    document = msgspec.json.encode(data.definition)
    return m.PublishCampaign(data.tenant_id, data.campaign_id, cause, at, document)


def _changed(data: admin_events.CampaignChanged, cause: str, at: int, event_type: str) -> m.Message:
    action = event_type.removeprefix("campaign.")
    return m.ChangeCampaign(data.tenant_id, data.campaign_id, action, cause, at)


def _migrated(data: admin_events.CampaignMigrated, cause: str, at: int, _: str) -> m.Message:
    return m.MoveRuns(
        data.tenant_id,
        data.campaign_id,
        cause,
        at,
        data.from_version,
        {str(old): new for old, new in data.steps.items()},
    )


def _template_deleted(data: admin_events.TemplateDeleted, cause: str, at: int, _: str) -> m.Message:
    return m.DeleteTemplate(data.tenant_id, data.template_id, cause, at)


def _tenant_upserted(data: admin_events.TenantUpserted, cause: str, at: int, _: str) -> m.Message:
    quiet = data.quiet_hours
    strict = quiet.strict_start if quiet else None
    return m.UpsertTenant(
        data.tenant_id,
        cause,
        at,
        data.timezone,
        parse_clock(quiet.start) if quiet else None,
        parse_clock(quiet.end) if quiet else None,
        parse_clock(strict) if strict is not None else None,
        tuple(quiet.strict_regions) if quiet else (),
        {str(name): int(hours * HOUR) for name, hours in data.delay_hours_by_service.items()},
        {str(name): limit.per_hour for name, limit in data.limits.items()},
        _caps(data.frequency_caps),
        data.fence or 0,
    )


def _caps(caps: admin_events.FrequencyCaps | None) -> dict[str, int]:
    given = {} if caps is None else {"per_day": caps.per_day, "per_week": caps.per_week}
    return {name: most for name, most in given.items() if most is not None}


def _tenant_deleted(data: admin_events.TenantDeleted, cause: str, at: int, _: str) -> m.Message:
    return m.DeleteTenant(data.tenant_id, cause, at)


_READ: dict[str, Read] = dict.fromkeys(EVENTS, _unsupported) | {
    "job.completed": _job_completed,
    "job.deleted": _job_deleted,
    "contact.upserted": _upserted,
    "contact.enrolled": _enrolled,
    "contact.paused": _steered,
    "contact.resumed": _steered,
    "contact.stopped": _steered,
    "contact.erased": _erased,
    "touch.sent": _sent,
    "touch.failed": _failed,
    "touch.delivered": _seen,
    "touch.opened": _seen,
    "touch.clicked": _seen,
    "touch.read": _seen,
    "touch.bounced": _bounced,
    "contact.replied": _replied,
    "connection.accepted": _connected,
    "conversion.recorded": _converted,
    "call.ended": _call_ended,
    "contact.unsubscribed": _unsubscribed,
    "contact.complained": _unsubscribed,
    "review.clicked": _review,
    "feedback.submitted": _review,
    "campaign.published": _published,
    "campaign.migrated": _migrated,
    "template.deleted": _template_deleted,
    "tenant.upserted": _tenant_upserted,
    "tenant.deleted": _tenant_deleted,
}
_READ |= {name: _changed for name in EVENTS if EVENTS[name].model is admin_events.CampaignChanged}
