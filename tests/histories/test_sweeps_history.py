"""What the history of sweeps contains: without it, a replay would prove nothing of sweeps that are
under way, and of requests that wait at dispatch until their campaign is active."""

from pathlib import Path

import msgspec
import pytest

from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.known_states import Sweeps
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import STATE_FORMAT
from schemas.internal.topics import Topic
from streams.audit.replay.recording import RecordingFile
from tests.histories.record_states import SHARES
from tests.histories.sweeps_story import commanded_in_pauses, pauses, sweeps
from tests.testing.world import World

STATES = Path(__file__).parent / "states"
DECIDED: set[tuple[FactKind, str | None]] = {
    (FactKind.TOUCH_DEFERRED, "campaign_paused"),
    (FactKind.TOUCH_SKIPPED, "no_template"),
    (FactKind.ENROLLMENT_FROZEN, "campaign"),
    (FactKind.ENROLLMENT_RESUMED, None),
    (FactKind.ENROLLMENT_MOVED, None),
    (FactKind.ENROLLMENT_STOPPED, "campaign_cancelled"),
    (FactKind.ENROLLMENT_STOPPED, "opted_out_email"),
}


@pytest.fixture(scope="module")
def world() -> World:
    return sweeps()


def test_the_history_of_sweeps_contains_every_kind_of_event(world: World) -> None:
    emitted = {(fact.fact, fact.reason) for fact in world.facts()}
    assert DECIDED - emitted == set()
    assert world.broker.topic(Topic.DEAD_LETTERS) == []


def test_a_sweep_has_many_turns_between_the_records_of_people(world: World) -> None:
    kinds = [
        type(m.decode_contact(each.value or b"")) for each in world.broker.topic(Topic.CONTACT_LOG)
    ]
    assert kinds.count(m.SweepTurn) > 100
    assert {m.ContactReplied, m.TouchSent, m.TouchDeferred} <= {*kinds}


def test_nothing_is_commanded_while_dispatch_knows_that_the_campaign_is_paused(
    world: World,
) -> None:
    assert len(pauses(world)) > 3
    assert commanded_in_pauses(world) == []


UNDER_WAY = ({"freeze", "move"}, {"amend", "freeze", "thaw"}, {"amend", "move", "thaw"})
"""The sweeps that are under way in the states of each share of the logs."""


@pytest.mark.parametrize(("share", "expected"), [*zip(SHARES, UNDER_WAY, strict=True)])
def test_sweeps_are_under_way_in_the_recorded_states(share: int, expected: set[str]) -> None:
    names: set[str] = set()
    for _, lines in RecordingFile(STATES / f"{STATE_FORMAT}.sweeps.{share}.jsonl.gz").batches():
        for line in lines:
            state = payload_of(line.value or b"")
            if msgspec.msgpack.decode(state)[0] == "Sweeps":
                names |= {each.name for each in msgspec.msgpack.decode(state, type=Sweeps).queue}
    assert names == expected
