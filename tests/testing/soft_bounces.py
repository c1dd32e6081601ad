"""Messages that come back, for tests: they are sent, and their mailbox cannot take them."""

from typing import Any

from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from tests.testing.builders import answer_fields, step
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk

FOLLOW_UP = [step(), step("b", hours=72)]


def desk_of(steps: list[dict[str, Any]] | None = None, **settings: Any) -> OutreachDesk:
    """An active campaign without quiet hours, with Ann in it."""
    settings.setdefault("quiet_hours", "none")
    return active_desk(document=outreach_document(settings=settings, steps=steps))


def came_back(desk: OutreachDesk, touch: m.RequestTouch, **changes: Any) -> m.TouchBounced:
    """The mailbox could not take a message."""
    fields = answer_fields(touch, desk, "back") | {"bounce_type": "soft", "rules": m.BOUNCE_RULES}
    return m.TouchBounced(**(fields | changes))


def send_and_lose(desk: OutreachDesk, **changes: Any) -> m.RequestTouch:
    """Ann's request goes out, is sent, and comes back a minute later."""
    touch = desk.send()
    desk.now += MINUTE
    desk.deliver(came_back(desk, touch, **changes))
    return touch


def closed_for(desk: OutreachDesk) -> list[str]:
    """The reasons for which dispatch is asked to close an address."""
    return [order.reason for order in desk.sent_to_dispatch(m.SuppressAddress)]


def hours_of_requests(desk: OutreachDesk) -> list[tuple[str, float]]:
    """The step of each request, and its hours since the first one."""
    first = desk.requests()[0].due_at
    return [(t.step_id, round((t.due_at - first) / HOUR, 1)) for t in desk.requests()]
