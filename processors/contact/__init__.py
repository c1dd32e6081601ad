"""The contact processor: consent, enrollments, and the touch's whole life, keyed tenant/contact."""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.contact import (
    answers,
    engagement,
    enrolling,
    knowing,
    profile,
    stopping,
    touching,
)
from processors.contact.scene import Scene
from processors.known import tenant_key
from processors.seen import first_time
from processors.task import Record
from processors.turn import Turn
from schemas import messages as m
from schemas.facts import Kind
from schemas.states import Contact, ContactState, KnownCampaign, KnownTenant, State


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
            knowing.sweep(turn, state)
            return
        scene = Scene(turn, key, state)
        for enrollment in list(state.enrollments):
            due = enrollment.due()
            if due is not None and due <= turn.now and stopping.runs(scene, enrollment):
                touching.fire(scene, enrollment)
        state.updated_at = turn.now


def _outside(turn: Turn, message: m.Outside) -> None:
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
    _TAKE[type(message)](Scene(turn, key, contact, tenant), message)


_FIRST = (m.JobCompleted, m.JobDeleted, m.ContactUpserted, m.ContactEnrolled, m.ContactUnsubscribed)
"""Events that may be the first word about a contact."""

_ONCE = (m.ContactEnrolled, m.ContactStopped)
"""Events that would act again if they came again; all others leave a second time no trace."""


def _job_completed(scene: Scene, message: m.JobCompleted) -> None:
    profile.update(scene, message.person, message.at, message.cause)
    enrolling.job_completed(scene, message)


def _stopped(scene: Scene, message: m.ContactStopped) -> None:
    for enrollment in stopping.live(scene, message.campaign_id):
        stopping.stop(scene, enrollment, "owner_stopped", message.cause)


def _review(scene: Scene, message: m.ReviewReceived) -> None:
    if not engagement.review_received(scene, message):
        code = "COMMAND_UNKNOWN" if message.command_id else "ENROLLMENT_NONE"
        _refuse(scene.turn, message, code, command_id=message.command_id)


def _about_touch(take: Callable[[Scene, answers.Found, Any], None]) -> Callable[[Scene, Any], None]:
    """Events that name a command: it must be one of this contact's."""

    def taken(scene: Scene, message: Any) -> None:
        found = answers.find(scene, message.command_id)
        if found is None:
            _refuse(scene.turn, message, "COMMAND_UNKNOWN", command_id=message.command_id)
        else:
            take(scene, found, message)

    return taken


def _answer(turn: Turn, message: m.Answer) -> None:
    key = m.contact_key(message.tenant_id, message.contact_id)
    contact = turn.store.edit(key, Contact)
    assert contact is not None, "dispatch answers only what a contact asked"
    scene = Scene(turn, key, contact)
    found = answers.find(scene, message.command_id)
    if found is not None and found.current:
        answers.answered(scene, found.enrollment, found.touch, message)
        contact.updated_at = turn.now


def _job_deleted(scene: Scene, message: m.JobDeleted) -> None:
    """The job is gone, even if it is only reported completed later (S1-40, C-32)."""
    enrolling.remember_job(scene, message.job_id, None)
    scene.say(Kind.JOB_DELETED, job_id=message.job_id, cause=message.cause)
    for enrollment in stopping.live(scene):
        if enrollment.job_id == message.job_id:
            stopping.stop(scene, enrollment, "job_deleted", message.cause)


def _refuse(turn: Turn, message: m.Outside, code: str, **fields: Any) -> None:
    turn.say(
        Kind.EVENT_REFUSED,
        message.tenant_id,
        contact_id=message.contact_id,
        cause=message.cause,
        reason=code,
        values={"event": type(message).__name__},
        **fields,
    )


_TAKE: dict[type[m.Outside], Callable[[Scene, Any], None]] = {
    m.JobCompleted: _job_completed,
    m.JobDeleted: _job_deleted,
    m.ContactUpserted: profile.upserted,
    m.ContactEnrolled: enrolling.contact_enrolled,
    m.ContactStopped: _stopped,
    m.ContactErased: profile.erased,
    m.ContactUnsubscribed: engagement.unsubscribed,
    m.ReviewReceived: _review,
    m.TouchSent: _about_touch(answers.sent),
    m.TouchFailed: _about_touch(answers.failed),
    m.TouchSeen: _about_touch(engagement.seen),
    m.TouchBounced: _about_touch(profile.bounced),
}
"""What each public event does to its contact."""

_APPLY: dict[type[m.Message], Callable[[Turn, Any], None]] = {
    **dict.fromkeys((*_TAKE, m.EventUnsupported), _outside),
    **dict.fromkeys(m.Answer.__subclasses__(), _answer),
    m.Tick: lambda turn, message: None,
    m.TenantAnnounced: knowing.tenant_announced,
    m.CampaignAnnounced: knowing.campaign_announced,
    m.StatusAnnounced: knowing.status_announced,
    m.TemplateGone: knowing.template_gone,
}
