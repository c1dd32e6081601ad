"""Senders and recipients: their answers follow from ids alone, and senders keep their promises."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from schemas.base.ids import derive
from schemas.base.times import HOUR
from schemas.public.command_models import CommandRevoked, TouchDue
from schemas.public.events import EVENTS
from schemas.public.example_events import sample_model
from streams.demo.behaviour import fate, fraction, is_lost
from streams.demo.traffic import Senders


def command(number: int, **changed: Any) -> TouchDue:
    made = sample_model(
        "touch.due",
        command_id=derive("command", str(number)),
        contact_id=f"c-{number % 500}",
        **changed,
    )
    return cast(TouchDue, made)


def commands(channel: str) -> Iterator[TouchDue]:
    return (command(number, channel=channel) for number in range(2_000))


def revocation(of: TouchDue) -> CommandRevoked:
    made = sample_model("command.revoked", command_id=of.command_id, contact_id=of.contact_id)
    return cast(CommandRevoked, made)


def test_a_die_shows_the_same_for_the_same_question() -> None:
    shown = [fraction("open", str(number)) for number in range(4_000)]
    assert shown == [fraction("open", str(number)) for number in range(4_000)]
    assert all(0 <= value < 1 for value in shown)
    assert 0.48 < sum(shown) / len(shown) < 0.52
    assert fraction("click", "1") != fraction("open", "1")


def test_the_same_command_meets_the_same_fate() -> None:
    assert [fate(c) for c in commands("email")] == [fate(c) for c in commands("email")]


def test_every_answer_there_is_comes_up() -> None:
    told = Counter(
        said.ce_type for channel in ("email", "sms") for c in commands(channel) for said in fate(c)
    )
    assert set(told) == {
        "touch.sent",
        "touch.failed",
        "touch.delivered",
        "touch.opened",
        "touch.clicked",
        "touch.bounced",
        "contact.unsubscribed",
        "review.clicked",
        "feedback.submitted",
    }
    codes = {said.fields.get("code") for c in commands("email") for said in fate(c)}
    assert {"429", "500", "400"} <= codes
    assert not any(said.ce_type == "touch.opened" for c in commands("sms") for said in fate(c))


def test_answers_are_valid_events_in_order_and_soon_enough() -> None:
    for channel in ("email", "sms"):
        for each in commands(channel):
            said = fate(each)
            assert said == sorted(said, key=lambda one: one.after)
            assert 0 < said[-1].after < 14 * HOUR
            for one in said:
                ids = {"tenant_id": "acme", "contact_id": "c", "command_id": each.command_id}
                EVENTS[one.ce_type].model.model_validate({**ids, **one.fields})


def test_a_sender_drops_an_id_that_it_has_seen() -> None:
    senders = Senders()
    assert senders.take(command(1))
    assert senders.take(command(1)) == []
    assert senders.counts["repeats dropped"] == 1


def test_a_revocation_holds_what_was_not_sent_yet() -> None:
    senders, due = Senders(), command(1)
    senders.take(due)
    senders.revoke(revocation(due))
    assert not senders.may_say(due.command_id)


def test_a_revocation_that_comes_too_late_changes_nothing() -> None:
    senders, due = Senders(), command(1)
    senders.take(due)
    assert senders.may_say(due.command_id)
    senders.revoke(revocation(due))
    assert senders.may_say(due.command_id)


def test_a_command_revoked_before_it_came_is_never_sent() -> None:
    senders, due = Senders(), command(1)
    senders.revoke(revocation(due))
    assert senders.take(due) == []


def test_a_lost_command_is_sent_when_it_is_repeated() -> None:
    lost = next(c for c in map(command, range(5_000)) if is_lost(c))
    senders = Senders()
    assert senders.take(lost) == []
    assert senders.take(lost)
    assert senders.take(lost) == []
