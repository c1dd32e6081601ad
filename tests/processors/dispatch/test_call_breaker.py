"""A call campaign pauses when too many of its latest calls fail, and only then."""

from collections.abc import Sequence

import pytest

from schemas.base.times import SECOND
from schemas.internal import messages as m
from schemas.internal.call_states import CallCampaign
from tests.processors.dispatch.calls_log import (
    LONGEST,
    CallsLog,
    call,
    pool,
    reported,
    tenant_calls,
)
from tests.testing.world import START


def pauses(outcomes: Sequence[str], every_s: int = 1, **changes: object) -> list[m.PauseByFailures]:
    """What the campaign gets when its calls end with these outcomes, one after the other."""
    calls = [call(n, failure_rate=True, **changes) for n in range(len(outcomes))]
    log = CallsLog(pool(1_000), tenant_calls(slots=100), *calls)
    for place, outcome in enumerate(outcomes):
        at = START + (place + 1) * every_s * SECOND
        log.append(reported(calls[place], outcome=outcome), at=at)
    return log.sent(m.PauseByFailures)


@pytest.mark.parametrize(
    ("outcomes", "failed"),
    [
        (["failed"] * 10, 10),
        (["unknown", "answered"] * 5, 5),
        (["failed"] * 5 + ["busy"] * 5, 5),
        (["answered"] * 9 + ["failed"] * 9, 9),
    ],
)
def test_half_of_at_least_ten_ends_that_failed_pause_the_campaign(
    outcomes: list[str], failed: int
) -> None:
    (pause,) = pauses(outcomes)
    assert (pause.campaign_id, pause.failed, pause.ends) == ("offers", failed, len(outcomes))


@pytest.mark.parametrize(
    "outcomes",
    [
        ["failed"] * 9,
        ["busy", "no_answer"] * 20,
        ["answered"] * 10 + ["failed"] * 9,
        ["rejected", "voicemail", "invalid_number"] * 5,
    ],
)
def test_other_ends_pause_nothing(outcomes: list[str]) -> None:
    assert pauses(outcomes) == []


def test_ends_that_lie_too_far_apart_pause_nothing() -> None:
    assert pauses(["failed"] * 20, every_s=14) == []


def test_a_campaign_that_was_resumed_is_paused_by_ten_further_ends() -> None:
    assert len(pauses(["failed"] * 19)) == 1
    assert len(pauses(["failed"] * 20)) == 2


def test_a_campaign_without_the_setting_is_not_paused() -> None:
    calls = [call(n) for n in range(12)]
    log = CallsLog(tenant_calls(slots=20), pool(20), *calls)
    log.append(*[reported(each, outcome="failed") for each in calls])
    assert log.sent(m.PauseByFailures) == []


def test_calls_that_are_lost_count_as_failures() -> None:
    calls = [call(n, failure_rate=True) for n in range(10)]
    log = CallsLog(tenant_calls(slots=20), pool(20), *calls)
    log.pass_time(START + LONGEST)
    assert [pause.failed for pause in log.sent(m.PauseByFailures)] == [10]


def test_a_call_that_was_lost_and_ends_later_counts_once() -> None:
    calls = [call(n, failure_rate=True) for n in range(5)]
    log = CallsLog(tenant_calls(slots=20), pool(20), *calls).pass_time(START + LONGEST)
    log.append(*[reported(each, "in_progress") for each in calls])
    log.append(*[reported(each, outcome="failed") for each in calls])
    assert log.sent(m.PauseByFailures) == []


def test_the_ends_of_a_campaign_are_forgotten() -> None:
    log = CallsLog(call(1, failure_rate=True)).append(reported(call(1, failure_rate=True)))
    assert len(log.states(CallCampaign)) == 1
    log.pass_time(START + 120 * SECOND)
    assert log.states(CallCampaign) == []
