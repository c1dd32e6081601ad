"""The functions of the call dashboards (S3-16), and what the logins of two tenants get."""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

import psycopg
import pytest

from schemas.base.times import DAY, from_datetime
from schemas.campaigns.compiled_definition import CallSettings, StepWindow
from schemas.internal.enrollment import CallItem, Enrollment, Phase, Status
from schemas.internal.limit_terms import TenantCallTerms
from tests.sinks.conftest import Database
from tests.testing.projected import select
from tests.testing.recorded_calls import (
    CALLED_AT,
    NINE_TO_SIX,
    call_campaign,
    call_touch,
    item,
    lease,
    pool,
)
from tests.testing.recorded_world import CAMPAIGN, Log, tenant

ALWAYS = CallSettings()
NEXT = "SELECT contact_id FROM calls.get_next_queued_call('acme')"


def waiting(name: str, tenant_id: str = "acme", **call: Any) -> Enrollment:
    """An item whose call waits for a slot."""
    touch = call_touch(tenant_id, name, phase=Phase.REQUESTED, commanded_at=None)
    changes: dict[str, Any] = {n: call.pop(n) for n in ("status", "started_at") if n in call}
    return item(tenant_id, touch, name=name, call=CallItem(**call), **changes)


def queue(*runs: Enrollment, slots: int = 2, **settings: Any) -> Log:
    """Acme's call campaign, which is always open, and its queue."""
    log = Log().tenant(tenant("acme", timezone="UTC", calls=TenantCallTerms(slots=slots)))
    log.campaign(call_campaign("acme", **{"calls": ALWAYS, **settings}))
    for run in runs:
        log.calls("acme", run, name=run.enrollment_id.removeprefix("item-acme-"))
    return log


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"priority": 100}, {"priority": 5}),
        ({"priority": -5}, {"priority": -6}),
        ({"priority": 5, "position": 2}, {"priority": 5, "position": 3}),
        ({"priority": 5, "position": 9}, {"priority": 4, "position": 1}),
        ({"position": 1, "started_at": CALLED_AT}, {"position": 1, "started_at": CALLED_AT + 1}),
        ({"direct": True}, {"priority": 1_000}),
        ({"direct": True, "priority": 1}, {"direct": True}),
    ],
)
def test_the_next_call_is_direct_or_first_by_priority_position_and_time(
    dsn: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    queue(waiting("second", **second), waiting("first", **first)).write(dsn)
    assert select(dsn, NEXT) == [("first",)]


@pytest.mark.parametrize(
    "run",
    [
        waiting("ada", scheduled_for=from_datetime(datetime(2099, 1, 1, tzinfo=UTC))),
        waiting("ada", status=Status.FROZEN),
        item("acme", call_touch("acme", phase=Phase.SCHEDULED, due_at=CALLED_AT + 30_000 * DAY)),
        item("acme"),
    ],
    ids=["scheduled for later", "paused", "waits for a redial", "under way"],
)
def test_an_item_that_may_not_be_called_now_is_not_next(dsn: str, run: Enrollment) -> None:
    queue(run).write(dsn)
    assert select(dsn, NEXT) == []


def test_items_of_a_campaign_that_is_not_active_are_not_next(dsn: str) -> None:
    log = queue(waiting("ada")).write(dsn)
    assert select(dsn, NEXT) == [("ada",)]
    for later in (
        call_campaign("acme", "paused", calls=ALWAYS),
        call_campaign("acme", calls=ALWAYS, start_day=40_000),
    ):
        log.campaign(later).write(dsn)
        assert select(dsn, NEXT) == []
    log.calls("acme", waiting("bob", direct=True), name="bob").write(dsn)
    assert select(dsn, NEXT) == [("bob",)]  # a direct call has no campaign


def test_no_call_is_next_while_the_slots_of_the_user_or_of_the_system_are_taken(dsn: str) -> None:
    log = queue(waiting("ada")).lease(lease("acme", "live", "bob")).write(dsn)
    assert select(dsn, NEXT) == [("ada",)]
    log.lease(lease("acme", "placing", "cyd")).write(dsn)
    assert select(dsn, "SELECT calls.count_active_calls('acme')") == [(2,)]
    assert select(dsn, NEXT) == []
    log.lease(lease("acme", "expired", "cyd")).write(dsn)
    assert select(dsn, NEXT) == [("ada",)]
    log.state(CAMPAIGN, "p/calls", pool(slots=2)).lease(lease("bolt")).write(dsn)
    assert select(dsn, "SELECT calls.count_system_active_calls()") == [(2,)]
    assert select(dsn, NEXT) == []
    log.lease(lease("bolt"), is_free=True).write(dsn)
    assert select(dsn, NEXT) == [("ada",)]


OVERNIGHT = StepWindow(22 * 60, 6 * 60, 1 << 4)  # begins on a Friday


@pytest.mark.parametrize(
    ("window", "zone", "at", "is_open"),
    [
        (NINE_TO_SIX, "UTC", "2026-03-02 08:59:59.999999", False),
        (NINE_TO_SIX, "UTC", "2026-03-02 09:00:00", True),
        (NINE_TO_SIX, "UTC", "2026-03-02 18:00:00", True),
        (NINE_TO_SIX, "UTC", "2026-03-02 18:00:00.000001", False),
        (NINE_TO_SIX, "UTC", "2026-03-01 12:00:00", False),  # a Sunday
        (NINE_TO_SIX, "Europe/Berlin", "2026-03-02 08:00:00", True),
        (NINE_TO_SIX, "Europe/Berlin", "2026-03-02 17:30:00", False),
        (NINE_TO_SIX, "Mars/Olympus", "2026-03-02 12:00:00", False),
        (OVERNIGHT, "UTC", "2026-03-06 22:00:00", True),
        (OVERNIGHT, "UTC", "2026-03-07 06:00:00", True),
        (OVERNIGHT, "UTC", "2026-03-06 05:00:00", False),  # of a window that began on Thursday
        (OVERNIGHT, "UTC", "2026-03-07 22:00:00", False),
        (None, "Mars/Olympus", "2026-03-02 03:00:00", True),
    ],
)
def test_both_ends_of_the_hours_are_open_and_an_unknown_zone_never_is(
    dsn: str, window: StepWindow | None, zone: str, at: str, is_open: bool
) -> None:
    def clock(minutes: int) -> time:
        return time(minutes // 60, minutes % 60)

    hours = (clock(window.start), clock(window.end), window.days) if window else (None, None, None)
    with psycopg.connect(dsn) as connection:
        query = "SELECT calls.is_open(%s, %s, %s::integer, %s, (%s || '+00')::timestamptz)"
        assert connection.execute(query, (*hours, zone, at)).fetchone() == (is_open,)


def test_a_campaign_outside_its_hours_has_no_next_call(dsn: str) -> None:
    now = datetime.now(UTC)
    minute = now.hour * 60 + now.minute
    open_now = StepWindow((minute - 60) % 1_440, (minute + 60) % 1_440)
    closed_now = StepWindow((minute + 120) % 1_440, (minute + 180) % 1_440)
    log = queue(waiting("ada"), calls=CallSettings(hours=open_now)).write(dsn)
    assert select(dsn, NEXT) == [("ada",)]
    log.campaign(call_campaign("acme", calls=CallSettings(hours=closed_now))).write(dsn)
    assert select(dsn, NEXT) == []


# two tenants


@pytest.fixture
def logins(server: Database, dsn: str) -> Iterator[dict[str, str]]:
    """The logins of two tenants with a queue and an active call each: the login names the tenant
    for every session."""
    log = queue(waiting("ada")).tenant(tenant("bolt"))
    log.campaign(call_campaign("bolt", calls=ALWAYS)).calls("bolt", waiting("bea", "bolt"))
    log.state(CAMPAIGN, "p/calls", pool())
    log.lease(lease("acme", "live", "abe")).lease(lease("bolt", "live", "bob")).write(dsn)
    roles = {}
    for name in ("acme", "bolt"):
        roles[name] = server.login(dsn, f"tenant_{name}")
        server.run(f"GRANT touchstream_reader TO tenant_{name}")
        server.run(f"ALTER ROLE tenant_{name} SET touchstream.tenant_id = '{name}'")
    yield roles


def test_a_login_gets_the_next_call_and_the_active_calls_of_its_own_tenant_only(
    logins: dict[str, str],
) -> None:
    for own, other in (("acme", "bolt"), ("bolt", "acme")):
        query = "SELECT user_id FROM calls.get_next_queued_call('{}')"
        assert select(logins[own], query.format(own)) == [(own,)]
        assert select(logins[own], query.format(other)) == []
        active = "SELECT calls.count_active_calls('{}')"
        assert select(logins[own], active.format(own)) == [(1,)]
        assert select(logins[own], active.format(other)) == [(0,)]
        assert select(logins[own], "SELECT calls.count_system_active_calls()") == [(2,)]


def test_a_login_sees_the_slots_of_a_pool_and_no_weight(logins: dict[str, str]) -> None:
    query = "SELECT pool_id, slots FROM touchstream.call_pools"
    assert select(logins["bolt"], query) == [("calls", 10)]
    for column in ("weights", "reserved"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            select(logins["bolt"], f"SELECT {column} FROM touchstream.call_pools")


def test_nobody_can_make_an_item_of_another_tenants_run(dsn: str, logins: dict[str, str]) -> None:
    """S3-6: a reference is a key with the tenant in it."""
    statement = "UPDATE touchstream.call_items SET tenant_id = 'bolt' WHERE tenant_id = 'acme'"
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute(statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        select(logins["bolt"], statement)


def test_an_item_shows_the_person_of_its_own_tenant_where_both_have_the_id(dsn: str) -> None:
    log = queue(waiting("ada")).tenant(tenant("bolt"))
    log.calls("bolt", waiting("ada", "bolt")).write(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE touchstream.contacts SET phone = tenant_id")
    query = "SELECT user_id, phone_number FROM calls.call_queue ORDER BY 1"
    assert select(dsn, query) == [("acme", "acme"), ("bolt", "bolt")]


def test_functions_write_nothing(dsn: str) -> None:
    query = """SELECT proname::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE nspname = 'calls' AND provolatile = 'v'"""
    assert select(dsn, query) == []
