"""A record or timer that cannot be folded has no effect, as in the worker, and is reported once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from processors.contact import ContactProcessor
from processors.fold.task import TIMER_FAILED, Record
from processors.fold.turn import Turn
from schemas.internal.facts import Fact
from schemas.internal.messages import DeadLetter
from schemas.public.codec import Decoder
from streams.simulation import engine
from streams.simulation.scenario import RecordedEvents, with_event_times
from tests.streams.simulation.test_bad_input import event
from tests.testing.simulation_harness import MIXED_BEHAVIOUR, RecordingListener, scenario, sequence
from tests.testing.world import START

COMMITS = (1, 7, 2_000)
BAD_ID = "fails"
PEOPLE = 12


def run(commit_every: int, *events: str) -> tuple[RecordingListener, list[DeadLetter]]:
    """Simulates a sequence with these recorded events. Returns what happened and the dead
    letters."""
    decoded = [Decoder().decode((), line.encode()) for line in events]
    recorded = RecordedEvents(with_event_times(decoded), [], START)
    listener, letters = RecordingListener(), list[DeadLetter]()
    given = scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=PEOPLE, recorded=recorded)
    given.run([listener], on_dead_letter=letters.append, commit_every=commit_every)
    return listener, letters


def stopped(number: int, person: int, hours: float) -> str:
    """An event that ends a person's run, which shows in facts and commands."""
    who = {"tenant_id": "acme", "contact_id": f"p-{person:07}"}
    return event(number, "contact.stopped", hours, **who, campaign_id=None)


def failing(method: Callable[..., Any], fails_for: Callable[[Any], bool]) -> Callable[..., Any]:
    """A method of the processor that raises after the work is done, for some records or timers."""

    def run_and_fail(self: ContactProcessor, turn: Turn, subject: Any, *more: Any) -> None:
        method(self, turn, subject, *more)
        if fails_for(subject):
            raise ValueError("no")

    return run_and_fail


def is_bad(record: Record) -> bool:
    return BAD_ID.encode() in record.value


@pytest.mark.parametrize("commit_every", COMMITS)
def test_a_record_that_cannot_be_folded_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, commit_every: int
) -> None:
    good = [stopped(1, 4, 100), stopped(2, 5, 100)]
    monkeypatch.setattr(engine, "STEPS_PER_TURN", 3)  # so a commit comes amid a moment
    bad = [
        stopped(n, n, 0.5 * (n - 1)).replace(f"e-{n}", f"{BAD_ID}-{n}") for n in range(1, PEOPLE)
    ]
    without, none = run(commit_every, *good)
    monkeypatch.setattr(ContactProcessor, "apply", failing(ContactProcessor.apply, is_bad))
    recorded, letters = run(commit_every, good[0], *bad, good[1])
    assert (recorded.facts, recorded.commands) == (without.facts, without.commands)
    assert none == []
    assert [letter.detail for letter in letters] == ["ValueError: no"] * len(bad)


def test_a_timer_that_cannot_fire_affects_its_person_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undisturbed, _ = run(COMMITS[-1], stopped(1, 4, 100))
    affected = "p-0000003"
    fire = failing(ContactProcessor.fire, lambda key: key.endswith(affected.encode()))
    monkeypatch.setattr(ContactProcessor, "fire", fire)
    runs = [run(commit_every, stopped(1, 4, 100)) for commit_every in COMMITS]
    recorded, letters = runs[0]
    assert [letter.code for letter in letters] == [TIMER_FAILED]
    assert all(other.facts == recorded.facts for other, _ in runs)
    assert facts_of_others(recorded, affected) == facts_of_others(undisturbed, affected)
    assert not any(touch.contact_id == affected for touch in recorded.commanded_touches())


def facts_of_others(recorded: RecordingListener, affected: str) -> list[Fact]:
    """The facts of all other people, without the numbers of a call pool, which all people share."""
    return [
        msgspec.structs.replace(fact, values=without_shared_numbers(fact.values))
        for fact in recorded.facts
        if fact.contact_id != affected
    ]


def without_shared_numbers(values: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if name not in ("limits", "seq")}
