"""A record without any value is no event and no fault: it is ignored, counted and logged. An empty
value is a dead letter."""

import logging
from math import inf

import pytest

from processors.fold.task import Task
from processors.intake import IntakeProcessor
from schemas.internal.topics import ONE_MACHINE, Topic
from schemas.public.codec import Decoder
from streams.base.clock import ScaledClock
from streams.base.transport import Partition
from streams.memory.transport import MemoryBroker, MemoryTransport
from streams.runtime.output_encoding import encoder
from streams.runtime.worker import Worker
from tests.testing.public_records import record_headers, record_value
from tests.testing.world import START, encode_command

CONTACTS = Partition(Topic.CONTACTS, 0)


def broker_with(*values: bytes | None) -> MemoryBroker:
    broker = MemoryBroker(ONE_MACHINE, lambda: START)
    for value in values:
        headers = record_headers("contact.upserted") if value else None
        broker.append(Topic.CONTACTS, b"acme/c-1", value, headers=headers)  # type: ignore[arg-type]
    return broker


def intake(broker: MemoryBroker) -> Worker:
    processor = IntakeProcessor(Topic.CONTACTS, Decoder().decode)
    return Worker(
        MemoryTransport(broker, "intake", [CONTACTS]),
        lambda partition: Task(processor, partition.number),
        encoder(encode_command),
        ScaledClock(),
        commit_interval_us=0,
        fold_max_s=inf,
    )


def test_a_tombstone_is_ignored_and_the_log_says_how_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "touchstream.worker")
    broker = broker_with(None, record_value("contact.upserted"), None)
    worker = intake(broker)
    for _ in range(4):
        worker.run_round()
    assert broker.topic(Topic.DEAD_LETTERS) == []
    assert len(broker.topic(Topic.CONTACT_LOG)) == 1
    assert broker.offsets["intake", CONTACTS] == 3
    (line,) = [line for line in caplog.records if "tombstones" in line.message]
    assert (line.partition, line.records) == (CONTACTS, 2)  # type: ignore[attr-defined]


def test_a_count_begins_anew_with_each_batch() -> None:
    worker = intake(broker_with(None))
    for _ in range(3):
        worker.run_round()
    (owned,) = worker.owned.values()
    assert owned.task.ignored == 0


def test_an_empty_value_is_a_dead_letter() -> None:
    broker = broker_with(b"")
    worker = intake(broker)
    for _ in range(3):
        worker.run_round()
    (letter,) = broker.topic(Topic.DEAD_LETTERS)
    assert dict(letter.headers or ())["reason"] == b"VALUE_EMPTY"
    assert broker.topic(Topic.CONTACT_LOG) == []
