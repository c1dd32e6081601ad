"""The summary of a simulation in a terminal of 80 columns: every value can be read whole."""

from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from schemas.base.call_outcomes import CALL_OUTCOMES
from streams.simulation.compare_definitions import CHANGE_KINDS
from streams.simulation.summary import STAGES
from streams.simulation.summary_text import print_summary
from tests.testing.simulation_harness import (
    CHANNELS,
    MIXED_BEHAVIOUR,
    scenario,
    sequence,
    simulate,
    tenant,
)

WIDTH = 80
LARGE = 98_765_432
TENANTS = ("a-tenant-with-a-name-of-forty-characters", "bee")
CAMPAIGN = "a-campaign-with-a-name-of-about-fifty-two-characters"
STEP = "a-step-with-a-name-of-forty-seven-characters-ok"
LONGEST_ID = "x" * 100
REASONS = ("linkedin_not_connected", "answer_timeout_after_the_second_emission", "quiet_hours")


def printed(summary: dict[str, Any], width: int = WIDTH) -> str:
    console = Console(width=width, force_terminal=False, highlight=False)
    with console.capture() as capture:
        print_summary(summary, console)
    return capture.get()


def large_summary(campaign_id: str = CAMPAIGN) -> dict[str, Any]:
    """A summary with two tenants, all channels and stages, long ids and numbers of eight digits."""
    hour, last_hour = "2026-01-05T09:00:00Z", "2026-12-28T23:00:00Z"
    steps = [
        {"tenant_id": name, "campaign_id": campaign_id, "step_id": STEP, "channel": channel}
        for name in TENANTS
        for channel in CHANNELS
    ]
    reasons = {reason: LARGE - place for place, reason in enumerate(REASONS)}
    rows = [
        {"tenant_id": name, "channel": channel, "reason": reason, "hours": 8_760, "times": LARGE}
        for name in TENANTS
        for channel in CHANNELS[:2]
        for reason in REASONS
    ]
    return {
        "simulation": {
            "start": hour,
            "ended_at": "2026-12-28T23:59:59.999000Z",
            "records": LARGE,
            "finished": False,
        },
        "touches": {
            "commanded": LARGE,
            "first_attempts": LARGE - 7,
            "by_channel": dict.fromkeys(CHANNELS, LARGE),
            "by_hour": [
                {"hour": last_hour, "tenant_id": name, "channel": channel, "touches": LARGE}
                for name in TENANTS
                for channel in CHANNELS
            ],
            "by_local_hour": [
                {"hour": hour, "channel": "email", "touches": LARGE + hour} for hour in range(24)
            ],
        },
        "funnel": [
            {**step, **{stage: LARGE + place for place, stage in enumerate(STAGES)}}
            for step in steps
        ],
        "not_sent": [{**row, "how": "skipped", "touches": LARGE} for row in rows],
        "retried": rows,
        "waited": [{**row, "first_hour": hour, "last_hour": last_hour} for row in rows],
        "runs": {
            "started": LARGE,
            "completed": LARGE,
            "stopped": reasons,
            "declined": reasons,
            "not_ended": LARGE,
            "paused": LARGE,
            "hours_to_complete": {"median": 4_321.25, "nine_of_ten": 8_000.5, "longest": 8_760.75},
        },
        "refused": reasons,
        "against": large_comparison(steps),
        **large_limits(last_hour),
    }


def large_comparison(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The comparison with another definition."""
    return {
        "touches": {kind: LARGE + place for place, kind in enumerate(CHANGE_KINDS)},
        "people": {"changed": LARGE, "all": LARGE},
        "by_step": [
            {**step, **dict.fromkeys(CHANGE_KINDS, LARGE), "median_shift_hours": -1_234.5}
            for step in steps
        ],
        "marked_events": {"touch_gone": LARGE, "touch_later": LARGE, "touch_unknown": LARGE},
        "summary": {"waits": large_limits("")["waits"]},
    }


def large_limits(hour: str) -> dict[str, Any]:
    """The parts about calls, accounts and waiting touches."""
    pool = {"pool_id": "calls", "slots": 1_000, "most_at_once": 1_000, "hours_in_use": 8_760.25}
    use = {"limit": LARGE, "most": LARGE}
    limits = [{**use, "window": name} for name in ("hour", "day", "week", "month", "warm_up")]
    spacing: dict[str, Any] = {"window": "spacing_seconds", "limit": 86_400, "least": 600.5}
    minutes = {"median": 4_320.25, "nine_of_ten": 8_640.5, "longest": 5_256.75}
    return {
        "calls": {
            "pools": [{**pool, "granted": LARGE, "expired": LARGE, "overruns": LARGE}],
            "outcomes_by_hour": [{"outcome": name, "calls": LARGE} for name in CALL_OUTCOMES],
            "tenants": [
                {**pool, "tenant_id": name, "weight": 1_000, "granted": LARGE, "share": 0.5}
                for name in TENANTS
            ],
        },
        "accounts": [
            {
                "tenant_id": name,
                "channel": channel,
                "action": "send_connection_request",
                "sender_id": "an-account-of-30-characters-xx",
                "commands": LARGE,
                "limits": [*limits, spacing],
                "held": dict.fromkeys(REASONS, LARGE),
            }
            for name in TENANTS
            for channel in CHANNELS
        ],
        "waits": [
            {"tenant_id": name, "channel": channel, "touches": LARGE, "minutes": minutes}
            for name in TENANTS
            for channel in CHANNELS
        ],
        "waiting_by_hour": [
            {"tenant_id": name, "channel": channel, "hour": hour, "most": LARGE}
            for name in TENANTS
            for channel in CHANNELS
        ],
    }


SHOWN_OTHERWISE = {"0.5", "week", "month", "warm_up", "spacing_seconds"}
"""A share, which is shown in percent, and the names of limits, which are heads."""


def values(part: Any) -> set[str]:
    """Returns all values of a summary as the terminal shows them, without its times."""
    match part:
        case dict():
            return set().union(*map(values, part.values()))
        case list():
            return set().union(*map(values, part))
        case bool() | None:
            return set()
        case int():
            return {f"{part:,}"}
        case float():
            return {f"{part:g}"}
        case str() if part[:2] == "20":
            return set()
    return {str(part)}


def test_a_large_summary_fits_into_80_columns_and_no_value_is_cut() -> None:
    summary = large_summary()
    text = printed(summary)
    assert max(map(cell_len, text.splitlines())) <= WIDTH
    assert "…" not in text
    for local_hour in summary["touches"]["by_local_hour"]:
        local_hour["hour"] = f"{local_hour['hour']:02}"
    whole_words = set(text.replace(",\n", " ").replace(";", " ").split())
    missing = {
        value
        for value in values(summary)
        if value not in whole_words and f"{value}," not in whole_words
    }
    assert missing == SHOWN_OTHERWISE
    for time in ("2026-01-05T09:00:00Z", "2026-12-28T23:59:59.999000Z", "2026-12-28 23:00"):
        assert time in text


def test_every_stage_and_every_kind_of_change_has_a_head() -> None:
    words = set(printed(large_summary()).split())
    heads = {*STAGES, *(word for kind in CHANGE_KINDS for word in kind.split("_"))}
    assert heads <= words


@pytest.mark.parametrize("width", [40, 80, 200])
def test_an_id_longer_than_the_terminal_is_wrapped_and_not_cut(width: int) -> None:
    text = printed(large_summary(LONGEST_ID), width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert LONGEST_ID in "".join(text.split())


def test_the_summary_of_a_simulation_is_printed_with_all_its_tables() -> None:
    limited = tenant(limits={"email": 4})
    trial = simulate(scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=40, owner=limited))
    text = printed(trial.summary)
    for title in ("Attempts by local hour", "Busiest hours", "Steps", "Not sent", "Waited on"):
        assert title in text
    assert "hours with waits" in text.partition("Waited on")[2]
    assert max(map(cell_len, text.splitlines())) <= WIDTH


@pytest.mark.parametrize(
    ("finished", "not_ended", "paused", "line"),
    [
        (True, 1, 1, "1 run has not ended, because it waits for a person: 1 is paused"),
        (True, 1, 0, "1 run has not ended, because it waits for a person: 0 are paused"),
        (True, 2, 1, "2 runs have not ended, because they wait for a person: 1 is paused"),
        (True, 2, 2, "2 runs have not ended, because they wait for a person: 2 are paused"),
        (False, 1, 0, "NOT FINISHED: time was up, and 1 run goes on"),
        (False, 2, 0, "NOT FINISHED: time was up, and 2 runs go on"),
    ],
)
def test_the_line_about_runs_that_have_not_ended_has_the_number_of_its_verb(
    finished: bool, not_ended: int, paused: int, line: str
) -> None:
    summary = large_summary()
    summary["simulation"]["finished"] = finished
    summary["runs"] |= {"not_ended": not_ended, "paused": paused}
    assert line in printed(summary).splitlines()
