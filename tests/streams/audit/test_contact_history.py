"""The history of one contact, folded from logs that hold many contacts."""

from typing import Any

import pytest

from processors.fold.task import Record
from schemas.base.times import SECOND
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import Person
from schemas.internal.topics import Topic
from streams.audit.contact_history import FoldedHistory, fold_contact_history
from streams.base.transport import Partition
from tests.processors.why.test_any_history import enrollments_by_contact
from tests.testing.builders import CAMPAIGN, CONTACT, TENANT, answer_fields, job, publish, step
from tests.testing.history_player import play
from tests.testing.random_histories import random_history
from tests.testing.story import (
    START,
    Sender,
    World,
    contact_of,
    deliver,
    make_sender,
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


def test_the_calls_of_all_tenants_decide_the_history_of_a_contact() -> None:
    """They share the slots of a pool; another tenant has a contact of the same id."""
    world = pool_world("acme", "bolt")
    for tenant_id in ("acme", "bolt"):
        for n in range(3):
            world.now += SECOND  # items of one moment count one another for their positions
            deliver(world, *item(world, tenant_id, f"p{n}"))
    dialler = busy_dialler()
    world.advance_hours(3, [dialler])
    for tenant_id in ("acme", "bolt"):
        for n in range(3):
            found = history_of(world, f"p{n}", tenant_id)
            expected = facts_of(world, f"p{n}", tenant_id)
            assert sorted(map(repr, found.facts)) == sorted(map(repr, expected))
            kinds = [fact.fact for fact in found.facts]
            assert kinds.index(FactKind.CALL_SLOT_GRANTED) < kinds.index(FactKind.TOUCH_COMMANDED)
            assert FactKind.CALL_SLOT_FREED in kinds or FactKind.CALL_SLOT_EXPIRED in kinds


def pool_world(*tenants: str) -> World:
    """A world of tenants with a call campaign each, and one slot for all of them."""
    world = World()
    pool = m.UpsertPool("calls", "p#1", START, 1)
    key = m.PLATFORM.encode()
    world.broker.append(Topic.CAMPAIGN_LOG, key, m.encode(pool))
    for tenant_id in tenants:
        settings = {"quiet_hours": "none"}
        campaign: dict[str, Any] = {
            "kind": "calls",
            "settings": settings,
            "steps": [step("call", "voice")],
        }
        deliver(world, tenant(tenant_id=tenant_id), publish(tenant_id=tenant_id, **campaign))
    return world


def item(world: World, tenant_id: str, contact_id: str) -> list[m.Message]:
    """A person with a phone, in the call campaign of a tenant."""
    fields: dict[str, Any] = {"tenant_id": tenant_id, "contact_id": contact_id, "at": world.now}
    phone = m.Person(phone=f"+1212555010{contact_id[1]}")
    return [
        m.ContactUpserted(**fields, cause=f"u#{tenant_id}{contact_id}", person=phone),
        m.ContactEnrolled(**fields, cause=f"e#{tenant_id}{contact_id}", campaign_id=CAMPAIGN),
    ]


def busy_dialler() -> Sender:
    """A dialler that reports the end of most calls at once, and of some never."""

    def answer(world: World, touch: m.RequestTouch) -> list[m.Message]:
        if touch.contact_id == "p1":
            return []
        return [m.CallEnded(**answer_fields(touch, world), outcome="answered", seconds=9)]

    return make_sender(answer)
