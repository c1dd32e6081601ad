"""The contact processor: consent, enrollments, and the touch's whole life, keyed tenant/contact."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from processors.contact import (
    announcements,
    engagement,
    enrolling,
    pause_stop,
    profile,
    replies_conversions,
    sender_answers,
    touch_gates,
)
from processors.contact.context import Context
from processors.fold.task import Record
from processors.fold.turn import Turn
from processors.shared.deduplication import first_time
from processors.shared.tenant_lookup import tenant_key
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.states import (
    Contact,
    ContactState,
    Enrollment,
    KnownCampaign,
    KnownTenant,
    State,
    Status,
)


class ContactProcessor:
    """A pure fold over contact-log (design 1, 2)."""

    decode_state: Callable[[bytes], State] = staticmethod(
        msgspec.msgpack.Decoder(ContactState).decode
    )

    def apply(self, turn: Turn, record: Record) -> None:
        """One record of contact-log."""
        message = m.decode_contact(record.value)
        _APPLY[type(message)](turn, message)

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """A contact's touch is due, or a sweep goes on."""
        if isinstance(state, KnownCampaign):
            announcements.sweep(turn, state)
            return
        context = Context(turn, key, state)
        due = [run for run in state.enrollments if (at := run.due()) is not None and at <= turn.now]
        if len(due) > 1:  # who goes first may be the only one (C-35)
            due.sort(key=lambda run: _rank(context, run))
        for enrollment in due:
            if enrollment.status is Status.ACTIVE and pause_stop.runs(context, enrollment):
                touch_gates.fire(context, enrollment)
        replies_conversions.settle(context)
        state.updated_at = turn.now


def _rank(context: Context, run: Enrollment) -> tuple[int, int, str]:
    return (-context.definition(run).settings.priority, run.due() or 0, run.enrollment_id)


def _outside(turn: Turn, message: m.ExternalEvent, *, past: bool = False) -> None:
    tenant = turn.store.look(tenant_key(message.tenant_id), KnownTenant)
    told_late = type(message) is m.TouchSent  # it went out before, and that is not denied
    if tenant is None or (tenant.status != "active" and not told_late):
        _refuse(turn, message, "TENANT_UNKNOWN" if tenant is None else "TENANT_DELETED")
        return
    if type(message) not in _TAKE:
        _refuse(turn, message, "EVENT_NOT_SUPPORTED")
        return
    key = m.contact_key(message.tenant_id, message.contact_id)
    contact = turn.store.edit(key, Contact)
    if contact is None:
        if type(message) not in _FIRST:
            _refuse(turn, message, "CONTACT_UNKNOWN")
            return
        contact = Contact(created_at=turn.now)
        turn.store.put(key, contact)
    if contact.erased_at is not None and not told_late:
        _refuse(turn, message, "CONTACT_ERASED")
        return
    contact.updated_at = turn.now
    if type(message) in _ONCE and not first_time(contact.seen, message.cause):
        _refuse(turn, message, "EVENT_DUPLICATE")
        return
    past = past or _happened(message) < tenant.fence
    take = _TAKE_PAST.get(type(message)) if past else None
    context = Context(turn, key, contact, tenant)
    (take or _TAKE[type(message)])(context, message)
    replies_conversions.settle(context)


def _happened(message: m.ExternalEvent) -> int:
    """A history may be told with the times of its telling; a job says when it was done."""
    return min(message.at, message.completed_at) if type(message) is m.JobCompleted else message.at


def _past(turn: Turn, message: m.BackfilledEvent) -> None:
    """History told again: nothing is begun or moved by it."""
    event = m.decode_contact(message.event)
    assert isinstance(event, m.ExternalEvent)
    _outside(turn, event, past=True)


_FIRST = (
    m.JobCompleted,
    m.JobDeleted,
    m.ContactUpserted,
    m.ContactEnrolled,
    m.ContactUnsubscribed,
    m.ConnectionAccepted,
)
"""Events that may be the first word about a contact."""

_ONCE = (m.ContactEnrolled, m.ContactStopped, m.ContactPaused, m.ContactResumed)
"""Events that would act again if they came again; all others leave a second time no trace."""


def _job_completed(context: Context, message: m.JobCompleted) -> None:
    profile.update(context, message.person, message.at, message.cause)
    enrolling.job_completed(context, message)


def _job_past(context: Context, message: m.JobCompleted) -> None:
    profile.update(context, message.person, message.at, message.cause)
    enrolling.job_past(context, message)


Steered = m.ContactStopped | m.ContactPaused | m.ContactResumed


def _stopped(context: Context, message: m.ContactStopped) -> None:
    for enrollment in pause_stop.live(context, message.campaign_id):
        pause_stop.stop(context, enrollment, "owner_stopped", message.cause)


def _steered(take: Callable[[Context, Any], None]) -> Callable[[Context, Any], None]:
    """An order about a person's runs: where none is under way, that is said."""

    def taken(context: Context, message: Steered) -> None:
        if pause_stop.live(context, message.campaign_id):
            take(context, message)
        else:
            _refuse(context.turn, message, "ENROLLMENT_NONE")

    return taken


def _steered_past(context: Context, message: Steered) -> None:
    """An order out of a history that is told again moves nothing that runs now."""
    _refuse(context.turn, message, "EVENT_IN_PAST")


def _review(context: Context, message: m.ReviewReceived, *, past: bool = False) -> None:
    if not engagement.review_received(context, message, past=past):
        code = "COMMAND_UNKNOWN" if message.command_id else "ENROLLMENT_NONE"
        _refuse(context.turn, message, code, command_id=message.command_id)


def _converted(context: Context, message: m.ConversionRecorded, *, past: bool = False) -> None:
    if not replies_conversions.converted(context, message, past=past):
        _refuse(context.turn, message, "ENROLLMENT_NONE", command_id=message.command_id)


def _about_touch(
    take: Callable[[Context, sender_answers.Found, Any], None],
) -> Callable[[Context, Any], None]:
    """Events that name a command: it must be one of this contact's, and out."""

    def taken(context: Context, message: Any) -> None:
        found = sender_answers.find(context, message.command_id)
        if found is None or not sender_answers.went_out(found):
            _refuse(context.turn, message, "COMMAND_UNKNOWN", command_id=message.command_id)
        else:
            take(context, found, message)

    return taken


def _answer(turn: Turn, message: m.DispatchAnswer) -> None:
    key = m.contact_key(message.tenant_id, message.contact_id)
    contact = turn.store.edit(key, Contact)
    assert contact is not None, "dispatch answers only what a contact asked"
    context = Context(turn, key, contact)
    found = sender_answers.find(context, message.command_id)
    if found is not None and found.current:
        sender_answers.answered(context, found.enrollment, found.touch, message)
        replies_conversions.settle(context)
        contact.updated_at = turn.now


def _job_deleted(context: Context, message: m.JobDeleted) -> None:
    """The job is gone, even if it is only reported completed later (S1-40, C-32)."""
    enrolling.remember_job(context, message.job_id, None)
    context.emit_fact(FactKind.JOB_DELETED, job_id=message.job_id, cause=message.cause)
    for enrollment in pause_stop.live(context):
        if enrollment.job_id == message.job_id:
            pause_stop.stop(context, enrollment, "job_deleted", message.cause)


def _refuse(turn: Turn, message: m.ExternalEvent, code: str, **fields: Any) -> None:
    turn.emit_fact(
        FactKind.EVENT_REFUSED,
        message.tenant_id,
        contact_id=message.contact_id,
        cause=message.cause,
        reason=code,
        values={"event": type(message).__name__},
        **fields,
    )


_TAKE: dict[type[m.ExternalEvent], Callable[[Context, Any], None]] = {
    m.JobCompleted: _job_completed,
    m.JobDeleted: _job_deleted,
    m.ContactUpserted: profile.upserted,
    m.ContactEnrolled: enrolling.contact_enrolled,
    m.ContactStopped: _steered(_stopped),
    m.ContactErased: profile.erased,
    m.ContactUnsubscribed: engagement.unsubscribed,
    m.ReviewReceived: _review,
    m.TouchSent: _about_touch(sender_answers.sent),
    m.TouchFailed: _about_touch(sender_answers.failed),
    m.TouchSeen: _about_touch(engagement.seen),
    m.TouchBounced: _about_touch(profile.bounced),
    m.ContactPaused: _steered(pause_stop.paused),
    m.ContactResumed: _steered(pause_stop.resumed),
    m.ContactReplied: replies_conversions.replied,
    m.ConnectionAccepted: replies_conversions.connected,
    m.ConversionRecorded: _converted,
    m.CallEnded: _about_touch(engagement.call_ended),
}
"""What each public event does to its contact."""

_TAKE_PAST: dict[type[m.ExternalEvent], Callable[[Context, Any], None]] = {
    m.JobCompleted: _job_past,
    m.ContactEnrolled: enrolling.enrolled_past,
    m.ContactPaused: _steered_past,
    m.ContactResumed: _steered_past,
    m.ContactStopped: _steered_past,
    m.ReviewReceived: partial(_review, past=True),
    m.TouchSeen: _about_touch(partial(engagement.seen, past=True)),
    m.CallEnded: _about_touch(partial(engagement.call_ended, past=True)),
    m.ContactReplied: partial(replies_conversions.replied, past=True),
    m.ConnectionAccepted: partial(replies_conversions.connected, past=True),
    m.ConversionRecorded: partial(_converted, past=True),
}
"""The same where it is history. An answer of a sender is one to a command of ours, whenever it
came; what closes a channel closes it."""

_APPLY: dict[type[m.Message], Callable[[Turn, Any], None]] = {
    **dict.fromkeys((*_TAKE, m.EventUnsupported), _outside),
    m.BackfilledEvent: _past,
    **dict.fromkeys(m.DispatchAnswer.__subclasses__(), _answer),
    m.Tick: lambda turn, message: None,
    m.TenantAnnounced: announcements.tenant_announced,
    m.CampaignAnnounced: announcements.campaign_announced,
    m.StatusAnnounced: announcements.status_announced,
    m.TemplateGone: announcements.template_gone,
    m.RunsMoved: announcements.runs_moved,
}
