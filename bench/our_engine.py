"""Workload W on our own runtime: the worker, transport and store of the product, and a small
processor."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from bench import workload
from bench.harness import Measurement, Stopwatch
from processors.fold.key_lists import ListsOf, in_no_list
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


class WorkloadState(State):
    """The state of a contact."""

    count: int = 0
    total: int = 0
    last_kind: str = ""
    last_at: str = ""
    last_event: str = ""


class WorkloadProcessor:
    """Workload W as a processor."""

    decode_state: Callable[[bytes], State] = staticmethod(
        msgspec.msgpack.Decoder(WorkloadState).decode
    )
    lists_of: ListsOf = staticmethod(in_no_list)
    _decode = msgspec.json.Decoder(workload.WorkloadEvent).decode

    def apply(self, turn: Turn, record: Record) -> None:
        event = self._decode(record.value)
        key, store = record.key, turn.store
        counted = store.edit(key, WorkloadState)
        if counted is None:
            counted = WorkloadState()
            store.put(key, counted)
        counted.count += 1
        counted.total += event.amount
        counted.last_kind, counted.last_at = event.kind, event.at
        counted.last_event = event.event_id
        if counted.count % workload.OUTPUT_EVERY == 0:
            turn.send(Topic.FACTS, key, workload.output_of(event, counted.count, counted.total))

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Never called: the workload has no timers."""


def _encode(outputs: Iterable[Output], sink: RecordSink) -> None:
    for output in outputs:
        sink.send(output.topic, output.key, workload.encode(output.message))


def run(settings: Settings, number: int) -> Measurement:
    """Measures from the first record of contact-log to the last commit."""
    transport = KafkaTransport(settings, "contact", (Topic.CONTACT_LOG,))
    processor = WorkloadProcessor()
    worker = Worker(
        transport,
        lambda partition: Task(processor, partition.number),
        _encode,
        ScaledClock(),
        commit_interval_us=COMMIT_US,
    )
    measurement = run_until_committed(worker, number)
    transport.close()
    return measurement


def run_until_committed(worker: Worker, number: int) -> Measurement:
    """Runs a worker until `number` records are committed, and measures from the first one on."""
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
    return watch.measure(number)
