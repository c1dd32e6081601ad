"""The views of the call dashboards (N-5, S3): names, statuses and counts."""

from typing import Any

import psycopg
import pytest

from schemas.base.times import DAY, HOUR, SECOND
from schemas.internal.enrollment import CallItem, Enrollment, Phase, Status
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.limit_terms import TenantCallTerms
from tests.testing.projected import differences, select
from tests.testing.recorded_calls import (
    CALLED_AT,
    answered,
    call_campaign,
    call_command,
    call_fact,
    call_touch,
    completed,
    item,
    lease,
    pool,
)
from tests.testing.recorded_world import CAMPAIGN, Log, contact, tenant

S3_CAMPAIGN = """id user_id agent_id name description next_action status start_date end_date
    first_call_time last_call_time total_contacts completed_calls successful_calls failed_calls
    started_at completed_at created_at updated_at"""
S3_ITEM = """id user_id campaign_id agent_id contact_id call_id status priority position
    scheduled_for user_data phone_number contact_name started_at completed_at failure_reason
    last_system_allocation_at created_at updated_at"""

COUNTS = """SELECT total_contacts, completed_calls, successful_calls, failed_calls,
    reviewed_successful FROM calls.call_campaigns"""


def campaign_log(*runs: Enrollment, **changes: Any) -> Log:
    """Acme's call campaign, with an item for each run and a person of its own for each item."""
    log = Log().tenant(tenant("acme", timezone="UTC")).campaign(call_campaign("acme", **changes))
    for run in runs:
        log.calls("acme", run, name=run.enrollment_id.removeprefix("item-acme-"))
    return log


def columns(dsn: str, view: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(f"SELECT * FROM {view}".encode()).description or []
        return [column.name for column in found]


def test_campaigns_and_items_begin_with_the_19_columns_of_the_source(dsn: str) -> None:
    assert columns(dsn, "calls.call_campaigns")[:19] == [*S3_CAMPAIGN.split()]
    assert columns(dsn, "calls.call_queue")[:19] == [*S3_ITEM.split()]


def test_a_campaign_is_shown_with_its_hours_and_its_agent(dsn: str) -> None:
    campaign_log(item("acme")).write(dsn)
    (row,) = select(
        dsn,
        """SELECT id, user_id, agent_id, name, description, status, first_call_time::text,
        last_call_time::text, call_days, timezone, started_at, completed_at, total_contacts
        FROM calls.call_campaigns""",
    )
    assert row == (
        *("calls", "acme", "agent-7", "Renewals", "Ask for a renewal", "active"),
        *("09:00:00", "18:00:00", 31, "UTC", fact_time(CALLED_AT), None, 1),
    )


TODAY = CALLED_AT // DAY


@pytest.mark.parametrize(
    ("stored", "start_day", "shown"),
    [
        ("draft", None, "draft"),
        ("active", None, "active"),
        ("active", TODAY, "active"),
        ("active", 40_000, "scheduled"),
        ("paused", 40_000, "paused"),
        ("completed", None, "completed"),
        ("archived", None, "completed"),
        ("cancelled", None, "cancelled"),
    ],
)
def test_the_status_of_a_campaign_is_one_of_six(
    dsn: str, stored: str, start_day: int | None, shown: str
) -> None:
    campaign_log(status=stored, start_day=start_day).write(dsn)
    query = "SELECT status, start_date FROM calls.call_campaigns WHERE status = '{}'"
    ((status, date),) = select(dsn, query.format(shown))
    assert (status, date is None) == (shown, start_day is None)


def test_deleted_campaigns_and_those_of_deleted_tenants_are_gone(dsn: str) -> None:
    log = campaign_log(item("acme"), status="deleted").write(dsn)
    assert select(dsn, "SELECT id FROM calls.call_campaigns") == []
    assert select(dsn, "SELECT id FROM calls.call_queue") == []
    log.campaign(call_campaign("acme")).write(dsn)
    assert len(select(dsn, "SELECT id FROM calls.call_queue")) == 1
    log.tenant(tenant("acme", status="deleted")).write(dsn)
    assert select(dsn, "SELECT id FROM calls.call_campaigns") == []


def ended(
    phase: Phase, reason: str, status: Status = Status.COMPLETED, why: str | None = None
) -> Enrollment:
    """A run that has ended with its touch in this phase; `why` is the reason of the run."""
    touch = call_touch("acme", phase=phase, reason=reason, commanded_at=None)
    return completed("acme", touch, status=status, reason=why)


@pytest.mark.parametrize(
    ("run", "status", "failure_reason"),
    [
        (item("acme", call_touch("acme", phase=Phase.SCHEDULED)), "queued", None),
        (item("acme", call_touch("acme", phase=Phase.REQUESTED)), "queued", None),
        (item("acme"), "processing", None),
        (
            item("acme", call_touch("acme", phase=Phase.SCHEDULED), status=Status.FROZEN),
            *("queued", None),
        ),
        (completed("acme"), "completed", None),
        (ended(Phase.FAILED, "busy"), "failed", "busy"),
        (
            ended(Phase.FAILED, "no_outcome", status=Status.STOPPED, why="failed"),
            *("failed", "no_outcome"),
        ),
        (ended(Phase.SKIPPED, "opted_out_voice"), "skipped", "opted_out_voice"),
        (
            ended(Phase.SKIPPED, "campaign_over", status=Status.STOPPED, why="campaign_cancelled"),
            *("cancelled", "campaign_cancelled"),
        ),
    ],
)
def test_the_status_of_an_item_is_one_of_six(
    dsn: str, run: Enrollment, status: str, failure_reason: str | None
) -> None:
    log = campaign_log(run).write(dsn)
    query = "SELECT status, failure_reason, completed_at IS NULL FROM calls.call_queue"
    is_open = status in ("queued", "processing")
    assert select(dsn, query) == [(status, failure_reason, is_open)]
    assert differences(dsn, log) == []


def test_a_change_of_an_item_is_a_change_of_its_campaign(dsn: str) -> None:
    query = "SELECT updated_at FROM calls.call_campaigns"
    log = campaign_log(item("acme")).write(dsn)
    assert select(dsn, query) == [(fact_time(CALLED_AT),)]
    log.calls("acme", completed("acme")).write(dsn)
    assert select(dsn, query) == [(fact_time(CALLED_AT + 2 * HOUR),)]


def test_an_item_is_shown_with_its_person_and_its_call(dsn: str) -> None:
    log = campaign_log(completed("acme", variables={"topic": "renewal"}))
    log.fact(call_fact("acme", FactKind.CALL_SLOT_GRANTED)).write(dsn)
    (row,) = select(
        dsn,
        """SELECT id, campaign_id, agent_id, contact_id, call_id, priority, position, user_data,
        phone_number, contact_name, started_at, completed_at, last_system_allocation_at, created_at,
        updated_at FROM calls.call_queue""",
    )
    start, end = fact_time(CALLED_AT), fact_time(CALLED_AT + 2 * HOUR)
    assert row == (
        *("item-acme-ada", "calls", "agent-7", "ada", "CA-acme-ada", 100, 1, {"topic": "renewal"}),
        *("+15550001", "Ada Lovelace", start, end, start, start, end),
    )


def test_an_agent_of_its_own_goes_before_that_of_the_campaign(dsn: str) -> None:
    campaign_log(item("acme", call=CallItem(agent_id="agent-1"))).write(dsn)
    assert select(dsn, "SELECT agent_id FROM calls.call_queue") == [("agent-1",)]


def test_the_counts_of_a_campaign_follow_its_items(dsn: str) -> None:
    log = campaign_log(item("acme", name="ada"), item("acme", name="bob")).write(dsn)
    assert select(dsn, COUNTS) == [(2, 0, 0, 0, 0)]
    log.calls("acme", completed("acme", name="ada"), name="ada").write(dsn)
    assert select(dsn, COUNTS) == [(2, 1, 1, 0, 0)]
    failed = call_touch("acme", "bob", phase=Phase.FAILED, reason="busy")
    log.calls("acme", completed("acme", failed, name="bob"), name="bob").write(dsn)
    assert select(dsn, COUNTS) == [(2, 1, 1, 1, 0)]
    reviewed = completed("acme", answered("acme", reviewed=True), name="ada")
    log.calls("acme", reviewed, name="ada").write(dsn)
    assert select(dsn, COUNTS) == [(2, 1, 1, 1, 1)]


def test_successful_is_a_completed_item_with_a_call_id(dsn: str) -> None:
    """F-17: not the review, and not an answer without a call id."""
    without_id = completed("acme", answered("acme", call_id=None, reviewed=True))
    campaign_log(without_id).write(dsn)
    assert select(dsn, COUNTS) == [(1, 1, 0, 0, 1)]


def test_a_late_end_corrects_the_item_and_the_counts(dsn: str) -> None:
    lost = call_touch("acme", phase=Phase.FAILED, reason="no_outcome")
    log = campaign_log(completed("acme", lost)).write(dsn)
    assert select(dsn, COUNTS) == [(1, 0, 0, 1, 0)]
    log.calls("acme", completed("acme")).write(dsn)
    assert select(dsn, COUNTS) == [(1, 1, 1, 0, 0)]
    assert differences(dsn, log) == []


def test_an_erased_contact_has_no_item_and_is_counted_nowhere(dsn: str) -> None:
    log = campaign_log(item("acme", name="ada"), completed("acme", name="bob")).write(dsn)
    erased = contact("acme", completed("acme", name="bob"), erased_at=CALLED_AT + DAY)
    log.contact("acme", erased, "bob").write(dsn)
    assert select(dsn, COUNTS) == [(1, 0, 0, 0, 0)]
    assert select(dsn, "SELECT contact_id FROM calls.call_queue") == [("ada",)]
    assert select(dsn, "SELECT total FROM calls.queue_statistics") == [(1,)]
    assert select(dsn, "SELECT id FROM calls.contacts") == [("ada",)]
    assert differences(dsn, log) == []


def test_the_queue_is_counted_by_user(dsn: str) -> None:
    direct = item("acme", name="bob", campaign_id="direct-calls", call=CallItem(direct=True))
    log = campaign_log(completed("acme", name="ada"), direct)
    log.tenant(tenant("bolt")).calls("bolt", item("bolt")).write(dsn)
    query = """SELECT user_id, total, queued, processing, completed, failed
        FROM calls.queue_statistics ORDER BY user_id"""
    assert select(dsn, query) == [("acme", 2, 0, 1, 1, 0), ("bolt", 1, 0, 1, 0, 0)]


def test_a_direct_call_has_no_campaign(dsn: str) -> None:
    direct = item("acme", campaign_id="direct-calls", call=CallItem(agent_id="a", direct=True))
    log = campaign_log(direct).fact(call_fact("acme", FactKind.CALL_SLOT_GRANTED)).write(dsn)
    shown = "SELECT campaign_id, agent_id, direct FROM calls.call_queue"
    assert select(dsn, shown) == [(None, "a", True)]
    assert select(dsn, "SELECT campaign_id, agent_id FROM calls.calls") == [(None, "a")]
    assert select(dsn, COUNTS) == [(0, 0, 0, 0, 0)]
    assert differences(dsn, log) == []


def test_the_limit_of_a_user_is_the_smaller_of_the_platform_and_its_own(dsn: str) -> None:
    query = "SELECT concurrent_calls_limit, system_concurrent_calls_limit FROM calls.users"
    log = Log().tenant(tenant("acme")).write(dsn)
    assert select(dsn, query) == [(2, 10)]
    log.state(CAMPAIGN, "p/calls", pool(slots=7)).write(dsn)
    assert select(dsn, query) == [(2, 7)]
    own = TenantCallTerms(slots=5, pool_slots=4, agents={"agent-7": 1, "agent-8": None})
    log.tenant(tenant("acme", calls=own)).campaign(call_campaign("acme")).write(dsn)
    assert select(dsn, query) == [(5, 4)]
    log.lease(lease("acme")).write(dsn)
    agents = "SELECT id, user_id, concurrent_calls_limit, active_calls FROM calls.agents ORDER BY 1"
    assert select(dsn, agents) == [("agent-7", "acme", 1, 1), ("agent-8", "acme", None, 0)]
    assert differences(dsn, log) == []


CALL = """SELECT id, status, outcome, duration_seconds, raw_status, answered_by, reviewed, result
    FROM calls.calls"""


def test_a_call_is_shown_from_its_slot_to_its_review(dsn: str) -> None:
    command = call_command("acme")
    log = campaign_log(item("acme")).lease(lease("acme"))
    log.fact(call_fact("acme", FactKind.CALL_SLOT_GRANTED, values={"pool_id": "calls"})).write(dsn)
    assert select(dsn, CALL) == [(command, "initiated", *[None] * 6)]
    for state, status in (("ringing", "ringing"), ("live", "in_progress")):
        values = {"state": status, "call_id": "CA-1"}
        log.lease(lease("acme", state))
        log.fact(call_fact("acme", FactKind.CALL_PROGRESSED, values=values)).write(dsn)
        assert select(dsn, CALL) == [("CA-1", status, *[None] * 6)]
    ended_at = fact_time(CALLED_AT + 90 * SECOND)
    log.lease(lease("acme", "live"), is_free=True)
    end = {"seconds": 60, "call_id": "CA-1", "raw_status": "completed", "answered_by": "human"}
    log.fact(
        call_fact("acme", FactKind.CALL_SLOT_FREED, reason="answered"),
        call_fact(
            "acme", FactKind.TOUCH_CALL_ENDED, reason="answered", values=end, occurred_at=ended_at
        ),
    ).write(dsn)
    shown = ("CA-1", "completed", "answered", 60, "completed", "human")
    assert select(dsn, CALL) == [(*shown, None, None)]
    review = {"success": True, "result": "callback"}
    log.fact(call_fact("acme", FactKind.CALL_REVIEWED, values=review)).write(dsn)
    assert select(dsn, CALL) == [(*shown, True, "callback")]
    assert select(dsn, "SELECT ended_at, started_at FROM calls.calls") == [
        (ended_at, fact_time(CALLED_AT))
    ]
    assert differences(dsn, log) == []


def test_a_lost_call_is_unknown_until_its_end_is_reported(dsn: str) -> None:
    log = campaign_log(item("acme")).lease(lease("acme"))
    log.fact(call_fact("acme", FactKind.CALL_SLOT_GRANTED)).write(dsn)
    log.lease(lease("acme", "expired"))
    log.fact(call_fact("acme", FactKind.CALL_SLOT_EXPIRED)).write(dsn)
    assert select(dsn, "SELECT status FROM calls.calls") == [("unknown",)]
    assert select(dsn, "SELECT calls.count_active_calls('acme')") == [(0,)]
    log.lease(lease("acme", "overrun")).fact(call_fact("acme", FactKind.CALL_OVERRUN)).write(dsn)
    assert select(dsn, "SELECT status FROM calls.calls") == [("in_progress",)]
    assert select(dsn, "SELECT calls.count_active_calls('acme')") == [(1,)]
    log.lease(lease("acme", "overrun"), is_free=True)
    log.fact(call_fact("acme", FactKind.TOUCH_CALL_ENDED, reason="answered")).write(dsn)
    assert select(dsn, "SELECT status FROM calls.calls") == [("completed",)]
    assert differences(dsn, log) == []


def test_a_call_of_an_erased_person_has_the_outcome_that_its_slot_had(dsn: str) -> None:
    log = campaign_log(item("acme")).fact(call_fact("acme", FactKind.CALL_SLOT_GRANTED))
    log.fact(call_fact("acme", FactKind.CALL_SLOT_FREED, reason="busy")).write(dsn)
    assert select(dsn, "SELECT status, outcome FROM calls.calls") == [("busy", "busy")]


def test_the_outcomes_of_a_campaign_are_counted(dsn: str) -> None:
    log = campaign_log(item("acme", name="ada"), item("acme", name="bob"))
    for name, outcome, seconds in (("ada", "answered", 60), ("bob", "busy", 0)):
        values = {"seconds": seconds}
        log.fact(call_fact("acme", FactKind.TOUCH_CALL_ENDED, name, reason=outcome, values=values))
    log.write(dsn)
    query = """SELECT outcome, calls, contacts, seconds, average_seconds::float
        FROM calls.call_campaign_analytics ORDER BY outcome"""
    assert select(dsn, query) == [("answered", 1, 1, 60, 60.0), ("busy", 1, 1, 0, None)]


def test_a_campaign_that_was_stored_before_calls_has_the_document_that_it_had(dsn: str) -> None:
    """An upgrade without a rebuild leaves no difference."""
    log = Log().campaign(call_campaign("acme", calls=None, timezone="")).write(dsn)
    ((document,),) = select(dsn, "SELECT definition FROM touchstream.campaigns")
    assert isinstance(document, dict)
    assert not document["settings"].keys() & {"calls", "timezone", "start_day", "per_day"}
    assert differences(dsn, log) == []
