"""A record stamped far ahead of the machine's clock fires nothing. Sweeps in several commits."""

from processors.contact import ContactProcessor
from processors.fold.task import OUTPUTS_MAX, Record, Task
from schemas.base.times import DAY, HOUR
from schemas.internal import messages as m
from tests.testing.builders import job, world_with_campaign
from tests.testing.story import change_campaign, deliver, enrolled
from tests.testing.world import START, World


def test_the_second_record_of_a_batch_is_also_held_by_the_clock_guard() -> None:
    task = Task(ContactProcessor(), 0)
    task.max_timestamp = START + HOUR
    task.feed([Record(0, START, b"", m.TICK), Record(1, START + 2 * DAY, b"", m.TICK)])
    assert task.advance(10) == 1
    assert (task.next_offset, task.stream_time) == (1, START)


def test_a_sweep_is_committed_in_parts() -> None:
    world = world_with_campaign()
    people = OUTPUTS_MAX // 4 + 600
    deliver(world, *(job(f"j{n}", contact_id=f"p{n:06}") for n in range(people)))
    before = world.workers["contact"].transactions
    deliver(world, change_campaign(world, "paused"))
    assert world.workers["contact"].transactions > before + 1
    assert all_frozen(world, people)


def all_frozen(world: World, people: int) -> bool:
    """Whether so many contacts were frozen, all at the moment of the pause."""
    facts = [fact for fact in world.facts() if fact.fact == "enrollment.frozen"]
    return len(facts) == people and len({fact.at for fact in facts}) == 1


def test_a_sweep_needs_no_second_record() -> None:
    world = enrolled()
    deliver(world, change_campaign(world, "paused"))
    assert all_frozen(world, 1)
