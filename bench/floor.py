"""How far a fold is from its floor: from what the motion of its bytes costs, if nothing is asked.

The floor has the log of the fold, its changelog and its outputs before it begins, from a run of the
real fold. Batch by batch it then does what no engine with this log, these states and these outputs
can leave out:

- it decodes each message of the log;
- it takes each state that the batch has changed from a dict, decodes it, encodes the changed one,
  and puts that into the dict at the commit: in full, and once a batch, whatever the fold does;
- it makes each output anew, by copying the struct, and encodes it.

It does not include: reading states that do not change (tenants and campaigns, which the fold keeps
decoded), timers, queues, groups and lists, ids and keys, the task's position, rollback, Kafka, and
every decision. Fold and floor alternate batch by batch in one process. Only processor time counts.
"""

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from statistics import median
from typing import Any, NamedTuple

import msgspec

from bench import people, prospects, sweep
from bench.flow import unlimited_tenants
from bench.harness import InputRecord, run_pinned
from bench.memory import contact_changelog
from bench.report import Figure, rounded_median
from processors.contact import ContactProcessor
from processors.dispatch import DispatchProcessor
from processors.fold.task import Processor, Record, Task
from processors.fold.turn import Output
from schemas.base.times import HOUR, MILLISECOND
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, State
from schemas.internal.topics import COMMANDS, Topic
from schemas.public.commands import command_encoder
from streams.base.transport import Headers
from streams.runtime.output_encoding import Encode, RecordSink, encoder
from streams.runtime.worker import STEPS_MAX, raise_gc_threshold

TARGET, TARGET_OTHERS = 1.8, 2.0
ROUNDS = 7
BATCH = 1_000
NOW = 1_790_000_000_000_000
"""The time of the logs, so that each run has the same records."""

HEAD = 9
"""The bytes of a state before its payload."""

Changes = list[tuple[bytes, bytes | None]]
Log = Callable[[list[Output]], Iterator[list[Record]]]
"""A function that yields the batches of a log. Its list has the outputs of the batch before."""

_encode_state, _encode_json = msgspec.msgpack.Encoder().encode, msgspec.json.Encoder().encode
_encode_command = command_encoder("json")
_CONTACT_MESSAGE = msgspec.msgpack.Decoder(m.ContactMessage)
_DISPATCH_MESSAGE = msgspec.msgpack.Decoder(m.DispatchMessage)
"""The decoders of the logs, without the look for fields that this version does not know."""


class Batch(NamedTuple):
    """A batch of a log, and what the fold made of it."""

    records: list[Record]
    changes: Changes
    outputs: list[Output]


class Recording(NamedTuple):
    """A log with what the fold made of it, and the states before it. The times are divided by its
    `number`: of records, or of contacts that sweeps have visited."""

    processor: Processor
    decode_message: Callable[[bytes], Any]
    restored: list[tuple[bytes, bytes]]
    batches: list[Batch]
    number: int


Make = Callable[[int], Recording]
"""A function that makes the recording of a number of contacts."""


class FloorParts(NamedTuple):
    """The processor time of the floor of a batch, in seconds."""

    messages: float
    states: float
    outputs: float


class CountingSink:
    """Takes encoded records and counts them with their bytes."""

    def __init__(self) -> None:
        self.records = self.bytes = 0

    def send(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.records += 1
        self.bytes += len(value or b"")


# the figures


def run(quick: bool = False) -> Figure:
    """Compares the contact fold of review campaigns with its floor."""
    return _figure("floor", "the contact fold of review campaigns", reviews, TARGET, quick)


def run_mixed(quick: bool = False) -> Figure:
    """Compares the contact fold of both kinds of campaigns with its floor."""
    what = "the contact fold of review and four-channel campaigns"
    return _figure("floor-mix", what, mixed, TARGET_OTHERS, quick)


def run_dispatch(quick: bool = False) -> Figure:
    """Compares the dispatch fold of what the mixed contact fold asks for with its floor."""
    what = "the dispatch fold of what both kinds of campaigns ask for"
    return _figure("floor-dispatch", what, dispatched, TARGET_OTHERS, quick)


def run_sweeps(quick: bool = False) -> Figure:
    """Compares the sweeps over the contacts of a campaign with their floor."""
    what = "the sweeps of a published version, a deleted template, a pause and its end"
    return _figure("floor-sweeps", what, swept, TARGET_OTHERS, quick)


def _figure(name: str, what: str, make: Make, target: float, quick: bool) -> Figure:
    contacts = 2_000 if quick else 20_000
    figures = run_pinned(_measure, make, contacts, 3 if quick else ROUNDS)
    value = figures.pop("ratio")
    rounds = figures.pop("rounds")
    settings = figures.pop("settings")
    return Figure(
        name=name,
        what=f"CPU time of {what}, with encoded outputs and changes, by that of its floor",
        value=value,
        unit="times its floor",
        target=target,
        at_most=True,
        ratio=value,
        of="the same bytes in and out with nothing asked",
        runs=rounds,
        settings={"contacts": contacts, "a batch": f"{BATCH:,} records"} | settings,
        beside=figures,
    )


def _measure(make: Make, contacts: int, rounds: int) -> dict[str, Any]:
    """Folds the recording and its floor in turn, batch by batch. Each batch counts with the median
    of its times in all rounds."""
    recording = make(contacts)
    raise_gc_threshold()
    gc.collect()
    gc.freeze()  # the recording is no garbage of the fold
    folds: list[list[float]] = []
    floors: list[list[FloorParts]] = []
    for _ in range(rounds):
        spent, least = fold_in_turn(recording)
        folds.append(spent)
        floors.append(least)
    number = recording.number
    outputs = sum(len(batch.outputs) for batch in recording.batches)
    changes = sum(len(batch.changes) for batch in recording.batches)
    fold = _sum_of_medians(folds)
    parts = [_sum_of_medians([[each[part] for each in run] for run in floors]) for part in range(3)]
    times_us = [rounded_median([part / number * 1e6]) for part in parts]
    return {
        "ratio": rounded_median([fold / sum(parts)]),
        "rounds": [
            rounded_median([sum(spent) / sum(map(sum, least))])
            for spent, least in zip(folds, floors, strict=True)
        ],
        "settings": {"records": number},
        "the fold, CPU us a record": rounded_median([fold / number * 1e6]),
        "the floor, CPU us a record": rounded_median([sum(parts) / number * 1e6]),
        "of it": dict(zip(("messages", "states", "outputs"), times_us, strict=True)),
        "outputs a record": rounded_median([outputs / number]),
        "states written a record": rounded_median([changes / number]),
    }


def _sum_of_medians(rounds: list[list[float]]) -> float:
    return float(sum(median(times) for times in zip(*rounds, strict=True)))


def fold_in_turn(recording: Recording) -> tuple[list[float], list[FloorParts]]:
    """The seconds of each batch, of the fold and of the floor. Both come to the same bytes."""
    task, floor = restored_task(recording), Floor(recording)
    sink, floor_sink = CountingSink(), CountingSink()
    encode = encoder(_encode_command)
    spent, least = [], []
    for batch in recording.batches:
        spent.append(_fold_batch(task, batch.records, encode, sink))
        least.append(floor.fold(batch, floor_sink))
    states = dict(task.store.items())
    del states[POSITION_KEY]
    assert states == floor.states, "the floor has other states than the fold"
    assert (sink.records, sink.bytes) == (floor_sink.records, floor_sink.bytes)
    return spent, least


def _fold_batch(task: Task, records: list[Record], encode: Encode, sink: RecordSink) -> float:
    began = time.process_time()
    task.feed(records)
    while task.advance(STEPS_MAX):
        encode(task.outputs, sink)
        task.outputs.clear()
    task.commit(task.changes())
    return time.process_time() - began


class Floor:
    """The states of a log, moved without a decision."""

    def __init__(self, recording: Recording) -> None:
        self._decode_message = recording.decode_message
        self._decode_state = recording.processor.decode_state
        self.states = dict(recording.restored)

    def fold(self, batch: Batch, sink: RecordSink) -> FloorParts:
        """Moves a batch. The changed states and the outputs are given, so they are brought into the
        processor's caches first, STEPS_MAX of them at a time, and that is not measured."""
        messages = self._decode(batch.records)
        spent, changed = 0.0, []
        for first in range(0, len(batch.changes), STEPS_MAX):
            after = self._decoded(batch.changes[first : first + STEPS_MAX])
            began = time.process_time()
            changed += self._encoded(after)
            spent += time.process_time() - began
        began = time.process_time()
        self.states.update(changed)
        for key, value in batch.changes:
            if value is None:
                self.states.pop(key, None)
        spent += time.process_time() - began
        return FloorParts(messages, spent, self._send(batch.outputs, sink))

    def _decode(self, records: Sequence[Record]) -> float:
        decode, began = self._decode_message, time.process_time()
        for record in records:
            decode(record.value)
        return time.process_time() - began

    def _decoded(self, changes: Changes) -> list[tuple[bytes, bytes, State]]:
        """Key, head and state of what the batch has stored."""
        decode = self._decode_state
        return [
            (key, value[:HEAD], decode(payload_of(value)))
            for key, value in changes
            if value is not None
        ]

    def _encoded(self, after: list[tuple[bytes, bytes, State]]) -> list[tuple[bytes, bytes]]:
        decode, encode, states = self._decode_state, _encode_state, self.states
        changed = []
        for key, head, state in after:
            before = states.get(key)
            if before is not None:
                decode(before[HEAD:])
            changed.append((key, head + encode(state)))
        return changed

    def _send(self, outputs: Sequence[Output], sink: RecordSink) -> float:
        spent = 0.0
        for first in range(0, len(outputs), STEPS_MAX):
            some = [_as_given(output) for output in outputs[first : first + STEPS_MAX]]
            began = time.process_time()
            for topic, key, message, encode, partition, headers in some:
                sink.send(topic, key, encode(copy(message)), partition=partition, headers=headers)
            spent += time.process_time() - began
        return spent


_GivenOutput = tuple[Topic, bytes, Any, Callable[[Any], bytes], int | None, Headers | None]


def _as_given(output: Output) -> _GivenOutput:
    """What the floor has of an output beforehand: of a command the fields of its JSON."""
    topic, key, message = output.topic, output.key, output.message
    if topic in COMMANDS:
        headers, value = _encode_command(message)  # type: ignore[arg-type]
        return topic, key, msgspec.json.decode(value), _encode_json, None, [*headers]
    encode = facts.encode if topic is Topic.FACTS else m.encode
    return topic, key, copy(message), encode, output.partition, None


# the recordings


def record(
    processor: Processor,
    decode_message: Callable[[bytes], Any],
    log: Log,
    number: int,
    restored: Sequence[tuple[bytes, bytes]] = (),
) -> Recording:
    """Folds a log once and keeps what went in and came out."""
    recording = Recording(processor, decode_message, list(restored), [], number)
    task = restored_task(recording)
    outputs: list[Output] = []
    for records in log(outputs):
        outputs.clear()
        task.feed(records)
        while task.advance(STEPS_MAX):
            outputs += task.outputs
            task.outputs.clear()
        changes = task.changes()
        task.commit(changes)
        kept = [(key, value) for key, value in changes if key != POSITION_KEY]
        recording.batches.append(Batch(records, kept, [*outputs]))
    return recording


def restored_task(recording: Recording) -> Task:
    """A task with the states before the log."""
    task = Task(recording.processor, 0)
    for key, value in recording.restored:
        task.restore(key, value)
    task.restored()
    return task


def reviews(contacts: int) -> Recording:
    """The log of `bench contact`."""
    return _contact_fold(people.contact_log_records(contacts, NOW, 1))


def mixed(contacts: int) -> Recording:
    """The log of `bench contact-mix`."""
    return _contact_fold(prospects.mixed_contact_log(contacts, NOW, 1))


def _contact_fold(lines: Iterable[InputRecord]) -> Recording:
    records = [Record(n, NOW, line.key, line.value) for n, line in enumerate(lines)]
    decode = _CONTACT_MESSAGE.decode
    return record(ContactProcessor(), decode, _in_batches(records), len(records))


def dispatched(contacts: int) -> Recording:
    """What the contact fold of both kinds of campaigns writes to dispatch-log, 20 in a
    millisecond, of tenants without limits."""
    asked = [(line.key, line.value) for line in unlimited_tenants(1)]
    for batch in mixed(contacts).batches:
        asked += [
            (out.key, m.encode(out.message))
            for out in batch.outputs
            if out.topic is Topic.DISPATCH_LOG
        ]
    records = [
        Record(n, NOW + n // 20 * MILLISECOND, key, value) for n, (key, value) in enumerate(asked)
    ]
    decode = _DISPATCH_MESSAGE.decode
    return record(DispatchProcessor(), decode, _in_batches(records), len(records))


def _in_batches(records: Sequence[Record]) -> Log:
    def log(_: list[Output]) -> Iterator[list[Record]]:
        for first in range(0, len(records), BATCH):
            yield list(records[first : first + BATCH])

    return log


def swept(contacts: int) -> Recording:
    """The orders of `bench sweep`, one after the other, each with all turns of its sweep. A batch
    is a turn."""
    who = range(0, 50 * contacts, 50)  # all of one tenant
    states = contact_changelog(who, NOW, lambda index: NOW + 24 * HOUR + index, (0,))
    restored = [(line.key, line.value) for line in states if line.key != POSITION_KEY]
    visits = len(sweep.ORDERS) * contacts
    decode = _CONTACT_MESSAGE.decode
    return record(ContactProcessor(), decode, _orders_with_turns, visits, restored)


def _orders_with_turns(outputs: list[Output]) -> Iterator[list[Record]]:
    values = [m.encode(make(0)) for make in sweep.ORDERS.values()]
    offset = 0
    for value in values:
        asked = [value]
        while asked:
            at = NOW + offset * MILLISECOND  # the turns come fast, so they become large
            yield [Record(offset + n, at, m.SWEEP_KEY, each) for n, each in enumerate(asked)]
            offset += len(asked)
            asked = [m.encode(o.message) for o in outputs if o.topic is Topic.CONTACT_LOG]
