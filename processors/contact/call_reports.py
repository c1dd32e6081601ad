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
    CallLost,
    CallProgressed,
    CallReported,
    DispatchAnswer,
    ExternalEvent,
    TouchCommanded,
    TouchFailed,
    TouchSent,
    contact_key,
    pool_key,
)
from schemas.internal.states import Contact
from schemas.internal.topics import Topic

CallReport = TouchSent | TouchFailed | CallProgressed | CallEnded
REPORTS = frozenset((TouchSent, TouchFailed, CallProgressed, CallEnded))
"""The events that may be about the slot of a call."""

ENDED, INITIATED = "ended", "initiated"
_NOT_PLACED = "cancelled"
"""The outcome of a call that its sender gave back: this is no failure."""


def pass_on(turn: Turn, message: ExternalEvent) -> None:
    """Reports progress or the end of a call to its pool, if the event is about a call."""
    assert isinstance(message, CallReport)
    key = contact_key(message.tenant_id, message.contact_id)
    contact = turn.store.edit(key, Contact)  # as the handler of the event does it after this
    pool_id = None if contact is None else _pool_of(turn, key, contact, message)
    if pool_id is None or contact is None:
        return
    state, outcome = _state_and_outcome(message)
    if state == ENDED and message.command_id in contact.calls:
        forget_call(turn, key, message.command_id)
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
    command_id = message.command_id
    pool_id = contact.calls.get(command_id)
    if pool_id is not None:
        return pool_id
    if isinstance(message, TouchSent | TouchFailed):
        for run in contact.enrollments:
            for touch in run.touches:
                if touch.pool_id and touch.command_id == command_id:
                    return touch.pool_id
        return None
    match = find_command(Context(turn, key, contact), command_id)
    return DEFAULT_POOL if match is None else match.touch.pool_id or None


def _state_and_outcome(message: CallReport) -> tuple[str, str]:
    match message:
        case CallEnded():
            return ENDED, call_outcome(message.outcome)
        case CallProgressed():
            return message.state, ""
        case TouchFailed():
            given_back = message.code == WINDOW_CLOSED
            return ENDED, _NOT_PLACED if given_back else outcome_of_code(message.code)
        case _:
            return INITIATED, ""


def remember_call(turn: Turn, key: bytes, message: DispatchAnswer, pool_id: str) -> None:
    """Keeps the pool of a call that has a slot now, and forgets a call whose slot is gone."""
    match message:
        case TouchCommanded() if message.slot_until:
            contact = turn.store.edit(key, Contact)
            assert contact is not None
            contact.calls = {**contact.calls, message.command_id: pool_id}
        case CallLost():
            forget_call(turn, key, message.command_id)


def forget_call(turn: Turn, key: bytes, command_id: str) -> None:
    """Forgets the pool of a call, if it is known."""
    contact = turn.store.edit(key, Contact)
    if contact is not None and command_id in contact.calls:
        contact.calls = {id_: pool for id_, pool in contact.calls.items() if id_ != command_id}
