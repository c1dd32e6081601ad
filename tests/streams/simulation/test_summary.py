"""What the summary of a simulation counts, and how its page shows it."""

import re

from streams.simulation.report_html import render_page
from streams.simulation.scenario import RecordedEvents
from tests.testing.builders import step
from tests.testing.simulation_harness import SENT_AT_ONCE, campaign, scenario, simulate, tenant
from tests.testing.world import START

EMAIL = {"email": SENT_AT_ONCE}


def test_a_touch_moved_out_of_the_night_counts_as_waiting_on_quiet_hours() -> None:
    """The touch is not deferred when it is due: it was scheduled for the morning before."""
    night = campaign(step("mail", hours=14), quiet_hours={"start": "21:00", "end": "08:00"})
    summary = simulate(scenario(night, behaviour=EMAIL, people=4)).summary
    (row,) = summary["waited"]
    assert (row["reason"], row["channel"], row["times"]) == ("quiet_hours", "email", 4)
    assert {wait["reason"] for wait in summary["held_by_hour"]} == {"quiet_hours"}


def test_a_touch_that_waits_for_the_window_of_its_step_is_counted_under_that() -> None:
    """Where quiet hours hold too, the wait counts as theirs."""
    window = {"start": "09:00", "end": "10:00"}
    requests = campaign(step("ask", "linkedin", hours=14, window=window))
    summary = simulate(scenario(requests, behaviour={}, people=2)).summary
    assert [(row["reason"], row["times"]) for row in summary["waited"]] == [("step_window", 2)]


def test_a_repeated_command_is_one_touch() -> None:
    """Without an answer the command is repeated once, then the touch fails."""
    recorded = RecordedEvents([], [], START)
    summary = simulate(scenario(campaign(step("mail")), recorded=recorded, people=2)).summary
    touches = summary["touches"]
    assert (touches["commanded"], touches["repeated"]) == (2, 2)
    assert sum(row["touches"] for row in touches["by_hour"]) == 2
    assert [(row["scheduled"], row["commanded"]) for row in summary["funnel"]] == [(2, 2)]
    assert [(row["reason"], row["touches"]) for row in summary["not_sent"]] == [("no_answer", 2)]
    assert "2 of 2 touches that ended" in render_page(summary)


def test_attempts_are_counted_apart_from_touches_with_the_reasons_to_try_again() -> None:
    """Every attempt fails, and a sender that comes after the window has closed is a reason too."""
    failing = {"failed": {"probability": 1, "code": "TIMEOUT"}}
    summary = simulate(
        scenario(campaign(step("mail")), behaviour={"email": failing}, people=3)
    ).summary
    touches = summary["touches"]
    assert touches["first_attempts"] == 3 < touches["commanded"]
    again = {(row["channel"], row["reason"]): row["times"] for row in summary["retried"]}
    assert sum(again.values()) == touches["commanded"] - 3


def test_the_load_figure_includes_the_last_hour() -> None:
    limited = tenant(limits={"email": 4})
    summary = simulate(
        scenario(campaign(step("mail")), behaviour=EMAIL, people=10, owner=limited)
    ).summary
    hours = [row["hour"] for row in summary["touches"]["by_hour"]]
    (span,) = set(re.findall(r'"range":\["(2[^"]*)","(2[^"]*)"\]', render_page(summary)))
    assert span[0] == hours[0]
    assert span[1] > hours[-1]
