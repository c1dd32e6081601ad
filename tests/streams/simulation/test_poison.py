"""What cannot be folded costs itself alone, as in the worker, and is said once."""

from collections.abc import Callable
from typing import Any

import pytest

from processors.contact import ContactProcessor
from processors.fold.task import TIMER_FAILED, Record
from processors.fold.turn import Turn
from schemas.internal.messages import DeadLetter
from schemas.public.codec import Decoder
from streams.simulation import engine
from streams.simulation.scenario import RecordedEvents, with_event_times
from tests.streams.simulation.test_bad_input import event
from tests.testing.simulation_harness import LIVELY, Kept, scenario, sequence
from tests.testing.world import START

COMMITS = (1, 7, 2_000)
BAD = "choke"
PEOPLE = 12


def run(commit_every: int, *events: str) -> tuple[Kept, list[DeadLetter]]:
    told = [Decoder().decode((), line.encode()) for line in events]
    recorded = RecordedEvents(with_event_times(told), [], START)
    kept, letters = Kept(), list[DeadLetter]()
    given = scenario(sequence(), behaviour=LIVELY, people=PEOPLE, recorded=recorded)
    given.run([kept], park=letters.append, commit_every=commit_every)
    return kept, letters


def stopped(number: int, person: int, hours: float) -> str:
    """The end of a person's run, which shows in facts and commands."""
    who = {"tenant_id": "acme", "contact_id": f"p-{person:07}"}
    return event(number, "contact.stopped", hours, **who, campaign_id=None)


def choking(spoiled: Callable[..., Any], bad: Callable[[Any], bool]) -> Callable[..., Any]:
    """It fails when all is said and changed."""

    def choke(self: ContactProcessor, turn: Turn, about: Any, *more: Any) -> None:
        spoiled(self, turn, about, *more)
        if bad(about):
            raise ValueError("no")

    return choke


def is_bad(record: Record) -> bool:
    return BAD.encode() in record.value


@pytest.mark.parametrize("commit_every", COMMITS)
def test_a_record_that_cannot_be_folded_is_as_if_it_had_not_been(
    monkeypatch: pytest.MonkeyPatch, commit_every: int
) -> None:
    good = [stopped(1, 4, 100), stopped(2, 5, 100)]
    monkeypatch.setattr(engine, "STEP", 3)  # a commit finds some of its moment not folded yet
    bad = [stopped(n, n, 0.5 * (n - 1)).replace(f"e-{n}", f"{BAD}-{n}") for n in range(1, PEOPLE)]
    without, none = run(commit_every, *good)
    monkeypatch.setattr(ContactProcessor, "apply", choking(ContactProcessor.apply, is_bad))
    kept, letters = run(commit_every, good[0], *bad, good[1])
    assert (kept.told, kept.commands) == (without.told, without.commands)
    assert none == []
    assert [letter.detail for letter in letters] == ["ValueError: no"] * len(bad)


def test_a_timer_that_cannot_fire_costs_its_person_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, _ = run(COMMITS[-1], stopped(1, 4, 100))
    someone = "p-0000003"
    spoiled = choking(ContactProcessor.fire, lambda key: key.endswith(someone.encode()))
    monkeypatch.setattr(ContactProcessor, "fire", spoiled)
    runs = [run(commit_every, stopped(1, 4, 100)) for commit_every in COMMITS]
    assert [letter.code for letter in runs[0][1]] == [TIMER_FAILED]
    assert all(kept.told == runs[0][0].told for kept, _ in runs)
    others = [fact for fact in whole.told if fact.contact_id != someone]
    assert [fact for fact in runs[0][0].told if fact.contact_id != someone] == others
    assert not any(touch.contact_id == someone for touch in runs[0][0].due())
