"""Suppressed numbers of a tenant hold for the calls of every pool, however old they are (S4-85)."""

import msgspec
import pytest

from processors.dispatch import shared_suppressions
from processors.dispatch.suppressions import suppression_key
from processors.fold.task import Task
from processors.shared.address_keys import address_key
from schemas.base.times import DAY
from schemas.internal import messages as m
from schemas.internal.state_bytes import pack, payload_of
from schemas.internal.states import Suppression
from tests.processors.dispatch.calls_log import POOL, CallsLog, call, pool, reported, tenant_calls
from tests.processors.dispatch.dispatch_log import DispatchLog, request
from tests.testing.builders import TENANT
from tests.testing.world import START

NUMBER = call(1).recipient


def suppressed(number: str = NUMBER, tenant_id: str = TENANT, at: int = START) -> m.Message:
    """The order to close a number for calls, because its owner opted out."""
    return m.SuppressAddress(tenant_id, "voice", number, "opted_out_voice", "e#1", at)


def refusals(log: CallsLog) -> dict[str, str]:
    """The reason of each refused call."""
    return {refused.command_id: refused.reason for refused in log.sent(m.TouchRefused)}


def test_a_number_that_was_closed_before_the_first_call_is_not_called() -> None:
    log = CallsLog(suppressed(), call(1), call(2))
    assert refusals(log) == {"c001": "opted_out_voice"}
    assert log.under_way() == ["c002"]


def test_a_number_that_is_closed_later_is_closed_in_every_pool_that_the_tenant_uses() -> None:
    log = CallsLog(pool(1, "q"), call(8), call(9, pool_id="q"))
    waiting = call(1, pool_id="q")
    log.append(waiting, suppressed())
    log.append(reported(call(9, pool_id="q")), call(1, command_id="d"))
    assert refusals(log) == {"c001": "opted_out_voice", "d": "opted_out_voice"}


def test_a_new_agreement_opens_the_number_for_calls_again() -> None:
    log = CallsLog(call(8), suppressed())
    log.append(m.LiftSuppression(TENANT, "voice", NUMBER, "e#2", START + 1))
    log.append(call(1))
    assert log.under_way() == ["c001", "c008"]


def test_a_reopened_number_is_called_again() -> None:
    bounced = m.SuppressAddress(TENANT, "voice", NUMBER, "address_bounced", "e#1", START)
    log = CallsLog(call(8), bounced).append(call(1))
    assert refusals(log) == {"c001": "address_bounced"}
    log.append(m.AddressReopened(TENANT, "voice", NUMBER, "our_fault", "e#2"))
    log.append(call(1, command_id="again"))
    assert log.under_way() == ["again", "c008"]


def test_the_suppressions_of_one_tenant_close_nothing_for_another() -> None:
    log = CallsLog(suppressed(tenant_id="other"), call(1))
    assert (refusals(log), log.under_way()) == ({}, ["c001"])


def test_calls_wait_until_all_suppressed_numbers_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_suppressions, "SHARED_MAX", 2)
    numbers = [call(n).recipient for n in range(1, 6)]
    log = CallsLog(*[suppressed(number) for number in numbers], *[call(n) for n in range(7)])
    shared = log.sent(m.SuppressionsShared)
    assert [len(part.suppressions) for part in shared] == [2, 2, 1]
    assert [part.complete for part in shared] == [False, False, True]
    assert log.under_way() == ["c000", "c006"]
    assert log.sent(m.TouchDeferred)[0].reason == "suppressions_pending"


def test_the_parts_of_an_answer_have_turns_with_other_records_and_miss_no_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_suppressions, "SHARED_MAX", 2)
    numbers = [call(n).recipient for n in range(1, 8)]
    log = CallsLog(*[suppressed(number) for number in numbers])
    DispatchLog.append(log, call(1), call(2))
    (question,) = log.sent(m.ShareSuppressions)
    turns = 0
    while question is not None:
        seen = len(log.sent(m.ShareSuppressions))
        DispatchLog.append(log, question)
        turns += 1
        lifted, closed = (numbers[turns], call(20 + turns).recipient)
        DispatchLog.append(log, m.LiftSuppression(TENANT, "voice", lifted, "e#2", START + 1))
        DispatchLog.append(log, suppressed(closed))
        question = next(iter(log.sent(m.ShareSuppressions)[seen:]), None)
    assert turns == 4 + 1
    DispatchLog.append(log, *log.sent(m.SuppressionsShared))
    of_account, of_pool = _suppressions(log, b"\x02"), _suppressions(log, b"\x16")
    assert of_pool == of_account and len(of_pool) > len(numbers)


def _suppressions(log: CallsLog, prefix: bytes) -> dict[bytes, Suppression]:
    """The suppressions under a prefix, by the digests of their addresses."""
    return {
        key.rpartition(b"/")[2]: msgspec.msgpack.decode(payload_of(value), type=Suppression)
        for key, value in log.task.store.items()
        if key.startswith(prefix)
    }


def test_the_question_of_an_older_version_is_answered_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_suppressions, "SHARED_MAX", 2)
    log = CallsLog(*[suppressed(call(n).recipient) for n in range(1, 6)])
    DispatchLog.append(log, m.ShareSuppressions(TENANT, "voice", POOL))
    assert [part.complete for part in log.sent(m.SuppressionsShared)] == [False, False, True]
    assert log.sent(m.ShareSuppressions) == []


def test_a_call_that_expires_before_its_tenant_is_known_is_refused() -> None:
    log = CallsLog()
    super(CallsLog, log).append(call(1, expires_at=START + DAY))
    log.pass_time(START + DAY)
    assert refusals(log) == {"c001": "expired"}


def test_a_suppression_that_an_older_version_has_stored_closes_the_number() -> None:
    """It stored digests of the text as it was written; the pool looks for them too."""
    before = Task(CallsLog().task.processor, 0)
    digest = address_key(None, "voice", NUMBER)
    state = Suppression("opted_out_voice", "old#1", START - DAY)
    encoded = msgspec.msgpack.encode(state)
    before.restore(suppression_key(TENANT, "voice", digest), pack(None, 0, encoded))
    before.restored()
    log = CallsLog()
    log.task = before
    log.append(call(1))
    assert refusals(log) == {"c001": "opted_out_voice"}


def test_calls_that_were_requested_before_there_were_pools_drain_at_their_account() -> None:
    """Their key was the tenant's channel; their limit is the one of an hour."""
    tenant = msgspec.structs.replace(tenant_calls(), limits={"voice": 1})
    old = [request(n, channel="voice", recipient=call(n).recipient, rules=1) for n in (1, 2, 3)]
    log = CallsLog(tenant, *old, call(4), call(5), call(6))
    log.append(m.WithdrawTouch("c003", TENANT, "p3", "voice", "stopped", True))
    log.pass_time(START + DAY)
    assert sorted(log.commanded()) == ["c001", "c002", "c004", "c005", "c006"]
    granted = {lease.touch.command_id for lease in log.leases("expired", "placing")}
    assert granted == {"c004", "c005", "c006"} & granted
    assert [each.command_id for each in log.sent(m.TouchWithdrawn)] == ["c003"]


def test_an_old_call_is_stopped_by_a_suppression_of_its_account() -> None:
    old = request(1, channel="voice", recipient=NUMBER, rules=1)
    log = CallsLog(suppressed(), old)
    assert refusals(log) == {"c001": "opted_out_voice"}


def test_the_copies_of_a_pool_have_the_tenant_in_their_keys() -> None:
    log = CallsLog(suppressed(), call(1), call(2))
    prefixes = (b"\x11", b"\x13", b"\x14", b"\x16")
    keys = [key for key, _ in log.task.store.items() if key.startswith(prefixes)]
    assert len(keys) == 4
    assert all(key[1:].startswith(f"{TENANT}/{POOL}".encode()) for key in keys)
