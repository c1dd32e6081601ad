"""What the codes of providers do to a touch, an address and a person (F-7, F-8)."""

from typing import Any

import pytest

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.opt_outs import opt_out_scope
from tests.testing.builders import answer_fields, step
from tests.testing.story import (
    START,
    World,
    bounced,
    commanded_steps,
    contact_of,
    deliver,
    enroll_by_hand,
    enrollment_of,
    event_fields,
    failed,
    failing_sender,
    make_sender,
    new_event,
    prospecting,
    reasons,
    revocations,
    sent,
    touch_of,
    upserted,
    working_senders,
)

OPEN = {"quiet_hours": "none", "reentry": "after_end", "cooldown_days": 0, "max_errors": 10}
MAILS = (step("a", "email", 1), step("b", "email", 24))
TEXTS = (step("a", "sms", 1), step("b", "sms", 24))
TEXT_AND_CALL = (step("a", "sms", 1), step("call", "voice", 24), step("b", "sms", 24))


def steps_of(world: World) -> list[str]:
    return [step_id for step_id, _ in commanded_steps(world)]


def classes(world: World, kind: FactKind) -> list[Any]:
    return [(fact.values or {}).get("class") for fact in world.facts(kind)]


@pytest.mark.parametrize(
    ("channel", "code", "attempts", "code_class"),
    [
        ("email", "450", 4, "temporary"),
        ("email", "421", 4, "temporary"),
        ("email", "450_4.2.2", 4, "mailbox"),
        ("email", "421_4.7.0", 4, "block"),
        ("email", "550", 1, "final"),
        ("email", "550_5.7.1", 1, "block"),
        ("email", "552_5.2.2", 1, "mailbox"),
        ("email", "404", 1, "final"),
        ("email", "408", 4, "temporary"),
        ("email", "409", 4, "temporary"),
        ("email", "425", 4, "temporary"),
        ("email", "429", 4, "temporary"),
        ("email", "503", 4, "temporary"),
        ("sms", "30003", 4, "temporary"),
        ("sms", "30007", 1, "block"),
        ("linkedin", "403", 1, "final"),
        ("linkedin", "409", 4, "temporary"),
    ],
)
def test_a_code_decides_whether_another_attempt_is_made(
    channel: str, code: str, attempts: int, code_class: str
) -> None:
    world = prospecting(step("a", channel, 1), **OPEN)
    world.advance_hours(5, [failing_sender(code)])
    assert len(world.commanded_touches()) == attempts
    assert reasons(world, FactKind.TOUCH_FAILED) == [code]
    assert classes(world, FactKind.TOUCH_FAILED) == [code_class]
    assert classes(world, FactKind.TOUCH_RETRIED) == [code_class] * (attempts - 1)
    assert contact_of(world).bounced == {}


def test_a_code_that_nobody_knows_is_tried_again_counted_and_named() -> None:
    world = prospecting(step("a", "email", 1), **OPEN)
    world.advance_hours(5, [failing_sender("E77")])
    assert len(world.commanded_touches()) == 4
    assert enrollment_of(world).errors == 4
    assert classes(world, FactKind.TOUCH_RETRIED) == ["unknown"] * 3
    assert reasons(world, FactKind.TOUCH_RETRIED) == ["E77"] * 3


@pytest.mark.parametrize(
    ("code", "stated", "attempts"),
    [("550", False, 4), ("450", True, 1), ("E77", True, 1), ("550_5.1.1", False, 4)],
)
def test_what_the_sender_states_about_another_attempt_counts(
    code: str, stated: bool, attempts: int
) -> None:
    def answer(world: World, touch: m.RequestTouch) -> list[m.Message]:
        fields = answer_fields(touch, world, f"f{touch.attempt}")
        return [m.TouchFailed(**fields, code=code, permanent=stated, retryable=not stated)]

    world = prospecting(step("a", "email", 1), **OPEN)
    world.advance_hours(5, [make_sender(answer)])
    assert len(world.commanded_touches()) == attempts
    assert contact_of(world).bounced == {}


def test_a_permanent_block_closes_no_address() -> None:
    world = prospecting(*MAILS, **OPEN)
    world.advance_hours(50, [failing_sender("550_5.7.1", permanent=True)])
    assert steps_of(world) == ["a", "b"]
    assert contact_of(world).bounced == {}


@pytest.mark.parametrize(("steps", "code"), [(MAILS, "550_5.1.1"), (TEXTS, "21211")])
def test_a_code_for_no_such_address_closes_it_for_everybody(steps: Any, code: str) -> None:
    world = prospecting(*steps, **OPEN)
    deliver(world, upserted(world, "bob", email="ANN@example.com", phone="+1 555-0100"))
    world.advance_hours(50, [failing_sender(code)])
    assert steps_of(world) == ["a"]
    assert (enrollment_of(world).errors, touch_of(world, 0).attempt) == (1, 1)
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["address_bounced"]
    fields = {**event_fields(world, "bob"), "campaign_id": "reviews", "variables": None}
    deliver(world, m.ContactEnrolled(**fields))
    world.advance_hours(50, working_senders(world))
    assert steps_of(world) == ["a"]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["address_bounced"] * 3


def test_a_landline_gets_calls_and_no_further_texts() -> None:
    world = prospecting(*TEXT_AND_CALL, **OPEN)

    def answer(world: World, touch: m.RequestTouch) -> list[m.Message]:
        return sent(world, touch) if touch.step_id == "call" else failed(world, touch, "21614")

    world.advance_hours(60, [make_sender(answer)])
    assert steps_of(world) == ["a", "call"]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["address_bounced"]


def test_a_code_for_an_opt_out_is_one_and_neither_error_nor_attempt() -> None:
    world = prospecting(*TEXT_AND_CALL, **OPEN)

    def answer(world: World, touch: m.RequestTouch) -> list[m.Message]:
        return sent(world, touch) if touch.step_id == "call" else failed(world, touch, "21610")

    world.advance_hours(60, [make_sender(answer)])
    assert steps_of(world) == ["a", "call"]
    assert enrollment_of(world).errors == 0
    assert classes(world, FactKind.TOUCH_FAILED) == ["opted_out"]
    (fact,) = world.facts(FactKind.CONTACT_OPTED_OUT)
    assert (fact.channel, fact.values) == ("sms", {"method": "provider_code"})
    assert contact_of(world).opted_out == {"sms": START + HOUR}
    assert revocations(world) == []


def test_an_opt_out_by_code_stops_a_run_that_has_no_other_channel() -> None:
    world = prospecting(*TEXTS, **OPEN)
    world.advance_hours(60, [failing_sender("21610")])
    assert steps_of(world) == ["a"]
    assert (enrollment_of(world).status, enrollment_of(world).reason) == (
        Status.STOPPED,
        "opted_out_sms",
    )
    assert touch_of(world).phase is Phase.FAILED


def test_an_opt_out_counts_even_if_it_is_reported_after_the_sending() -> None:
    world = prospecting(*TEXTS, **OPEN)
    world.advance_hours(2, working_senders())
    deliver(world, *failed(world, world.commanded_touches()[0], "21610"))
    world.advance_hours(60, working_senders(world))
    assert steps_of(world) == ["a"]
    assert enrollment_of(world).touches[0].phase is Phase.SENT
    assert enrollment_of(world).reason == "opted_out_sms"


def test_a_permanent_answer_to_an_earlier_attempt_still_opts_out() -> None:
    world = prospecting(*TEXTS, **OPEN)
    world.advance_hours(1)
    touch = world.commanded_touches()[0]
    deliver(world, *failed(world, touch, "30008"))
    world.advance_hours(0.5)
    deliver(world, *failed(world, touch, "21610"))
    assert opt_out_scope(contact_of(world), "sms") == "sms"
    assert enrollment_of(world).reason == "opted_out_sms"


# bounces


@pytest.mark.parametrize("bounce_type", ["block", "soft", "content", "ours"])
def test_only_a_hard_bounce_closes_the_address(bounce_type: str) -> None:
    world = prospecting(*MAILS, **OPEN)
    world.advance_hours(2, working_senders())
    deliver(world, bounced(world, world.commanded_touches()[0], bounce_type))
    world.advance_hours(50, working_senders(world))
    assert steps_of(world) == ["a", "b"]
    assert reasons(world, FactKind.TOUCH_BOUNCED) == [bounce_type]


def test_a_report_of_an_opt_out_after_the_sending_is_one() -> None:
    world = prospecting(*TEXTS, **OPEN)
    world.advance_hours(2, working_senders())
    deliver(world, bounced(world, world.commanded_touches()[0], "opted_out"))
    world.advance_hours(50, working_senders(world))
    assert steps_of(world) == ["a"]
    assert opt_out_scope(contact_of(world), "sms") == "sms"


def test_a_report_of_a_landline_closes_texts_only() -> None:
    world = prospecting(*TEXT_AND_CALL, **OPEN)
    world.advance_hours(2, working_senders())
    deliver(world, bounced(world, world.commanded_touches()[0], "unreachable"))
    world.advance_hours(60, working_senders(world))
    assert steps_of(world) == ["a", "call"]


# the way back


def reopened(world: World, address: str, channel: str = "email") -> m.ReopenAddress:
    return m.ReopenAddress("acme", channel, address, "our_fault", "ops#1", world.now)


def closed_by_a_bounce() -> World:
    world = prospecting(*MAILS, **OPEN)
    world.advance_hours(2, working_senders())
    deliver(world, bounced(world, world.commanded_touches()[0]))
    world.advance_hours(60, working_senders(world))
    return world


@pytest.mark.parametrize("address", ["ann@example.com", " ann@EXAMPLE.com "])
def test_an_address_is_used_again_after_the_order_and_not_before(address: str) -> None:
    world = closed_by_a_bounce()
    deliver(world, upserted(world, email="ann@example.com "), enroll_by_hand(world))
    world.advance_hours(60, working_senders(world))
    assert steps_of(world) == ["a"]
    deliver(world, reopened(world, address))
    facts = [fact for fact in world.facts(FactKind.ADDRESS_REOPENED) if fact.contact_id]
    assert [(f.contact_id, f.channel, f.reason) for f in facts] == [("ann", "email", "our_fault")]
    assert contact_of(world).bounced == {}
    deliver(world, enroll_by_hand(world))
    world.advance_hours(60, working_senders(world))
    assert steps_of(world) == ["a", "a", "b"]


def test_the_order_lifts_no_opt_out_and_opens_no_other_address() -> None:
    world = closed_by_a_bounce()
    opt_out = new_event(world, m.ContactUnsubscribed, channel="email")
    deliver(world, opt_out, reopened(world, "bob@example.com"))
    assert contact_of(world).bounced
    deliver(world, reopened(world, "ann@example.com"), enroll_by_hand(world))
    assert not contact_of(world).bounced
    assert contact_of(world).opted_out
    world.advance_hours(60, working_senders(world))
    assert steps_of(world) == ["a"]


def test_the_address_of_another_tenant_stays_closed() -> None:
    world = closed_by_a_bounce()
    order = m.ReopenAddress("other", "email", "ann@example.com", "", "ops#1", world.now)
    deliver(world, m.UpsertTenant("other", "t#2", START, "America/Chicago"), order)
    assert contact_of(world).bounced
    assert world.facts(FactKind.ADDRESS_REOPENED) == []


def test_a_reason_that_is_a_text_is_not_in_the_fact() -> None:
    world = closed_by_a_bounce()
    order = m.ReopenAddress("acme", "email", "ann@example.com", "for ann@x", "ops#1", world.now)
    deliver(world, order)
    facts = [fact for fact in world.facts(FactKind.ADDRESS_REOPENED) if fact.contact_id]
    assert [fact.reason for fact in facts] == [None]
