"""Converts the data of events about calls into messages of contact-log.

A converter takes the validated data of an event, the cause (`source#id`), the moment at which the
event happened, and the event's type.
"""

from processors.intake.contact_events import Convert, code_or_other
from schemas.base.call_outcomes import UNKNOWN, call_outcome
from schemas.base.error_codes import RefusalCode, Refused
from schemas.base.ids import derived_contact_id
from schemas.channels import PHONE
from schemas.internal import messages as m
from schemas.public import inbound_events


def _call_requested(data: inbound_events.CallRequested, cause: str, at: int, _: str) -> m.Message:
    first_name, _, last_name = (data.name or "").strip().partition(" ")
    return m.CallRequested(
        data.tenant_id,
        data.contact_id or _id_of_number(data.phone or ""),
        cause,
        at,
        m.Person(first_name or None, last_name.strip() or None, None, data.phone),
        data.agent_id,
        PHONE.recipient(data.from_number, "") if data.from_number else None,
        data.template_id,
        data.scheduled_for,
        data.priority or 0,
        data.variables,
    )


def _id_of_number(phone: str) -> str:
    """The id of a person who has none, as an import of contacts derives it (C-18). Raises Refused
    for a number without its country code: the tenant's country is not known here."""
    number = PHONE.canonical(phone, "")
    if not number.startswith("+"):
        detail = "phone: without contact_id the number needs its country code, as +1 212 555 0100"
        raise Refused(RefusalCode.PHONE_WITHOUT_COUNTRY, detail)
    return derived_contact_id(PHONE.name, PHONE.identity(phone, ""))


def _call_progressed(data: inbound_events.CallProgressed, cause: str, at: int, _: str) -> m.Message:
    return m.CallProgressed(
        data.tenant_id, data.contact_id, cause, at, data.command_id, data.state, data.call_id
    )


def _call_ended(data: inbound_events.CallEnded, cause: str, at: int, _: str) -> m.Message:
    return m.CallEnded(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        data.command_id,
        _outcome(data),
        data.seconds,
        data.call_id,
        code_or_other(data.raw_status or data.outcome),
        code_or_other(data.answered_by) if data.answered_by else None,
    )


def _outcome(data: inbound_events.CallEnded) -> str:
    """The outcome by the table, from the sender's word or else from the provider's. A call that a
    machine has answered has reached a voicemail, also if the provider calls it completed."""
    outcome = call_outcome(data.outcome)
    if outcome == UNKNOWN and data.raw_status:
        outcome = call_outcome(data.raw_status)
    by_machine = outcome == "answered" and call_outcome(data.answered_by or "") == "voicemail"
    return "voicemail" if by_machine else outcome


def _call_reviewed(data: inbound_events.CallReviewed, cause: str, at: int, _: str) -> m.Message:
    return m.CallReviewed(
        data.tenant_id,
        data.contact_id,
        cause,
        at,
        data.command_id,
        data.success,
        code_or_other(data.result) if data.result is not None else None,
    )


CALL_EVENTS: dict[str, Convert] = {
    "call.requested": _call_requested,
    "call.progressed": _call_progressed,
    "call.ended": _call_ended,
    "call.reviewed": _call_reviewed,
}
"""The converter of each event type."""
