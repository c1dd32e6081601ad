"""Workers of this version take over, one after the other, from a version with the state format
before, while records arrive: they go on as if they had folded the whole log."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition

from processors.fold.task import Record, Task
from processors.fold.turn import Output
from schemas.internal import messages as m
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, STATE_FORMAT, TaskPosition
from schemas.internal.topics import Topic
from streams.audit.older_records import forget_older_digests
from streams.audit.refold import refold
from streams.audit.replay.recording import RecordingFile
from streams.base.clock import ScaledClock
from streams.base.settings import Settings, load_settings
from streams.base.transport import Partition
from streams.embedded.stack import Stack
from streams.kafka.clients import admin_client, idempotent_producer
from streams.kafka.reader import TopicReader
from streams.kafka.topics import create_topics
from streams.kafka.transport import KafkaTransport
from streams.runtime.role_process import build_worker
from streams.runtime.roles import task_maker
from streams.runtime.worker import Worker
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

HISTORIES = Path(__file__).parent.parent / "histories"
HISTORY = "edge"
OLDER = STATE_FORMAT - 1
HALF = 50
"""Percent of the log that the earlier version has folded."""


class OlderDeployment:
    """What the earlier version of the role `contact` has left on the brokers: the first part of its
    log, the states, and the offsets of its group. The rest of the log arrives in `arrive`."""

    def __init__(self, stack: Stack, prefix: str) -> None:
        history = RecordingFile(HISTORIES / f"{HISTORY}.jsonl.gz")
        states = RecordingFile(HISTORIES / "states" / f"{OLDER}.{HISTORY}.{HALF}.jsonl.gz")
        self.layout = history.layout
        self.partitions = [
            Partition(Topic.CONTACT_LOG, number)
            for number in range(self.layout.partitions(Topic.CONTACT_LOG))
        ]
        stored = {
            log: [
                line.record
                for line in states.read_partition(Partition(Topic.CONTACT_CHANGELOG, log.number))
            ]
            for log in self.partitions
        }
        positions = {log: _position(records) for log, records in stored.items()}
        assert {each.state_format for each in positions.values()} == {OLDER}
        self.cut = {log: each.next_offset for log, each in positions.items()}
        self.settings = self._settings(
            stack, prefix, min(p.stream_time for p in positions.values())
        )
        create_topics(self.settings, history.layout)
        self._producer: Producer = idempotent_producer(self.settings)
        self.ends = dict(self.cut)
        self._rest: list[tuple[Partition, Record]] = []
        for log in self.partitions:
            for record in stored[log]:
                self._write(Partition(Topic.CONTACT_CHANGELOG, log.number), record)
            for line in history.read_partition(log):
                if line.record.offset < self.cut[log]:
                    self._write(log, line.record)
                else:
                    self._rest.append((log, line.record))
        assert self._producer.flush(15) == 0
        self._rest.sort(key=lambda each: each[1].timestamp)
        self._step = -(-len(self._rest) // 4)
        self._commit_offsets()

    def _settings(self, stack: Stack, prefix: str, shown_at: int) -> Settings:
        """Of a clock that shows the moment at which the earlier version stopped: the time goes on
        with the records that arrive."""
        clock = ScaledClock(time.time_ns() // 1_000, shown_at, 1.0)
        options = {
            "TOUCHSTREAM_TOPIC_PREFIX": prefix,
            "TOUCHSTREAM_SESSION_TIMEOUT_MS": "6000",
            "TOUCHSTREAM_CLOCK": clock.text(),
            "TOUCHSTREAM_MAX_CLOCK_SKEW_S": "100000000",
        }
        return load_settings({**stack.environment(), **options})

    def _write(self, place: Partition, record: Record) -> None:
        name, timestamp_ms = self.settings.topic_prefix + place.topic, record.timestamp // 1_000
        self._producer.produce(name, record.value, record.key, place.number, timestamp=timestamp_ms)

    def _commit_offsets(self) -> None:
        name = self.settings.topic_prefix + Topic.CONTACT_LOG
        offsets = [TopicPartition(name, log.number, at) for log, at in self.cut.items()]
        request = ConsumerGroupTopicPartitions(f"{self.settings.topic_prefix}contact", offsets)
        with admin_client(self.settings) as admin:
            for done in admin.alter_consumer_group_offsets([request]).values():
                done.result()

    def arrive(self) -> dict[Partition, int]:
        """The next quarter of the records arrives. Returns the ends of the log."""
        now, self._rest = self._rest[: self._step], self._rest[self._step :]
        for log, record in now:
            self._write(log, record)
            self.ends[log] = record.offset + 1
        assert self._producer.flush(15) == 0
        return self.ends

    def worker(self, slot: int) -> tuple[Worker, KafkaTransport]:
        """A worker of this version."""
        return build_worker("contact", self.settings.model_copy(update={"slot": slot}), self.layout)

    def read(self, topic: Topic, number: int) -> Iterator[Record]:
        reader = TopicReader(self.settings, topic, number)
        for _, entries in reader.read():
            yield from (entry.record for entry in entries)
        reader.close()


def _position(records: list[Record]) -> TaskPosition:
    value = next(each.value for each in records if each.key == POSITION_KEY)
    return msgspec.msgpack.decode(payload_of(value), type=TaskPosition)


def run(*workers: Worker, owners: int, ends: Mapping[Partition, int]) -> None:
    """Runs these workers in turns until so many of them own partitions, and all records before the
    ends are folded and committed."""
    deadline_s = time.monotonic() + WAIT_TIMEOUT_S
    while time.monotonic() < deadline_s:
        for worker in workers:
            worker.run_round()
        owned = {p: each for worker in workers for p, each in worker.owned.items()}
        done = {
            p
            for p, each in owned.items()
            if each.restoring is None and each.task.committed_position[0] >= ends[p]
        }
        if sum(bool(worker.owned) for worker in workers) == owners and done == ends.keys():
            return
    raise TimeoutError(f"{[worker.owned.keys() for worker in workers]}")


def states(task: Task, stored: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The states as this version writes them."""
    found = {}
    for key, value in stored.items():
        if key != POSITION_KEY:
            state = task.processor.decode_state(payload_of(value))
            forget_older_digests(state)
            found[key] = msgspec.msgpack.encode(state)
    return found


def test_workers_of_this_version_take_over_one_after_the_other(
    stack: Stack, topic_prefix: str
) -> None:
    older = OlderDeployment(stack, topic_prefix)
    workers: dict[int, Worker] = {}
    transports: dict[int, KafkaTransport] = {}

    def replace(slot: int) -> None:
        """Starts the worker of a slot, in the place of its predecessor."""
        if slot in workers:
            transports.pop(slot).close()
        workers[slot], transports[slot] = older.worker(slot)

    try:
        for slot, owners in ((0, 1), (1, 2), (0, 2), (1, 2)):
            replace(slot)
            run(*workers.values(), owners=owners, ends=older.arrive())
    finally:
        for transport in transports.values():
            transport.close()
    written = Counter(
        each.value for number in range(2) for each in older.read(Topic.DISPATCH_LOG, number)
    )
    for log in older.partitions:
        folded, outputs = task_maker("contact", older.layout)(log), list[Output]()
        records, cut = [*older.read(log.topic, log.number)], older.cut[log]
        refold(log, folded, records[:cut], lambda _: None)
        refold(log, folded, records[cut:], outputs.append)
        requests = [m.encode(o.message) for o in outputs if o.topic is Topic.DISPATCH_LOG]
        assert requests
        written.subtract(requests)
        changelog = [*older.read(Topic.CONTACT_CHANGELOG, log.number)]
        assert _position(changelog[::-1]).state_format == STATE_FORMAT
        stored = {each.key: each.value for each in changelog}
        assert states(folded, stored) == states(folded, dict(folded.store.items()))
    assert {value: number for value, number in written.items() if number} == {}
