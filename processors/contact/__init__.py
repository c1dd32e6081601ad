"""The contact processor: consent, enrollments and the life of every touch, keyed tenant/contact."""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.contact import (
    announcements,
    campaign_sweeps,
    event_routing,
    pause_stop,
    replies_conversions,
    touch_gates,
)
from processors.contact.context import Context
from processors.fold.task import Record
from processors.fold.turn import Turn
from schemas.internal import messages as m
from schemas.internal.enrollment import Enrollment, Status
from schemas.internal.states import ContactState, KnownCampaign, State


class ContactProcessor:
    """A pure fold over contact-log (promise 1)."""

    decode_state: Callable[[bytes], State] = staticmethod(
        msgspec.msgpack.Decoder(ContactState).decode
    )

    def apply(self, turn: Turn, record: Record) -> None:
        """Handles one record of contact-log."""
        message = m.decode_contact(record.value)
        _HANDLERS[type(message)](turn, message)

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Handles a timer: touches or waits of a contact are due, or a sweep goes on."""
        if isinstance(state, KnownCampaign):
            campaign_sweeps.continue_sweep(turn, state)
            return
        context = Context(turn, key, state)
        due = [run for run in state.enrollments if (at := run.due()) is not None and at <= turn.now]
        if len(due) > 1:  # a frequency cap may let only the first one pass (C-35)
            due.sort(key=lambda run: _rank(context, run))
        for enrollment in due:
            if enrollment.status is Status.ACTIVE and pause_stop.apply_campaign_status(
                context, enrollment
            ):
                touch_gates.fire(context, enrollment)
        replies_conversions.settle_replies(context)
        state.updated_at = turn.now


def _rank(context: Context, run: Enrollment) -> tuple[int, int, str]:
    """The order of enrollments that are due at one moment: priority, then due time, then id."""
    return (-context.definition(run).settings.priority, run.due() or 0, run.enrollment_id)


_HANDLERS: dict[type[m.Message], Callable[[Turn, Any], None]] = {
    **dict.fromkeys((*event_routing.HANDLERS, m.EventUnsupported), event_routing.public_event),
    m.BackfilledEvent: event_routing.backfilled_event,
    **dict.fromkeys(m.DispatchAnswer.__subclasses__(), event_routing.dispatch_answer),
    m.Tick: lambda turn, message: None,
    m.TenantAnnounced: announcements.tenant_announced,
    m.CampaignAnnounced: announcements.campaign_announced,
    m.StatusAnnounced: announcements.status_announced,
    m.TemplateGone: announcements.template_gone,
    m.RunsMoved: announcements.runs_moved,
}
"""The handler of each message of contact-log."""
