"""A lack of memory or files is no fault of the record at hand, which becomes no dead letter: the
worker ends, and its successor goes on at the same record. Messages and states of a later
version stop it until that version runs."""

import errno
from math import inf
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

from processors.contact import ContactProcessor
from processors.fold import store
from processors.fold.task import Record, Task
from processors.fold.turn import Turn
from schemas.base.error_codes import NotReadable
from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.state_bytes import pack
from schemas.internal.states import Contact
from schemas.internal.topics import CHANGELOG_OF, Topic
from streams.base.transport import Partition
from streams.memory.transport import MemoryTransport
from streams.runtime.output_encoding import encoder
from streams.runtime.worker import Worker
from tests.testing.builders import job, step
from tests.testing.story import enrolled
from tests.testing.world import World, WorldClock, encode_command

LOGS_AND_ROLES = (
    (Topic.CONTACT_LOG, "contact"),
    (Topic.DISPATCH_LOG, "dispatch"),
    (Topic.CAMPAIGN_LOG, "campaign"),
)
LATER_KIND = msgspec.msgpack.encode(["Teleported", "acme", "ann"])
LATER_FIELD = msgspec.msgpack.encode([*msgspec.msgpack.decode(m.TICK), "more"])
LATER_VALUE = msgspec.msgpack.encode(["TouchSent", 7])


def run_until_stopped(world: World, role: str) -> str:
    """Why the worker of a role ends; it must."""
    with pytest.raises(NotReadable) as stopped:
        for _ in range(20):
            world.workers[role].run_round()
    return str(stopped.value)


@pytest.mark.parametrize(("log", "role"), LOGS_AND_ROLES)
@pytest.mark.parametrize("value", [LATER_KIND, LATER_FIELD])
def test_a_message_of_a_later_version_stops_the_worker_and_is_no_dead_letter(
    log: Topic, role: str, value: bytes
) -> None:
    world = World()
    world.settle()
    world.broker.append(log, b"acme/ann", value)
    assert "that this version does not know" in run_until_stopped(world, role)
    world.workers[role] = world.worker(role)  # a new process of the same version
    run_until_stopped(world, role)
    assert world.broker.topic(Topic.DEAD_LETTERS) == []


def test_a_value_of_a_later_version_stops_the_worker_too() -> None:
    world = World()
    world.broker.append(Topic.CONTACT_LOG, b"acme/ann", LATER_VALUE)
    run_until_stopped(world, "contact")
    assert world.broker.topic(Topic.DEAD_LETTERS) == []


def test_all_messages_of_this_version_are_read() -> None:
    """Also those with more fields than a short array of msgpack holds."""
    kinds = [kind for kind in m.Message.__subclasses__() if kind.__struct_fields__]
    assert max(len(kind.__struct_fields__) for kind in kinds) > 15
    world = World()
    world.append(job())
    world.settle()
    assert world.broker.topic(Topic.DEAD_LETTERS) == []


def world_with_state_of_later(key: bytes) -> World:
    """A world in which a later version has stored a state under a key, with a timer in an hour; the
    worker of the contacts restores it next."""
    world = enrolled(steps=[step("a", hours=24)])
    log, _ = next(at for at in world.states("contact") if at[1] == b"acme/ann")
    later = pack(world.now + HOUR, 0, msgspec.msgpack.encode(["ContactOfLater", "x"]))
    changelog = Partition(CHANGELOG_OF[log.topic], log.number)
    world.broker.append(changelog.topic, key, later, partition=changelog.number)
    world.workers["contact"] = world.worker("contact")
    return world


def test_a_state_of_a_later_version_that_a_timer_meets_stops_the_worker() -> None:
    world = world_with_state_of_later(b"\0c/acme/reviews")
    world.settle()
    world.now += 2 * HOUR
    assert "the state \0c/acme/reviews cannot be read" in run_until_stopped(world, "contact")
    world.workers["contact"] = world.worker("contact")
    run_until_stopped(world, "contact")
    assert world.broker.topic(Topic.DEAD_LETTERS) == []


def test_a_contact_of_a_later_version_stops_the_worker_when_it_is_restored() -> None:
    """Otherwise sweeps would leave it out."""
    world = world_with_state_of_later(b"acme/ann")
    assert "the state acme/ann cannot be read" in run_until_stopped(world, "contact")
    assert world.broker.topic(Topic.DEAD_LETTERS) == []


# this machine's fault


class OnceBroken(ContactProcessor):
    """A processor that fails with `error` as long as it is set."""

    error: Exception | None = None

    def apply(self, turn: Turn, record: Record) -> None:
        if self.error is not None and record.key:
            raise self.error
        super().apply(turn, record)

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        if self.error is not None:
            raise self.error
        super().fire(turn, key, state)


def worker_with(world: World, processor: ContactProcessor) -> Worker:
    """A new worker of contacts with this processor."""
    partitions = [Partition(Topic.CONTACT_LOG, n) for n in range(2)]
    return Worker(
        MemoryTransport(world.broker, "contact", partitions),
        lambda partition: Task(processor, partition.number),
        encoder(encode_command),
        WorldClock(world=world),
        commit_interval_us=0,
        fold_max_s=inf,
    )


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EMFILE, "too many open files")])
@pytest.mark.parametrize("with_timer", [False, True])
def test_a_lack_of_memory_or_files_ends_the_process_and_the_step_is_tried_again(
    error: Exception, with_timer: bool
) -> None:
    world = enrolled(steps=[step("a", hours=24)])
    processor = OnceBroken()
    world.workers["contact"] = worker_with(world, processor)
    world.settle()
    if with_timer:
        world.now += 25 * HOUR
    else:
        world.append(job("j2", contact_id="ben"))
    processor.error = error
    with pytest.raises(type(error)):
        for _ in range(20):
            world.workers["contact"].run_round()
    assert world.broker.topic(Topic.DEAD_LETTERS) == []
    processor.error = None
    world.workers["contact"] = worker_with(world, processor)
    world.settle()
    assert world.broker.topic(Topic.DEAD_LETTERS) == []
    wanted = "touch.requested" if with_timer else "enrollment.started"
    contacts = {f.contact_id for f in world.facts() if f.fact == wanted}
    assert contacts == ({"ann"} if with_timer else {"ann", "ben"})


def test_a_record_that_is_nested_too_deep_is_poison() -> None:
    """The depth is a property of the record: it fails on every machine."""
    world = World()
    processor = OnceBroken()
    world.workers["contact"] = worker_with(world, processor)
    world.settle()
    processor.error = RecursionError()
    world.append(job())
    for _ in range(20):
        world.workers["contact"].run_round()
    assert len(world.broker.topic(Topic.DEAD_LETTERS)) == 1


# states that timers alone make too large


class Growing(ContactProcessor):
    """A processor whose timers come at once again, and make their state larger each time."""

    firings = 0

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        Growing.firings += 1
        assert isinstance(state, Contact)
        state.ended[f"{'x' * 3_000}{len(state.ended)}"] = 1


def test_a_state_that_timers_alone_make_too_large_becomes_a_dead_letter() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.workers["contact"] = worker_with(world, Growing())
    world.settle()
    world.now += 25 * HOUR
    with patch.object(store, "STATE_MAX_BYTES", 20_000):
        for _ in range(200):
            world.workers["contact"].run_round()
    (letter,) = world.broker.topic(Topic.DEAD_LETTERS)
    assert dict(letter.headers or [])["reason"] == b"TIMER_FAILED"
