"""The lease of a call: what moves it, and that it ends by itself (F-18)."""

import msgspec
import pytest

from processors.dispatch.call_leases import LATE_US, LEASE, LeaseInput, LeaseState, after
from schemas.base.times import MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.call_states import ACTIVE, Lease
from schemas.internal.facts import FactKind
from tests.processors.dispatch.calls_log import (
    LONGEST,
    MARGIN,
    MAX,
    PLACE,
    POOL,
    RING,
    CallsLog,
    call,
    pool,
    reported,
    tenant_calls,
)
from tests.testing.world import START

PROGRESS = ("initiated", "ringing", "in_progress")


def test_the_table_has_a_row_for_every_pair() -> None:
    assert LEASE.keys() == set(LeaseState)
    assert all(row.keys() == set(LeaseInput) for row in LEASE.values())


def test_the_states_that_take_a_slot_are_those_with_a_call_under_way() -> None:
    taking = {state for state, row in LEASE.items() if row[LeaseInput.TIMER] is LeaseState.EXPIRED}
    assert taking - {LeaseState.EXPIRED} == ACTIVE


def lease(state: str, until: int = START + LONGEST, guard: str = "strict") -> Lease:
    return Lease(call(1, guard=guard), state, START, until)


@pytest.mark.parametrize(
    ("state", "received", "becomes", "until"),
    [
        ("placing", "initiated", "placing", START + LONGEST),
        ("placing", "ringing", "ringing", START + MINUTE + RING + MAX + MARGIN),
        ("placing", "in_progress", "live", START + MINUTE + MAX + MARGIN),
        ("ringing", "in_progress", "live", START + MINUTE + MAX + MARGIN),
        ("ringing", "initiated", "ringing", START + LONGEST),
        ("live", "ringing", "live", START + LONGEST),
        ("live", "withdrawn", "live", START + LONGEST),
        ("placing", "repeated", "placing", START + LONGEST),
        ("live", "timer", "expired", START + MINUTE + LATE_US),
        ("expired", "in_progress", "overrun", START + MINUTE + MAX + MARGIN),
        ("expired", "ringing", "overrun", START + MINUTE + RING + MAX + MARGIN),
        ("overrun", "in_progress", "overrun", START + LONGEST),
        ("overrun", "timer", "expired", START + MINUTE + LATE_US),
    ],
)
def test_an_input_moves_the_lease(state: str, received: str, becomes: str, until: int) -> None:
    assert after(lease(state), LeaseInput(received), START + MINUTE) == (becomes, until)


@pytest.mark.parametrize("state", ["placing", "ringing", "live"])
@pytest.mark.parametrize("received", LeaseInput)
def test_the_end_of_a_lease_never_moves_to_a_later_moment(state: str, received: LeaseInput) -> None:
    until = START + 2 * MINUTE
    becomes, moved = after(lease(state, until), received, START + MINUTE)
    assert becomes == LeaseState.EXPIRED or moved <= until


def test_a_prompt_lease_ends_before_the_next_report_is_overdue() -> None:
    log = CallsLog(call(1, guard="prompt"))
    assert log.until("c001") == ("placing", 120)
    log.append(reported(call(1), "ringing"), at=START + 100 * SECOND)
    assert log.until("c001") == ("ringing", 205)
    log.append(reported(call(1), "in_progress"), at=START + 130 * SECOND)
    assert log.until("c001") == ("live", LONGEST / SECOND)  # never later than a strict one


def test_a_repeat_of_the_command_keeps_the_lease() -> None:
    log = CallsLog(call(1))
    before = log.until("c001")
    log.append(call(1, emission=2), at=START + 5 * MINUTE)
    assert log.until("c001") == before
    first, second = log.sent(m.CommandDue)
    assert (first.touch.emission, second.touch.emission) == (1, 2)
    assert second.place_by == first.place_by == START + PLACE
    assert len(log.facts(FactKind.CALL_SLOT_GRANTED)) == 1
    (use,) = [each for each in log.leases() if each.touch.emission == 2]
    assert use.granted_at == START


def test_a_withdrawn_call_is_revoked_and_keeps_its_slot_until_its_end() -> None:
    log = CallsLog(tenant_calls(slots=1), call(1), call(2))
    log.append(m.WithdrawTouch("c001", "acme", "p1", "voice", "stopped", True, POOL))
    assert [revoked.command_id for revoked in log.sent(m.CommandRevoked)] == ["c001"]
    assert log.under_way() == ["c001"]
    log.append(reported(call(1), outcome="cancelled"))
    assert log.under_way() == ["c002"]
    log.append(m.WithdrawTouch("c003", "acme", "p3", "voice", "stopped", True, POOL))
    assert log.under_way() == ["c002"]


@pytest.mark.parametrize("state", PROGRESS)
def test_a_call_that_lives_on_after_its_slot_counts_above_the_limit(state: str) -> None:
    log = CallsLog(tenant_calls(slots=1), call(1), call(2), call(3))
    log.pass_time(START + LONGEST)
    assert log.under_way() == ["c002"]
    log.append(reported(call(1), state))
    assert log.under_way() == ["c001", "c002"]
    assert [fact.command_id for fact in log.facts(FactKind.CALL_OVERRUN)] == ["c001"]
    log.append(reported(call(2)))
    assert log.under_way() == ["c001"]  # and nothing new starts
    log.append(reported(call(1)))
    assert log.under_way() == ["c003"]
    assert len(log.sent(m.CallLost)) == 1


def test_a_late_end_frees_no_slot_and_is_recorded() -> None:
    log = CallsLog(tenant_calls(slots=1), call(1), call(2), call(3))
    log.pass_time(START + LONGEST)
    log.append(reported(call(1), outcome="busy"), at=START + LONGEST + MINUTE)
    assert log.under_way() == ["c002"]
    (late,) = log.facts(FactKind.CALL_SLOT_FREED)
    assert (late.reason, late.values and late.values["late_seconds"]) == ("busy", 60)
    log.append(reported(call(1), outcome="busy"))
    assert len(log.facts(FactKind.CALL_SLOT_FREED)) == 1


def test_no_lease_is_left_a_day_after_its_call_was_lost() -> None:
    log = CallsLog(call(1)).pass_time(START + LONGEST + LATE_US)
    assert log.states(Lease) == []


@pytest.mark.parametrize(
    "other",
    [{"tenant_id": "other"}, {"contact_id": "p9"}, {"pool_id": "other"}, {"state": "odd"}],
)
def test_a_report_about_a_call_of_somebody_else_changes_nothing(other: dict[str, str]) -> None:
    log = CallsLog(call(1))
    states = dict(log.task.store.items())
    outputs = len(log.outputs)
    log.append(msgspec.structs.replace(reported(call(1)), **other))
    changed = {key for key, value in log.task.store.items() if states.get(key) != value}
    assert (changed, outputs) == ({b"\x00place"}, len(log.outputs))


def test_an_end_that_comes_before_its_progress_leaves_nothing() -> None:
    log = CallsLog(pool(1), call(1))
    for state in ("ended", "in_progress", "ringing", "ended"):
        log.append(reported(call(1), state))
    assert log.states(Lease) == []
