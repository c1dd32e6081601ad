"""Senders and recipients of the demo: reactions follow from ids alone, and senders drop repeats."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

from schemas.base.times import DAY, HOUR, format_rfc3339, parse_rfc3339
from schemas.public.command_models import CommandRevoked, TouchDue
from schemas.public.events import EVENTS
from schemas.public.example_events import sample_model
from streams.demo.behaviour import hash_fraction, is_lost, reactions_to
from streams.demo.calls import LATE_US
from streams.demo.traffic import DemoSenders

NOW = parse_rfc3339("2026-03-02T15:04:05Z")
"""The time at which the example command is due."""


def touch_due(number: int, **changed: Any) -> TouchDue:
    """A command, which is no call unless `changed` has it."""
    fields = {"call": None, **changed}
    made = sample_model(
        "touch.due",
        command_id=str(UUID(int=number)),
        contact_id=f"c-{number % 500}",
        **fields,
    )
    return cast(TouchDue, made)


def call_due(number: int, place_by: int = NOW + 4 * HOUR) -> TouchDue:
    """A command to call somebody."""
    call = {"pool_id": "calls", "ring_seconds": 45, "max_seconds": 900}
    return touch_due(
        number,
        channel="voice",
        action="place_call",
        call={**call, "place_by": format_rfc3339(place_by)},
        send_before=format_rfc3339(NOW + DAY),
    )


def commands(channel: str) -> Iterator[TouchDue]:
    return (touch_due(number, channel=channel) for number in range(2_000))


def revocation(command: TouchDue) -> CommandRevoked:
    made = sample_model(
        "command.revoked", command_id=command.command_id, contact_id=command.contact_id
    )
    return cast(CommandRevoked, made)


def test_a_hash_fraction_is_the_same_for_the_same_question() -> None:
    drawn = [hash_fraction("open", str(number)) for number in range(4_000)]
    assert drawn == [hash_fraction("open", str(number)) for number in range(4_000)]
    assert all(0 <= value < 1 for value in drawn)
    assert 0.48 < sum(drawn) / len(drawn) < 0.52
    assert hash_fraction("click", "1") != hash_fraction("open", "1")


def test_the_same_command_gets_the_same_reactions() -> None:
    assert [reactions_to(c) for c in commands("email")] == [
        reactions_to(c) for c in commands("email")
    ]


def test_every_kind_of_reaction_occurs() -> None:
    kinds = Counter(
        reaction.ce_type
        for channel in ("email", "sms")
        for c in commands(channel)
        for reaction in reactions_to(c)
    )
    assert set(kinds) == {
        "touch.sent",
        "touch.failed",
        "touch.delivered",
        "touch.opened",
        "touch.clicked",
        "touch.bounced",
        "contact.replied",
        "contact.resubscribed",
        "contact.unsubscribed",
        "review.clicked",
        "feedback.submitted",
    }
    codes = {reaction.fields.get("code") for c in commands("email") for reaction in reactions_to(c)}
    assert {"429", "500", "400"} <= codes
    assert not any(
        reaction.ce_type == "touch.opened" for c in commands("sms") for reaction in reactions_to(c)
    )


def test_reactions_are_valid_events_in_order_and_soon_enough() -> None:
    for channel in ("email", "sms"):
        for each in commands(channel):
            reactions = reactions_to(each)
            assert reactions == sorted(reactions, key=lambda one: one.after_us)
            assert 0 < reactions[0].after_us <= reactions[-1].after_us < 19 * HOUR
            for one in reactions:
                ids = {"tenant_id": "acme", "contact_id": "c", "command_id": each.command_id}
                EVENTS[one.ce_type].model.model_validate({**ids, **one.fields})


def test_a_sender_drops_a_repeated_command() -> None:
    senders = DemoSenders()
    assert senders.receive(touch_due(1), NOW)
    assert senders.receive(touch_due(1), NOW) == []
    assert senders.counts["repeats dropped"] == 1


def test_a_revocation_in_time_prevents_the_send() -> None:
    senders, due = DemoSenders(), touch_due(1)
    senders.receive(due, NOW)
    senders.revoke(revocation(due))
    assert not senders.may_send(due.command_id)


def test_a_late_revocation_changes_nothing() -> None:
    senders, due = DemoSenders(), touch_due(1)
    senders.receive(due, NOW)
    assert senders.may_send(due.command_id)
    senders.revoke(revocation(due))
    assert senders.may_send(due.command_id)


def test_a_command_revoked_before_it_comes_is_not_sent() -> None:
    senders, due = DemoSenders(), touch_due(1)
    senders.revoke(revocation(due))
    assert senders.receive(due, NOW) == []


def test_a_lost_command_is_sent_when_it_comes_again() -> None:
    lost = next(c for c in map(touch_due, range(5_000)) if is_lost(c))
    senders = DemoSenders()
    assert senders.receive(lost, NOW) == []
    assert senders.receive(lost, NOW)
    assert senders.receive(lost, NOW) == []


def test_a_command_that_comes_too_late_is_not_sent_and_its_repeat_is() -> None:
    senders = DemoSenders()
    late = touch_due(1, send_before=format_rfc3339(NOW))
    assert [(one.ce_type, one.fields) for one in senders.receive(late, NOW)] == [
        ("touch.failed", {"code": "window_closed"})
    ]
    again = touch_due(1, send_before=format_rfc3339(NOW + DAY))
    assert senders.receive(again, NOW) == reactions_to(again)
    assert senders.receive(again, NOW) == []


def test_a_command_of_an_older_engine_is_sent_until_it_expires() -> None:
    old = touch_due(1, send_before=None, expires_at=format_rfc3339(NOW + DAY))
    assert DemoSenders().receive(old, NOW) == reactions_to(old)
    assert DemoSenders().receive(old, NOW + DAY)[0].fields == {"code": "window_closed"}


def test_calls_end_with_every_outcome_and_some_ends_are_lost_or_late() -> None:
    ends: Counter[str] = Counter()
    for number in range(2_000):
        reactions = reactions_to(call_due(number))
        assert reactions == sorted(reactions, key=lambda one: one.after_us)
        assert [one.ce_type for one in reactions[:2]] == ["touch.sent", "call.progressed"]
        found = [one for one in reactions if one.ce_type == "call.ended"]
        late = bool(found) and found[0].after_us > LATE_US
        ends["late" if late else found[0].fields["outcome"] if found else "lost"] += 1
        for one in reactions:
            ids = {"tenant_id": "acme", "contact_id": "c", "command_id": str(UUID(int=1))}
            EVENTS[one.ce_type].model.model_validate({**ids, **one.fields})
    outcomes = {"answered", "no_answer", "busy", "voicemail", "failed", "rejected"}
    assert set(ends) == outcomes | {"lost", "late"}
    assert 0.01 < ends["lost"] / 2_000 < 0.06


def test_no_call_is_placed_after_its_place_by() -> None:
    senders = DemoSenders()
    late = call_due(1, place_by=NOW)
    assert [one.fields for one in senders.receive(late, NOW)] == [{"code": "window_closed"}]
    assert DemoSenders().receive(call_due(1), NOW)[0].ce_type == "touch.sent"
