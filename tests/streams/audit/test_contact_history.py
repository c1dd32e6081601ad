"""The history of one contact, folded from logs that hold many contacts."""

import pytest

from processors.fold.task import Record
from schemas.base.times import SECOND
from schemas.internal.facts import Fact
from schemas.internal.messages import Person
from streams.audit.contact_history import FoldedHistory, fold_contact_history
from streams.base.transport import Partition
from tests.processors.why.test_any_history import enrollments_by_contact
from tests.testing.builders import CONTACT, TENANT, job, step
from tests.testing.history_player import play
from tests.testing.random_histories import random_history
from tests.testing.story import (
    START,
    World,
    contact_of,
    deliver,
    tenant,
    unsubscribed,
    working_senders,
    world_with_campaign,
)


def history_of(world: World, contact_id: str = CONTACT, tenant_id: str = TENANT) -> FoldedHistory:
    def read(place: Partition) -> list[Record]:
        return [
            Record(r.offset, r.timestamp, r.key or b"", r.value or b"")
            for r in world.broker.log(place)
        ]

    return fold_contact_history(tenant_id, contact_id, world.layout, read)


def facts_of(world: World, contact_id: str = CONTACT, tenant_id: str = TENANT) -> list[Fact]:
    """The facts that the engine has emitted about a contact, in their order."""
    return [f for f in world.facts() if (f.tenant_id, f.contact_id) == (tenant_id, contact_id)]


@pytest.mark.parametrize("seed", range(20))
def test_the_history_of_each_contact_equals_the_engines_facts_and_states(seed: int) -> None:
    world = play(random_history(seed, 60))
    states = enrollments_by_contact(world)
    assert states
    for (tenant_id, contact_id), runs in states.items():
        found = history_of(world, contact_id, tenant_id)
        assert found.runs is not None
        assert sorted(map(repr, found.runs)) == sorted(map(repr, runs))
        expected = facts_of(world, contact_id, tenant_id)
        assert sorted(map(repr, found.facts)) == sorted(map(repr, expected))


def test_a_limit_that_other_contacts_have_used_up_shows_in_the_history() -> None:
    world = world_with_campaign(steps=[step("a", hours=1)], settings={"quiet_hours": "none"})
    deliver(world, tenant(at=START + 1, cause="t#2", limits={"email": 2}))
    for n in range(5):
        person = Person(email=f"p{n}@example.com", timezone="America/Chicago")
        deliver(world, job(f"j{n}", START + n * SECOND, contact_id=f"p{n}", person=person))
    world.advance_hours(4, working_senders())
    for n in range(5):
        found = history_of(world, f"p{n}")
        assert found.facts == facts_of(world, f"p{n}")
        assert found.runs == contact_of(world, f"p{n}").enrollments


def test_causes_stand_before_their_effects() -> None:
    world = world_with_campaign()
    deliver(world, job())
    world.advance_hours(24)
    deliver(world, unsubscribed(world, "all"))
    world.advance_hours(100, working_senders())
    assert history_of(world).facts == facts_of(world)


def test_a_contact_that_no_log_names_has_no_history() -> None:
    world = deliver(world_with_campaign(), job())
    assert history_of(world, "nobody") == ([], None)
    assert history_of(world, CONTACT, "bolt") == ([], None)
