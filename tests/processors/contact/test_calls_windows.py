"""When a call may begin: the hours of its campaign, those of the person and of the law, the first
day, and the time that was ordered (S3-17, S3-18, F-16, C-34)."""

from typing import Any

import pytest

from schemas.base.times import HOUR, MINUTE, parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase
from schemas.internal.facts import FactKind
from tests.testing.call_desk import CallDesk, call_step, call_world, ordered, usual_redial
from tests.testing.story import START, reasons, tenant, upserted

OFFICE = {"first_call_time": "09:00", "last_call_time": "18:00"}


def at(text: str) -> int:
    return parse_rfc3339(f"2026-03-{text}")


def desk_at(moment: int, terms: dict[str, Any] | None = None, **settings: Any) -> CallDesk:
    """A campaign in Chicago, with Ann ordered at a moment."""
    desk = call_world(terms=terms, **settings)
    desk.now = moment
    return ordered(desk)


def requested_at(desk: CallDesk, hours: float = 400) -> int:
    """When the first call is requested."""
    desk.advance_hours(hours)
    return desk.requests()[0].due_at


@pytest.mark.parametrize(
    ("ordered_at", "called_at"),
    [
        ("02T14:59:59Z", "02T15:00:00Z"),  # before nine in Chicago
        ("02T15:00:00Z", "02T15:00:00Z"),
        ("03T00:00:00Z", "03T00:00:00Z"),  # at six exactly
        ("03T00:00:01Z", "03T15:00:00Z"),
    ],
)
def test_both_ends_of_the_call_hours_are_inside(ordered_at: str, called_at: str) -> None:
    desk = desk_at(at(ordered_at), calls=OFFICE)
    assert requested_at(desk) == at(called_at)


def test_a_call_after_hours_waits_for_call_hours_with_their_window() -> None:
    desk = desk_at(at("03T02:00:00Z"), calls=OFFICE)
    assert (desk.touch().wait, desk.touch().due_at) == ("call_hours", at("03T15:00:00Z"))
    (fact,) = desk.facts(FactKind.TOUCH_SCHEDULED)
    assert fact.reason == "call_hours"
    assert fact.values is not None
    assert fact.values["window"][0] == "America/Chicago"
    assert fact.values["window"][3] == "tenant"


def test_the_campaigns_own_zone_counts() -> None:
    desk = desk_at(at("02T15:00:00Z"), calls=OFFICE, timezone="Europe/Berlin")
    assert requested_at(desk) == at("02T15:00:00Z")  # four in the afternoon there
    desk = desk_at(at("02T17:30:00Z"), calls=OFFICE, timezone="Europe/Berlin")
    assert requested_at(desk) == at("03T08:00:00Z")
    (touch,) = desk.requests()
    assert touch.call is not None and touch.call.hours is not None
    assert touch.call.hours.zone == "Europe/Berlin"
    assert (touch.call.hours.zone_from, touch.call.hours.end_is_open) == ("campaign", True)


def test_the_persons_zone_does_not_count() -> None:
    desk = call_world(calls=OFFICE)
    desk.now = at("02T23:30:00Z")
    desk.deliver(upserted(desk, timezone="Asia/Tokyo"))
    assert requested_at(ordered(desk)) == at("02T23:30:00Z")


def test_only_weekdays_are_called_where_the_campaign_says_so() -> None:
    days = {**OFFICE, "days": ["mon", "tue"]}
    assert requested_at(desk_at(at("04T16:00:00Z"), calls=days)) == at("09T14:00:00Z")


def test_call_hours_may_run_over_midnight() -> None:
    night = {"first_call_time": "22:00", "last_call_time": "02:00"}
    assert requested_at(desk_at(at("02T20:00:00Z"), calls=night)) == at("03T04:00:00Z")
    assert requested_at(desk_at(at("03T08:00:00Z"), calls=night)) == at("03T08:00:00Z")


def test_a_call_campaign_has_no_quiet_hours_otherwise() -> None:
    night = at("03T09:00:00Z")  # three in the morning
    desk = desk_at(night)
    assert requested_at(desk) == night
    assert desk.requests()[0].quiet is None


def test_the_persons_hours_hold_too_where_the_campaign_says_so() -> None:
    calls = {**OFFICE, "also_contact_hours": True}
    desk = call_world(terms={"quiet_start": 0, "quiet_end": 0}, calls=calls)
    desk.deliver(upserted(desk, timezone="Asia/Tokyo"))  # midnight there when Chicago opens
    ordered(desk)
    assert desk.touch().due_at == at("02T23:00:00Z")  # eight in Tokyo
    assert desk.touch().wait == "quiet_hours"
    desk.advance_hours(9)
    (touch,) = desk.requests()
    assert touch.quiet is not None
    assert (touch.quiet.zone, touch.quiet.start, touch.quiet.end) == ("Asia/Tokyo", 1_260, 480)


def test_hours_that_have_nothing_in_common_skip_the_call() -> None:
    calls = {"first_call_time": "09:00", "last_call_time": "10:00", "also_contact_hours": True}
    desk = call_world(calls=calls)
    desk.deliver(upserted(desk, timezone="Asia/Tokyo"))
    ordered(desk)
    desk.advance_hours(24 * 30)
    assert (desk.touch().phase, desk.touch().reason) == (Phase.SKIPPED, "no_window")
    assert desk.counts() == {"runs": 1, "skipped": 1}
    (fact,) = desk.facts(FactKind.TOUCH_SKIPPED)
    assert fact.values is not None and set(fact.values) == {"window", "call_hours"}


def test_the_law_holds_where_the_tenant_asks_for_it() -> None:
    """In the United States nobody is called before eight."""
    desk = call_world(terms={"calling_hours": True, "country": "US"})
    desk.now = at("03T11:00:00Z")
    desk.deliver(upserted(desk, timezone="America/Chicago"))
    assert requested_at(ordered(desk)) == at("03T14:00:00Z")


def test_a_redial_waits_for_the_call_hours() -> None:
    desk = call_world(call_step(redial=usual_redial()), calls=OFFICE)
    desk.now = at("02T23:50:00Z")
    ordered(desk)
    desk.call("busy")
    assert (desk.touch().wait, desk.touch().due_at) == ("call_hours", at("03T15:00:00Z"))
    desk.advance_to(at("03T15:00:00Z"))
    assert [touch.attempt for touch in desk.requests()] == [1, 2]


def test_nobody_is_called_before_the_first_day() -> None:
    """It begins at midnight of the campaign's zone; the call hours still hold."""
    desk = call_world(start_date="2026-03-10", timezone="Europe/Berlin")
    assert requested_at(ordered(desk)) == at("09T23:00:00Z")
    desk = call_world(start_date="2026-03-10", calls=OFFICE)
    assert requested_at(ordered(desk)) == at("10T14:00:00Z")


def test_a_call_is_made_at_the_ordered_time() -> None:
    desk = ordered(call_world(), scheduled_for="2026-03-05T12:00:00+01:00")
    assert requested_at(desk) == at("05T11:00:00Z")
    assert desk.run().variables is None


def test_an_ordered_time_outside_of_the_hours_waits_for_them() -> None:
    desk = ordered(call_world(calls=OFFICE), scheduled_for="2026-03-05T11:00:00Z")
    assert requested_at(desk) == at("05T15:00:00Z")


def test_an_ordered_time_that_has_passed_is_now() -> None:
    desk = ordered(call_world(), scheduled_for="2020-01-01T00:00:00Z")
    assert requested_at(desk) == START


@pytest.mark.parametrize("text", ["tomorrow", "2026-03-05", "1999-01-01T00:00:00Z"])
def test_a_person_is_not_called_at_another_time_than_the_one_that_was_meant(text: str) -> None:
    desk = ordered(call_world(), scheduled_for=text)
    assert reasons(desk, FactKind.ENROLLMENT_DECLINED) == ["CALL_TIME_INVALID"]
    assert desk.requests() == []


def test_new_hours_of_the_tenant_amend_a_call_that_waits_for_its_slot() -> None:
    desk = desk_at(at("02T16:00:00Z"), calls=OFFICE)
    desk.deliver(tenant(timezone="America/New_York", at=START + 1, cause="t#2"))
    (amendment,) = desk.sent_to_dispatch(m.AmendTouch)
    assert amendment.call is not None and amendment.call.hours is not None
    assert amendment.call.hours.zone == "America/New_York"


def test_new_hours_of_the_tenant_move_a_call_that_waits_for_them() -> None:
    desk = desk_at(at("03T02:00:00Z"), calls=OFFICE)
    assert desk.touch().due_at == at("03T15:00:00Z")
    desk.deliver(tenant(timezone="Asia/Tokyo", at=START + 1, cause="t#2"))
    assert desk.requests() != []  # eleven in the morning there


def test_a_sender_that_comes_after_hours_gets_another_command_in_the_next_ones() -> None:
    desk = desk_at(at("02T23:59:00Z"), calls=OFFICE)
    touch = desk.grant(send_before=at("03T00:00:00Z"))
    desk.now = at("03T00:05:00Z")
    desk.deliver(desk.event(m.TouchFailed, touch, code="window_closed"))
    assert [report.outcome for report in desk.reports()] == ["cancelled"]
    desk.advance_hours(16)
    first, second = desk.requests()
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.due_at == at("03T15:00:00Z")
    assert desk.touch().ends == {}


@pytest.mark.parametrize("calls", [{}, OFFICE])
def test_a_sender_that_comes_too_late_gets_another_command_soon(calls: dict[str, str]) -> None:
    """A call is to be placed within a minute of its slot, also if its hours go on for longer."""
    desk = ordered(call_world(calls=calls))
    for _ in range(3):
        touch = desk.grant(send_before=desk.now + 9 * HOUR)
        desk.now += 2 * MINUTE
        desk.deliver(desk.event(m.TouchFailed, touch, code="window_closed"))
        desk.advance_to(desk.now + MINUTE)
    assert [touch.attempt for touch in desk.requests()] == [1, 2, 3, 4]
    assert (desk.touch().phase, desk.touch().ends) == (Phase.REQUESTED, {})


def test_a_sender_that_always_comes_too_late_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.contact.sender_answers.WINDOWS_MAX", 2)
    desk = ordered(call_world())
    for _ in range(6):
        touch = desk.grant(send_before=desk.now + MINUTE)
        desk.now += 2 * MINUTE
        desk.deliver(desk.event(m.TouchFailed, touch, code="window_closed"))
        desk.advance_hours(0.5)
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, "window_closed")
    assert desk.run().reason == "failed"


def test_an_hour_that_the_clock_skips_is_no_call_hour() -> None:
    """On 8 March the clock of Chicago goes from 02:00 to 03:00."""
    calls = {"first_call_time": "02:15", "last_call_time": "02:45"}
    desk = desk_at(at("08T07:00:00Z"), calls=calls)
    assert requested_at(desk) == at("09T07:15:00Z")
    assert requested_at(desk) - at("08T07:00:00Z") == 24 * HOUR + 15 * MINUTE
