"""Encodes the commands of the dispatch processor as records of the command topics (P-3).

This is the hot path of output, and the fields come from validated state: they are encoded without
the pydantic models. A test compares the result with the models.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from schemas.base.times import SECOND, MomentUs, to_datetime
from schemas.internal.messages import CommandDue, CommandRevoked, RequestTouch
from schemas.public.cloudevents import AVRO, JSON, binary_headers
from schemas.public.codec import Encoding, encode_avro
from schemas.public.released import RELEASED

EncodedCommand = tuple[list[tuple[str, bytes]], bytes]
"""The headers and the value of a record."""

CommandEncoder = Callable[[CommandDue | CommandRevoked], EncodedCommand]

DUE = "touch.due"
REVOKED = "command.revoked"
SOURCE = "touchstream"
_TIMES = ("scheduled_at", "due_at", "expires_at", "send_before")
_CE_ID = 2
_to_json = msgspec.json.Encoder().encode


def command_encoder(
    encoding: Encoding = "json",
    *,
    source: str = SOURCE,
    schema_ids: dict[str, int] | None = None,
) -> CommandEncoder:
    """The command encoder for an encoding.

    For Confluent framing `schema_ids` must have the registry's schema id of each command type; the
    encoder raises ValueError if one is missing.
    """
    is_json = encoding == "json"
    content = JSON if is_json else AVRO[0]
    heads = {  # the headers of a command without its event id, which is the third one
        name: binary_headers(_type_header(name, encoding), "", source, None, content)
        for name in (DUE, REVOKED)
    }

    def encode_command(message: CommandDue | CommandRevoked) -> EncodedCommand:
        ce_type, event_id, datum = command_fields(message)
        if is_json:
            value = _to_json(_with_text_times(datum))
        else:
            schema_id = (schema_ids or {}).get(ce_type)
            value = encode_avro(ce_type, datum, schema_id, framing=encoding)
        headers = heads[ce_type].copy()
        headers[_CE_ID] = ("ce_id", event_id.encode())
        return headers, value

    return encode_command


def _type_header(ce_type: str, encoding: Encoding) -> str:
    """The `ce_type` of a command. Every release of JSON and of Confluent framing is read by the
    senders of all others: a sender ignores a field that it does not know. Single-object Avro is of
    the newest release, and only who knows that one can read it."""
    release = len(RELEASED[ce_type])
    return f"{ce_type}.v{release}" if encoding == "avro" and release > 1 else ce_type


def command_fields(message: CommandDue | CommandRevoked) -> tuple[str, str, dict[str, Any]]:
    """The type, event id and fields of a command.

    A repeated command has the same `command_id` and another event id, so that deduplication by
    event id does not drop the repeat that follows a lost answer (C-9).
    """
    if isinstance(message, CommandDue):
        touch = message.touch
        event_id = f"{touch.command_id}:{touch.emission}"
        fields = _due_fields(touch, message.send_before)
        if touch.call is not None:
            fields["call"] = _call_fields(message)
        if touch.variant:
            fields["experiment_id"], fields["variant"] = touch.experiment_id, touch.variant
        if touch.opt_out_scope:  # the command itself names the opt-out (S4-83)
            fields["unsubscribe"] = {"ref": touch.command_id, "scope": touch.opt_out_scope}
        if touch.text_characters:
            fields["text_characters"] = touch.text_characters
        return DUE, event_id, fields
    revoked = {
        "tenant_id": message.tenant_id,
        "contact_id": message.contact_id,
        "command_id": message.command_id,
        "reason": message.reason,
    }
    return REVOKED, f"{message.command_id}:revoked", revoked


def _due_fields(touch: RequestTouch, send_before: MomentUs) -> dict[str, Any]:
    return {
        "tenant_id": touch.tenant_id,
        "contact_id": touch.contact_id,
        "command_id": touch.command_id,
        "campaign_id": touch.campaign_id,
        "campaign_version": touch.campaign_version,
        "enrollment_id": touch.enrollment_id,
        "step_id": touch.step_id,
        "touch_number": touch.touch_number,
        "attempt": touch.attempt,
        "channel": touch.channel,
        "action": touch.action,
        "template_id": touch.template_id,
        "recipient": touch.recipient,
        "sender_id": touch.sender_id,
        "variables": touch.variables,
        "scheduled_at": touch.scheduled_at,
        "due_at": touch.due_at,
        "expires_at": touch.expires_at,
        "send_before": send_before,
    }


def _call_fields(message: CommandDue) -> dict[str, Any]:
    """How the call is placed: without a moment of its own it is placed before the window closes."""
    call = message.touch.call
    assert call is not None
    return {
        "pool_id": call.pool_id,
        "agent_id": call.agent_id,
        "from_number": call.from_number,
        "ring_seconds": call.ring_us // SECOND,
        "max_seconds": call.max_us // SECOND,
        "place_by": message.place_by or message.send_before,
    }


def _with_text_times(datum: dict[str, Any]) -> dict[str, Any]:
    """The fields for JSON: times are text there, and the encoder writes a datetime as
    `format_rfc3339` does, faster."""
    if "due_at" in datum:
        for name in _TIMES:
            datum[name] = to_datetime(datum[name])
    if (call := datum.get("call")) is not None:
        call["place_by"] = to_datetime(call["place_by"])
    return datum
