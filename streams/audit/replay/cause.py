"""Why a replay differs: of what was recorded of somebody, the first decision that the present code
takes otherwise, and the record that it was taking in.

Decisions are facts. Those that the differing processor said of them are laid beside those that it
says now, one by one in their order, on the fields that the recorded one has.
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
from streams.audit.replay.diff import Difference
from streams.audit.replay.recording import Recording
from streams.audit.replay.stamped_task import Stamped, witnessed
from streams.base.partitioner import partition_of
from streams.base.transport import Partition


class Where(NamedTuple):
    """A record of a log; `at` is the stream time that it made. `timer`: it is not about them, and
    a timer of theirs came due with it."""

    place: Partition
    offset: int
    at: int
    message: str
    timer: bool


class Cause(NamedTuple):
    """The first decisions that are not the same; both None where all are, and then `record` is
    where the difference itself was said."""

    then: Fact | None
    now: Fact | None
    fields: tuple[str, ...]
    record: Where | None


class _Moment(NamedTuple):
    """When something was said, and at which record: None where only its time is known."""

    at: int
    offset: int | None = None
    timer: bool = False


class _Decided(NamedTuple):
    fact: Fact
    when: _Moment


class _Subject(NamedTuple):
    """Who it is about, and the log whose fold differs."""

    log: Partition
    key: bytes
    tenant_id: str

    def mine(self, fact: Fact, layout: Layout) -> bool:
        """Whether the fold of this log says such facts."""
        if self.log.topic is Topic.CAMPAIGN_LOG:
            return fact.contact_id is None
        if not _of_dispatch(fact):
            return self.log.topic is Topic.CONTACT_LOG
        account = m.account_key(fact.tenant_id, fact.channel or "")
        return self.log == (Topic.DISPATCH_LOG, partition_of(account, layout.dispatch))

    def named_in(self, record: Record) -> bool:
        """Whether a record of the log is about them. Dispatch's are kept by account."""
        if record.key in (self.key, self.tenant_id.encode()):
            return True
        if self.log.topic is not Topic.DISPATCH_LOG:
            return False
        with suppress(msgspec.DecodeError):
            message: Any = m.decode_dispatch(record.value)
            contact_id = getattr(message, "contact_id", None)
            return bool(m.contact_key(self.tenant_id, contact_id or "") == self.key)
        return False


def cause_of(difference: Difference, recording: Recording) -> Cause | None:
    """Reads the log and the facts once more, to the moment of the difference. None where nothing
    recorded tells whom it is about."""
    who = _subject(difference, recording)
    if who is None:
        return None
    pairs = zip_longest(_then(who, recording), _now(who, recording, difference.at))
    for was, found in pairs:
        fields = _unlike(was, found)
        if fields is not None:
            when = min((e.when for e in (found, was) if e is not None), key=lambda w: w.at)
            if when.at > difference.at:
                break
            then, now = _counterparts(was, found)
            return Cause(then, now, fields, _where(who, recording, when))
    said, when = difference.now, _Moment(difference.at)
    if said is not None:
        when = _Moment(said.at, said.offset, said.offset is None)
    return Cause(None, None, (), _where(who, recording, when))


def _subject(difference: Difference, recording: Recording) -> _Subject | None:
    layout, fields = recording.layout, difference.order.fields
    log = difference.order.log
    name = fields.get("contact_id") or fields.get("campaign_id")
    if log is None or (log.topic is not Topic.CAMPAIGN_LOG and name is None):
        # Not all that is ordered of dispatch says whom it is about; the facts do.
        sought = fields.get("command_id") or fields.get("cause")
        about = None if sought is None else _sought(sought, recording)
        if about is None:
            return None
        name = about.contact_id
        key = m.contact_key(about.tenant_id, about.contact_id or "")
        log = Partition(Topic.CONTACT_LOG, partition_of(key, layout.contact))
    tenant_id: str = fields["tenant_id"]
    return _Subject(log, m.contact_key(tenant_id, name or ""), tenant_id)


def _sought(text: str, recording: Recording) -> Fact | None:
    """The first fact about a contact with this command or cause."""
    for number in range(recording.layout.facts):
        for entry in recording.partition(Partition(Topic.FACTS, number)):
            if text.encode() in entry.record.value:
                for fact in _decoded(entry.record.value):
                    if fact.contact_id and text in (fact.command_id, fact.cause):
                        return fact
    return None


def _then(who: _Subject, recording: Recording) -> Iterator[_Decided]:
    layout = recording.layout
    place = Partition(Topic.FACTS, partition_of(who.key, layout.facts))
    for entry in recording.partition(place):
        if entry.record.key == who.key:
            for fact in _decoded(entry.record.value):
                if who.mine(fact, layout):
                    yield _Decided(fact, _Moment(from_datetime(fact.at)))


def _decoded(value: bytes) -> Iterator[Fact]:
    with suppress(msgspec.DecodeError):
        yield facts.decode(value)


def _now(who: _Subject, recording: Recording, until: int) -> list[_Decided]:
    found: list[_Decided] = []

    def hear(output: Output) -> None:
        fact = output.message
        if output.key == who.key and isinstance(fact, Fact) and who.mine(fact, recording.layout):
            assert isinstance(output, Stamped)
            written = facts.decode(facts.encode(fact))  # as its log would have it
            when = _Moment(output.at, output.offset, output.offset is None)
            found.append(_Decided(written, when))

    task = witnessed(who.log, recording.layout)
    refold(who.log, task, _until(recording, who.log, until), hear)
    return found


def _until(recording: Recording, log: Partition, until: int) -> Iterator[Record]:
    """Its records, up to the first that is later: timers of before fire by it."""
    for entry in recording.partition(log):
        yield entry.record
        if entry.record.timestamp > until:
            return


def _of_dispatch(fact: Fact) -> bool:
    """The dispatch processor's word and not the contact's; both defer, and what each looked at
    tells them apart."""
    if fact.fact is not FactKind.TOUCH_DEFERRED:
        return fact.fact in (FactKind.TOUCH_COMMANDED, FactKind.TOUCH_REVOKED)
    asked = fact.command_id is not None
    return asked and (fact.reason == "throttled" or "zone" in (fact.values or {}))


def _unlike(then: _Decided | None, now: _Decided | None) -> tuple[str, ...] | None:
    """None where they say the same, else the fields that do not."""
    if then is None or now is None:
        return ()
    if then.fact.fact is not now.fact.fact:
        return ("fact",)
    found: list[str] = []
    for name in Fact.__struct_fields__:
        was, found_now = getattr(then.fact, name), getattr(now.fact, name)
        if name == "values":
            told = found_now or {}
            found += [
                f"values.{each}"
                for each, value in (was or {}).items()
                if not _covers(value, told.get(each))
            ]
        elif was is not None and was != found_now:
            found.append(name)
    return tuple(found) or None


def _counterparts(then: _Decided | None, now: _Decided | None) -> tuple[Fact | None, Fact | None]:
    """Both, if they are of one moment or one decision; else the earlier, and nothing beside it."""
    was, found = (None if each is None else each.fact for each in (then, now))
    if was is None or found is None or was.at == found.at or _same_decision(was, found):
        return was, found
    return (was, None) if was.at < found.at else (None, found)


def _same_decision(then: Fact, now: Fact) -> bool:
    return all(
        getattr(then, name) == getattr(now, name)
        for name in ("fact", "enrollment_id", "touch_number", "attempt")
    )


def _covers(then: Any, now: Any) -> bool:
    """Whether a value tells at least as much: what is told of a decision may grow."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        return all(_covers(value, now.get(key)) for key, value in then.items())
    if isinstance(then, list) and isinstance(now, list):
        return len(then) <= len(now) and all(map(_covers, then, now))
    return bool(then == now)


def _where(who: _Subject, recording: Recording, when: _Moment) -> Where | None:
    """The record of that moment: the first for a timer, else the one that was at hand or is about
    them. None where time never was that: it was no fold that said it."""
    now, found = 0, None
    for entry in recording.partition(who.log):
        record = entry.record
        now = max(now, record.timestamp)
        if now < when.at:
            continue
        if now > when.at:
            break
        at_hand = not when.timer and (
            who.named_in(record) if when.offset is None else record.offset == when.offset
        )
        if at_hand or found is None:
            found = Where(who.log, record.offset, now, _kind(who.log, record), timer=not at_hand)
        if at_hand or when.timer:
            break
    return found


def _kind(log: Partition, record: Record) -> str:
    try:
        return type(m.DECODE[log.topic](record.value)).__name__
    except msgspec.DecodeError:
        return "a record that cannot be read"
