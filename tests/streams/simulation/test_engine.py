"""The engine of a simulation: the worker's loop decides the same (design 7)."""

from schemas.base.times import HOUR, MILLISECOND
from schemas.internal.messages import ExternalEvent, RequestTouch, encode
from schemas.internal.topics import Topic
from streams.simulation.engine import log_timestamp
from streams.simulation.population import PlannedRecord, entry_records
from streams.simulation.scenario import setup_records
from tests.testing.simulation_harness import LIVELY, scenario, sequence, tried
from tests.testing.world import START, World

PEOPLE = 12


def test_the_loop_of_the_worker_decides_the_same() -> None:
    """Command by command; the loop has two partitions of each log."""
    given = scenario(sequence(), behaviour=LIVELY, people=PEOPLE)
    kept = tried(given).kept
    assert given.population is not None
    people = entry_records(given.population, [sequence().definition], START, None)
    world = World()
    for order in setup_records(given.campaigns, given.tenants, START):
        world.broker.append(order.topic, order.key, order.value)
        world.settle()
    answers = [recorded(said.at, told.message) for _, said, told in kept.events]
    for record in [*people, *answers]:
        world.run(record.at - MILLISECOND)
        world.now = record.at
        world.broker.append(record.topic, record.key, record.value)
        world.settle()
    world.run(world.now + 1_000 * HOUR)
    assert sorted(map(seen, world.due())) == sorted(map(seen, kept.due()))
    assert len(kept.due()) > 3 * PEOPLE


def recorded(at: int, message: ExternalEvent) -> PlannedRecord:
    key = f"{message.tenant_id}/{message.contact_id}".encode()
    return PlannedRecord(at, Topic.CONTACT_LOG, key, encode(message))


def seen(touch: RequestTouch) -> tuple[str, str, str, int, int, int]:
    ids = (touch.command_id, touch.step_id, touch.recipient)
    return *ids, touch.emission, touch.scheduled_at, touch.due_at


def test_a_log_has_what_happens_in_whole_milliseconds_and_never_before() -> None:
    assert [log_timestamp(micros) for micros in (0, 1, 999, 1_000, 1_001)] == [
        0,
        1_000,
        1_000,
        1_000,
        2_000,
    ]
