"""Passes on what is reported of a call to the owner of its slot.

It comes before everything that may refuse the event: a call of a person who was erased, or of a run
that is over, must not hold its slot.
"""

from processors.contact.calls import outcome_of_code
from processors.contact.command_lookup import find_command
from processors.contact.context import Context
from processors.fold.turn import Turn
from schemas.base.call_outcomes import call_outcome
from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.campaigns.compiled_definition import DEFAULT_POOL
from schemas.internal.messages import (
    CallEnded,
    CallProgressed,
    CallReported,
    ExternalEvent,
    TouchFailed,
    TouchSent,
    contact_key,
    pool_key,
)
from schemas.internal.states import Contact
from schemas.internal.topics import Topic

CallReport = TouchFailed | CallProgressed | CallEnded
REPORTS = frozenset((TouchFailed, CallProgressed, CallEnded))
"""The events that may be refused and be about the slot of a call all the same."""

ENDED, INITIATED = "ended", "initiated"
_NOT_PLACED = "cancelled"
"""The outcome of a call that its sender gave back: this is no failure."""


def pass_on(turn: Turn, message: ExternalEvent) -> bool:
    """Reports progress or the end of a call to its pool, if the event is about a call. Returns
    whether it is about the end of one."""
    assert isinstance(message, CallReport)
    key = contact_key(message.tenant_id, message.contact_id)
    contact = turn.store.edit(key, Contact)  # as the handler of the event does it after this
    pool_id = None if contact is None else _pool_of(turn, key, contact, message)
    if pool_id is None or contact is None:
        return False
    if not isinstance(message, CallProgressed) and message.command_id in contact.calls:
        forget_call(turn, key, message.command_id)
    _report(turn, message, pool_id, *_state_and_outcome(message))
    return not isinstance(message, CallProgressed)


def pass_on_placed(turn: Turn, message: TouchSent, pool_id: str) -> None:
    """Reports to its pool that a call was placed."""
    _report(turn, message, pool_id, INITIATED, "")


def _report(
    turn: Turn, message: TouchSent | CallReport, pool_id: str, state: str, outcome: str
) -> None:
    report = CallReported(
        message.tenant_id,
        message.contact_id,
        message.command_id,
        pool_id,
        state,
        message.at,
        message.cause,
        outcome,
        message.seconds if isinstance(message, CallEnded) else 0,
    )
    turn.send(Topic.DISPATCH_LOG, pool_key(pool_id), report)


def _pool_of(turn: Turn, key: bytes, contact: Contact, message: CallReport) -> str | None:
    """The pool of the call, None if the command is none of a pool. The report of a call that the
    contact does not know any more goes to the pool that is always there."""
    pool_id = contact.calls.get(message.command_id)
    if pool_id is not None:
        return pool_id
    match = find_command(Context(turn, key, contact), message.command_id)
    if match is not None:
        return match.touch.pool_id or None
    return None if isinstance(message, TouchFailed) else DEFAULT_POOL


def _state_and_outcome(message: CallReport) -> tuple[str, str]:
    match message:
        case CallEnded():
            return ENDED, call_outcome(message.outcome)
        case CallProgressed():
            return message.state, ""
        case _:
            given_back = message.code == WINDOW_CLOSED
            return ENDED, _NOT_PLACED if given_back else outcome_of_code(message.code)


def remember_call(turn: Turn, key: bytes, command_id: str, pool_id: str) -> None:
    """Keeps the pool of a call that has a slot now."""
    contact = turn.store.edit(key, Contact)
    assert contact is not None
    contact.calls = {**contact.calls, command_id: pool_id}


def forget_call(turn: Turn, key: bytes, command_id: str) -> None:
    """Forgets the pool of a call, if it is known."""
    contact = turn.store.edit(key, Contact)
    if contact is not None and command_id in contact.calls:
        contact.calls = {id_: pool for id_, pool in contact.calls.items() if id_ != command_id}
