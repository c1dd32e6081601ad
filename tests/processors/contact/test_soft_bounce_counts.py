"""How often messages to an address may come back: what counts, and what resets the count (C-25,
S4-82)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from tests.testing.builders import answer_fields, publish, step
from tests.testing.conversions import RUST
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk
from tests.testing.outreach_orders import changed, published
from tests.testing.soft_bounces import (
    FOLLOW_UP,
    came_back,
    closed_for,
    desk_of,
    send_and_lose,
)
from tests.testing.story import (
    contact_of,
    enroll_by_hand,
    enrollment_of,
    event_fields,
    seen,
    upserted,
)


@pytest.mark.parametrize("signal", ["delivered", "opened", "clicked", "read"])
def test_a_message_that_arrives_after_all_is_not_sent_again(signal: str) -> None:
    for turned in (False, True):
        desk = desk_of(FOLLOW_UP)
        touch = desk.send()
        desk.now += MINUTE
        bounce = came_back(desk, touch)
        desk.now += MINUTE
        events = [bounce, seen(desk, touch, signal)]
        desk.deliver(*(reversed(events) if turned else events))
        run = desk.run()
        assert [each.phase for each in run.touches] == [Phase.SENT, Phase.SCHEDULED]
        assert (run.touches[0].attempt, run.touches[0].command_id) == (1, touch.command_id)
        if signal in ("delivered", "opened"):
            assert contact_of(desk).soft_bounces == {}
        desk.advance_hours(71)
        assert len(desk.requests()) == 1


def test_a_message_that_was_delivered_before_it_came_back_is_sent_again() -> None:
    desk = desk_of(FOLLOW_UP)
    touch = desk.send()
    desk.deliver(seen(desk, touch, "delivered"))
    desk.now += MINUTE
    desk.deliver(came_back(desk, touch))
    assert desk.run().touches[-1].wait == "soft_bounce"


@pytest.mark.parametrize("signal", ["delivered", "opened"])
def test_a_message_that_arrives_resets_the_count(signal: str) -> None:
    desk = desk_of(FOLLOW_UP)
    send_and_lose(desk)
    desk.advance_hours(8)
    touch = desk.send()
    desk.now += MINUTE
    desk.deliver(seen(desk, touch, signal))
    assert contact_of(desk).soft_bounces == {}
    desk.now += MINUTE
    desk.deliver(came_back(desk, touch))
    assert [len(times) for times in contact_of(desk).soft_bounces.values()] == [1]


def test_bounces_over_more_than_two_days_close_nothing() -> None:
    desk = desk_of(FOLLOW_UP)
    for hours, later in ((20, 8), (12, 24), (20, 0)):  # at 20, 40 and 84 hours
        touch = desk.send()
        desk.advance_hours(hours)
        desk.deliver(came_back(desk, touch))
        desk.advance_hours(later)
    # The touch has had its three attempts.
    assert closed_for(desk) == []
    assert desk.run().touches[0].reason == "soft_bounces"
    assert contact_of(desk).bounced == {}


def test_the_bounces_of_an_address_count_over_all_campaigns_of_the_person() -> None:
    desk = desk_of(FOLLOW_UP)
    send_and_lose(desk)
    document = outreach_document(
        campaign_id=RUST, steps=FOLLOW_UP, settings={"quiet_hours": "none"}
    )
    desk.deliver(published(document))
    desk.order("ann", RUST)
    desk.deliver(changed("activated", RUST))
    assert send_and_lose(desk).campaign_id == RUST
    assert enrollment_of(desk).touches[0].due_at == desk.now + 24 * HOUR
    desk.advance_hours(8)
    send_and_lose(desk)
    assert closed_for(desk) == ["soft_bounces"]
    desk.advance_hours(48)
    skipped = desk.facts(FactKind.TOUCH_SKIPPED)
    assert {(f.campaign_id, f.reason) for f in skipped} >= {(RUST, "address_bounced")}


def test_a_new_address_is_written_to_at_the_next_attempt() -> None:
    desk = desk_of(FOLLOW_UP)
    send_and_lose(desk)
    desk.deliver(upserted(desk, email="ann@example.org"))
    desk.advance_hours(8)
    touch = send_and_lose(desk)
    assert touch.recipient == "ann@example.org"
    assert len(contact_of(desk).soft_bounces) == 2


@pytest.mark.parametrize(
    ("settings", "hours"),
    [
        ({"most": 1}, []),
        ({"most": 2, "retry_hours": [1]}, [1]),
        ({"most": 5, "retry_hours": [1, 2]}, [1, 2]),
    ],
)
def test_a_campaign_may_have_its_own_limit(settings: dict[str, Any], hours: list[int]) -> None:
    desk = desk_of(FOLLOW_UP, soft_bounces=settings)
    send_and_lose(desk)
    for each in hours:
        desk.advance_hours(each)
        send_and_lose(desk)
    assert desk.run().touches[0].reason == "soft_bounces"
    assert closed_for(desk) == (["soft_bounces"] if settings["most"] <= len(hours) + 1 else [])


def test_errors_have_all_their_attempts_after_a_bounce() -> None:
    desk = desk_of(FOLLOW_UP, max_errors=9)
    send_and_lose(desk)
    desk.advance_hours(8)
    for minutes in (1, 5, 15):
        touch = desk.command()
        desk.deliver(m.TouchFailed(**answer_fields(touch, desk), code="timeout"))
        assert desk.run().touches[0].due_at == desk.now + minutes * MINUTE
        desk.advance_to(desk.now + minutes * MINUTE)


def test_a_version_that_keeps_the_step_keeps_the_time_of_the_next_attempt() -> None:
    desk = desk_of(FOLLOW_UP)
    send_and_lose(desk)
    due_at = desk.run().touches[0].due_at
    document = outreach_document(settings={"quiet_hours": "none"}, steps=FOLLOW_UP)
    desk.deliver(published({**document, "name": "New"}))
    desk.deliver(m.MoveRuns("acme", document["campaign_id"], "o#move", desk.now, None, {}))
    touch = desk.run().touches[0]
    assert (desk.run().version, touch.due_at, touch.wait) == (2, due_at, "soft_bounce")


def test_a_bounce_of_another_kind_of_campaign_is_sent_again_too() -> None:
    desk = desk_of()
    desk.send()
    desk.now += HOUR
    settings = {"quiet_hours": "none"}
    desk.deliver(
        publish(kind="prospecting", campaign_id="leads", steps=[step()], settings=settings)
    )
    desk.deliver(enroll_by_hand(desk, "leads", city="Oslo"))
    desk.advance_hours(1)
    touch = send_and_lose(desk)
    assert touch.campaign_id == "leads"
    desk.advance_hours(8)
    again = desk.request_of("ann")
    assert (again.campaign_id, again.attempt, again.variables) == ("leads", 2, touch.variables)


def test_a_run_that_was_begun_anew_is_not_joined_by_the_one_before() -> None:
    desk = desk_of(reentry="after_end")
    touch = desk.send()
    desk.now += MINUTE
    desk.order()
    desk.deliver(came_back(desk, touch))
    runs = contact_of(desk).enrollments
    assert [run.status for run in runs] == [Status.COMPLETED, Status.ACTIVE]


@given(
    st.lists(st.integers(0, 30), min_size=3, max_size=6, unique=True),
    st.randoms(use_true_random=False),
)
def test_the_count_of_an_address_depends_on_no_order(hours: list[int], random: Any) -> None:
    """Mails of several campaigns come back, at times within the window: the third closes."""
    found = set()
    order = random.sample(range(len(hours)), len(hours))
    for indexes in (sorted(range(len(hours)), key=lambda i: hours[i]), order):
        desk, touches = many_sent(len(hours))
        start = desk.now
        desk.now += 2 * DAY
        for index in indexes:
            at = start + hours[index] * HOUR
            desk.deliver(came_back(desk, touches[index], at=at, cause=f"/s#{index}"))
        found.add((len(closed_for(desk)) > 0, len(contact_of(desk).bounced)))
    assert found == {(True, 1)}


def many_sent(number: int) -> tuple[OutreachDesk, list[m.RequestTouch]]:
    """Ann was sent one mail of each of several campaigns."""
    desk = desk_of()
    desk.send()
    touches = []
    for index in range(number):
        name = f"leads-{index}"
        settings = {"quiet_hours": "none"}
        document = {"kind": "prospecting", "campaign_id": name, "steps": [step()]}
        desk.deliver(publish(**document, settings=settings))
        desk.deliver(enroll_by_hand(desk, name))
        desk.advance_hours(1)
        ours = [touch for touch in desk.requests() if touch.campaign_id == name]
        ids = (ours[0].tenant_id, ours[0].contact_id, ours[0].command_id)
        desk.deliver(m.TouchCommanded(*ids, 1), m.TouchSent(**answer_fields(ours[0], desk)))
        touches += ours
    return desk, touches


def test_a_person_who_was_erased_has_no_bounces() -> None:
    desk = desk_of(FOLLOW_UP)
    send_and_lose(desk)
    desk.deliver(m.ContactErased(**event_fields(desk)))
    assert contact_of(desk).soft_bounces == {}
