"""The items of a call campaign: priority, place, agent and caller number; direct calls; the gates
of a call (S3-11, S3-12, S3-26, F-16)."""

from typing import Any

import pytest

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.limit_terms import TenantCallTerms
from tests.testing.builders import CAMPAIGN, publish
from tests.testing.call_desk import NUMBER, CallDesk, call_step, call_world, contact_of, ordered
from tests.testing.story import START, reasons, tenant, upserted

DIRECT = "direct-calls"


def requested(desk: CallDesk, contact_id: str = "ann", **fields: Any) -> m.CallRequested:
    """Somebody asks for a call to a person at a number."""
    person = fields.pop("person", m.Person(phone=NUMBER))
    cause = fields.pop("cause", f"ask#{contact_id}-{desk.now}")
    return m.CallRequested("acme", contact_id, cause, desk.now, person, **fields)


# priority and place


@pytest.mark.parametrize(
    ("text", "priority", "dropped"),
    [
        ("", 0, False),
        ("50", 50, False),
        (" +7 ", 7, False),
        ("-1000", -1_000, False),
        ("1000", 1_000, False),
        ("1001", 0, True),
        ("5.5", 0, True),
        ("1e2", 0, True),
        ("high", 0, True),
        ("9" * 400, 0, True),
        ("٣", 0, True),
        ("--1", 0, True),
        ("-", 0, True),
    ],
)
def test_a_priority_is_a_whole_number_or_else_nothing(
    text: str, priority: int, dropped: bool
) -> None:
    desk = ordered(call_world(), priority=text)
    (touch,) = desk.requests()
    assert touch.priority == 100 + priority
    (fact,) = desk.facts(FactKind.ENROLLMENT_STARTED)
    assert fact.values is not None
    assert fact.values["priority"] == 100 + priority
    assert fact.values.get("dropped") == (["priority"] if dropped else None)


def test_a_person_without_a_name_has_no_bonus() -> None:
    desk = call_world(priority=5)
    desk.deliver(upserted(desk, phone=NUMBER))
    desk.deliver(m.ContactEnrolled("acme", "ann", "o#1", desk.now, CAMPAIGN, {"priority": "3"}))
    assert desk.requests()[0].priority == 8


def test_the_variables_of_the_item_are_not_those_of_the_template() -> None:
    desk = ordered(call_world(), priority="1", agent="agent-9", topic="renewal")
    (touch,) = desk.requests()
    assert touch.call is not None and touch.call.agent_id == "agent-9"
    assert desk.run().variables == {"topic": "renewal"}
    assert touch.variables == {"first_name": "Ann", "last_name": "", "topic": "renewal"}


def test_the_agent_of_an_item_goes_before_the_agent_of_its_campaign() -> None:
    agents = {"calls": TenantCallTerms(agents={"agent-1": None, "agent-9": None})}
    desk = call_world(terms=agents, calls={"agent": "agent-1"})
    ordered(desk, "ann", agent="agent-9")
    ordered(desk, "bob")
    asked = {touch.contact_id: touch.call for touch in desk.requests()}
    assert [call.agent_id for call in asked.values() if call] == ["agent-9", "agent-1"]


def test_positions_grow_with_time_over_all_partitions_and_within_a_moment() -> None:
    desk = call_world()
    names = [f"p{number}" for number in range(8)]
    for name in names:
        ordered(desk, name)
    desk.now += HOUR
    later = [f"q{number}" for number in range(8)]
    for name in later:
        ordered(desk, name)
    position = {touch.contact_id: touch.call.position for touch in desk.requests() if touch.call}
    assert max(position[name] for name in names) < min(position[name] for name in later)
    stored = [contact_of(desk, name).enrollments[0].call for name in names + later]
    assert [item.position for item in stored if item] == [position[n] for n in names + later]


def test_a_prospecting_run_is_no_item() -> None:
    desk = CallDesk()
    desk.deliver(tenant())
    desk.deliver(publish(kind="prospecting", steps=[call_step()], settings={}))
    ordered(desk, priority="7")
    assert desk.run().call is None
    assert desk.run().variables == {"priority": "7"}
    assert desk.counts() == {}


# gates


@pytest.mark.parametrize(
    ("phone", "terms", "kind"),
    [
        ("911", {"country": "US"}, "emergency"),
        ("+1911", {}, "emergency"),
        ("+19005550100", {}, "premium_rate"),
        ("116117", {"country": "DE"}, "short"),
        ("+491801234567", {}, "shared_cost"),
        ("+491801234567", {"calls": TenantCallTerms(allow=("premium_rate",))}, "shared_cost"),
        ("911", {"country": "US", "calls": TenantCallTerms(allow=("emergency",))}, "emergency"),
    ],
)
def test_some_numbers_are_not_called(phone: str, terms: dict[str, Any], kind: str) -> None:
    desk = ordered(call_world(terms=terms), phone=phone)
    assert desk.requests() == []
    (fact,) = desk.facts(FactKind.TOUCH_SKIPPED)
    assert (fact.reason, fact.values) == ("number_not_allowed", {"kind": kind})
    assert desk.counts() == {"runs": 1, "skipped": 1}


def test_a_tenant_can_allow_numbers_that_cost_more() -> None:
    allow = {"calls": TenantCallTerms(allow=("shared_cost",))}
    desk = ordered(call_world(terms=allow), phone="+491801234567")
    assert len(desk.requests()) == 1


def test_an_agent_that_the_tenant_does_not_have_calls_nobody() -> None:
    agents = {"calls": TenantCallTerms(agents={"agent-1": 1})}
    desk = ordered(call_world(terms=agents), agent="agent-2")
    (fact,) = desk.facts(FactKind.TOUCH_SKIPPED)
    assert (fact.reason, fact.values) == ("agent_unknown", {"agent_id": "agent-2", "known": 1})


def test_a_caller_number_that_the_tenant_does_not_have_calls_nobody() -> None:
    numbers = {"country": "US", "calls": TenantCallTerms(numbers={"+12125550100": 1})}
    desk = call_world(terms=numbers)
    desk.deliver(requested(desk, from_number="+12125550177"))
    (fact,) = desk.facts(FactKind.TOUCH_SKIPPED)
    assert (fact.reason, fact.values) == ("number_unknown", {"known": 1})
    desk.deliver(requested(desk, "bob", from_number="(212) 555-0100"))
    assert len(desk.requests()) == 1


def test_a_tenant_without_lists_may_name_any_agent_and_number() -> None:
    desk = call_world()
    desk.deliver(requested(desk, agent_id="agent-2", from_number="+12125550177"))
    assert len(desk.requests()) == 1


@pytest.mark.parametrize("channel", ["voice", "all"])
def test_whoever_opted_out_of_calls_is_not_called(channel: str) -> None:
    desk = call_world()
    desk.deliver(upserted(desk, phone=NUMBER))
    desk.deliver(m.ContactUnsubscribed("acme", "ann", "out#1", desk.now, channel))
    ordered(desk)
    desk.deliver(requested(desk))
    assert reasons(desk, FactKind.ENROLLMENT_DECLINED) == ["CONTACT_UNSUBSCRIBED"] * 2


def test_a_call_that_waits_for_a_removed_agent_is_taken_back() -> None:
    agents = TenantCallTerms(agents={"agent-1": 1, "agent-2": 1})
    desk = call_world(terms={"calls": agents})
    ordered(desk, "ann", agent="agent-1")
    ordered(desk, "bob", agent="agent-2")
    fewer = TenantCallTerms(slots=5, agents={"agent-2": 3})
    desk.deliver(tenant(at=START + 1, cause="t#2", calls=fewer))
    (order,) = desk.sent_to_dispatch(m.WithdrawTouch)
    assert (order.contact_id, order.reason) == ("ann", "agent_unknown")
    desk.deliver(m.TouchWithdrawn("acme", "ann", order.command_id))
    assert desk.counts() == {"runs": 2, "live": 1, "skipped": 1}


def test_another_limit_of_calls_looks_at_nobody() -> None:
    desk = ordered(call_world(terms={"calls": TenantCallTerms(slots=2, agents={"agent-1": 1})}))
    more = TenantCallTerms(slots=5, agents={"agent-1": 9})
    desk.deliver(tenant(at=START + 1, cause="t#2", calls=more))
    assert desk.sent_to_dispatch(m.AmendTouch, m.WithdrawTouch) == []


# direct calls


def test_a_direct_call_is_a_call_of_its_own_campaign() -> None:
    desk = call_world()
    ask = requested(
        desk,
        agent_id="agent-7",
        from_number="+12125550100",
        template_id="script-1",
        priority=50,
        variables={"topic": "renewal"},
        person=m.Person("Ann", "Lee", phone=NUMBER),
    )
    desk.deliver(ask)
    (touch,) = desk.requests()
    assert (touch.campaign_id, touch.template_id, touch.priority) == (DIRECT, "script-1", 150)
    assert touch.call is not None
    assert (touch.call.direct, touch.call.agent_id) == (True, "agent-7")
    assert (touch.call.min_gap_us, touch.call.max_per_number_per_day) == (0, None)
    assert touch.call.failure_rate is False
    assert touch.variables["topic"] == "renewal"
    assert desk.counts(DIRECT) == {"runs": 1, "live": 1}
    desk.call("answered")
    assert desk.run().status is Status.COMPLETED
    assert desk.counts(DIRECT) == {"runs": 1, "completed": 1}


def test_a_direct_call_needs_no_campaign_and_no_template() -> None:
    desk = CallDesk()
    desk.deliver(tenant())
    desk.deliver(requested(desk, scheduled_for=desk.now + HOUR))
    assert desk.requests() == []
    desk.advance_hours(1)
    assert [touch.template_id for touch in desk.requests()] == ["direct-call"]


def test_a_second_direct_call_to_a_person_is_refused_while_the_first_is_wanted() -> None:
    desk = call_world()
    ask = requested(desk)
    desk.deliver(ask, requested(desk, cause="ask#2"), ask)
    assert reasons(desk, FactKind.ENROLLMENT_DECLINED) == ["ENROLLMENT_ALREADY_ACTIVE"]
    assert reasons(desk, FactKind.EVENT_REFUSED) == ["EVENT_DUPLICATE"]
    desk.call("busy")
    desk.deliver(requested(desk, cause="ask#3"))
    assert len(desk.requests()) == 2
    assert len({touch.command_id for touch in desk.requests()}) == 2


def test_a_person_may_have_a_direct_call_beside_a_campaign() -> None:
    desk = ordered(call_world())
    desk.deliver(requested(desk))
    assert {touch.campaign_id for touch in desk.requests()} == {CAMPAIGN, DIRECT}


def test_a_direct_call_to_nobody_is_refused() -> None:
    desk = call_world()
    desk.deliver(requested(desk, "nobody", person=m.Person()))
    assert reasons(desk, FactKind.EVENT_REFUSED) == ["CONTACT_UNKNOWN"]


def test_a_direct_call_can_be_stopped_and_paused() -> None:
    desk = call_world()
    desk.deliver(requested(desk))
    desk.deliver(m.ContactStopped("acme", "ann", "stop#1", desk.now, DIRECT))
    assert desk.touch().phase is Phase.WITHDRAWING
    assert desk.counts(DIRECT) == {"runs": 1, "cancelled": 1}


def test_a_direct_call_of_a_backfill_is_declined() -> None:
    desk = call_world()
    event = m.encode(requested(desk))
    desk.deliver(m.BackfilledEvent("acme", "ann", "ask#past", desk.now, event))
    assert reasons(desk, FactKind.ENROLLMENT_DECLINED) == ["EVENT_IN_PAST"]
    assert desk.requests() == []
