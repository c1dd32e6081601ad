"""Contact, pool and campaign together: a queue of people is called through the slots of a tenant,
with lost and late ends, and the campaign completes itself (S3-13, F-17)."""

from collections import Counter
from typing import Any

import pytest

from schemas.base.times import HOUR, MILLISECOND, MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.call_states import LEASE_PREFIX
from schemas.internal.enrollment import Phase
from schemas.internal.facts import FactKind
from schemas.internal.item_status import item_status
from tests.testing.builders import CAMPAIGN, publish
from tests.testing.call_desk import call_step, usual_redial
from tests.testing.story import World, contact_of, new_event, reasons, tenant, upserted

NAMES = [f"p{number:02}" for number in range(12)]
STEP_US = 20 * SECOND


class Dialler:
    """Places every command at once, and reports its end a minute later; `outcome_of` decides what
    that is, None is an end that nobody reports."""

    def __init__(self, world: World, outcomes: dict[str, list[str | None]]) -> None:
        self.world = world
        self.outcomes = outcomes
        self.ends: list[tuple[int, m.RequestTouch, str]] = []
        self.placed: list[m.RequestTouch] = []
        self.most = 0

    def work(self) -> None:
        """Answers new commands, and reports the ends that are due."""
        seen = {(touch.command_id, touch.emission) for touch in self.placed}
        for touch in self.world.commanded_touches():
            if (touch.command_id, touch.emission) not in seen:
                self.placed.append(touch)
                self.report(m.TouchSent, touch)
                outcome = self.outcomes.get(touch.contact_id, ["answered"])[touch.attempt - 1]
                if outcome is not None:
                    self.ends.append((self.world.now + MINUTE, touch, outcome))
        self.most = max(self.most, len(self.ends))
        for end in [end for end in self.ends if end[0] <= self.world.now]:
            self.ends.remove(end)
            self.report(m.CallEnded, end[1], outcome=end[2], seconds=30, call_id="CA-1")

    def report(self, kind: type[m.ExternalEvent], touch: m.RequestTouch, **fields: Any) -> None:
        ids = {"contact_id": touch.contact_id, "command_id": touch.command_id}
        self.world.append(new_event(self.world, kind, **{**ids, **fields}))


def campaign_of(*names: str, **redial: Any) -> World:
    """A call campaign with these people, in the order of the list."""
    world = World()
    world.append(tenant())
    world.settle()
    world.append(publish(kind="calls", steps=[call_step(redial=usual_redial(**redial))]))
    world.settle()
    for number, name in enumerate(names):
        world.append(upserted(world, name, first_name="A", phone=f"+121255501{number:02}"))
        who = ("acme", name, f"order#{name}", world.now, CAMPAIGN)
        world.append(m.ContactEnrolled(*who))
        world.settle()
        world.now += MILLISECOND  # the order of one moment is that of each partition
    return world


def run(world: World, dialler: Dialler, hours: float) -> None:
    """Moves on in steps that are shorter than a call."""
    until = world.now + int(hours * HOUR)
    while world.now < until:
        dialler.work()
        world.advance_to(world.now + STEP_US)


def statuses(world: World, *names: str) -> Counter[str]:
    return Counter(item_status(contact_of(world, name).enrollments[-1]) for name in names)


def slots(world: World) -> int:
    """The slots of calls that the pool knows of."""
    return sum(key.startswith(LEASE_PREFIX) for _, key in world.states("dispatch"))


def test_everybody_is_called_through_two_slots_and_the_campaign_completes() -> None:
    world = campaign_of(*NAMES)
    dialler = Dialler(world, {})
    run(world, dialler, 0.5)
    assert dialler.most == 2
    assert statuses(world, *NAMES) == {"completed": 12}
    assert [touch.contact_id for touch in dialler.placed] == NAMES
    assert all(contact_of(world, name).calls == {} for name in NAMES)
    assert slots(world) == 0
    world.advance_hours(1)
    assert len(world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)) == 1
    assert contact_of(world, "p00").enrollments[-1].touches[0].phase is Phase.SENT


@pytest.mark.parametrize("late_hours", [0.1, 0.5, 3.0])
def test_lost_and_late_ends_free_their_slots_and_correct_their_items(late_hours: float) -> None:
    """The slot of a call expires after 17 minutes and 45 seconds without its end."""
    names = NAMES[:6]
    world = campaign_of(*names, max_attempts=1)
    dialler = Dialler(world, {"p00": [None], "p01": [None]})
    run(world, dialler, late_hours)
    lost = [touch for touch in dialler.placed if touch.contact_id in ("p00", "p01")]
    for touch in lost:
        dialler.report(m.CallEnded, touch, outcome="answered", seconds=20)
    world.settle()
    run(world, dialler, 0.5)
    assert statuses(world, *names) == {"completed": 6}
    assert all(contact_of(world, name).calls == {} for name in names)
    expired = len(world.facts(FactKind.CALL_SLOT_EXPIRED))
    assert expired == (0 if late_hours < 0.25 else 2)


def test_busy_people_are_called_again_and_then_given_up() -> None:
    world = campaign_of("p00", "p01", max_attempts=2)
    dialler = Dialler(world, {"p00": ["busy", "answered"], "p01": ["busy", "busy"]})
    run(world, dialler, 2)
    assert Counter(touch.contact_id for touch in dialler.placed) == {"p00": 2, "p01": 2}
    assert statuses(world, "p00", "p01") == {"completed": 1, "failed": 1}
    assert reasons(world, FactKind.TOUCH_FAILED) == ["busy"]


def test_a_direct_call_goes_before_those_that_wait() -> None:
    world = campaign_of(*NAMES[:6])
    dialler = Dialler(world, {})
    dialler.work()
    world.settle()
    ask = m.CallRequested("acme", "vip", "ask#1", world.now, m.Person(phone="+12125550199"))
    world.append(ask)
    world.settle()
    run(world, dialler, 0.2)
    order = [touch.contact_id for touch in dialler.placed]
    assert order.index("vip") == 2
    assert statuses(world, "vip", *NAMES[:6]) == {"completed": 7}


def test_an_erased_person_holds_no_slot() -> None:
    world = campaign_of(*NAMES[:4])
    dialler = Dialler(world, {})
    dialler.work()
    world.settle()
    world.append(new_event(world, m.ContactErased, contact_id="p00"))
    world.settle()
    run(world, dialler, 0.2)
    assert statuses(world, *NAMES[:4]) == {"completed": 4}  # the first one has answered
    assert contact_of(world, "p00").calls == {}
    assert world.facts(FactKind.CALL_SLOT_EXPIRED) == []
