"""`campaign migrate --dry-run` says what the order would do, run by run (C-36)."""

import pytest

from sinks.campaign_runs_query import Runs, Standing
from streams.cli.campaign_migrate import PlannedMove, planned_moves
from streams.cli.errors import CommandError

OLD = [("hello", "email", "send_message"), ("call", "voice", "place_call"), ("bye", "sms", "")]
NEW = [
    ("intro", "email", "send_message"),
    ("text", "sms", ""),
    ("bye", "email", ""),
    ("end", "", ""),
]


def standing(*visited: str, out: bool = False, version: int = 1) -> Standing:
    return Standing("ann", version, list(visited), out)


def outlook(run: Standing, **steps: str | None) -> PlannedMove:
    (found,) = planned_moves(Runs({1: OLD, 2: NEW}, [run]), steps, None)
    return found


def test_a_run_goes_on_at_the_counterpart_of_its_step() -> None:
    assert outlook(standing("hello"), hello="intro") == PlannedMove(
        "ann", 1, "hello", "intro", False, [], []
    )


def test_who_would_get_a_step_twice_is_told() -> None:
    found = outlook(standing("hello", "bye", "call"), hello="intro", call="text")
    assert (found.becomes, found.again, found.lost) == ("text", ["bye"], [])


def test_who_would_lose_a_step_is_told() -> None:
    found = outlook(standing("hello", "call", "bye"), hello="intro")
    assert (found.becomes, found.again, found.lost) == ("bye", [], ["text"])


def test_whose_step_is_gone_goes_on_at_the_next_there_is_or_is_completed() -> None:
    assert outlook(standing("hello", "call"), hello="intro").becomes == "bye"
    gone = outlook(standing("hello", "call", "bye"), hello="intro", bye=None)
    assert (gone.becomes, gone.stays) == (None, False)


@pytest.mark.parametrize(
    ("stands", "steps", "stays"),
    [
        ("hello", {"hello": "intro"}, False),
        ("hello", {}, True),  # gone
        ("bye", {}, True),  # by e-mail now
    ],
)
def test_whose_command_is_out_moves_only_to_a_step_that_does_the_same(
    stands: str, steps: dict[str, str | None], stays: bool
) -> None:
    assert outlook(standing(stands, out=True), **steps).stays is stays


def test_only_runs_of_older_versions_or_of_the_one_that_is_named_move() -> None:
    known = Runs({1: OLD, 2: OLD, 3: NEW}, [standing("bye", version=n) for n in (1, 2, 3)])
    assert [each.version for each in planned_moves(known, {}, None)] == [1, 2]
    assert [each.version for each in planned_moves(known, {}, 2)] == [2]


def test_a_map_to_a_step_that_there_is_not_is_refused() -> None:
    with pytest.raises(CommandError, match="no step moon"):
        outlook(standing("hello"), hello="moon")
