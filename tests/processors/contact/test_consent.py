"""Opt-outs in every form, agreements that lift them, and people who are gone: the later one counts,
in whatever order they arrive."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.contact.consent import resubscribed, unsubscribed
from processors.contact.context import Context
from processors.fold.store import Store
from processors.fold.turn import Turn
from schemas.base.opt_out_words import digest_of, word_of
from schemas.channels import ALL_CHANNELS, CHANNELS
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.opt_outs import opt_out_scope, opt_outs
from schemas.internal.states import Contact
from schemas.internal.topics import Topic
from tests.testing.builders import step
from tests.testing.story import (
    HOUR,
    MINUTE,
    START,
    World,
    commanded_steps,
    contact_of,
    deliver,
    enroll_by_hand,
    enrolled,
    enrollment_of,
    event_fields,
    job,
    new_event,
    prospecting,
    reasons,
    replied,
    revocations,
    tenant,
    upserted,
    working_senders,
)
from tests.testing.story import (
    unsubscribed as opts_out,
)

THREE = (step("a", "sms", 1), step("b", "sms", 24), step("c", "sms", 24))
MIXED = (step("a", "sms", 1), step("b", "email", 24), step("c", "sms", 24))
OPEN = {"quiet_hours": "none", "reentry": "after_end", "cooldown_days": 0}


def agrees(world: World, channel: str = "sms", **changes: Any) -> m.ExternalEvent:
    """Ann agrees again."""
    return new_event(world, m.ContactResubscribed, channel=channel, evidence="form 7", **changes)


def texts(world: World, text: str, **changes: Any) -> m.ExternalEvent:
    """Ann answers by text message, as intake passes it on."""
    keyword = digest_of(word_of(text))
    return replied(world, "sms", keyword=keyword, **changes)


def again(world: World) -> World:
    """Ann is enrolled once more, and senders work for two days."""
    deliver(world, enroll_by_hand(world))
    world.advance_hours(50, working_senders(world))
    return world


def commands_after(world: World, hour: float) -> list[str]:
    return [step_id for step_id, at in commanded_steps(world) if at > hour]


# opt-outs in the form of a reply


@pytest.mark.parametrize("method", ["reply", "text"])
def test_an_opt_out_by_reply_ends_writing_and_is_no_response(method: str) -> None:
    world = prospecting(*THREE, **OPEN)
    world.advance_hours(2, working_senders())
    deliver(world, opts_out(world, "sms", method=method))
    world.advance_hours(60, working_senders(world))
    assert [step_id for step_id, _ in commanded_steps(world)] == ["a"]
    assert world.facts(FactKind.CONTACT_REPLIED) == []
    assert contact_of(world).replied == {}
    (fact,) = world.facts(FactKind.CONTACT_OPTED_OUT)
    assert (fact.channel, fact.reason, fact.values) == ("sms", "opted_out_sms", {"method": method})


def test_a_word_of_the_tenant_is_an_opt_out_on_that_channel_only() -> None:
    world = prospecting(*MIXED, **OPEN)
    deliver(world, tenant(opt_out_words=("NO MORE",)))
    world.advance_hours(2, working_senders())
    deliver(world, texts(world, "No more!"))
    world.advance_hours(60, working_senders(world))
    assert [step_id for step_id, _ in commanded_steps(world)] == ["a", "b"]
    assert contact_of(world).replied == {}
    assert reasons(world, FactKind.ENROLLMENT_FROZEN) == []


def test_a_word_of_the_tenant_counts_even_if_its_sender_takes_it_for_automatic() -> None:
    world = prospecting(*THREE, **OPEN)
    deliver(world, tenant(opt_out_words=("NO MORE",)))
    deliver(world, texts(world, "no more", automatic=True))
    assert reasons(world, FactKind.CONTACT_OPTED_OUT) == ["opted_out_sms"]


def test_another_short_message_is_a_reply() -> None:
    world = prospecting(*THREE, **OPEN)
    deliver(world, tenant(opt_out_words=("NO MORE",)))
    deliver(world, texts(world, "more"))
    assert contact_of(world).replied == {"sms": world.now}
    assert reasons(world, FactKind.ENROLLMENT_FROZEN) == ["reply"]


def test_an_opt_out_meets_no_wait_for_a_reply() -> None:
    wait = {"event": "reply", "max_wait_hours": 48, "on_event": {"branch": "hot"}}
    steps = (step("a", "sms", 1, wait_for=wait), step("b", "email", 1, then="complete"))
    world = prospecting(*steps, step("hot", "email", 0), **OPEN)
    world.advance_hours(2, working_senders())
    deliver(world, opts_out(world, "sms", method="text"))
    world.advance_hours(60, working_senders(world))
    assert [step_id for step_id, _ in commanded_steps(world)] == ["a", "b"]


# agreements


def test_an_agreement_opens_the_channel_and_lifts_the_suppression() -> None:
    world = prospecting(*THREE, **OPEN)
    world.advance_hours(2, working_senders())
    deliver(world, opts_out(world, "sms"))
    assert commands_after(again(world), 2) == []
    deliver(world, agrees(world))
    (fact,) = world.facts(FactKind.CONTACT_RESUBSCRIBED)
    assert (fact.channel, fact.values) == ("sms", {"evidence": "form 7"})
    assert commands_after(again(world), 50) == ["a", "b", "c"]


def test_a_run_that_an_opt_out_has_stopped_stays_stopped() -> None:
    world = prospecting(*THREE, **OPEN)
    deliver(world, opts_out(world, "sms"), agrees(world, at=world.now + 1))
    world.advance_hours(60, working_senders())
    assert enrollment_of(world).status is Status.STOPPED
    assert world.commanded_touches() == []


def test_neither_a_job_nor_an_upsert_nor_an_enrollment_lifts_an_opt_out() -> None:
    world = enrolled(steps=[step("a", "email", 1), step("b", "email", 24)], settings=OPEN)
    deliver(world, opts_out(world, "email"))
    deliver(world, upserted(world, email="ann@example.com"), job("j2"), enroll_by_hand(world))
    world.advance_hours(60, working_senders())
    assert world.commanded_touches() == []


@pytest.mark.parametrize("scope", ["all", "sms"])
def test_start_by_text_lifts_what_closes_the_channel_of_text_messages(scope: str) -> None:
    world = prospecting(*THREE, **OPEN)
    deliver(world, opts_out(world, scope, method="text"))
    world.advance_hours(1)
    deliver(world, texts(world, "START"))
    assert contact_of(world).replied == {}
    (fact,) = world.facts(FactKind.CONTACT_RESUBSCRIBED)
    assert (fact.channel, fact.values) == ("sms", {"evidence": "START by text"})
    assert commands_after(again(world), 1) == ["a", "b", "c"]
    assert opt_out_scope(contact_of(world), "email") == ("all" if scope == "all" else None)


def test_start_is_a_reply_where_nothing_is_closed() -> None:
    world = prospecting(*THREE, **OPEN)
    deliver(world, texts(world, "start"))
    assert contact_of(world).replied == {"sms": world.now}
    assert contact_of(world).resubscribed == {"sms": world.now}
    assert reasons(world, FactKind.ENROLLMENT_FROZEN) == ["reply"]


def test_a_machine_does_not_agree() -> None:
    world = prospecting(*THREE, **OPEN)
    deliver(world, opts_out(world, "sms"))
    world.advance_hours(1)
    deliver(world, texts(world, "START", automatic=True))
    assert opt_out_scope(contact_of(world), "sms") == "sms"


def test_an_agreement_to_one_channel_leaves_the_others_closed() -> None:
    world = prospecting(*MIXED, **OPEN)
    deliver(world, opts_out(world, "all"))
    world.advance_hours(1)
    deliver(world, agrees(world, "email"))
    contact = contact_of(world)
    others = {name: START for name in CHANNELS if name != "email"}
    assert opt_outs(contact) == others
    assert commands_after(again(world), 1) == ["b"]


def test_an_agreement_to_all_opens_each_channel() -> None:
    world = prospecting(*MIXED, **OPEN)
    deliver(world, opts_out(world, "all"), opts_out(world, "sms"))
    world.advance_hours(1)
    deliver(world, agrees(world, "all"))
    assert opt_outs(contact_of(world)) == {}
    assert commands_after(again(world), 1) == ["a", "b", "c"]


def test_an_opt_out_of_all_after_an_agreement_closes_that_channel_too() -> None:
    world = prospecting(*MIXED, **OPEN)
    deliver(world, opts_out(world, "all"))
    world.advance_hours(1)
    deliver(world, agrees(world, "email"))
    deliver(world, enroll_by_hand(world))
    world.advance_hours(1)
    deliver(world, opts_out(world, "all"))
    assert enrollment_of(world).status is Status.STOPPED
    assert opt_outs(contact_of(world)) == {"all": START}
    assert commands_after(again(world), 1) == []


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_the_latest_counts_whatever_the_order_of_arrival(order: Sequence[int]) -> None:
    world = prospecting(*THREE, **OPEN)
    world.advance_hours(1)
    events = [
        _opt_out(world, START + MINUTE),
        agrees(world, at=START + 2 * MINUTE),
        _opt_out(world, START),
    ]
    deliver(world, *(events[index] for index in order))
    assert opt_out_scope(contact_of(world), "sms") is None
    deliver(world, _opt_out(world, START + 2 * MINUTE))  # of one moment
    assert opt_out_scope(contact_of(world), "sms") == "sms"


def _opt_out(world: World, at: int) -> m.ContactUnsubscribed:
    return m.ContactUnsubscribed(**{**event_fields(world), "at": at}, channel="sms")


def test_an_outdated_opt_out_or_agreement_is_refused_with_a_code() -> None:
    world = prospecting(*THREE, **OPEN)
    world.advance_hours(1)
    deliver(world, agrees(world), _opt_out(world, START))
    assert [(f.reason, f.values) for f in world.facts(FactKind.EVENT_REFUSED)] == [
        ("EVENT_OUTDATED", {"event": "ContactUnsubscribed"})
    ]
    world.advance_hours(1)
    deliver(world, _opt_out(world, world.now), agrees(world, at=world.now - MINUTE))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["EVENT_OUTDATED"] * 2
    assert opt_out_scope(contact_of(world), "sms") == "sms"


def test_a_repeated_agreement_changes_nothing() -> None:
    world = prospecting(*THREE, **OPEN)
    event = agrees(world)
    deliver(world, event, event, event)
    assert len(world.facts(FactKind.CONTACT_RESUBSCRIBED)) == 1


def test_an_agreement_of_somebody_unknown_is_kept() -> None:
    world = prospecting(*THREE, **OPEN)
    deliver(world, agrees(world, contact_id="zoe"))
    assert contact_of(world, "zoe").resubscribed == {"sms": world.now}


def test_nobody_agrees_for_a_person_who_was_erased() -> None:
    world = prospecting(*THREE, **OPEN)
    deliver(world, opts_out(world, "sms"), m.ContactErased(**event_fields(world)))
    deliver(world, agrees(world))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["CONTACT_ERASED"]
    assert opt_out_scope(contact_of(world), "sms") == "sms"


def test_an_address_in_the_evidence_is_not_in_the_fact() -> None:
    world = prospecting(*THREE, **OPEN)
    fields = {**event_fields(world), "evidence": "mail of ann@example.com"}
    deliver(world, m.ContactResubscribed(**fields, channel="sms"))
    (fact,) = world.facts(FactKind.CONTACT_RESUBSCRIBED)
    assert fact.values is None


def test_the_agreement_of_one_contact_does_not_lift_a_later_opt_out_of_another() -> None:
    """Ann and Bob share a phone number."""
    world = prospecting(*THREE, **OPEN)
    deliver(world, upserted(world, "bob", phone="+15550100"))
    deliver(world, opts_out(world, "sms"))
    world.advance_hours(1)
    late = agrees(world)
    world.advance_hours(1)
    by_bob = m.ContactUnsubscribed(**event_fields(world, "bob"), channel="sms")
    deliver(world, by_bob, late)
    assert opt_out_scope(contact_of(world), "sms") is None
    assert commands_after(again(world), 0) == []
    assert set(reasons(world, FactKind.TOUCH_SKIPPED)) == {"opted_out_sms"}


SCOPES = st.sampled_from([ALL_CHANNELS, *CHANNELS])
EVENTS = st.lists(st.tuples(st.booleans(), SCOPES, st.integers(START, START + 6)), max_size=8)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(
    events: list[tuple[bool, str, int]], random: Any
) -> None:
    def open_channels(order: list[tuple[bool, str, int]]) -> list[str]:
        turn = Turn(START + 9, Store(None), [], 0)  # type: ignore[arg-type]
        contact = Contact()
        context = Context(turn, b"acme/ann", contact)
        for number, (is_opt_out, scope, at) in enumerate(order):
            ids = ("acme", "ann", f"s#{number}", at)
            if is_opt_out:
                unsubscribed(context, m.ContactUnsubscribed(*ids, scope))
            else:
                resubscribed(context, m.ContactResubscribed(*ids, scope, "form"))
        assert all(opt_out_scope(contact, name) for name in opt_outs(contact) if name != "all")
        return [name for name in CHANNELS if opt_out_scope(contact, name) is None]

    def latest(kind: bool, name: str) -> int:
        times = [
            at
            for is_opt_out, scope, at in events
            if is_opt_out is kind and scope in (name, ALL_CHANNELS)
        ]
        return max(times, default=-1)

    right = [
        name
        for name in CHANNELS
        if latest(False, name) > latest(True, name) or latest(True, name) < 0
    ]
    shuffled = events[:]
    random.shuffle(shuffled)
    assert open_channels(events) == open_channels(shuffled) == right


# people who are gone


def test_somebody_who_has_left_ends_every_run_and_commands_are_revoked() -> None:
    world = prospecting(*MIXED, **OPEN)
    world.advance_hours(1)
    (touch,) = world.commanded_touches()
    deliver(world, replied(world, gone=True, command_id=touch.command_id))
    assert enrollment_of(world).reason == "contact_gone"
    assert [order.command_id for order in revocations(world)] == [touch.command_id]
    (fact,) = world.facts(FactKind.CONTACT_REPLIED)
    assert (fact.reason, fact.command_id) == ("gone", touch.command_id)
    assert contact_of(world).replied == {}
    world.advance_hours(60, working_senders(world))
    assert len(world.commanded_touches()) == 1


def test_a_note_from_before_a_run_does_not_end_it_and_a_repeated_one_is_one() -> None:
    world = prospecting(*MIXED, **OPEN)
    event = replied(world, gone=True, at=START - HOUR)
    deliver(world, event, event)
    assert enrollment_of(world).status is Status.ACTIVE
    assert len(world.facts(FactKind.CONTACT_REPLIED)) == 1


def test_a_report_of_the_past_ends_no_run_but_closes_a_channel() -> None:
    world = prospecting(*MIXED, **OPEN)
    for event in (replied(world, gone=True), agrees(world), opts_out(world, "email")):
        names = (event.tenant_id, event.contact_id, event.cause, event.at)
        deliver(world, m.BackfilledEvent(*names, m.encode(event)))
    assert enrollment_of(world).status is Status.ACTIVE
    assert contact_of(world).resubscribed == {"sms": world.now}
    assert contact_of(world).opted_out == {"email": world.now}


def test_a_touch_whose_command_is_out_is_revoked_by_an_opt_out_by_text() -> None:
    world = prospecting(*THREE, **OPEN)
    world.advance_hours(1)
    deliver(world, opts_out(world, "sms", method="text"))
    assert len(revocations(world)) == 1
    assert enrollment_of(world).touches[0].phase is Phase.SKIPPED


def test_lifting_goes_to_dispatch_once_for_each_channel() -> None:
    world = prospecting(*THREE, **OPEN)
    deliver(world, agrees(world, "all"))
    orders = [m.decode_dispatch(r.value or b"") for r in world.broker.topic(Topic.DISPATCH_LOG)]
    lifted = [order.channel for order in orders if isinstance(order, m.LiftSuppression)]
    assert sorted(lifted) == sorted(CHANNELS)
