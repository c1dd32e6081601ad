"""The fact of a report about one command, for example of an open, a bounce or the end of a call."""

from typing import Any

from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    CallEnded,
    CallProgressed,
    CallReviewed,
    TouchBounced,
    TouchSeen,
    TouchSent,
)

CommandReport = TouchSeen | TouchBounced | TouchSent | CallProgressed | CallEnded | CallReviewed


def emit_reported(
    context: Context,
    match: CommandMatch,
    message: CommandReport,
    kind: FactKind,
    reason: str | None = None,
    values: dict[str, Any] | None = None,
) -> None:
    """Emits the fact of a report: about the command and the attempt that it names, at its own
    time."""
    context.emit_fact(
        kind,
        match.enrollment,
        match.touch,
        command_id=message.command_id,
        attempt=match.attempt,
        cause=message.cause,
        reason=reason,
        values=values,
        occurred_at=message.at,
    )
