"""Planted bugs of call pools: the comparison with the model, or the check of a suppressed number,
must find every one of them."""

from typing import Any

import msgspec
import pytest

from processors.dispatch import DispatchProcessor, call_reports, call_turns, suppressions
from processors.fold import store
from processors.fold.state_groups import StateGroups
from processors.fold.task import Record, Task
from processors.fold.turn import Turn
from schemas.internal import messages as m
from schemas.internal.call_states import (
    Lease,
    PoolTenant,
    lease_key,
    tenant_slots_group,
    turn_key,
)
from schemas.internal.topics import Topic
from tests.oracle.test_call_model import STEPS, CallHistory
from tests.processors.dispatch.calls_log import POOL, call
from tests.testing.builders import TENANT
from tests.testing.world import START

SEEDS = range(60)


def finds_a_difference() -> bool:
    """Whether one of the histories shows that the engine and the model differ, or fails."""
    for seed in SEEDS:
        try:
            history = CallHistory(seed)
            for _ in range(STEPS):
                history.step()
                calls = history.model.calls.items()
                expected = {name: (c.state, c.until) for name, c in calls if c.state != "waiting"}
                if history.leases() != expected or history.commands != history.model.commands:
                    return True
        except Exception:
            return True
    return False


def test_without_a_bug_no_difference_is_found() -> None:
    assert not finds_a_difference()


def test_a_lease_that_is_freed_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeated end frees the slot of another call of the tenant."""
    before = call_reports.report

    def report(turn: Turn, message: m.CallReported) -> Any:
        key = lease_key(message.tenant_id, message.pool_id, message.command_id)
        if message.state == "ended" and turn.store.read(key, Lease) is None:
            others = turn.store.members(tenant_slots_group(message.tenant_id, message.pool_id))
            if others:
                turn.store.delete(others[0])
        return before(turn, message)

    monkeypatch.setattr(call_reports, "report", report)
    assert finds_a_difference()


def test_a_forgotten_timer_of_a_lease_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lease, "due", lambda lease: None)
    assert finds_a_difference()


class NumberedGroups(StateGroups):
    """A count that is a number: every put raises it, and every end lowers it."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[bytes, int] = {}

    def place(self, key: bytes, groups: tuple[bytes, ...]) -> None:
        if self._groups_of.get(key, ()) != groups:
            for group in groups:
                self._numbers[group] = self._numbers.get(group, 0) + 1
        super().place(key, groups)

    def remove(self, key: bytes) -> None:
        for group in self._groups_of.get(key, ()):
            self._numbers[group] = self._numbers.get(group, 0) - 1

    def count(self, group: bytes) -> int:
        return self._numbers.get(group, 0)


def test_a_count_that_is_a_number_and_is_lowered_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "StateGroups", NumberedGroups)
    assert finds_a_difference()


def test_a_turn_by_the_time_of_the_last_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside one moment, all times are equal."""

    def move_on(turn: Turn, seat: PoolTenant, *, is_turn: bool) -> None:
        before(turn, seat, is_turn=is_turn)
        pool = call_turns._edit_pool(turn, seat.pool_id)
        served = call_turns._edit_seat(turn, seat)
        served.passed, served.served_seq, pool.passed = turn.now, 0, 0
        turn.store.enqueue(turn_key(seat.tenant_id, seat.pool_id))

    before = call_turns._move_on
    monkeypatch.setattr(call_turns, "_move_on", move_on)
    assert finds_a_difference()


class TwoOwners:
    """The account of a tenant's voice channel, and a pool, in partitions of their own."""

    def __init__(self) -> None:
        self.tasks = {key: Task(DispatchProcessor(), 0) for key in (ACCOUNT, m.pool_key(POOL))}
        self.commands: list[str] = []
        for task in self.tasks.values():
            task.restored()

    def append(self, key: bytes, message: m.Message) -> None:
        """Folds a message at its owner, and what the owners send to one another."""
        task = self.tasks[key]
        task.feed([Record(task.next_offset, START, key, m.encode(message))])
        while task.advance(100):
            pass
        outputs = task.outputs
        task.commit(task.changes())
        for output in outputs:
            if output.topic is Topic.DISPATCH_LOG:
                assert isinstance(output.message, m.Message)
                self.append(output.key, output.message)
            elif isinstance(output.message, m.CommandDue):
                self.commands.append(output.message.touch.command_id)


ACCOUNT = m.account_key(TENANT, "voice")


def calls_a_closed_number() -> bool:
    """Whether a number is called whose owner has opted out, before or after the first call."""
    owners = TwoOwners()
    for order in ("before", "after"):
        number = call(len(order)).recipient
        closed = m.SuppressAddress(TENANT, "voice", number, "opted_out_voice", "e#1", START)
        owners.append(ACCOUNT, closed)
        requested = msgspec.structs.replace(call(len(order)), command_id=order)
        owners.append(m.pool_key(POOL), requested)
        owners.append(m.pool_key(POOL), m.Tick())
    return bool(owners.commands)


def test_a_suppression_that_is_left_under_the_old_key_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not calls_a_closed_number()

    def old_key(touch: m.RequestTouch, digest: str) -> bytes:
        return suppressions.suppression_key(touch.tenant_id, touch.channel, digest)

    monkeypatch.setattr(suppressions, "_key_of_touch", old_key)
    assert calls_a_closed_number()
