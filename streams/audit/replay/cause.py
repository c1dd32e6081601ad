"""The cause of a difference: the first decision about a contact or campaign that the current code
takes otherwise, and the input record at which it does.

Decisions are facts. The recorded facts that the differing processor emitted about the subject are
paired with those that it emits now, in order, and compared in the fields that the recorded one has.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import zip_longest
from typing import Any, NamedTuple

import msgspec

from processors.fold.task import Record
from processors.fold.turn import Output
from schemas.base.times import from_datetime
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import Layout, Topic
from streams.audit.refold import refold
from streams.audit.replay.compared_outputs import owner_of
from streams.audit.replay.diff import OutputDifference
from streams.audit.replay.recording import Recording
from streams.audit.replay.stamped_task import StampedOutput, stamped_task
from streams.base.partitioner import partition_of
from streams.base.transport import Partition

_FROM_DISPATCH = (
    FactKind.TOUCH_COMMANDED,
    FactKind.TOUCH_REVOKED,
    FactKind.CALL_SLOT_GRANTED,
    FactKind.CALL_PROGRESSED,
    FactKind.CALL_SLOT_FREED,
    FactKind.CALL_SLOT_EXPIRED,
    FactKind.CALL_OVERRUN,
)
_OF_DISPATCH = ("zone", "limits", "pool_id")
"""Values that a wait has if dispatch has decided it."""


class CausingRecord(NamedTuple):
    """An input record. `at` is the stream time after it, and `message` the name of its message.
    `timer` means that the record is not about the subject: a timer of the subject fired at it."""

    partition: Partition
    offset: int
    at: int
    message: str
    timer: bool


class Cause(NamedTuple):
    """The first pair of facts that differs, and the differing `fields`. One fact is None if it has
    no counterpart. Both are None if no fact differs: `record` led to the differing output then."""

    recorded: Fact | None
    current: Fact | None
    fields: tuple[str, ...]
    record: CausingRecord | None


class _Emission(NamedTuple):
    """When a fact or output was emitted, and at which input record. A recorded fact has no offset
    because only its time is known; an output of a timer has none either."""

    at: int
    offset: int | None = None
    timer: bool = False


class _EmittedFact(NamedTuple):
    fact: Fact
    emission: _Emission


class _Subject(NamedTuple):
    """The contact or campaign that a difference is about, and the log whose fold differs."""

    log: Partition
    key: bytes
    tenant_id: str

    def emits(self, fact: Fact, layout: Layout) -> bool:
        """Whether the fold of the log emits such a fact. Intake emits what is about a dropped
        field."""
        if fact.fact is FactKind.EVENT_FIELD_DROPPED:
            return False
        if self.log.topic is Topic.CAMPAIGN_LOG:
            return fact.contact_id is None
        if not _is_from_dispatch(fact):
            return self.log.topic is Topic.CONTACT_LOG
        return self.log == (Topic.DISPATCH_LOG, partition_of(owner_of(fact), layout.dispatch))

    def is_named_in(self, record: Record) -> bool:
        """Whether a record of the log is about the subject. Records of dispatch-log have the key of
        an account, so their message is read."""
        if record.key in (self.key, self.tenant_id.encode()):
            return True
        if self.log.topic is not Topic.DISPATCH_LOG:
            return False
        with suppress(msgspec.DecodeError):
            message: Any = m.decode_dispatch(record.value)
            contact_id = getattr(message, "contact_id", None)
            return bool(m.contact_key(self.tenant_id, contact_id or "") == self.key)
        return False


def cause_of(difference: OutputDifference, recording: Recording) -> Cause | None:
    """The cause of a difference, found by reading the log and the facts again up to its time. None
    if nothing in the recording names the subject."""
    subject = _subject(difference, recording)
    if subject is None:
        return None
    recorded_facts = _recorded_facts(subject, recording)
    current_facts = _current_facts(subject, recording, difference.at)
    for recorded, current in zip_longest(recorded_facts, current_facts):
        fields = _differing_fields(recorded, current)
        if fields is not None:
            emissions = (each.emission for each in (current, recorded) if each is not None)
            emission = min(emissions, key=lambda emission: emission.at)
            if emission.at > difference.at:
                break
            pair = _counterparts(recorded, current)
            return Cause(*pair, fields, _causing_record(subject, recording, emission))
    output, emission = difference.current, _Emission(difference.at)
    if output is not None:
        emission = _Emission(output.at, output.offset, output.offset is None)
    return Cause(None, None, (), _causing_record(subject, recording, emission))


def _subject(difference: OutputDifference, recording: Recording) -> _Subject | None:
    layout, fields = recording.layout, difference.output.fields
    log = difference.output.log
    subject_id = fields.get("contact_id") or fields.get("campaign_id")
    if log is None or (log.topic is not Topic.CAMPAIGN_LOG and subject_id is None):
        # Some messages to dispatch name no contact; the facts about them do.
        cause = fields.get("command_id") or fields.get("cause")
        fact = None if cause is None else _fact_about(cause, recording)
        if fact is None:
            return None
        subject_id = fact.contact_id
        key = m.contact_key(fact.tenant_id, fact.contact_id or "")
        log = Partition(Topic.CONTACT_LOG, partition_of(key, layout.contact))
    tenant_id: str = fields["tenant_id"]
    return _Subject(log, m.contact_key(tenant_id, subject_id or ""), tenant_id)


def _fact_about(cause: str, recording: Recording) -> Fact | None:
    """The first fact about a contact that has `cause` as its command id or its cause."""
    for number in range(recording.layout.facts):
        for entry in recording.read_partition(Partition(Topic.FACTS, number)):
            if cause.encode() in entry.record.value:
                for fact in _decoded(entry.record.value):
                    if fact.contact_id and cause in (fact.command_id, fact.cause):
                        return fact
    return None


def _recorded_facts(subject: _Subject, recording: Recording) -> Iterator[_EmittedFact]:
    layout = recording.layout
    partition = Partition(Topic.FACTS, partition_of(subject.key, layout.facts))
    for entry in recording.read_partition(partition):
        if entry.record.key == subject.key:
            for fact in _decoded(entry.record.value):
                if subject.emits(fact, layout):
                    yield _EmittedFact(fact, _Emission(from_datetime(fact.at)))


def _decoded(value: bytes) -> Iterator[Fact]:
    with suppress(msgspec.DecodeError):
        yield facts.decode(value)


def _current_facts(subject: _Subject, recording: Recording, until_at: int) -> list[_EmittedFact]:
    emitted: list[_EmittedFact] = []

    def collect(output: Output) -> None:
        fact = output.message
        if output.key != subject.key or not isinstance(fact, Fact):
            return
        if subject.emits(fact, recording.layout):
            assert isinstance(output, StampedOutput)
            logged = facts.decode(facts.encode(fact))  # equal to the same fact read from the topic
            emission = _Emission(output.at, output.offset, output.offset is None)
            emitted.append(_EmittedFact(logged, emission))

    task = stamped_task(subject.log, recording.layout)
    refold(subject.log, task, _records_until(recording, subject.log, until_at), collect)
    return emitted


def _records_until(recording: Recording, log: Partition, until_at: int) -> Iterator[Record]:
    """The records of a log up to the first that is later than `until_at`, which fires the timers
    that are due before it."""
    for entry in recording.read_partition(log):
        yield entry.record
        if entry.record.timestamp > until_at:
            return


def _is_from_dispatch(fact: Fact) -> bool:
    """Whether the dispatch processor has emitted a fact, and not the contact processor. Both emit
    touch.deferred, with different values."""
    if fact.fact is not FactKind.TOUCH_DEFERRED:
        return fact.fact in _FROM_DISPATCH
    requested, values = fact.command_id is not None, fact.values or {}
    return requested and (fact.reason == "throttled" or not values.keys().isdisjoint(_OF_DISPATCH))


def _differing_fields(
    recorded: _EmittedFact | None, current: _EmittedFact | None
) -> tuple[str, ...] | None:
    """The names of the fields in which two facts differ; None if they agree. Empty if one fact is
    missing."""
    if recorded is None or current is None:
        return ()
    if recorded.fact.fact is not current.fact.fact:
        return ("fact",)
    names: list[str] = []
    for name in Fact.__struct_fields__:
        before, now = getattr(recorded.fact, name), getattr(current.fact, name)
        if name == "values":
            values = now or {}
            names += [
                f"values.{each}"
                for each, value in (before or {}).items()
                if not _covers(value, values.get(each))
            ]
        elif before is not None and before != now:
            names.append(name)
    return tuple(names) or None


def _counterparts(
    recorded: _EmittedFact | None, current: _EmittedFact | None
) -> tuple[Fact | None, Fact | None]:
    """Both facts, if they have the same time or are about the same decision; otherwise the earlier
    one alone."""
    before, now = (None if each is None else each.fact for each in (recorded, current))
    if before is None or now is None or before.at == now.at or _same_decision(before, now):
        return before, now
    return (before, None) if before.at < now.at else (None, now)


def _same_decision(recorded: Fact, current: Fact) -> bool:
    return all(
        getattr(recorded, name) == getattr(current, name)
        for name in ("fact", "enrollment_id", "touch_number", "attempt")
    )


def _covers(recorded: Any, current: Any) -> bool:
    """Whether a current value contains the recorded one: the values of a decision may grow."""
    if isinstance(recorded, Mapping) and isinstance(current, Mapping):
        return all(_covers(value, current.get(key)) for key, value in recorded.items())
    if isinstance(recorded, list) and isinstance(current, list):
        return len(recorded) <= len(current) and all(map(_covers, recorded, current))
    return bool(recorded == current)


def _causing_record(
    subject: _Subject, recording: Recording, emission: _Emission
) -> CausingRecord | None:
    """The record at which `emission` happened. For a timer it is the first record that has reached
    its time; otherwise it is the one with the emission's offset, or the one that is about the
    subject. None if stream time never had that value: no fold led to the emission then."""
    now, causing = 0, None
    for entry in recording.read_partition(subject.log):
        record = entry.record
        now = max(now, record.timestamp)
        if now < emission.at:
            continue
        if now > emission.at:
            break
        processed = not emission.timer and (
            subject.is_named_in(record)
            if emission.offset is None
            else record.offset == emission.offset
        )
        if processed or causing is None:
            message = _message_name(subject.log, record)
            causing = CausingRecord(subject.log, record.offset, now, message, timer=not processed)
        if processed or emission.timer:
            break
    return causing


def _message_name(log: Partition, record: Record) -> str:
    try:
        return type(m.DECODE[log.topic](record.value)).__name__
    except msgspec.DecodeError:
        return "a record that cannot be read"
