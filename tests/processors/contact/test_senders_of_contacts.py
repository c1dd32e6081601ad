"""The sender account of a person: the one that has written, or the one that is connected; and what
its owner learns of bounces and complaints (C-38)."""

from schemas.base.times import HOUR
from schemas.internal import messages as m
from tests.testing.builders import publish, step
from tests.testing.call_desk import CallDesk, contact_of
from tests.testing.story import accepted, bounced, enroll_by_hand, tenant, unsubscribed, upserted

LINKEDIN = "linkedin"


def desk_with(*channels: str) -> CallDesk:
    """Ann, enrolled in a campaign with a step on each of these channels."""
    desk = CallDesk()
    desk.deliver(tenant())
    steps = [step(f"s{number}", name) for number, name in enumerate(channels)]
    desk.deliver(publish(kind="prospecting", steps=steps, settings={"quiet_hours": "none"}))
    addresses = {"email": "ann@example.com", "linkedin_url": "https://linkedin.com/in/ann"}
    desk.deliver(upserted(desk, **addresses))
    desk.deliver(enroll_by_hand(desk))
    return desk


def commanded(desk: CallDesk, sender_id: str) -> m.RequestTouch:
    """The last request goes out from an account, and its sender has sent it."""
    touch = desk.grant(slot_until=0, sender_id=sender_id)
    desk.deliver(desk.event(m.TouchSent, touch))
    return touch


def test_later_touches_of_a_channel_name_the_account_that_has_written() -> None:
    desk = desk_with("email", LINKEDIN, "email")
    commanded(desk, "mail-1")
    commanded(desk, "link-1")
    assert [(t.bound_sender, t.must_use_bound, t.first) for t in desk.requests()] == [
        ("", False, True),
        ("", False, False),
        ("mail-1", False, False),
    ]
    assert contact_of(desk).enrollments[0].touches[0].sender_id == "mail-1"


def test_an_account_that_has_taken_over_is_the_one_of_later_touches() -> None:
    desk = desk_with("email", "email", "email")
    commanded(desk, "mail-1")
    commanded(desk, "mail-2")
    assert [touch.bound_sender for touch in desk.requests()] == ["", "mail-1", "mail-2"]


def test_a_connection_binds_its_account_for_good() -> None:
    desk = desk_with(LINKEDIN, LINKEDIN, LINKEDIN)
    commanded(desk, "link-1")
    desk.deliver(accepted(desk, sender_id="link-2"))
    assert contact_of(desk).senders == {LINKEDIN: ("link-2", True)}
    commanded(desk, "link-2")
    third = desk.requests()[-1]
    assert (third.bound_sender, third.must_use_bound) == ("link-2", True)


def test_the_repeat_of_a_command_stays_with_its_account() -> None:
    desk = desk_with(LINKEDIN)
    desk.grant(slot_until=0, sender_id="link-1")
    desk.deliver(accepted(desk, sender_id="link-2"))
    desk.advance_hours(0.6)
    repeat = desk.requests()[-1]
    assert (repeat.emission, repeat.bound_sender, repeat.must_use_bound) == (2, "link-1", True)


def test_a_connection_without_an_account_is_that_of_the_account_that_has_written() -> None:
    desk = desk_with(LINKEDIN, LINKEDIN)
    commanded(desk, "link-1")
    desk.deliver(accepted(desk))
    assert contact_of(desk).senders == {LINKEDIN: ("link-1", True)}


def test_of_two_connections_the_earlier_one_counts_in_any_order() -> None:
    for times in ((0, 1), (1, 0)):
        desk = desk_with(LINKEDIN)
        events = [accepted(desk, sender_id=f"link-{at}", at=desk.now + at * HOUR) for at in (0, 1)]
        for place in times:
            desk.deliver(events[place])
        assert contact_of(desk).senders == {LINKEDIN: ("link-0", True)}


def test_the_owner_of_an_account_learns_of_a_hard_bounce_once() -> None:
    desk = desk_with("email", "email")
    touch = commanded(desk, "mail-1")
    event = bounced(desk, touch)
    desk.deliver(bounced(desk, touch, "soft"), event, event)
    assert desk.sent_to_dispatch(m.SenderOutcome) == [
        m.SenderOutcome("acme", "email", "mail-1", "bounced", touch.command_id)
    ]
    assert desk.keys(m.SenderOutcome) == [b"acme/email"]


def test_the_owner_of_an_account_learns_of_a_complaint_once() -> None:
    desk = desk_with("email", "email")
    commanded(desk, "mail-1")
    complaint = unsubscribed(desk, "email", complained=True)
    desk.deliver(unsubscribed(desk, "email"), complaint, complaint)
    assert desk.sent_to_dispatch(m.SenderOutcome) == [
        m.SenderOutcome("acme", "email", "mail-1", "complained", "")
    ]


def test_without_an_account_nobody_is_informed() -> None:
    desk = desk_with("email", "email")
    touch = commanded(desk, "")
    desk.deliver(bounced(desk, touch), unsubscribed(desk, "email", complained=True))
    assert desk.sent_to_dispatch(m.SenderOutcome) == []
    assert contact_of(desk).senders == {}
