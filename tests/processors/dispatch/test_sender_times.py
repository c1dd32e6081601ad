"""When the n-th command goes out under limits that hold together, by the numbers that were computed
for them (C-24, C-38): the processor is driven through all of them."""

from typing import Any

import pytest

from schemas.base.times import DAY, HOUR, MINUTE, SECOND
from schemas.internal.facts import FactKind
from schemas.internal.limit_terms import LimitTerms
from tests.processors.dispatch.dispatch_log import DispatchLog
from tests.processors.dispatch.sender_log import (
    MONDAY,
    OFFICE,
    WEEKDAYS,
    account,
    since_first,
    times_of,
    waiting,
)

EMAIL: dict[str, Any] = {"per_hour": 200, "per_day": 1_000, "spacing_us": 30 * SECOND}
REQUESTS = {"send_connection_request": LimitTerms(per_week=100, spacing_us=15 * MINUTE)}
INMAILS = {"send_inmail": LimitTerms(per_month=50, spacing_us=15 * MINUTE)}


def sent_under(number: int, until: int, action: str = "send_message", **terms: Any) -> DispatchLog:
    """A log of requests under an account, folded until a moment: of Monday 09:00, or of an hour
    before it if the window opens at 09:00."""
    channel = "email" if action == "send_message" else "linkedin"
    requests = waiting(number, channel=channel, action=action)
    at = MONDAY - HOUR if "window" in terms else MONDAY
    log = DispatchLog(restarts=False).append(account(channel=channel, **terms), *requests, at=at)
    return log.pass_time(until)


def test_spacing_and_the_limit_of_a_day_bind_and_the_limit_of_an_hour_never_does() -> None:
    log = sent_under(2_001, MONDAY + 2 * DAY + HOUR, **EMAIL)
    assert since_first(times_of(log), 120, 1_000, 1_001, 2_001) == [
        "0 0:59:30",
        "0 8:19:30",
        "1 0:00:00",
        "2 0:00:00",
    ]
    waits = {fact.reason for fact in log.facts(FactKind.TOUCH_DEFERRED)}
    assert "sender_hour" not in waits


def test_inside_of_office_hours_the_day_begins_where_the_window_opens() -> None:
    log = sent_under(1_001, MONDAY + 2 * DAY, **EMAIL, window=OFFICE)
    expected = ["0 7:59:30", "1 0:00:00", "1 0:20:00"]
    assert since_first(times_of(log), 960, 961, 1_001) == expected


def test_without_spacing_each_hour_begins_with_all_of_its_commands() -> None:
    log = sent_under(401, MONDAY + 3 * HOUR, per_hour=200, per_day=1_000)
    assert since_first(times_of(log), 200, 201, 401) == ["0 0:00:00", "0 1:00:00", "0 2:00:00"]


def test_connection_requests_of_a_week() -> None:
    log = sent_under(
        101, MONDAY + 8 * DAY, "send_connection_request", limits=REQUESTS, window=WEEKDAYS
    )
    times = times_of(log)
    per_day = [sum(1 for at in times if at // DAY == MONDAY // DAY + day) for day in range(5)]
    assert per_day == [32, 32, 32, 4, 0]
    assert since_first(times, 97, 100, 101) == ["3 0:00:00", "3 0:45:00", "7 0:00:00"]


def test_inmails_of_a_month() -> None:
    log = sent_under(51, MONDAY + 31 * DAY, "send_inmail", limits=INMAILS, window=WEEKDAYS)
    assert since_first(times_of(log), 33, 50, 51) == ["1 0:00:00", "1 4:15:00", "30 0:00:00"]


def test_a_warm_up_reaches_its_target_on_sending_day_23_counted_from_0() -> None:
    log = sent_under(700, MONDAY + 30 * DAY, warm_up=(5, 2, 50))
    times = times_of(log)
    per_day = [sum(1 for at in times if at // DAY == MONDAY // DAY + day) for day in range(24)]
    assert per_day == [min(50, 5 + 2 * day) for day in range(24)]
    assert (per_day[22], per_day[23]) == (49, 50)
    assert sum(per_day[:14]) == 252


@pytest.mark.parametrize("spacing", [0, 20 * MINUTE])
def test_two_idle_weeks_halve_a_warm_up(spacing: int) -> None:
    terms: dict[str, Any] = {"warm_up": (5, 2, 50), "spacing_us": spacing}
    log = DispatchLog(restarts=False).append(account(**terms), *waiting(70), at=MONDAY)
    log.pass_time(MONDAY + 10 * DAY)  # 5 + 7 + 9 + 11 + 13 + 15 = 60, then 10 of 17
    before = len(times_of(log))
    assert before == 70
    back = MONDAY + 6 * DAY + 15 * DAY
    late = waiting(200, due_at=back)[100:]
    log.append(*late, at=back).pass_time(back + 10 * HOUR)
    assert len(times_of(log)) - before == 9  # half of 19, as 5 + 2 * 2
