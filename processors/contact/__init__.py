"""The contact processor: consent, enrollments and the life of every touch, keyed tenant/contact."""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.contact import (
    announcements,
    campaign_sweeps,
    closed_addresses,
    event_routing,
    frequency_caps,
    paced_sweeps,
    pause_stop,
    run_counts,
    touch_gates,
)
from processors.contact.contact_lists import lists_of_contact
from processors.contact.context import Context
from processors.contact.paced_sweeps import open_contact
from processors.contact.settling import settle
from processors.fold.key_lists import ListsOf
from processors.fold.task import Record
from processors.fold.turn import Turn
from processors.shared.frequency_caps import FREQUENCY_CAP
from schemas.internal import messages as m
from schemas.internal.enrollment import LAST_ANSWER, Enrollment, Status
from schemas.internal.states import ContactState, KnownCampaign, RunCount, State


class ContactProcessor:
    """A pure fold over contact-log (promise 1)."""

    decode_state: Callable[[bytes], State] = staticmethod(
        msgspec.msgpack.Decoder(ContactState).decode
    )

    lists_of: ListsOf = staticmethod(lists_of_contact)

    def apply(self, turn: Turn, record: Record) -> None:
        """Handles one record of contact-log."""
        message = m.decode_contact(record.value)
        _HANDLERS[type(message)](turn, message)

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Handles a timer: touches or waits of a contact are due, a command of an ended run is not
        answered, a sweep goes on, or the count of a campaign is to be reported."""
        if isinstance(state, KnownCampaign):
            campaign_sweeps.continue_sweep(turn, state)
            return
        if isinstance(state, RunCount):
            run_counts.report(turn, state)
            return
        context = open_contact(turn, key, state)
        for enrollment in _due_runs(context):
            touch = enrollment.touches[-1]
            if touch.wait == LAST_ANSWER:
                touch_gates.give_up(context, enrollment, touch)
            elif enrollment.status is Status.ACTIVE and pause_stop.apply_campaign_status(
                context, enrollment
            ):
                touch_gates.fire(context, enrollment)
        settle(context)
        state.updated_at = turn.now


def _due_runs(context: Context) -> list[Enrollment]:
    """The enrollments whose timers are due, in the order in which they may go: a frequency cap may
    let only the first one pass (C-35).

    Waits that are over come alone: a touch that follows at once is one of those that are due when
    the timers fire again, before anything else. A touch that a cap or a gap holds goes before those
    that rank after it as soon as it may, and not only when its hold was expected to end.
    """
    due, held = [], []
    for run in context.contact.enrollments:
        at = run.due()
        if at is None:
            continue
        if at <= context.now:
            due.append(run)
        elif run.touches[-1].wait in _CAPPED:
            held.append(run)
    if len(due) + len(held) < 2:
        return due
    over = [run for run in due if run.waiting is not None]
    if over:
        return over
    last = max(_rank(context, run) for run in due)
    before = [run for run in held if _rank(context, run) < last and _may_go(context, run)]
    return sorted(due + before, key=lambda run: _rank(context, run))


_CAPPED = ("min_gap", FREQUENCY_CAP)
"""The waits of a touch that a cap or a gap holds."""


def _rank(context: Context, run: Enrollment) -> tuple[int, int, int, str]:
    """The order of touches that may go at one moment: by priority, then by who has been due
    longest, then by id."""
    touch = run.touches[-1]
    priority = context.definition(run).settings.priority
    return -priority, touch.scheduled_at, touch.due_at, run.enrollment_id


def _may_go(context: Context, run: Enrollment) -> bool:
    return frequency_caps.check(context, run, run.touches[-1]).hold is None


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
    m.AddressReopened: closed_addresses.address_reopened,
    m.CountsRequested: paced_sweeps.counts_requested,
    m.WinnerAnnounced: announcements.winner_announced,
    m.SweepTurn: paced_sweeps.have_turn,
}
"""The handler of each message of contact-log."""
