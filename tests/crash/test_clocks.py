"""Wrong clocks: a producer's odd timestamp costs its record alone, and a worker goes on when its
own clock is set back."""

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


class IntakeWithClocks:
    """Intake with one partition of jobs. `time` is the worker's clock, `timestamp` that of the next
    record, None for the same time."""

    def __init__(self) -> None:
        self.time = SimpleNamespace(now=START)
        self.timestamp: int | None = None
        layout = Layout(public=1, contact=1)
        self.broker = MemoryBroker(layout, lambda: self.timestamp or self.time.now)
        transport = MemoryTransport(self.broker, "intake", [Partition(t, 0) for t in PUBLIC_IN])
        clock = WorldClock(world=self.time)
        self.worker = Worker(
            transport, intake_task_maker(load_settings({})), encoder(encode_command), clock
        )

    def publish(self, event_id: str, timestamp: int | None = None) -> None:
        self.timestamp = timestamp
        event = sample_model("job.completed")
        headers, value = encode_event("job.completed", event, event_id=event_id, source="shop")
        self.broker.append(Topic.JOBS, b"", value, 0, [*headers])
        self.timestamp = None

    def run(self, seconds: float = 1) -> None:
        for _ in range(int(seconds * 20)):
            self.time.now += 50_000
            self.worker.run_round()

    def count(self, topic: Topic) -> int:
        return len(self.broker.topic(topic))


@pytest.mark.parametrize(
    "milliseconds", [-(2**62), -1, 0, 10**15, 1_780_000_000_000_000_000, MILLISECONDS_MAX]
)
def test_a_timestamp_that_is_no_date_costs_its_record_alone(milliseconds: int) -> None:
    intake = IntakeWithClocks()
    intake.publish("before")
    intake.publish("odd", timestamp=milliseconds * 1_000 or 1)
    intake.publish("after")
    intake.run()
    assert (intake.count(Topic.CONTACT_LOG), intake.count(Topic.DEAD_LETTERS)) == (2, 1)
    (letter,) = intake.broker.topic(Topic.DEAD_LETTERS)
    assert dict(letter.headers or [])["reason"] == b"TIME_OUT_OF_RANGE"


def test_a_worker_whose_clock_is_set_back_commits_as_before() -> None:
    intake = IntakeWithClocks()
    intake.publish("before")
    intake.run()
    intake.time.now -= 10 * MINUTE
    intake.publish("after")
    intake.run()
    assert intake.count(Topic.CONTACT_LOG) == 2
