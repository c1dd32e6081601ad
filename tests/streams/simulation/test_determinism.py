"""Same seed, same bytes: whatever the batch size, the run, the hash seed, the order of events."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.internal.messages import CommandDue
from schemas.public.codec import Decoder
from streams.simulation.behaviour import DRAW_RANGE, Behaviour
from streams.simulation.scenario import RecordedEvents, with_event_times
from streams.simulation.senders import draw_numbers, draw_signals
from tests.testing.simulation_harness import LIVELY, lines, scenario, sequence, tried, written
from tests.testing.world import START

PEOPLE = 120


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A report of a lively sequence."""
    place = tmp_path_factory.mktemp("usual") / "report"
    return written(scenario(sequence(), behaviour=LIVELY, people=PEOPLE), place)


@pytest.mark.parametrize("commit_every", [1, 7, 100_000])
def test_when_a_task_commits_changes_no_byte(
    usual: dict[str, bytes], tmp_path: Path, commit_every: int
) -> None:
    given = scenario(sequence(), behaviour=LIVELY, people=PEOPLE)
    assert written(given, tmp_path / "report", commit_every=commit_every) == usual


def test_another_seed_draws_another_fate(usual: dict[str, bytes], tmp_path: Path) -> None:
    given = scenario(sequence(), behaviour=LIVELY, people=PEOPLE, seed=8)
    assert written(given, tmp_path / "report")["events.jsonl"] != usual["events.jsonl"]


def test_what_was_drawn_is_the_same_again_as_recorded_events(
    usual: dict[str, bytes], tmp_path: Path
) -> None:
    """The very same decisions, though nobody draws any more: the events tell all."""
    decode = Decoder().decode
    events = [decode((), line) for line in usual["events.jsonl"].splitlines()]
    assert {event.type for event in events} > {"touch.sent", "touch.failed", "call.ended"}
    recorded = RecordedEvents(with_event_times(events), [], START)
    again = written(scenario(sequence(), recorded=recorded, people=PEOPLE), tmp_path / "report")
    for name in ("facts.jsonl", "commands.jsonl"):
        assert again[name] == usual[name]


def test_recorded_events_may_come_in_any_order_and_twice(usual: dict[str, bytes]) -> None:
    decode = Decoder().decode
    events = [decode((), line) for line in usual["events.jsonl"].splitlines()]
    told = tried(
        scenario(
            sequence(), recorded=RecordedEvents(with_event_times(events), [], START), people=PEOPLE
        )
    )
    shuffled = [*events[1::2], *events[::2], *events]
    again = tried(
        scenario(
            sequence(),
            recorded=RecordedEvents(with_event_times(shuffled), [], START),
            people=PEOPLE,
        )
    )
    assert again.kept.sends() == told.kept.sends()


SCRIPT = """
import sys
from pathlib import Path
from tests.testing.simulation_harness import *
given = scenario(sequence(), behaviour=LIVELY, people=int(sys.argv[2]))
written(given, Path(sys.argv[1]))
"""


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_neither_does_the_order_of_hashes(
    usual: dict[str, bytes], tmp_path: Path, hash_seed: str
) -> None:
    place = tmp_path / "report"
    subprocess.run(
        [sys.executable, "-c", SCRIPT, str(place), str(PEOPLE)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
    )
    assert {path.name: path.read_bytes() for path in place.iterdir()} == usual


def test_a_fate_is_the_same_on_every_python() -> None:
    """Written down: whoever changes these changes everybody's results."""
    command = "8f14e45f-ceea-867a-9b3c-000000000001"
    assert draw_numbers(7, command, "opened") == PINNED
    plan = Behaviour.of(LIVELY).plans["email", "send_message"]
    heard = [
        (said.row.name, (said.at - START) // 1_000)
        for said in draw_signals(plan, command, 7, START)
    ]
    assert heard == HEARD


PINNED = (10318995016256805064, 8829751236137036731, 9812383628780960038)
HEARD = [("sent", 42381), ("bounced", 289139)]


def test_a_share_is_about_that_share() -> None:
    dice = [draw_numbers(1, f"command-{n}", "opened")[0] / DRAW_RANGE for n in range(4_000)]
    assert 0.47 < sum(die < 0.5 for die in dice) / len(dice) < 0.53


def test_commands_of_the_report_are_those_that_went_out(usual: dict[str, bytes]) -> None:
    trial = tried(scenario(sequence(), behaviour=LIVELY, people=PEOPLE))
    due = [c.touch.command_id for c in trial.kept.commands if isinstance(c, CommandDue)]
    told = lines(usual["commands.jsonl"])
    found = [line["data"]["command_id"] for line in told if line["type"] == "touch.due"]
    assert found == due
