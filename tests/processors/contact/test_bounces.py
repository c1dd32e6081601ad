"""What each class of bounce does: to the address, the touch, the run and the sender account (S4-81,
C-25)."""

from typing import Any

import pytest

from processors.intake.contact_events import CONTACT_EVENTS
from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.outreach_status import outreach_status
from schemas.public.inbound_events import TouchBounced
from tests.testing.builders import answer_fields, step
from tests.testing.conversions import converted
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk
from tests.testing.story import contact_of, failed, unsubscribed

FOLLOW_UP = [step(), step("b", hours=72)]
CODES = {
    "hard": ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"),
    "soft": ("4.0.0", "4.2.1", "4.3.2", "4.4.7", "5.2.2", "5.3.1", "5.4.1", "5.4.7"),
    "block": ("4.7.0", "4.7.1", "5.7.0", "5.7.1", "5.7.26"),
    "content": ("5.2.3", "5.3.4", "5.6.0", "5.6.1"),
    "ours": ("5.1.7", "5.1.8", "5.5.0", "5.5.2"),
    "unknown": ("5.0.0", "5.1.0", "2.0.0", None),
}
"""The codes of RFC 3463 by what follows from them; without a code nothing is known."""

ROWS = [(kind, code) for kind, codes in CODES.items() for code in codes]


def sent_desk(**changes: Any) -> tuple[OutreachDesk, m.RequestTouch]:
    """Ann was sent the first of two mails, an hour ago, from an account."""
    desk = active_desk(document=outreach_document(steps=FOLLOW_UP, **changes))
    touch = desk.request_of("ann")
    ids = (touch.tenant_id, touch.contact_id, touch.command_id)
    desk.deliver(m.TouchCommanded(*ids, 1, sender_id="mail-1"))
    desk.deliver(m.TouchSent(**answer_fields(touch, desk)))
    desk.now += HOUR
    return desk, touch


def reported(
    desk: OutreachDesk, touch: m.RequestTouch, code: str | None = None, **fields: Any
) -> m.Message:
    """A bounce, as intake reads it from the sender's event."""
    ids = ("tenant_id", "contact_id", "command_id")
    named: dict[str, Any] = {name: getattr(touch, name) for name in ids}
    event = TouchBounced(**named, enhanced_code=code, **fields)
    return CONTACT_EVENTS["touch.bounced"](event, f"/s#{desk.now}", desk.now, "touch.bounced")


def suppressed(desk: OutreachDesk) -> list[str]:
    return [order.reason for order in desk.sent_to_dispatch(m.SuppressAddress)]


def outcomes(desk: OutreachDesk) -> list[tuple[str, str]]:
    return [(o.sender_id, o.outcome) for o in desk.sent_to_dispatch(m.SenderOutcome)]


@pytest.mark.parametrize(("kind", "code"), ROWS)
def test_each_code_has_the_effect_of_its_class(kind: str, code: str | None) -> None:
    desk, touch = sent_desk()
    desk.deliver(reported(desk, touch, code))
    run, touches = desk.run(), desk.run().touches
    (fact,) = desk.facts(FactKind.TOUCH_BOUNCED)
    assert fact.reason == {"unknown": "soft"}.get(kind, kind)
    assert touches[0].bounced_at == desk.now
    assert run.results is not None
    assert suppressed(desk) == (["address_bounced"] if kind == "hard" else [])
    assert bool(contact_of(desk).bounced) is (kind == "hard")
    assert (run.results.bounced_at is not None) is (kind == "hard")
    health = {"hard": [("mail-1", "bounced")], "block": [("mail-1", "blocked")]}
    assert outcomes(desk) == health.get(kind, [])
    phases = {"content": Phase.FAILED, "ours": Phase.FAILED}
    phases |= {"soft": Phase.SCHEDULED, "unknown": Phase.SCHEDULED}
    assert touches[0].phase is phases.get(kind, Phase.SENT)
    waits_again = kind in ("soft", "unknown")
    assert touches[-1].wait == ("soft_bounce" if waits_again else "delay")
    assert len(touches) == (1 if waits_again else 2)
    assert run.errors == (kind in ("content", "ours"))
    assert run.status is Status.ACTIVE


@pytest.mark.parametrize(
    ("explicit", "code", "kind"),
    [
        ("hard", "5.2.2", "hard"),
        ("soft", "5.1.1", "soft"),
        ("soft", "5.6.0", "soft"),
        ("hard", "5.7.1", "block"),  # no fault of the address, whatever the sender calls it
    ],
)
def test_what_the_sender_states_comes_first(explicit: str, code: str, kind: str) -> None:
    desk, touch = sent_desk()
    desk.deliver(reported(desk, touch, code, bounce_type=explicit))
    assert [fact.reason for fact in desk.facts(FactKind.TOUCH_BOUNCED)] == [kind]


def test_a_fault_of_ours_is_an_alarm() -> None:
    desk, touch = sent_desk()
    desk.deliver(reported(desk, touch, "5.5.2"))
    (fact,) = desk.facts(FactKind.TOUCH_BOUNCED)
    assert fact.values == {"alarm": True}
    (fact,) = desk.facts(FactKind.TOUCH_FAILED)
    assert (fact.reason, fact.values) == ("ours", {"class": "ours"})


def test_the_text_of_a_bounce_is_in_no_fact() -> None:
    desk, touch = sent_desk()
    desk.deliver(reported(desk, touch, "5.6.0", reason="ann@example.com is secret"))
    assert all("secret" not in str(fact) for fact in desk.facts())


def test_a_bounce_that_comes_twice_counts_once() -> None:
    for code in ("5.1.1", "5.2.2", "5.7.1", "5.6.0"):
        desk, touch = sent_desk()
        desk.deliver(reported(desk, touch, code))
        before = (desk.run(), len(desk.facts()), outcomes(desk))
        desk.now += 1
        desk.deliver(reported(desk, touch, code))
        assert (desk.run(), len(desk.facts()), outcomes(desk)) == before


def test_a_hard_bounce_after_a_soft_one_of_the_same_mail_closes_the_address() -> None:
    desk, touch = sent_desk()
    desk.deliver(reported(desk, touch, "4.2.2"), reported(desk, touch, "5.1.1"))
    assert suppressed(desk) == ["address_bounced"]
    assert [fact.reason for fact in desk.facts(FactKind.TOUCH_BOUNCED)] == ["soft", "hard"]
    desk.advance_hours(9)
    skipped = desk.facts(FactKind.TOUCH_SKIPPED)
    assert [(fact.touch_number, fact.reason) for fact in skipped] == [(1, "address_bounced")]


def test_a_code_of_a_failed_send_that_closes_the_address_counts_as_a_bounce() -> None:
    desk = active_desk(document=outreach_document(steps=FOLLOW_UP))
    touch = desk.command()
    desk.deliver(*failed(desk, touch, "550_5.1.1", permanent=True))
    assert desk.outreach_counts()["bounces"] == 1


def test_a_bounce_after_a_conversion_closes_the_address_and_leaves_the_conversion() -> None:
    desk, touch = sent_desk()
    desk.deliver(converted(desk))
    desk.deliver(reported(desk, touch, "5.1.1"))
    counts = desk.outreach_counts()
    assert (counts["conversions"], counts["bounces"], len(suppressed(desk))) == (1, 1, 1)
    assert outreach_status(desk.run()) == "converted"
    assert len(desk.requests()) == 1


def test_a_bounce_of_before_the_rules_only_closes() -> None:
    for kind, phase in (("soft", Phase.SENT), ("content", Phase.SENT), ("hard", Phase.SENT)):
        desk, touch = sent_desk()
        desk.deliver(m.TouchBounced(**answer_fields(touch, desk), bounce_type=kind))
        assert desk.run().touches[0].phase is phase
        assert suppressed(desk) == (["address_bounced"] if kind == "hard" else [])
        assert outcomes(desk) == ([("mail-1", "bounced")] if kind == "hard" else [])


# touches that fail


def test_a_wait_after_a_mail_that_was_refused_is_over() -> None:
    wait = {"event": "reply", "max_wait_hours": 48}
    steps = [step(wait_for=wait), step("b", hours=1)]
    desk = active_desk(document=outreach_document(steps=steps))
    touch = desk.send()
    assert desk.run().waiting is not None
    desk.deliver(reported(desk, touch, "5.6.0"))
    run = desk.run()
    assert run.waiting is None
    assert [each.phase for each in run.touches] == [Phase.FAILED, Phase.SCHEDULED]


def test_too_many_refused_mails_end_the_run() -> None:
    steps = [step(), step("b", hours=1), step("c", hours=1), step("d", hours=1)]
    desk = active_desk(document=outreach_document(steps=steps))
    for number in range(3):
        touch = desk.send()
        desk.deliver(reported(desk, touch, "5.6.0"))
        desk.advance_hours(1)
        assert desk.run().errors == number + 1
    assert desk.run().status is Status.ACTIVE  # each had a follow-up that was planned already
    wait = {"event": "reply", "max_wait_hours": 48}
    steps = [step(name, hours=1, wait_for=wait) for name in "abcd"]
    desk = active_desk(document=outreach_document(steps=steps))
    for _ in range(3):
        desk.advance_hours(1)
        desk.deliver(reported(desk, desk.send(), "5.6.0"))
    assert (desk.run().status, desk.run().reason) == (Status.STOPPED, "failed")


def test_a_mail_that_was_refused_after_the_end_fails_all_the_same() -> None:
    desk = active_desk(document=outreach_document())
    touch = desk.send()
    assert desk.run().status is Status.COMPLETED
    desk.deliver(reported(desk, touch, "5.6.0"))
    assert (desk.run().status, desk.run().touches[0].phase) == (Status.COMPLETED, Phase.FAILED)


# bounces and the report of the send


@pytest.mark.parametrize("code", ["5.1.1", "5.2.2", "5.7.1", "5.6.0", "5.5.0"])
def test_a_bounce_may_come_before_the_report_of_its_send(code: str) -> None:
    found = []
    for turned in (False, True):
        desk = active_desk(document=outreach_document(steps=FOLLOW_UP))
        touch = desk.command()
        sent = m.TouchSent(**answer_fields(touch, desk), sent_at=desk.now)
        desk.now += HOUR
        events = [sent, reported(desk, touch, code)]
        desk.deliver(*(reversed(events) if turned else events))
        desk.deliver(sent)  # once more
        run = desk.run()
        assert run.results is not None
        found.append(
            (
                [(each.phase, each.sent_at, each.bounced_at, each.wait) for each in run.touches],
                (run.status, run.errors, run.results),
                desk.outreach_counts(),
                contact_of(desk).bounced,
            )
        )
    assert found[0] == found[1]


def test_a_bounce_of_a_command_that_is_withdrawn_shows_that_it_was_sent() -> None:
    desk = active_desk(document=outreach_document(steps=FOLLOW_UP))
    touch = desk.command()
    desk.deliver(unsubscribed(desk, "all"))
    assert desk.run().touches[0].phase is Phase.WITHDRAWING
    desk.deliver(reported(desk, touch, "5.2.2"))
    run = desk.run()
    assert (run.touches[0].phase, run.touches[0].reason) == (
        Phase.SENT,
        "sent_after_opted_out_all",
    )
    assert desk.outreach_counts()["reached"] == 1
