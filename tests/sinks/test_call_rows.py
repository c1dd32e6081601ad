"""Rows of calls and of sender accounts: in any batches, and after an upgrade."""

from collections.abc import Sequence

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.times import DAY, HOUR, SECOND
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.call_states import Lease
from schemas.internal.enrollment import CallItem, Enrollment, Phase, Status
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.item_status import item_status
from schemas.internal.limit_terms import LimitTerms
from schemas.internal.sender_states import SendChunk, Sender, SendLog
from schemas.internal.states import Request
from schemas.internal.topics import Topic
from sinks.batch import Batch
from sinks.migrate import migrate
from sinks.state_rows import _tag
from sinks.tables import TABLES
from tests.testing.projected import differences, select
from tests.testing.recorded_calls import (
    CALLED_AT,
    call_fact,
    call_touch,
    item,
    lease,
    sender,
    sender_state,
)
from tests.testing.recorded_world import Log, fact

END = {"seconds": 25, "call_id": "CA-1", "raw_status": "no-answer"}
BETTER = {"seconds": 60, "answered_by": "human"}
FACTS = [
    call_fact("acme", FactKind.CALL_SLOT_GRANTED, until=fact_time(CALLED_AT + HOUR)),
    call_fact("acme", FactKind.CALL_PROGRESSED, values={"state": "in_progress"}),
    call_fact("acme", FactKind.CALL_PROGRESSED, values={"state": "ringing", "call_id": "CA-0"}),
    call_fact(
        "acme",
        FactKind.CALL_PROGRESSED,
        values={"state": "ringing"},
        occurred_at=fact_time(CALLED_AT - SECOND),
    ),
    call_fact("acme", FactKind.CALL_SLOT_EXPIRED),
    call_fact("acme", FactKind.TOUCH_CALL_ENDED, reason="no_answer", values=END),
    call_fact("acme", FactKind.TOUCH_CALL_ENDED, reason="answered", values=BETTER),
    call_fact("acme", FactKind.CALL_REVIEWED, values={"success": False, "result": "wrong"}),
    call_fact("acme", FactKind.CALL_REVIEWED, values={"success": True}),
]

CALL = "SELECT to_jsonb(c) FROM touchstream.calls AS c"


@pytest.mark.parametrize("cuts", [(), (2,), (3,), (6,), (7,), (8,), (3, 6), range(len(FACTS))])
def test_the_facts_of_a_call_make_the_same_row_in_any_batches(
    dsn: str, cuts: Sequence[int]
) -> None:
    log = Log()
    for number, each in enumerate(FACTS):
        if number in cuts:
            log.write(dsn)
        log.fact(each)
    log.write(dsn)
    ((row,),) = select(dsn, CALL)
    assert isinstance(row, dict)
    expected = {
        "call_id": "CA-1",
        "outcome": "answered",
        "seconds": 60,
        "raw_status": "",  # belongs to the report before
        "answered_by": "human",
        "reviewed": True,
        "result": "wrong",
    }
    assert {name: row[name] for name in expected} == expected
    assert row["ringing_at"] < row["in_progress_at"]
    assert differences(dsn, log) == []


def test_the_migration_adds_the_ends_of_calls_from_before_it(dsn: str) -> None:
    old = [
        fact("acme", FactKind.TOUCH_CALL_ENDED, reason="busy", values={"seconds": 3}),
        fact("acme", FactKind.TOUCH_CALL_ENDED, reason="answered", values={"seconds": 9}),
        fact("bolt", FactKind.TOUCH_CALL_ENDED, reason="no-answer"),
    ]
    log = Log().fact(*old).write(dsn)
    assert len(select(dsn, CALL)) == 2
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in (
            "DROP SCHEMA calls CASCADE",
            "DROP TABLE touchstream.call_items, touchstream.calls, touchstream.call_leases",
            "DROP INDEX touchstream.contacts_erased, touchstream.campaigns_of_calls_by_status",
            "DROP INDEX touchstream.campaigns_of_calls_by_agent",
            "DROP INDEX touchstream.campaigns_of_calls_by_start",
            "DELETE FROM touchstream.migrations WHERE name IN ('0015_calls', '0016_call_views')",
        ):
            connection.execute(statement.encode())
    assert migrate(dsn) == ["0015_calls", "0016_call_views"]
    assert len(select(dsn, CALL)) == 2
    assert differences(dsn, log) == []


def test_a_slot_that_is_free_has_no_row_in_any_batches(dsn: str) -> None:
    log = Log().lease(lease("acme")).lease(lease("bolt")).write(dsn)
    log.lease(lease("acme"), is_free=True).write(dsn)
    log.lease(lease("acme", name="bob")).lease(lease("acme", name="bob"), is_free=True).write(dsn)
    assert select(dsn, "SELECT tenant_id FROM touchstream.call_leases") == [("bolt",)]
    assert differences(dsn, log) == []


def test_no_row_of_a_call_has_a_number_or_a_text_of_the_person() -> None:
    state = lease("acme")
    known = msgspec.structs.replace(state.touch, variables={"name": "Ada"}, recipient="+15550001")
    log = Log().lease(msgspec.structs.replace(state, touch=known)).calls("acme", item("acme"))
    rows = Batch(log.records).rows
    for table in ("call_leases", "call_items"):
        assert "Ada" not in repr(rows[table]) and "+15550001" not in repr(rows[table])


touches = st.builds(
    call_touch,
    st.just("acme"),
    phase=st.sampled_from(Phase),
    reason=st.sampled_from([None, "busy", "opted_out_voice"]),
    call_id=st.sampled_from([None, "CA-1"]),
    reviewed=st.sampled_from([None, True, False]),
    resolved_at=st.sampled_from([None, CALLED_AT, CALLED_AT + DAY]),
)
runs = st.builds(
    item,
    st.just("acme"),
    status=st.sampled_from(Status),
    touches=st.lists(touches, max_size=3),
    call=st.builds(CallItem, direct=st.booleans()),
    ended_at=st.just(CALLED_AT + HOUR),
)


@given(runs)
def test_the_row_of_any_run_agrees_with_itself(run: Enrollment) -> None:
    (row,) = Batch(Log().calls("acme", run).records).rows["call_items"]
    shown = dict(zip(TABLES["call_items"].columns, row, strict=True))
    status = shown["status"]
    assert status == item_status(run)
    assert not shown["successful"] or (status == "completed" and shown["call_id"])
    assert (shown["completed_at"] is None) == (status in ("queued", "processing"))
    assert shown["failure_reason"] is None or status in ("failed", "cancelled", "skipped")
    assert (shown["campaign_id"] is None) == shown["direct"]
    assert shown["updated_at"] >= shown["created_at"]


STATES = [
    lease("acme"),
    sender_state("acme"),
    Request(lease("acme").touch, "call_hours", CALLED_AT, CALLED_AT),
    SendLog(),
    SendChunk(),
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_the_tag_of_a_state_is_found_without_decoding_it(state: Lease | Sender) -> None:
    assert _tag(msgspec.msgpack.encode(state)).decode() == type(state).__name__


@pytest.mark.parametrize("payload", [b"", b"\x91", b"\xdc", b"\xc0", b"\x91\xa5Le"])
def test_what_is_no_state_has_no_row(payload: bytes) -> None:
    value = b"\0" * 9 + payload
    log = Log().raw(Topic.DISPATCH_CHANGELOG, b"\x01acme/voice/x", value)
    assert not any(Batch(log.records).rows.values())


def test_other_states_of_dispatch_have_no_row() -> None:
    log = Log()
    for number, state in enumerate(STATES[2:]):
        log.state(Topic.DISPATCH_CHANGELOG, f"\x04{number}", state)
    assert not any(Batch(log.records).rows.values())


# sender accounts

ACCOUNT = "SELECT channel, status, timezone FROM touchstream.sender_accounts"


def test_an_account_is_shown_with_its_limits_and_hours(dsn: str) -> None:
    limits = {"": LimitTerms(per_day=50, calendar=("day",)), "send_inmail": LimitTerms(per_month=9)}
    record = sender(
        "acme", limits=limits, zone="UTC", window=StepWindow(540, 1_080), warm_up=(5, 2, 50)
    )
    state = sender_state("acme", sent_today=4, bounced_at=[1, 9])
    log = Log().sender(record, state).write(dsn)
    query = """SELECT limits, send_window, warm_up, sending_days, last_day::text, status,
        sent_today, bounces, complaints
        FROM touchstream.sender_accounts"""
    assert select(dsn, query) == [
        (
            {"": {"per_day": 50, "calendar": ["day"]}, "send_inmail": {"per_month": 9}},
            {"start": 540, "end": 1_080, "days": 127},
            [5, 2, 50],
            *(3, "2026-09-21", "active", 4, 2, 0),
        )
    ]
    assert differences(dsn, log) == []


def test_the_status_of_an_account_is_what_stops_it(dsn: str) -> None:
    log = Log().sender(sender("acme")).write(dsn)
    assert select(dsn, ACCOUNT) == [("email", "active", None)]
    for state, status in (
        (sender_state("acme", throttled={"": CALLED_AT}), "active"),  # that moment has passed
        (sender_state("acme", throttled={"": CALLED_AT + 30_000 * DAY}), "throttled"),
        (sender_state("acme", paused_for="bounces"), "paused"),
        (sender_state("acme"), "active"),
    ):
        log.sender(sender("acme"), state).write(dsn)
        assert [row[1] for row in select(dsn, ACCOUNT)] == [status]
    for record, status in (
        (sender("acme", paused=True), "paused"),
        (sender("acme", removed_at=CALLED_AT), "removed"),
    ):
        log.sender(record).write(dsn)
        assert [row[1] for row in select(dsn, ACCOUNT)] == [status]
    assert differences(dsn, log) == []


def test_what_stands_for_a_tenant_without_an_account_is_no_account(dsn: str) -> None:
    state = sender_state("acme")
    nobody = msgspec.structs.replace(state.terms, sender_id="")
    log = Log().sender(sender("acme"), msgspec.structs.replace(state, terms=nobody)).write(dsn)
    assert select(dsn, "SELECT sender_id FROM touchstream.sender_states") == []
    assert differences(dsn, log) == []


def test_the_send_log_names_the_account_of_a_command(dsn: str) -> None:
    out = fact("acme", FactKind.TOUCH_COMMANDED, values={"sender_id": "account-1"})
    without = fact("acme", FactKind.TOUCH_COMMANDED, 2, values={"emission": 1})
    log = Log().fact(out, without).fact(fact("acme", FactKind.TOUCH_SENT)).write(dsn)
    query = "SELECT sender_id FROM touchstream.send_log ORDER BY touch_number"
    assert select(dsn, query) == [("account-1",), (None,)]
    assert differences(dsn, log) == []


def test_a_touch_names_its_account_its_pool_and_its_call(dsn: str) -> None:
    touch = call_touch("acme", sender_id="account-1", call_id="CA-1", call_seconds=7, reviewed=True)
    touch.log_call().status = "completed"
    Log().calls("acme", item("acme", touch)).write(dsn)
    query = """SELECT sender_id, pool_id, call_id, call_seconds, reviewed, call_status
        FROM touchstream.touches"""
    assert select(dsn, query) == [("account-1", "calls", "CA-1", 7, True, "completed")]
