"""Frequency caps hold for an address over all contacts of a tenant (C-35)."""

import pytest

from schemas.base.times import DAY, HOUR, to_datetime
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.states import AddressUse, Request
from tests.processors.dispatch.dispatch_log import DispatchLog, announced, request
from tests.testing.builders import TENANT, step
from tests.testing.explanations import gates_of
from tests.testing.story import (
    START,
    World,
    contact_of,
    deliver,
    event_fields,
    tenant,
    upserted,
    working_senders,
    world_with_campaign,
)

MAILBOX = "info@example.com"
DAILY = {"per_day": 1}


def to_mailbox(number: int, **changes: object) -> m.RequestTouch:
    """A request for the shared mailbox."""
    return request(number, **{"recipient": MAILBOX, **changes})


@pytest.mark.parametrize("limit", [None, 1, 100])
def test_two_contacts_with_one_mailbox_get_one_mail_a_day(limit: int | None) -> None:
    log = DispatchLog(announced(limit, caps=DAILY), to_mailbox(1), to_mailbox(2))
    log.pass_time(START + DAY - 1)
    assert log.commanded() == ["c001"]
    log.pass_time(START + DAY + HOUR)
    assert log.commanded() == ["c001", "c002"]


def test_the_fact_says_that_the_address_is_held_and_until_when() -> None:
    log = DispatchLog(announced(None, caps=DAILY), to_mailbox(1), to_mailbox(2))
    (fact,) = log.facts(FactKind.TOUCH_DEFERRED)
    assert (fact.command_id, fact.reason) == ("c002", "frequency_cap")
    assert fact.values == {"limit": 1, "window": "per_day", "used": 1, "address": True}
    assert fact.until == to_datetime(START + DAY)
    (answer,) = log.sent(m.TouchDeferred)
    assert (answer.contact_id, answer.reason, answer.until) == ("p2", "frequency_cap", START + DAY)
    (waiting,) = log.states(Request)
    assert (waiting.wait, waiting.until) == ("frequency_cap", START + DAY)


def test_what_the_contact_itself_got_elsewhere_counts_too() -> None:
    reached = (START - HOUR,)
    log = DispatchLog(
        announced(None, caps={"per_day": 2}), to_mailbox(1), to_mailbox(2, reached_at=reached)
    )
    assert log.commanded() == ["c001"]
    log.pass_time(START + 2 * DAY)
    (at,) = [f.at for f in log.facts(FactKind.TOUCH_COMMANDED) if f.command_id == "c002"]
    assert at == to_datetime(START - HOUR + DAY)


def test_the_cap_that_holds_longest_decides() -> None:
    log = DispatchLog(announced(None, caps={"per_day": 1, "per_week": 1}), to_mailbox(1))
    log.append(to_mailbox(2, expires_at=START + 9 * DAY))
    (fact,) = log.facts(FactKind.TOUCH_DEFERRED)
    assert fact.values is not None and fact.values["window"] == "per_week"
    assert fact.until == to_datetime(START + 7 * DAY)


def test_a_repeat_and_a_retry_of_one_contact_count_once() -> None:
    log = DispatchLog(announced(None, caps={"per_day": 2}), to_mailbox(1))
    log.append(to_mailbox(1, emission=2), to_mailbox(1, command_id="c001b", attempt=2))
    log.append(to_mailbox(2), to_mailbox(3))
    assert log.commanded() == ["c001", "c001", "c001b", "c002"]


def test_a_repeat_is_not_held() -> None:
    log = DispatchLog(announced(None, caps=DAILY), to_mailbox(1))
    log.append(to_mailbox(2, emission=2))
    assert log.commanded() == ["c001", "c002"]


@pytest.mark.parametrize(
    "other", [{"recipient": "b@example.com"}, {"tenant_id": "other"}, {"channel": "sms"}]
)
def test_other_addresses_tenants_and_channels_are_counted_apart(other: dict[str, str]) -> None:
    log = DispatchLog(announced(None, caps=DAILY), announced(None, tenant_id="other", caps=DAILY))
    log.append(to_mailbox(1), to_mailbox(2, **other))
    assert log.commanded() == ["c001", "c002"]


def test_another_spelling_is_the_same_mailbox() -> None:
    log = DispatchLog(announced(None, caps=DAILY), to_mailbox(1))
    log.append(to_mailbox(2, recipient="Info@Example.COM"))
    assert log.commanded() == ["c001"]


def test_without_caps_nothing_is_kept() -> None:
    log = DispatchLog(announced(None), to_mailbox(1), to_mailbox(2))
    assert len(log.commanded()) == 2
    assert log.states(AddressUse) == []


def test_what_no_cap_counts_any_more_is_forgotten() -> None:
    log = DispatchLog(announced(None, caps=DAILY), to_mailbox(1))
    log.append(to_mailbox(2), at=START + 2 * DAY)
    (use,) = log.states(AddressUse)
    assert [at for at, *_ in use.sends] == [START, START + 2 * DAY]
    log.append(to_mailbox(3, expires_at=START + 9 * DAY), at=START + 8 * DAY)
    (use,) = log.states(AddressUse)
    assert [at for at, *_ in use.sends] == [START + 2 * DAY, START + 8 * DAY]
    log.pass_time(START + 15 * DAY)
    assert log.states(AddressUse) == []


@pytest.mark.parametrize("limit", [None, 5])
def test_of_those_that_one_cap_holds_the_higher_priority_goes_first(limit: int | None) -> None:
    log = DispatchLog(announced(limit, caps=DAILY), to_mailbox(1))
    log.pass_time(START + HOUR)
    log.append(to_mailbox(2), to_mailbox(3, priority=9), to_mailbox(4, priority=5), at=START + HOUR)
    log.pass_time(START + 4 * DAY)
    assert log.commanded() == ["c001", "c003", "c004", "c002"]


def test_a_held_request_that_moves_to_a_free_address_goes_at_once() -> None:
    log = DispatchLog(announced(None, caps=DAILY), to_mailbox(1), to_mailbox(2))
    log.append(m.AmendTouch("c002", TENANT, "email", "own@example.com", None, "t", {}))
    log.pass_time(START + HOUR)
    assert log.commanded() == ["c001", "c002"]


def shared_mailbox() -> World:
    """Two contacts with one mailbox, in one campaign of a tenant with a cap of one touch a day."""
    world = world_with_campaign(
        kind="prospecting", steps=[step("a", hours=1)], settings={"quiet_hours": "none"}
    )
    deliver(world, tenant(at=START + 1, cause="t#2", caps=DAILY))
    for contact_id, email in (("ann", "mara@example.com"), ("bob", "Mara@Example.com")):
        deliver(world, upserted(world, contact_id, email=email))
        fields = {**event_fields(world, contact_id), "campaign_id": "reviews", "variables": None}
        deliver(world, m.ContactEnrolled(**fields))
    return world


def test_two_enrolled_contacts_with_one_mailbox_get_one_mail_a_day() -> None:
    world = shared_mailbox()
    world.advance_hours(20, working_senders())
    assert len(world.commanded_touches()) == 1
    held = next(
        touch
        for name in ("ann", "bob")
        if (touch := contact_of(world, name).enrollments[-1].touches[-1]).wait == "frequency_cap"
    )
    assert held.due_at >= START + 25 * HOUR
    world.advance_hours(10, working_senders(world))
    assert len(world.commanded_touches()) == 2


def test_the_explanation_names_the_cap_of_the_address() -> None:
    world = shared_mailbox()
    world.advance_hours(20, working_senders())
    held = {c.contact_id for c in world.facts(FactKind.TOUCH_DEFERRED)}
    (contact_id,) = held
    gate = gates_of(world, contact_id=str(contact_id))["reach"]
    assert (gate.result, gate.reason) == ("waits", "frequency_cap")
    assert gate.values["address"] is True
    world.advance_hours(10, working_senders(world))
    gate = gates_of(world, contact_id=str(contact_id))["reach"]
    assert (gate.result, [hold.reason for hold in gate.held]) == ("passed", ["frequency_cap"])


def test_the_wait_for_a_cap_uses_up_no_time_of_the_touch() -> None:
    log = DispatchLog(announced(None, caps={"per_week": 1}), to_mailbox(1))
    log.append(to_mailbox(2, expires_at=START + 2 * HOUR))
    log.pass_time(START + 7 * DAY)
    assert log.commanded() == ["c001", "c002"]


def test_an_amendment_does_not_ask_for_a_cap_again() -> None:
    log = DispatchLog(announced(None, caps=DAILY), to_mailbox(1), to_mailbox(2))
    amended = m.AmendTouch("c002", TENANT, "email", MAILBOX, None, "t", {})
    log.append(amended)
    (waiting,) = log.states(Request)
    assert (waiting.until, len(log.facts(FactKind.TOUCH_DEFERRED))) == (START + DAY, 1)
