"""What a summary counts, and how its page shows it."""

import re

from streams.simulation.report_html import page
from streams.simulation.scenario import RecordedEvents
from tests.testing.simulation_harness import AT_ONCE, campaign, scenario, step, tenant, tried
from tests.testing.world import START

EMAIL = {"email": AT_ONCE}


def test_a_touch_that_is_moved_out_of_the_night_waits_on_quiet_hours() -> None:
    """Nothing puts it off when it is due: its time was moved before."""
    night = campaign(step("mail", hours=14), quiet_hours={"start": "21:00", "end": "08:00"})
    told = tried(scenario(night, behaviour=EMAIL, people=4)).summary
    (row,) = told["waited"]
    assert (row["reason"], row["channel"], row["times"]) == ("quiet_hours", "email", 4)
    assert {held["reason"] for held in told["held_by_hour"]} == {"quiet_hours"}


def test_a_command_that_goes_out_again_is_one_touch() -> None:
    """Nobody answers, so it is repeated once and then given up."""
    recorded = RecordedEvents([], [], START)
    told = tried(scenario(campaign(step("mail")), recorded=recorded, people=2)).summary
    touches = told["touches"]
    assert (touches["commanded"], touches["repeated"]) == (2, 2)
    assert sum(row["touches"] for row in touches["by_hour"]) == 2
    assert [(row["scheduled"], row["commanded"]) for row in told["funnel"]] == [(2, 2)]
    assert [(row["reason"], row["touches"]) for row in told["not_sent"]] == [("no_answer", 2)]
    assert "2 of 2 touches that ended" in page(told)


def test_the_last_hour_of_a_load_is_in_the_picture() -> None:
    limited = tenant(limits={"email": 4})
    told = tried(
        scenario(campaign(step("mail")), behaviour=EMAIL, people=10, owner=limited)
    ).summary
    hours = [row["hour"] for row in told["touches"]["by_hour"]]
    (span,) = set(re.findall(r'"range":\["(2[^"]*)","(2[^"]*)"\]', page(told)))
    assert span[0] == hours[0]
    assert span[1] > hours[-1]
