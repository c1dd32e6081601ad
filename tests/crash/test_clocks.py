"""Clocks that lie: a producer's stamp stops nobody, and a worker whose own is set back goes on."""

from types import SimpleNamespace

import pytest

from schemas.base.times import MINUTE
from schemas.internal.topics import PUBLIC_IN, Layout, Topic
from schemas.public.codec import encode_event
from schemas.public.example_events import sample_model
from streams.base.settings import load_settings
from streams.base.transport import Partition
from streams.memory.transport import MemoryBroker, MemoryTransport
from streams.runtime.output_encoding import encoder
from streams.runtime.role_process import intake_task_maker
from streams.runtime.worker import Worker
from tests.testing.world import START, WorldClock, encode_command

MILLISECONDS_MAX = 2**63 - 1


class Shop:
    """One partition of jobs, intake, and the two clocks."""

    def __init__(self) -> None:
        self.time = SimpleNamespace(now=START)
        self.stamp: int | None = None
        layout = Layout(public=1, contact=1)
        self.broker = MemoryBroker(layout, lambda: self.stamp or self.time.now)
        transport = MemoryTransport(self.broker, "intake", [Partition(t, 0) for t in PUBLIC_IN])
        clock = WorldClock(world=self.time)
        self.worker = Worker(
            transport, intake_task_maker(load_settings({})), encoder(encode_command), clock
        )

    def publish(self, event_id: str, stamp: int | None = None) -> None:
        self.stamp = stamp
        event = sample_model("job.completed")
        headers, value = encode_event("job.completed", event, event_id=event_id, source="shop")
        self.broker.append(Topic.JOBS, b"", value, 0, [*headers])
        self.stamp = None

    def run(self, seconds: float = 1) -> None:
        for _ in range(int(seconds * 20)):
            self.time.now += 50_000
            self.worker.run_round()

    def count(self, topic: Topic) -> int:
        return len(self.broker.topic(topic))


@pytest.mark.parametrize(
    "milliseconds", [-(2**62), -1, 0, 10**15, 1_780_000_000_000_000_000, MILLISECONDS_MAX]
)
def test_a_stamp_that_is_no_date_costs_its_record_alone(milliseconds: int) -> None:
    shop = Shop()
    shop.publish("before")
    shop.publish("odd", stamp=milliseconds * 1_000 or 1)
    shop.publish("after")
    shop.run()
    assert (shop.count(Topic.CONTACT_LOG), shop.count(Topic.DEAD_LETTERS)) == (2, 1)
    (letter,) = shop.broker.topic(Topic.DEAD_LETTERS)
    assert dict(letter.headers or [])["reason"] == b"TIME_OUT_OF_RANGE"


def test_a_worker_whose_clock_is_set_back_commits_as_before() -> None:
    shop = Shop()
    shop.publish("before")
    shop.run()
    shop.time.now -= 10 * MINUTE
    shop.publish("after")
    shop.run()
    assert shop.count(Topic.CONTACT_LOG) == 2
