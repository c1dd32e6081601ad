"""Intake: decodes and validates the records of public topics, and writes each event to the internal
log that it belongs to.

Intake has no state. A record that cannot be read becomes a dead letter with a code, its origin and
its bytes (promise 10). An optional field that is invalid costs the field, and a fact names it. A
record without any value (a tombstone) is no event: it is ignored and counted.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.fold.key_lists import ListsOf, in_no_list
from processors.fold.task import Record
from processors.fold.turn import Turn
from processors.intake.admin_events import ADMIN_EVENTS
from processors.intake.call_events import CALL_EVENTS
from processors.intake.contact_events import CONTACT_EVENTS, Convert, unsupported
from processors.intake.dead_letters import dead_letter, headers_of
from processors.intake.sender_events import SENDER_EVENTS
from schemas.base.error_codes import RefusalCode, Refused
from schemas.base.times import DAY, EARLIEST, LATEST
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind, fact_time
from schemas.internal.states import State
from schemas.internal.topics import Topic
from schemas.public.codec import DecodeEvent, PublicEvent
from schemas.public.events import EVENTS

_CONVERT: dict[str, Convert] = (
    dict.fromkeys(EVENTS, unsupported) | CONTACT_EVENTS | CALL_EVENTS | ADMIN_EVENTS | SENDER_EVENTS
)
_WRONG_TOPIC = "EVENT_WRONG_TOPIC"
_CONTACT_LOG = Topic.CONTACT_LOG  # the lookup of an enum member costs a Python call


class IntakeProcessor:
    """The processor of one public topic. `decode` may read a schema from a registry; all else is a
    function of the record. In a time lapse, `lapse_time` makes the time of the lapse from a real
    timestamp, because clients of other programs stamp their records with the real time."""

    decode_state: Callable[[bytes], State] = staticmethod(msgspec.msgpack.Decoder(State).decode)
    """Never called: intake has no states."""

    lists_of: ListsOf = staticmethod(in_no_list)

    def __init__(
        self, topic: Topic, decode: DecodeEvent, lapse_time: Callable[[int], int] | None = None
    ) -> None:
        self.topic = topic
        self._own_types = frozenset(name for name, each in EVENTS.items() if each.topic is topic)
        self.decode = decode
        self.lapse_time = lapse_time

    def apply(self, turn: Turn, record: Record) -> None:
        """Writes a message to an internal log, or a dead letter, for one public record."""
        if record.tombstone:
            turn.ignored += 1
            return
        headers = None
        try:
            headers = headers_of(record)
            event = self.read(record, headers)
            reported_at = self.record_time(record, event.time)
            message = internal_message(event, reported_at)
        except Refused as refused:
            letter = dead_letter(self.topic, turn.partition, record, headers, refused)
            turn.send(Topic.DEAD_LETTERS, letter.key or b"", letter)
            return
        turn.send(*destination(message), message)
        if event.dropped is not None:
            fact = dropped_fields_fact(event, message, reported_at)
            turn.send(Topic.FACTS, fact.key(), fact)

    def record_time(self, record: Record, time: int | None) -> int:
        """The time at which the record of an event was written: its timestamp, or in a time lapse
        the time of the lapse.

        The engine's own client stamps records with the time of the lapse, and gives every event a
        `ce_time`. So without a `ce_time` the timestamp is a real one. It is too if `time`, the
        `ce_time`, is far after it; then the record was written at that time.
        """
        if self.lapse_time is None:
            return record.timestamp
        if time is None:
            return self.lapse_time(record.timestamp)
        return time if time > record.timestamp + DAY else record.timestamp

    def read(self, record: Record, headers: Any) -> PublicEvent:
        """Decodes the event of a public record. Raises Refused."""
        if not EARLIEST <= record.timestamp < LATEST:
            raise Refused(RefusalCode.TIME_OUT_OF_RANGE, "the record's own timestamp is no date")
        event = self.decode(headers, record.value)
        if event.type not in self._own_types:
            raise Refused(_WRONG_TOPIC, f"{event.type} does not belong on {self.topic}")  # type: ignore[arg-type]
        time = event.time
        if time is not None and time > record.timestamp + DAY and not self._in_lapse(record, time):
            detail = "ce_time is more than a day after the record's own time"
            raise Refused(RefusalCode.TIME_OUT_OF_RANGE, detail)
        return event

    def _in_lapse(self, record: Record, time: int) -> bool:
        """Whether a record with a real timestamp was written when a time lapse showed `time`, or
        less than a day before."""
        return self.lapse_time is not None and time <= self.lapse_time(record.timestamp) + DAY

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Never called: intake has no timers."""


def internal_message(event: PublicEvent, reported_at: int) -> m.Message:
    """The message for an internal log. `reported_at` is the timestamp of the public record, which
    counts where the event has no `ce_time`. Raises Refused where a converter does."""
    at = reported_at if event.time is None else event.time
    cause = f"{event.source}#{event.id}"
    message = _CONVERT[event.type](event.data, cause, at, event.type)
    if event.backfill and isinstance(message, m.ExternalEvent):
        names = (message.tenant_id, message.contact_id, message.cause, message.at)
        message = m.BackfilledEvent(*names, m.encode(message))
    return message


def dropped_fields_fact(event: PublicEvent, message: m.Message, reported_at: int) -> Fact:
    """The fact about the invalid fields that an event was read without: their names and codes, not
    their values. It has the time of the public record."""
    fields = event.dropped or {}
    codes = {*fields.values()}
    return Fact(
        fact=FactKind.EVENT_FIELD_DROPPED,
        at=fact_time(reported_at),
        tenant_id=event.data.tenant_id,
        contact_id=getattr(message, "contact_id", None),
        cause=f"{event.source}#{event.id}",
        reason=codes.pop() if len(codes) == 1 else None,
        values={"event": event.type, "fields": dict(fields)},
        occurred_at=None if event.time is None else fact_time(event.time),
    )


def destination(message: m.Message) -> tuple[Topic, bytes]:
    """The internal log of a message of intake, and its key there."""
    if isinstance(message, m.ExternalEvent):
        return _CONTACT_LOG, m.contact_key(message.tenant_id, message.contact_id)
    if isinstance(message, m.UpsertPool):
        return Topic.CAMPAIGN_LOG, m.PLATFORM.encode()
    tenant_id: str = message.tenant_id  # type: ignore[attr-defined]
    return Topic.CAMPAIGN_LOG, tenant_id.encode()
