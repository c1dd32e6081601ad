"""On a terminal of 80 columns, every command that prints a table shows every value whole."""

import sys
from collections.abc import Callable, Sequence

import pytest

from sinks.campaign_runs_query import CampaignRuns, LiveRun
from streams.base.clock import ScaledClock
from streams.cli.campaign_migrate import planned_moves, print_planned_moves
from streams.cli.dead_letter_store import StoredDeadLetter
from streams.cli.dead_letters import print_letters
from streams.cli.status import clock_line, print_tasks
from streams.cli.task_status import TaskStatus
from tests.testing.command_line import Touchstream

WIDTH = 80
AT = 1_772_463_600_000_000
NAME = "a-host-with-a-long-name.example.com-dispatch-11"

Print = Callable[[], object]


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes stdout claim to be a terminal. Called by the test: pytest replaces stdout between
    fixtures and tests."""
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def status() -> tuple[Print, Sequence[str]]:
    task = TaskStatus(
        role="dispatch",
        topic="dispatch-log",
        partition=11,
        worker=NAME,
        lag=20_001,
        lag_exact=False,
        stream_time=AT,
        timers=1_234_567,
        next_due=AT + 60_000_000,
    )
    shown = ("dispatch-log[11]", NAME, "≤20001", "2026-03-02T15:00:00Z", "1234567", "15:01:00Z")
    return lambda: print_tasks([task]), shown


def test_a_time_lapse_has_a_line_about_its_clock() -> None:
    shown = clock_line(ScaledClock(0, AT, 60.0), AT)
    assert shown == "time lapse: its clock shows 2026-03-02T15:00:00Z and runs 60 times as fast"
    assert clock_line(ScaledClock(0, AT, 1.0), AT).endswith("runs at the speed of real time")


def dead_letters() -> tuple[Print, Sequence[str]]:
    letter = StoredDeadLetter(
        place="11/1234567",
        at_ms=AT // 1_000,
        reason="CAMPAIGN_REPEATS_WITHOUT_WAITING",
        detail="steps[17].wait_for.on_event: " + "a detail of several words " * 5,
        origin_topic="contact-changelog",
        origin_partition=11,
        origin_offset=1_234_567_890,
        key=None,
        value=b"x" * 1_234_567,
        headers=[],
        retried=3,
    )
    shown = (letter.place, letter.reason, "contact-changelog[11]@1234567890", "1234567")
    return lambda: print_letters([letter]), (*shown, *letter.detail.split())


def migration() -> tuple[Print, Sequence[str]]:
    names = [f"step-with-a-long-name-{number}" for number in range(6)]
    steps = [(name, "email", "send_message") for name in names]
    runs = CampaignRuns({1: steps, 2: steps[:1] + steps[2:]}, [LiveRun("ann", 1, names[:2], False)])
    moves = planned_moves(runs, {names[1]: names[0]}, None)
    return lambda: print_planned_moves(moves), (names[1], names[0])


@pytest.mark.parametrize("case", [status, dead_letters, migration], ids=lambda case: case.__name__)
def test_a_table_shows_every_value_whole(
    case: Callable[[], tuple[Print, Sequence[str]]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_terminal(monkeypatch)
    print_them, values = case()
    print_them()
    lines = capfd.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert [value for value in values if not any(value in line for line in lines)] == []
    assert "…" not in "".join(lines)


def test_presets_are_shown_whole(touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    presets = touchstream("campaign", "presets", "--json").json()
    result = touchstream("campaign", "presets")
    assert max(map(len, result.out.splitlines())) <= WIDTH
    for preset in presets:
        assert preset["id"] in result.out
        assert "".join(preset["description"].split()) in "".join(result.out.split())
