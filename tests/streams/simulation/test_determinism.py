"""The same seed gives the same bytes: for any batch size, hash seed and order of events."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.internal.messages import CommandDue
from schemas.public.codec import Decoder
from streams.simulation.behaviour import Behaviour
from streams.simulation.drawn_signals import DRAW_RANGE, draw_numbers, draw_signals
from streams.simulation.scenario import RecordedEvents, with_event_times
from tests.testing.simulation_harness import (
    MIXED_BEHAVIOUR,
    lines,
    scenario,
    sequence,
    simulate,
    write_simulation_report,
)
from tests.testing.world import START

PEOPLE = 120


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The report with which others are compared."""
    place = tmp_path_factory.mktemp("baseline") / "report"
    return write_simulation_report(
        scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=PEOPLE), place
    )


@pytest.mark.parametrize("commit_every", [1, 7, 100_000])
def test_the_moments_of_commits_change_no_byte(
    baseline: dict[str, bytes], tmp_path: Path, commit_every: int
) -> None:
    given = scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=PEOPLE)
    assert (
        write_simulation_report(given, tmp_path / "report", commit_every=commit_every) == baseline
    )


def test_another_seed_draws_other_events(baseline: dict[str, bytes], tmp_path: Path) -> None:
    given = scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=PEOPLE, seed=8)
    assert (
        write_simulation_report(given, tmp_path / "report")["events.jsonl"]
        != baseline["events.jsonl"]
    )


def test_drawn_events_give_the_same_decisions_as_recorded_events(
    baseline: dict[str, bytes], tmp_path: Path
) -> None:
    decode = Decoder().decode
    events = [decode((), line) for line in baseline["events.jsonl"].splitlines()]
    assert {event.type for event in events} > {"touch.sent", "touch.failed", "call.ended"}
    recorded = RecordedEvents(with_event_times(events), [], START)
    repeated = write_simulation_report(
        scenario(sequence(), recorded=recorded, people=PEOPLE), tmp_path / "report"
    )
    for name in ("facts.jsonl", "commands.jsonl"):
        assert repeated[name] == baseline[name]


def test_the_order_and_duplicates_of_recorded_events_change_nothing(
    baseline: dict[str, bytes],
) -> None:
    decode = Decoder().decode
    events = [decode((), line) for line in baseline["events.jsonl"].splitlines()]
    signals_in_order = simulate(
        scenario(
            sequence(), recorded=RecordedEvents(with_event_times(events), [], START), people=PEOPLE
        )
    )
    shuffled = [*events[1::2], *events[::2], *events]
    repeated = simulate(
        scenario(
            sequence(),
            recorded=RecordedEvents(with_event_times(shuffled), [], START),
            people=PEOPLE,
        )
    )
    assert repeated.recorded.sends() == signals_in_order.recorded.sends()


SCRIPT = """
import sys
from pathlib import Path
from tests.testing.simulation_harness import *
given = scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=int(sys.argv[2]))
write_simulation_report(given, Path(sys.argv[1]))
"""


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_the_hash_seed_of_python_changes_no_byte(
    baseline: dict[str, bytes], tmp_path: Path, hash_seed: str
) -> None:
    place = tmp_path / "report"
    subprocess.run(
        [sys.executable, "-c", SCRIPT, str(place), str(PEOPLE)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
    )
    assert {path.name: path.read_bytes() for path in place.iterdir()} == baseline


def test_draws_are_the_same_on_every_python() -> None:
    """The expected values are literal: a change of them changes the results of every simulation."""
    command = "8f14e45f-ceea-867a-9b3c-000000000001"
    assert draw_numbers(7, command, "opened") == EXPECTED_NUMBERS
    signal_rules = Behaviour.of(MIXED_BEHAVIOUR).rules["email", "send_message"]
    signals = [
        (signal.rule.name, (signal.at - START) // 1_000)
        for signal in draw_signals(signal_rules, command, 7, START)
    ]
    assert signals == EXPECTED_SIGNALS


EXPECTED_NUMBERS = (10318995016256805064, 8829751236137036731, 9812383628780960038)
EXPECTED_SIGNALS = [("sent", 42381), ("bounced", 289139)]


def test_draws_are_distributed_evenly() -> None:
    numbers = [draw_numbers(1, f"command-{n}", "opened")[0] / DRAW_RANGE for n in range(4_000)]
    assert 0.47 < sum(number < 0.5 for number in numbers) / len(numbers) < 0.53


def test_the_report_has_the_commands_that_went_out(baseline: dict[str, bytes]) -> None:
    trial = simulate(scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=PEOPLE))
    due = [c.touch.command_id for c in trial.recorded.commands if isinstance(c, CommandDue)]
    signals_in_order = lines(baseline["commands.jsonl"])
    found = [line["data"]["command_id"] for line in signals_in_order if line["type"] == "touch.due"]
    assert found == due
