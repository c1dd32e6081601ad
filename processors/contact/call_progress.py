"""Reports about a call other than its end: its progress, and the later review of its result."""

import re
from typing import Any

from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.reported_facts import emit_reported
from processors.contact.state_machine import Input, transition
from schemas.internal.enrollment import Phase, Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import CallProgressed, CallReviewed, TouchSent

UNDER_WAY = "call"
"""The wait of a touch whose call was placed: for the end of the call."""

_is_id = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII).fullmatch
_PROGRESS = {"initiated": 1, "ringing": 2, "in_progress": 3}


def id_for_facts(call_id: str | None) -> str | None:
    """The provider's id of a call, as a fact may have it; None for one that may be an address or a
    phone number."""
    if call_id is None or _is_id(call_id) is None:
        return None
    return None if re.sub(r"[_.-]", "", call_id).isdigit() else call_id


def call_placed(context: Context, match: CommandMatch, message: TouchSent) -> None:
    """The sender states that it has placed the call."""
    values = {"provider_message_id": id_for_facts(message.provider_message_id)}
    _progress(context, match, "initiated", message, values)


def call_progressed(context: Context, match: CommandMatch, message: CallProgressed) -> None:
    """Records how far the call of the present attempt is. What it has passed already, and what is
    reported of an earlier call, has no effect."""
    if message.call_id is not None and match.current:
        match.touch.call_id = message.call_id
    _progress(context, match, message.state, message, {"call_id": id_for_facts(message.call_id)})


def _progress(
    context: Context,
    match: CommandMatch,
    state: str,
    message: TouchSent | CallProgressed,
    values: dict[str, Any],
) -> None:
    touch = match.touch
    if not match.current or _PROGRESS[state] <= touch.log_call().progress:
        return
    touch.log_call().progress = _PROGRESS[state]
    touch.phase = transition(touch.phase, Input.PROGRESSED, touch.phase)
    if touch.phase is Phase.COMMANDED and _calls_again(context, match):
        touch.wait = UNDER_WAY
    emit_reported(context, match, message, FactKind.CALL_PROGRESSED, state, values)


def is_under_way(touch: Touch) -> bool:
    """Whether the call of a touch was placed, and its end is awaited."""
    return touch.phase is Phase.COMMANDED and touch.wait == UNDER_WAY


def _calls_again(context: Context, match: CommandMatch) -> bool:
    return context.step(match.enrollment, match.touch).redial is not None


def call_reviewed(context: Context, match: CommandMatch, message: CallReviewed) -> None:
    """Records what a call led to; of several reports the latest counts."""
    touch = match.touch
    log, reported = touch.log_call(), (message.at, message.success)
    if touch.reviewed is not None and (log.reviewed_at, touch.reviewed) >= reported:
        return
    log.reviewed_at, touch.reviewed = reported
    values = {"success": message.success, "result": message.result}
    emit_reported(context, match, message, FactKind.CALL_REVIEWED, values=values)
