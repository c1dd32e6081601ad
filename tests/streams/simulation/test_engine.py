"""The engine of a simulation decides what the worker decides."""

from schemas.base.times import HOUR, MILLISECOND
from schemas.internal.messages import ExternalEvent, RequestTouch, encode
from schemas.internal.topics import Topic
from streams.simulation.engine import log_timestamp
from streams.simulation.population import PlannedRecord, entry_records
from streams.simulation.scenario import setup_records
from tests.testing.simulation_harness import MIXED_BEHAVIOUR, scenario, sequence, simulate
from tests.testing.world import START, World

PEOPLE = 12


def test_the_worker_gives_the_same_commands_as_the_simulation() -> None:
    """Compares command by command. The worker's logs have two partitions each."""
    simulated = scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=PEOPLE)
    recorded = simulate(simulated).recorded
    assert simulated.population is not None
    people = entry_records(simulated.population, [sequence().definition], START, None)
    world = World()
    for record in setup_records(simulated.campaigns, simulated.tenants, START):
        world.broker.append(record.topic, record.key, record.value)
        world.settle()
    reactions = [planned_record(signal.at, event.message) for _, signal, event in recorded.events]
    for record in [*people, *reactions]:
        world.advance_to(record.at - MILLISECOND)
        world.now = record.at
        world.broker.append(record.topic, record.key, record.value)
        world.settle()
    world.advance_to(world.now + 1_000 * HOUR)
    touches = recorded.commanded_touches()
    assert sorted(map(comparable, world.commanded_touches())) == sorted(map(comparable, touches))
    assert len(touches) > 3 * PEOPLE


def planned_record(at: int, message: ExternalEvent) -> PlannedRecord:
    key = f"{message.tenant_id}/{message.contact_id}".encode()
    return PlannedRecord(at, Topic.CONTACT_LOG, key, encode(message))


def comparable(touch: RequestTouch) -> tuple[str, str, str, int, int, int]:
    ids = (touch.command_id, touch.step_id, touch.recipient)
    return *ids, touch.emission, touch.scheduled_at, touch.due_at


def test_log_timestamps_are_rounded_up_to_whole_milliseconds() -> None:
    assert [log_timestamp(at) for at in (0, 1, 999, 1_000, 1_001)] == [
        0,
        1_000,
        1_000,
        1_000,
        2_000,
    ]
