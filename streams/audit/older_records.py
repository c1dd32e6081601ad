"""Records that an older version has written, beside those that a refold writes now.

An older version wrote no values for the fields that were added since. A refold finds such values,
so the two records differ without an error. They are compared by a form without these values.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from schemas.base.error_codes import Refused
from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.states import Contact, EndedEnrollment, State
from schemas.internal.topics import Topic
from schemas.public.codec import DecodeEvent, PublicEvent
from schemas.public.commands import DUE, command_fields

LATER_FIELDS: dict[type[m.Message], tuple[str, ...]] = {
    m.RequestTouch: (
        *("reached_at", "spelling", "rules"),
        *("first", "bound_sender", "must_use_bound", "call"),
        *("experiment_id", "variant", "opt_out_scope", "text_characters"),
    ),
    m.WithdrawTouch: ("pool_id",),
    m.AmendTouch: ("spelling", "pool_id", "call", "variant", "experiment_id"),
    m.SuppressAddress: ("at",),
    m.TouchCommanded: ("send_before", "sender_id", "slot_until"),
    m.ContactReplied: ("rules",),
    m.TouchBounced: ("rules",),
    m.ConversionRecorded: ("campaign_id", "rules"),
    m.RunsCounted: ("version", "answers"),
    m.TenantAnnounced: ("rules",),
    m.CampaignAnnounced: ("rules",),
    m.StatusAnnounced: ("rules",),
    m.TemplateGone: ("rules",),
    m.RunsMoved: ("rules",),
    m.WinnerAnnounced: ("rules",),
    m.ShareSuppressions: ("after",),
}
"""The fields of messages of the logs for which older versions wrote no value."""

_LATER_COMMAND_FIELD = "send_before"
_SOMETIMES = ("call", "experiment_id", "variant", "unsubscribe", "text_characters")
"""The fields of later releases that only some commands have."""

_MARK = f'"{_LATER_COMMAND_FIELD}":'.encode()
_to_json = msgspec.json.Encoder(order="sorted").encode


def older_form(message: Any) -> bytes | None:
    """What an older version would have written for an output of the current code, in a form for
    comparisons; None if it would have written the same."""
    if isinstance(message, m.CommandDue):
        _, event_id, fields = command_fields(message)
        return _command_form(event_id, fields)
    if isinstance(message, m.BackfilledEvent):
        event = older_form(m.decode_contact(message.event))
        return None if event is None else m.encode(msgspec.structs.replace(message, event=event))
    names = LATER_FIELDS.get(type(message))
    if names is None:
        return None
    defaults = {
        field.name: field.default
        for field in msgspec.structs.fields(message)
        if field.name in names
    }
    return m.encode(msgspec.structs.replace(message, **defaults))


def older_key(message: Any) -> bytes | None:
    """The key under which an older version would have written a message about a touch: it had no
    call pools. None if it is the same as today's."""
    match message:
        case m.RequestTouch(call=m.CallTerms()):
            pass
        case m.WithdrawTouch() | m.AmendTouch() if message.pool_id:
            pass
        case _:
            return None
    return m.account_key(message.tenant_id, message.channel)


def may_be_missing(message: Any) -> bool:
    """Whether an older version would not have written an output of the current code at all: it
    reported no call to the owner of a slot, and no status of a campaign to dispatch."""
    return isinstance(message, m.CallReported | m.CampaignGateAnnounced)


def has_later_fields(log: Topic, value: bytes | None) -> bool:
    """Whether older versions wrote fewer values for such a message of a log."""
    message = m.DECODE[log](value or b"")
    if isinstance(message, m.BackfilledEvent):
        message = m.decode_contact(message.event)
    return type(message) in LATER_FIELDS


def older_command(
    headers: Sequence[tuple[str, bytes | None]], value: bytes | None, decode: DecodeEvent
) -> bytes | None:
    """The form of a command on a topic that an older version has written; None if a version has
    written it that knows all fields, or if it cannot be read."""
    ce_type = dict(headers).get("ce_type") or b""
    is_json = (value or b"").startswith(b"{")
    if ce_type.partition(b".v")[0] != DUE.encode() or (is_json and _MARK in (value or b"")):
        return None
    try:
        event = decode(headers, value)
    except Refused:
        return None
    fields = written_fields(event)
    return None if _LATER_COMMAND_FIELD in fields else _command_form(event.id, fields)


def written_fields(event: PublicEvent) -> dict[str, Any]:
    """The fields of a command that its version has written. In Avro a field of a later release is
    read as null: this version always writes a value of `send_before`, and of the others only
    where there is one."""
    fields: dict[str, Any] = event.data.model_dump(exclude_unset=True)
    for name in (_LATER_COMMAND_FIELD, *_SOMETIMES):
        if fields.get(name, "") is None:
            del fields[name]
    return fields


def forget_older_digests(state: State) -> None:
    """Removes from a state the digests of addresses of touches that an older version may have
    requested: it made the digest of the address as written, this version makes it of the canonical
    form. Commands of this version have a `send_before`. The call pool of a touch, which older
    versions did not know, is removed too, and the variables of completed runs, which they did not
    keep."""
    match state:
        case Contact():
            runs = state.enrollments
        case EndedEnrollment():
            runs = [state.enrollment]
        case _:
            return
    for run in runs:
        if run.status is Status.COMPLETED:
            run.variables = None
    for touch in (touch for run in runs for touch in run.touches):
        touch.pool_id = ""
        if not touch.send_before:
            touch.recipient = None


def _command_form(event_id: str, fields: Mapping[str, Any]) -> bytes:
    later = (_LATER_COMMAND_FIELD, *_SOMETIMES)
    older = {name: value for name, value in fields.items() if name not in later}
    return _to_json([event_id, older])
