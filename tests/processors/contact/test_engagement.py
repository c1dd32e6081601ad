"""Opens, clicks and reviews: counted once, credited to the right touch (F-12, C-40)."""

from itertools import permutations

import msgspec
import pytest

from schemas.base.times import MINUTE
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import Message, ReviewReceived, TouchSeen
from tests.testing.builders import publish, step
from tests.testing.story import (
    World,
    bounced,
    deliver,
    enroll_by_hand,
    enrolled,
    enrollment_of,
    failed,
    job,
    make_sender,
    prospecting,
    reasons,
    reviewed,
    seen,
    sent,
    tenant,
    working_senders,
)


def sent_twice() -> World:
    """A world in which Ann has two mails and a third is to come."""
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24), step("c", hours=24)])
    world.advance_hours(50, working_senders())
    return world


@pytest.mark.parametrize(
    ("signal", "kind"),
    [
        ("delivered", FactKind.TOUCH_DELIVERED),
        ("opened", FactKind.TOUCH_OPENED),
        ("clicked", FactKind.TOUCH_CLICKED),
        ("read", FactKind.TOUCH_READ),
    ],
)
def test_the_first_signal_of_its_kind_is_a_fact_and_the_rest_change_nothing(
    signal: str, kind: FactKind
) -> None:
    world = sent_twice()
    touch = world.commanded_touches()[0]
    deliver(world, *[seen(world, touch, signal)] * 3)
    world.advance_hours(1)
    deliver(world, seen(world, touch, signal))
    facts = world.facts(kind)
    assert [(f.touch_number, f.command_id) for f in facts] == [(1, touch.command_id)]


def test_the_earliest_open_is_kept_whatever_the_order() -> None:
    ends = set()
    for order in permutations((3, 1, 2)):
        world = sent_twice()
        touch = world.commanded_touches()[0]
        opens = [seen(world, touch, at=world.now - n * MINUTE) for n in order]
        deliver(world, *opens)
        ends.add(enrollment_of(world).touches[0].opened_at)
    assert ends == {world.now - 3 * MINUTE}


def test_an_earlier_open_that_arrives_later_redates_the_first() -> None:
    world = sent_twice()
    touch = world.commanded_touches()[0]
    moments = [world.now - n * MINUTE for n in (2, 1, 3)]
    deliver(world, *(seen(world, touch, at=at) for at in moments))
    assert len(world.facts(FactKind.TOUCH_OPENED)) == 1
    (redated,) = world.facts(FactKind.TOUCH_REDATED)
    redated_as = (redated.reason, redated.command_id, redated.occurred_at)
    assert redated_as == ("opened", touch.command_id, fact_time(moments[-1]))


def test_an_open_may_arrive_before_the_sending() -> None:
    world = enrolled()
    world.advance_hours(24)
    touch = world.commanded_touches()[0]
    deliver(world, seen(world, touch))
    deliver(world, *sent(world, touch))
    first = enrollment_of(world).touches[0]
    assert (first.phase, first.opened_at is not None) == (Phase.SENT, True)


def test_an_open_of_an_ended_enrollment_still_counts() -> None:
    world = sent_twice()
    deliver(world, reviewed(world))
    deliver(world, seen(world, world.commanded_touches()[0]))
    assert len(world.facts(FactKind.TOUCH_OPENED)) == 1


@pytest.mark.parametrize("signal", ["opened", "clicked"])
def test_a_signal_of_a_machine_is_a_fact_and_moves_nothing(signal: str) -> None:
    """The click or open of a person after it is the first one."""
    wait = {"event": ["click", "open"], "max_wait_hours": 72, "on_event": {"branch": "hot"}}
    steps = [
        step("a", hours=1, wait_for=wait),
        step("b", hours=1, skip_when=["opened", "clicked"], then="complete"),
        step("hot"),
    ]
    world = prospecting(*steps, quiet_hours="none")
    world.advance_hours(2, working_senders())
    (touch,) = world.commanded_touches()
    deliver(world, *(seen(world, touch, each, automatic=True) for each in ("opened", "clicked")))
    kind = FactKind(f"touch.{signal}")
    assert reasons(world, kind) == ["automatic"]
    waiting = enrollment_of(world)
    assert (waiting.touches[0].opened_at, waiting.touches[0].clicked_at) == (None, None)
    assert waiting.waiting is not None
    deliver(world, seen(world, touch, signal))
    assert reasons(world, kind) == ["automatic", None]
    assert reasons(world, FactKind.TRIGGER_MET) == [signal.removesuffix("ed")]


def test_a_machine_leaves_the_time_of_a_person() -> None:
    world = sent_twice()
    touch = world.commanded_touches()[0]
    deliver(world, seen(world, touch))
    deliver(world, seen(world, touch, at=world.now - MINUTE, automatic=True))
    assert enrollment_of(world).touches[0].opened_at == world.now
    assert world.facts(FactKind.TOUCH_REDATED) == []


def test_a_review_click_converts_the_touch_that_was_answered() -> None:
    world = sent_twice()
    deliver(world, reviewed(world, command_id=world.commanded_touches()[0].command_id))
    touches = enrollment_of(world).touches
    assert [t.converted_at is not None for t in touches] == [True, False, False]
    assert [f.touch_number for f in world.facts(FactKind.TOUCH_CONVERTED)] == [1]


def test_without_a_command_the_last_touch_sent_is_credited() -> None:
    world = sent_twice()
    deliver(world, reviewed(world, "feedback_submitted"))
    assert [f.touch_number for f in world.facts(FactKind.TOUCH_CONVERTED)] == [2]
    assert reasons(world, FactKind.TOUCH_CONVERTED) == ["feedback_submitted"]


def test_a_review_of_a_failed_attempt_credits_the_touch_it_belonged_to() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)])
    world.advance_hours(24)
    first = world.commanded_touches()[0]
    deliver(world, *failed(world, first))
    world.advance_hours(30, working_senders(world))
    deliver(world, reviewed(world, command_id=first.command_id))
    assert [f.touch_number for f in world.facts(FactKind.TOUCH_CONVERTED)] == [1]


def test_a_review_after_the_end_is_a_conversion_all_the_same() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(25, working_senders())
    assert enrollment_of(world).status is Status.COMPLETED
    deliver(world, reviewed(world))
    assert enrollment_of(world).converted_at == world.now
    assert world.facts(FactKind.ENROLLMENT_STOPPED) == []


def test_a_review_before_anything_was_sent_stops_and_credits_no_touch() -> None:
    world = enrolled()
    deliver(world, reviewed(world))
    assert enrollment_of(world).reason == "review_clicked"
    assert [f.touch_number for f in world.facts(FactKind.TOUCH_CONVERTED)] == [None]


def test_the_earliest_conversion_is_kept_whatever_the_order() -> None:
    ends = set()
    for order in ((0, 1), (1, 0)):
        world = sent_twice()
        ids = ("acme", "ann", "x#1")
        click = ReviewReceived(*ids, world.now - 5 * MINUTE, "review_clicked")
        reviews = (click, ReviewReceived(*ids, world.now, "feedback_submitted"))
        deliver(world, *[reviews[index] for index in order])
        ends.add(
            (
                enrollment_of(world).converted_at,
                enrollment_of(world).conversion,
                enrollment_of(world).touches[1].converted_at,
            )
        )
        assert len(world.facts(FactKind.TOUCH_CONVERTED)) == 1
    assert ends == {(click.at, "review_clicked", click.at)}


def test_a_review_for_one_campaign_leaves_the_other_running() -> None:
    world = enrolled()
    deliver(world, publish(campaign_id="roofs", service_type="roofing"))
    deliver(world, enroll_by_hand(world, "roofs"))
    deliver(world, reviewed(world, campaign_id="roofs"))
    assert [enrollment_of(world, n).status for n in (0, 1)] == [Status.ACTIVE, Status.STOPPED]


@pytest.mark.parametrize("named", [True, False])
def test_a_review_that_names_nothing_stops_every_running_enrollment(named: bool) -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)])
    deliver(world, publish(campaign_id="roofs", service_type="roofing"))
    deliver(world, enroll_by_hand(world, "roofs"))
    world.advance_hours(25, working_senders())
    command_id = next(t.command_id for t in world.commanded_touches() if t.campaign_id == "roofs")
    deliver(world, reviewed(world, command_id=command_id if named else None))
    other = Status.ACTIVE if named else Status.STOPPED
    assert [enrollment_of(world, n).status for n in (0, 1)] == [other, Status.STOPPED]
    assert len(world.facts(FactKind.TOUCH_CONVERTED)) == 1


UNKNOWN = "00000000-0000-8000-8000-000000000000"


def reports_about(world: World, command_id: str) -> list[Message]:
    """Every event that can name a command."""
    touch = msgspec.structs.replace(world.commanded_touches()[0], command_id=command_id)
    events = [*sent(world, touch), *failed(world, touch), bounced(world, touch), seen(world, touch)]
    return [*events, reviewed(world, command_id=command_id)]


def test_an_unknown_command_is_refused_with_a_code_and_changes_nothing() -> None:
    world = sent_twice()
    before = enrollment_of(world)
    deliver(world, *reports_about(world, UNKNOWN))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["COMMAND_UNKNOWN"] * 5
    assert enrollment_of(world) == before


def test_the_command_of_another_tenant_is_unknown() -> None:
    world = sent_twice()
    deliver(world, tenant(tenant_id="other"), publish(tenant_id="other"))
    deliver(world, job(tenant_id="other"))
    theirs = world.commanded_touches()[0].command_id
    before = enrollment_of(world)
    deliver(world, TouchSeen("other", "ann", "x#1", world.now, theirs, "opened"))
    assert [(f.tenant_id, f.reason) for f in world.facts(FactKind.EVENT_REFUSED)] == [
        ("other", "COMMAND_UNKNOWN")
    ]
    assert enrollment_of(world) == before


def test_a_review_of_somebody_who_was_never_enrolled_is_refused_with_a_code() -> None:
    world = enrolled(changes={"enroll": False})
    deliver(world, reviewed(world))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["ENROLLMENT_NONE"]


def test_an_event_about_an_unknown_contact_is_refused_with_a_code() -> None:
    world = enrolled()
    deliver(world, TouchSeen("acme", "zoe", "x#1", world.now, UNKNOWN, "opened"))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["CONTACT_UNKNOWN"]


def test_rates_can_be_recounted_from_the_facts() -> None:
    """S1-33: opens of touch 1 over sends of touch 1; a later status changes neither."""
    world = enrolled(steps=[step("a", hours=24)])
    for number in range(9):
        deliver(world, job(f"k{number}", contact_id=f"p{number}"))
    world.advance_hours(25, [make_sender(sent)])
    for touch in world.commanded_touches()[:4]:
        deliver(world, seen(world, touch), seen(world, touch), reviewed(world))
    sends = [f for f in world.facts(FactKind.TOUCH_SENT) if f.touch_number == 1]
    opens = {f.command_id for f in world.facts(FactKind.TOUCH_OPENED)}
    assert (len(sends), len(opens)) == (10, 4)
