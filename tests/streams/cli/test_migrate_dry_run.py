"""`campaign migrate --dry-run` shows what the migration would do, run by run (C-36)."""

import pytest

from sinks.campaign_runs_query import CampaignRuns, LiveRun
from streams.cli.campaign_migrate import PlannedMove, planned_moves
from streams.cli.errors import CommandError

OLD = [("hello", "email", "send_message"), ("call", "voice", "place_call"), ("bye", "sms", "")]
NEW = [
    ("intro", "email", "send_message"),
    ("text", "sms", ""),
    ("bye", "email", ""),
    ("end", "", ""),
]


def live_run(*visited: str, out: bool = False, version: int = 1) -> LiveRun:
    return LiveRun("ann", version, list(visited), out)


def planned_move(run: LiveRun, **steps: str | None) -> PlannedMove:
    (found,) = planned_moves(CampaignRuns({1: OLD, 2: NEW}, [run]), steps, None)
    return found


def test_a_run_continues_at_the_counterpart_of_its_step() -> None:
    assert planned_move(live_run("hello"), hello="intro") == PlannedMove(
        "ann", 1, "hello", "intro", False, [], []
    )


def test_a_step_that_would_be_repeated_is_listed() -> None:
    found = planned_move(live_run("hello", "bye", "call"), hello="intro", call="text")
    assert (found.becomes, found.again, found.lost) == ("text", ["bye"], [])


def test_a_step_that_would_be_missed_is_listed() -> None:
    found = planned_move(live_run("hello", "call", "bye"), hello="intro")
    assert (found.becomes, found.again, found.lost) == ("bye", [], ["text"])


def test_a_run_at_a_removed_step_continues_at_the_next_step_or_is_completed() -> None:
    assert planned_move(live_run("hello", "call"), hello="intro").becomes == "bye"
    gone = planned_move(live_run("hello", "call", "bye"), hello="intro", bye=None)
    assert (gone.becomes, gone.stays) == (None, False)


@pytest.mark.parametrize(
    ("step", "steps", "stays"),
    [
        ("hello", {"hello": "intro"}, False),
        ("hello", {}, True),  # removed
        ("bye", {}, True),  # on another channel
    ],
)
def test_a_run_with_a_command_out_moves_only_to_a_step_with_the_same_action(
    step: str, steps: dict[str, str | None], stays: bool
) -> None:
    assert planned_move(live_run(step, out=True), **steps).stays is stays


def test_only_runs_of_older_versions_or_of_the_given_version_move() -> None:
    runs = CampaignRuns({1: OLD, 2: OLD, 3: NEW}, [live_run("bye", version=n) for n in (1, 2, 3)])
    assert [move.version for move in planned_moves(runs, {}, None)] == [1, 2]
    assert [move.version for move in planned_moves(runs, {}, 2)] == [2]


def test_a_map_to_a_missing_step_is_refused() -> None:
    with pytest.raises(CommandError, match="no step moon"):
        planned_move(live_run("hello"), hello="moon")
