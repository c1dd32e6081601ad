"""Converts the data of events about one contact into messages of contact-log.

A converter takes the validated data of an event, the cause (`source#id`), the moment at which the
event happened, and the event's type.
"""

from collections.abc import Callable
from typing import Any

from processors.intake.replies import contact_replied
from schemas.base.error_codes import is_plain_code
from schemas.base.provider_codes import NO_CODE, bounce_type, plain_code
from schemas.base.zone_repair import zone_in_place
from schemas.internal import messages as m
from schemas.public import inbound_events

Convert = Callable[[Any, str, int, str], m.Message]
"""A converter."""


def _job_completed(data: inbound_events.JobCompleted, cause: str, at: int, _: str) -> m.Message:
    who = data.customer
    zone = zone_in_place(who.timezone, who.region, who.phone)
    person = m.Person(who.first_name, who.last_name, who.email, who.phone, zone, who.region)
    return m.JobCompleted(
        data.tenant_id,
        who.contact_id,
        cause,
        at,
        data.job_id,
        data.service_type,
        data.completed_at,
        person,
        data.enroll,
    )


def _job_deleted(data: inbound_events.JobDeleted, cause: str, at: int, _: str) -> m.Message:
    return m.JobDeleted(data.tenant_id, data.contact_id, cause, at, data.job_id)


def reported_person(data: inbound_events.ContactUpserted) -> m.Person:
    """What the event reports of the person, attributes aside."""
    return m.Person(
        data.first_name,
        data.last_name,
        data.email,
        data.phone,
        zone_in_place(data.timezone, data.region, data.phone),
        data.region,
        data.linkedin_url,
        data.addresses,
    )


def _contact_upserted(
    data: inbound_events.ContactUpserted, cause: str, at: int, _: str
) -> m.Message:
    person = reported_person(data)
    return m.ContactUpserted(data.tenant_id, data.contact_id, cause, at, person, data.attributes)


def _contact_enrolled(
    data: inbound_events.ContactEnrolled, cause: str, at: int, _: str
) -> m.Message:
    return m.ContactEnrolled(
        data.tenant_id, data.contact_id, cause, at, data.campaign_id, data.variables
    )


_CONTACT_ORDERS = {
    "contact.paused": m.ContactPaused,
    "contact.resumed": m.ContactResumed,
    "contact.stopped": m.ContactStopped,
}


def _contact_order(data: Any, cause: str, at: int, event_type: str) -> m.Message:
    message = _CONTACT_ORDERS[event_type]
    return message(data.tenant_id, data.contact_id, cause, at, data.campaign_id, data.reason)


def _connection_accepted(
    data: inbound_events.ConnectionAccepted, cause: str, at: int, _: str
) -> m.Message:
    return m.ConnectionAccepted(
        data.tenant_id, data.contact_id, cause, at, data.command_id, data.sender_id
    )


def _conversion_recorded(
    data: inbound_events.ConversionRecorded, cause: str, at: int, _: str
) -> m.Message:
    return m.ConversionRecorded(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        code_or_other(data.conversion_type),
        data.entity_id,
        data.command_id,
        data.campaign_id,
        m.CONVERSION_RULES,
    )


def _contact_erased(data: Any, cause: str, at: int, _: str) -> m.Message:
    return m.ContactErased(data.tenant_id, data.contact_id, cause, at)


def _touch_sent(data: inbound_events.TouchSent, cause: str, at: int, _: str) -> m.Message:
    return m.TouchSent(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        data.command_id,
        data.sent_at,
        data.provider_message_id,
    )


def _touch_failed(data: inbound_events.TouchFailed, cause: str, at: int, _: str) -> m.Message:
    return m.TouchFailed(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        data.command_id,
        plain_code(data.code, data.detail),
        bool(data.permanent),
        data.detail,
        data.permanent is False,
    )


def _touch_seen(data: Any, cause: str, at: int, event_type: str) -> m.Message:
    signal = event_type.removeprefix("touch.")
    link = data.url if signal == "clicked" else None
    # Query and fragment may hold personal data.
    url = link.partition("?")[0].partition("#")[0] if link else None
    automatic = bool(data.automatic) if signal in ("opened", "clicked") else False
    return m.TouchSeen(
        data.tenant_id, data.contact_id, cause, at, data.command_id, signal, url, automatic
    )


def _touch_bounced(data: inbound_events.TouchBounced, cause: str, at: int, _: str) -> m.Message:
    return m.TouchBounced(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        data.command_id,
        bounce_type(data.bounce_type, data.enhanced_code, data.smtp_code, data.reason),
        data.reason,
        m.BOUNCE_RULES,
    )


def _contact_unsubscribed(
    data: inbound_events.ContactUnsubscribed, cause: str, at: int, _: str
) -> m.Message:
    complained = data.method == _COMPLAINT
    return m.ContactUnsubscribed(
        data.tenant_id, data.contact_id, cause, at, data.channel, complained, data.method
    )


_COMPLAINT = "complaint"


def _contact_complained(
    data: inbound_events.ContactComplained, cause: str, at: int, _: str
) -> m.Message:
    return m.ContactUnsubscribed(data.tenant_id, data.contact_id, cause, at, data.channel, True)


def _contact_resubscribed(
    data: inbound_events.ContactResubscribed, cause: str, at: int, _: str
) -> m.Message:
    return m.ContactResubscribed(
        data.tenant_id, data.contact_id, cause, at, data.channel, data.evidence
    )


def _review_received(
    data: inbound_events.ReviewReceived, cause: str, at: int, event_type: str
) -> m.Message:
    kind = event_type.replace(".", "_")
    return m.ReviewReceived(
        data.tenant_id, data.contact_id, cause, at, kind, data.command_id, data.campaign_id
    )


def unsupported(data: Any, cause: str, at: int, event_type: str) -> m.Message:
    """The converter of valid events that no campaign kind uses yet."""
    contact_id = str(getattr(data, "contact_id", getattr(data, "sender_id", "")))
    return m.EventUnsupported(data.tenant_id, contact_id, cause, at, event_type)


def code_or_other(code: str) -> str:
    """The code, or NO_CODE where it is no plain code: facts hold codes and no free text."""
    text = code.strip()
    return text if is_plain_code(text) else NO_CODE


CONTACT_EVENTS: dict[str, Convert] = {
    "job.completed": _job_completed,
    "job.deleted": _job_deleted,
    "contact.upserted": _contact_upserted,
    "contact.enrolled": _contact_enrolled,
    "contact.paused": _contact_order,
    "contact.resumed": _contact_order,
    "contact.stopped": _contact_order,
    "contact.erased": _contact_erased,
    "touch.sent": _touch_sent,
    "touch.failed": _touch_failed,
    "touch.delivered": _touch_seen,
    "touch.opened": _touch_seen,
    "touch.clicked": _touch_seen,
    "touch.read": _touch_seen,
    "touch.bounced": _touch_bounced,
    "contact.replied": contact_replied,
    "connection.accepted": _connection_accepted,
    "conversion.recorded": _conversion_recorded,
    "contact.unsubscribed": _contact_unsubscribed,
    "contact.complained": _contact_complained,
    "contact.resubscribed": _contact_resubscribed,
    "review.clicked": _review_received,
    "feedback.submitted": _review_received,
}
"""The converter of each event type."""
