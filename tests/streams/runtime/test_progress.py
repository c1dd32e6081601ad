"""A worker that has work in hand and commits nothing gives its partitions up, and says why."""

import logging
import time

import pytest

from processors.fold.task import Task
from processors.intake import IntakeProcessor
from schemas.internal.topics import ONE_MACHINE, Topic
from schemas.public.codec import Decoder
from streams.base.clock import ScaledClock
from streams.base.transport import Headers, Partition, Stalled, TransactionAborted
from streams.memory.transport import MemoryBroker, MemoryTransport
from streams.runtime.output_encoding import encoder
from streams.runtime.progress import Progress
from streams.runtime.worker import Worker
from tests.testing.public_records import record_headers, record_value
from tests.testing.world import START, encode_command

A, B = Partition(Topic.CONTACT_LOG, 0), Partition(Topic.CONTACT_LOG, 1)
LIMIT_S = 0.05


class Owned:
    """A partition as the watchdog looks at it."""

    def __init__(self, unfinished: bool = True) -> None:
        self.unfinished, self.mark = unfinished, 0


def test_work_without_progress_ends_and_the_last_error_is_named() -> None:
    progress, owned = Progress(LIMIT_S), Owned()
    progress.check([(A, owned)])
    progress.reason = "the clock is wrong"
    time.sleep(2 * LIMIT_S)
    with pytest.raises(Stalled, match=r"contact-log\[0\]: work in hand.*the clock is wrong"):
        progress.check([(A, owned)])


@pytest.mark.parametrize("change", ["progress", "nothing to do", "excuse"])
def test_progress_idleness_and_a_known_outage_are_no_standstill(change: str) -> None:
    progress, owned = Progress(LIMIT_S), Owned()
    progress.check([(A, owned)])
    time.sleep(2 * LIMIT_S)
    if change == "progress":
        owned.mark += 1
    elif change == "excuse":
        progress.excuse()
    else:
        owned.unfinished = False
    progress.check([(A, owned)])
    owned.unfinished = True
    progress.check([(A, owned)])


def test_a_partition_that_stands_still_beside_others_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    progress, still, busy = Progress(LIMIT_S), Owned(), Owned()
    for _ in range(4):
        busy.mark += 1
        progress.check([(A, still), (B, busy)])
        time.sleep(LIMIT_S)
    assert "others go on" in caplog.text
    with pytest.raises(Stalled):
        for _ in range(4):
            progress.check([(A, still), (B, busy)])
            time.sleep(LIMIT_S)


def test_a_worker_whose_commits_always_fail_gives_up_and_keeps_no_record_twice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, "touchstream.worker")

    def fail(step: str) -> None:
        raise TransactionAborted("the broker refuses the records")

    broker = MemoryBroker(ONE_MACHINE, lambda: START)
    headers: Headers = [*record_headers("contact.upserted")]
    value = record_value("contact.upserted")
    broker.append(Topic.CONTACTS, b"acme/c-1", value, headers=headers)
    contacts = Partition(Topic.CONTACTS, 0)
    processor = IntakeProcessor(Topic.CONTACTS, Decoder().decode)
    worker = Worker(
        MemoryTransport(broker, "intake", [contacts], fail),
        lambda partition: Task(processor, partition.number),
        encoder(encode_command),
        ScaledClock(),
        commit_interval_us=0,
        stalled_after_s=LIMIT_S,
    )
    with pytest.raises(Stalled, match="the broker refuses the records"):
        worker.run(lambda: False)
    (owned,) = worker.owned.values()
    assert [record.offset for record in owned.task.inbox] == [0]
    assert broker.topic(Topic.CONTACT_LOG) == []
