"""Intake processes a public record once, even if its group has lost the committed offsets."""

from math import inf

from schemas.internal.messages import CommandDue, CommandRevoked
from schemas.internal.topics import PUBLIC_IN, Layout, Topic
from schemas.public.codec import encode_event
from schemas.public.example_events import sample_model
from streams.base.settings import load_settings
from streams.base.transport import Partition
from streams.memory.transport import MemoryBroker, MemoryTransport
from streams.runtime.output_encoding import encoder
from streams.runtime.role_process import intake_task_maker
from streams.runtime.worker import Worker
from tests.testing.world import START, WorldClock


class _World:
    """The time of the worker's clock."""

    now = START


def _no_command(_: CommandDue | CommandRevoked) -> tuple[list[tuple[str, bytes]], bytes]:
    raise AssertionError("intake emits no command")


def worker(broker: MemoryBroker) -> Worker:
    partitions = [Partition(topic, number) for topic in PUBLIC_IN for number in range(2)]
    transport = MemoryTransport(broker, "intake", partitions)
    clock = WorldClock(world=_World)
    return Worker(
        transport,
        intake_task_maker(load_settings({})),
        encoder(_no_command),
        clock,
        commit_interval_us=0,
        fold_max_s=inf,
    )


def publish(broker: MemoryBroker, number: int) -> None:
    event = encode_event(
        "job.completed", sample_model("job.completed"), event_id=str(number), source="shop"
    )
    broker.append(Topic.JOBS, b"", event[1], number % 2, [*event[0]])


def test_a_group_that_has_lost_its_offsets_processes_nothing_twice() -> None:
    broker = MemoryBroker(Layout(public=2, contact=1), lambda: START)
    for number in range(4):
        publish(broker, number)
    first = worker(broker)
    for _ in range(4):
        first.run_round()
    assert len(broker.topic(Topic.CONTACT_LOG)) == 4
    broker.offsets.clear()
    publish(broker, 4)
    second = worker(broker)
    for _ in range(4):
        second.run_round()
    assert len(broker.topic(Topic.CONTACT_LOG)) == 5
