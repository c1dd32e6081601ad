"""Commands on their way out: what the dispatch processor says, in the public encoding (design 3,
P-3).

The hot path of what is sent: the fields come from our own state, so they are written without a
model. A test holds what is written here against the models.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from schemas.base.times import format_rfc3339
from schemas.internal.messages import CommandDue, CommandRevoked, RequestTouch
from schemas.public.cloudevents import AVRO, JSON, binary_headers
from schemas.public.codec import Encoding, encode_avro

Record = tuple[list[tuple[str, bytes]], bytes]
CommandEncoder = Callable[[CommandDue | CommandRevoked], Record]

DUE = "touch.due"
REVOKED = "command.revoked"
SOURCE = "touchstream"
_TIMES = ("scheduled_at", "due_at", "expires_at")
_to_json = msgspec.json.Encoder().encode


def command_encoder(
    encoding: Encoding = "json",
    *,
    source: str = SOURCE,
    schema_ids: dict[str, int] | None = None,
) -> CommandEncoder:
    """The encoder of a deployment. Confluent framing needs the registry's number for each command
    type in `schema_ids`."""
    content = JSON if encoding == "json" else AVRO[0]

    def encode_command(message: CommandDue | CommandRevoked) -> Record:
        ce_type, event_id, datum = command_fields(message)
        if encoding == "json":
            value = _to_json(_json_times(datum))
        else:
            number = (schema_ids or {}).get(ce_type)
            value = encode_avro(ce_type, datum, number, framed=encoding)
        return binary_headers(ce_type, event_id, source, None, content), value

    return encode_command


def command_fields(message: CommandDue | CommandRevoked) -> tuple[str, str, dict[str, Any]]:
    """The command's type, event id and fields. A repeat of a command is another event of the same
    `command_id`: a dedupe by event id must not swallow the repeat that a lost answer needs
    (C-9)."""
    if isinstance(message, CommandDue):
        touch = message.touch
        return DUE, f"{touch.command_id}:{touch.emission}", _due(touch)
    revoked = {
        "tenant_id": message.tenant_id,
        "contact_id": message.contact_id,
        "command_id": message.command_id,
        "reason": message.reason,
    }
    return REVOKED, f"{message.command_id}:revoked", revoked


def _due(touch: RequestTouch) -> dict[str, Any]:
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
    }


def _json_times(datum: dict[str, Any]) -> dict[str, Any]:
    for name in _TIMES:
        if name in datum:
            datum[name] = format_rfc3339(datum[name])
    return datum
