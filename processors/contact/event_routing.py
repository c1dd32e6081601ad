"""Public events about a contact, and dispatch's answers: which function handles which, and what is
refused before that."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeGuard

from processors.contact import (
    bounces,
    call_progress,
    call_reports,
    consent,
    conversions,
    dispatch_answers,
    engagement,
    enrolling,
    pause_stop,
    profile,
    replies_conversions,
    reviews,
    sender_answers,
)
from processors.contact.command_lookup import CommandMatch, find_command, was_commanded
from processors.contact.context import Context
from processors.contact.paced_sweeps import open_contact
from processors.contact.run_queries import live_runs
from processors.contact.settling import settle
from processors.fold.turn import Turn
from processors.shared.deduplication import add_if_new
from processors.shared.tenant_lookup import tenant_key
from schemas.internal import messages as m
from schemas.internal.enrollment import RESOLVED
from schemas.internal.facts import FactKind
from schemas.internal.states import Contact, KnownTenant

Handler = Callable[[Context, Any], None]
SteeringEvent = m.ContactStopped | m.ContactPaused | m.ContactResumed


def public_event(turn: Turn, message: m.ExternalEvent, *, backfill: bool = False) -> None:
    """Handles a public event, or emits `event.refused` with the reason.

    Events of a backfill, or from before the tenant's fence, are recorded and begin nothing.
    """
    kind = type(message)
    # What was sent before a tenant was deleted or a person was erased is recorded all the same, and
    # how a call of before has ended. The owner of its slot learns that before anything is refused.
    reports_sending = kind is m.TouchSent
    if kind in call_reports.REPORTS:
        reports_sending = call_reports.pass_on(turn, message)
    tenant = turn.store.read(tenant_key(message.tenant_id), KnownTenant)
    if tenant is None or (tenant.status != "active" and not reports_sending):
        _refuse(turn, message, "TENANT_UNKNOWN" if tenant is None else "TENANT_DELETED")
        return
    handler = HANDLERS.get(kind)
    if handler is None:
        _refuse(turn, message, "EVENT_NOT_SUPPORTED")
        return
    key = m.contact_key(message.tenant_id, message.contact_id)
    contact = turn.store.edit(key, Contact)
    if contact is None:
        if kind not in _CREATE_CONTACT:
            _refuse(turn, message, "CONTACT_UNKNOWN")
            return
        contact = Contact(created_at=turn.now)
        turn.store.put(key, contact)
    if contact.erased_at is not None and not reports_sending:
        _refuse(turn, message, "CONTACT_ERASED")
        return
    contact.updated_at = turn.now
    if kind in _DEDUPLICATED and not add_if_new(contact.seen, message.cause):
        _refuse(turn, message, "EVENT_DUPLICATE")
        return
    happened_at = message.at
    if isinstance(message, m.JobCompleted):  # in a backfill, `at` may be the time of publication
        happened_at = min(happened_at, message.completed_at)
    if backfill or happened_at < tenant.fence:
        handler = _BACKFILL_HANDLERS.get(kind, handler)
    context = open_contact(turn, key, contact, tenant)
    handler(context, message)
    settle(context)


def backfilled_event(turn: Turn, message: m.BackfilledEvent) -> None:
    """Handles an event that its publisher marked as a backfill."""
    event = m.decode_contact(message.event)
    assert isinstance(event, m.ExternalEvent)
    public_event(turn, event, backfill=True)


def dispatch_answer(turn: Turn, message: m.DispatchAnswer) -> None:
    """Handles an answer of dispatch; one to an earlier attempt is ignored."""
    key = m.contact_key(message.tenant_id, message.contact_id)
    contact = turn.store.edit(key, Contact)
    assert contact is not None, "dispatch answers only what a contact requested"
    context = open_contact(turn, key, contact)
    match = find_command(context, message.command_id)
    if type(message) is m.CallLost:
        call_reports.forget_call(turn, key, message.command_id)
    elif type(message) is m.TouchCommanded and message.slot_until and _is_open(match):
        call_reports.remember_call(turn, key, message.command_id, match.touch.pool_id)
    if match is not None and match.current:
        dispatch_answers.dispatch_answered(context, match.enrollment, match.touch, message)
        settle(context)
        contact.updated_at = turn.now


def _is_open(match: CommandMatch | None) -> TypeGuard[CommandMatch]:
    """Whether a command is of a touch without an outcome. The repeat of a command may go out after
    the end of its call."""
    return match is not None and match.touch.phase not in RESOLVED


def _refuse(turn: Turn, message: m.ExternalEvent, code: str, **fields: Any) -> None:
    turn.emit_fact(
        FactKind.EVENT_REFUSED,
        message.tenant_id,
        contact_id=message.contact_id,
        cause=message.cause,
        reason=code,
        values={"event": message.__struct_config__.tag},
        **fields,
    )


# handlers that combine several modules, or refuse


def _job_completed(context: Context, message: m.JobCompleted) -> None:
    profile.update(context, message.person, message.at, message.cause)
    enrolling.job_completed(context, message)


def _backfilled_job(context: Context, message: m.JobCompleted) -> None:
    profile.update(context, message.person, message.at, message.cause)
    enrolling.backfilled_job(context, message)


def _call_requested(context: Context, message: m.CallRequested) -> None:
    if context.contact.profile.addresses or message.person.reported_addresses():
        enrolling.call_requested(context, message)
    else:
        _refuse(context.turn, message, "CONTACT_UNKNOWN")


def _job_deleted(context: Context, message: m.JobDeleted) -> None:
    """Stops the enrollments of a job. The deletion is final, even if the job is reported as
    completed later (S1-40, C-32)."""
    enrolling.remember_job(context, message.job_id, None)
    context.emit_fact(FactKind.JOB_DELETED, job_id=message.job_id, cause=message.cause)
    for enrollment in live_runs(context):
        if enrollment.job_id == message.job_id:
            pause_stop.stop(context, enrollment, "job_deleted", message.cause)


def _stopped_by_owner(context: Context, message: m.ContactStopped) -> None:
    for enrollment in live_runs(context, message.campaign_id):
        pause_stop.stop(context, enrollment, "owner_stopped", message.cause)


def _for_live_runs(handler: Handler) -> Handler:
    """A handler that refuses the event where the contact has no live enrollment."""

    def handle(context: Context, message: SteeringEvent) -> None:
        if live_runs(context, message.campaign_id):
            handler(context, message)
        else:
            _refuse(context.turn, message, "ENROLLMENT_NONE")

    return handle


def _refuse_backfill(context: Context, message: SteeringEvent) -> None:
    """Stops, pauses and resumes of a backfill have no effect on enrollments of now."""
    _refuse(context.turn, message, "EVENT_IN_PAST")


def _review(context: Context, message: m.ReviewReceived, *, backfill: bool = False) -> None:
    if not reviews.review_received(context, message, backfill=backfill):
        known = message.command_id is None or find_command(context, message.command_id) is not None
        code = "ENROLLMENT_NONE" if known else "COMMAND_UNKNOWN"
        _refuse(context.turn, message, code, command_id=message.command_id)


def _converted(context: Context, message: m.ConversionRecorded, *, backfill: bool = False) -> None:
    if not conversions.converted(context, message, backfill=backfill):
        _refuse(context.turn, message, "ENROLLMENT_NONE", command_id=message.command_id)


def _for_command(handler: Callable[[Context, CommandMatch, Any], None]) -> Handler:
    """A handler that finds the touch of the event's command id, and refuses an event whose command
    is not this contact's or never went out."""

    def handle(context: Context, message: Any) -> None:
        match = find_command(context, message.command_id)
        if match is None or not was_commanded(match):
            _refuse(context.turn, message, "COMMAND_UNKNOWN", command_id=message.command_id)
        else:
            handler(context, match, message)

    return handle


# tables

_CREATE_CONTACT = frozenset[type[m.Message]](
    (
        m.JobCompleted,
        m.JobDeleted,
        m.ContactUpserted,
        m.ContactEnrolled,
        m.ContactUnsubscribed,
        m.ContactResubscribed,
        m.ConnectionAccepted,
        m.CallRequested,
    )
)
"""Events that create a contact which is not known yet."""

_DEDUPLICATED = frozenset[type[m.Message]](
    (
        m.ContactEnrolled,
        m.ContactStopped,
        m.ContactPaused,
        m.ContactResumed,
        m.CallRequested,
    )
)
"""Events whose source and id are remembered. All others are idempotent."""

HANDLERS: dict[type[m.ExternalEvent], Handler] = {
    m.JobCompleted: _job_completed,
    m.JobDeleted: _job_deleted,
    m.ContactUpserted: profile.contact_upserted,
    m.ContactEnrolled: enrolling.contact_enrolled,
    m.ContactStopped: _for_live_runs(_stopped_by_owner),
    m.ContactErased: profile.contact_erased,
    m.ContactUnsubscribed: consent.unsubscribed,
    m.ContactResubscribed: consent.resubscribed,
    m.ReviewReceived: _review,
    m.TouchSent: _for_command(sender_answers.touch_sent),
    m.TouchFailed: _for_command(sender_answers.touch_failed),
    m.TouchSeen: _for_command(engagement.touch_signal),
    m.TouchBounced: _for_command(bounces.touch_bounced),
    m.ContactPaused: _for_live_runs(pause_stop.contact_paused),
    m.ContactResumed: _for_live_runs(pause_stop.contact_resumed),
    m.ContactReplied: replies_conversions.replied,
    m.ConnectionAccepted: replies_conversions.connected,
    m.ConversionRecorded: _converted,
    m.CallEnded: _for_command(engagement.call_ended),
    m.CallProgressed: _for_command(call_progress.call_progressed),
    m.CallReviewed: _for_command(call_progress.call_reviewed),
    m.CallRequested: _call_requested,
}
"""The handler of each public event."""

_BACKFILL_HANDLERS: dict[type[m.ExternalEvent], Handler] = {
    m.JobCompleted: _backfilled_job,
    m.ContactEnrolled: enrolling.backfilled_enrollment,
    m.ContactPaused: _refuse_backfill,
    m.ContactResumed: _refuse_backfill,
    m.ContactStopped: _refuse_backfill,
    m.CallRequested: enrolling.backfilled_call,
    m.ReviewReceived: partial(_review, backfill=True),
    m.TouchSeen: _for_command(partial(engagement.touch_signal, backfill=True)),
    m.CallEnded: _for_command(partial(engagement.call_ended, backfill=True)),
    m.ContactReplied: partial(replies_conversions.replied, backfill=True),
    m.ConnectionAccepted: partial(replies_conversions.connected, backfill=True),
    m.ConversionRecorded: partial(_converted, backfill=True),
}
"""The handlers of a backfill, where they differ. Sender answers concern commands of ours whenever
they come; an opt-out or bounce closes its channel, and an agreement opens it."""
