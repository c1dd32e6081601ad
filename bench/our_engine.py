"""Workload W through our own runtime: worker, Kafka transport and store as they are, a processor of
ten lines on top."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from bench import workload
from bench.harness import Spent, Stopwatch
from processors.fold.task import Record, Task
from processors.fold.turn import Output, Turn
from schemas.internal.states import State
from schemas.internal.topics import Topic
from streams.base.clock import ScaledClock
from streams.base.settings import Settings
from streams.kafka.transport import KafkaTransport
from streams.runtime.output_encoding import RecordSink
from streams.runtime.worker import Worker, raise_gc_threshold

COMMIT_US = 100_000


class Counted(State):
    """What is remembered of a contact."""

    count: int = 0
    total: int = 0
    last_kind: str = ""
    last_at: str = ""
    last_event: str = ""


class Counting:
    """Workload W as a processor."""

    decode_state: Callable[[bytes], State] = staticmethod(msgspec.msgpack.Decoder(Counted).decode)
    _decode = msgspec.json.Decoder(workload.Event).decode

    def apply(self, turn: Turn, record: Record) -> None:
        event = self._decode(record.value)
        key, store = record.key, turn.store
        counted = store.edit(key, Counted)
        if counted is None:
            counted = Counted()
            store.put(key, counted)
        counted.count += 1
        counted.total += event.amount
        counted.last_kind, counted.last_at = event.kind, event.at
        counted.last_event = event.event_id
        if counted.count % workload.EVERY == 0:
            turn.send(Topic.FACTS, key, workload.said(event, counted.count, counted.total))

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Nothing here waits."""


def _encode(outputs: Iterable[Output], sink: RecordSink) -> None:
    for output in outputs:
        sink.send(output.topic, output.key, workload.encode(output.message))


def run(settings: Settings, number: int) -> Spent:
    """Folds all events of contact-log, from the first record to the last commit."""
    transport = KafkaTransport(settings, "contact", (Topic.CONTACT_LOG,))
    processor = Counting()
    worker = Worker(
        transport,
        lambda partition: Task(processor, partition.number),
        _encode,
        ScaledClock(),
        commit_interval_us=COMMIT_US,
    )
    watch = drain(worker, number)
    transport.close()
    return watch


def drain(worker: Worker, number: int) -> Spent:
    """Turns until `number` records are committed; the time before the first one does not count."""
    raise_gc_threshold()
    owned = worker.owned
    watch = Stopwatch()
    while not any(o.task.next_offset for o in owned.values()):
        watch.start()
        worker.run_round()
    while sum(o.task.next_offset for o in owned.values()) < number or any(
        o.task.dirty for o in owned.values()
    ):
        worker.run_round()
    return watch.spent(number)
