"""The life of a touch and of an enrollment, as tables: what each phase may become on each input.

A pair that is missing is a bug. Where a phase has nothing to say to an input it stays what it is,
written out. The diagrams in ARCHITECTURE.md are made from these tables.
"""

from enum import StrEnum

from schemas.internal.states import Phase, Status


class Input(StrEnum):
    """What can happen to a touch."""

    DUE = "due"
    DEFERRED = "deferred"
    COMMANDED = "commanded"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    SENT = "sent"
    FAILED = "failed"
    STOP = "stop"
    FREEZE = "freeze"

    __hash__ = str.__hash__  # Enum's own is Python, and slow


_SCHEDULED, _REQUESTED, _COMMANDED, _WITHDRAWING, _SENT, _SKIPPED, _FAILED = Phase


def _settled(phase: Phase, *, late_sent: bool) -> dict[Input, tuple[Phase, ...]]:
    """A resolved touch stays as it is; a sender that sent all the same is believed (the race is
    recorded)."""
    rows: dict[Input, tuple[Phase, ...]] = dict.fromkeys(Input, (phase,))
    if late_sent:
        rows[Input.SENT] = (_SENT,)
    return rows


TOUCH: dict[Phase, dict[Input, tuple[Phase, ...]]] = {
    _SCHEDULED: {
        Input.DUE: (
            _SCHEDULED,
            _REQUESTED,
            _SKIPPED,
        ),  # quiet hours move it; a closed gate skips it
        Input.DEFERRED: (_SCHEDULED,),
        Input.COMMANDED: (_SCHEDULED,),
        Input.REFUSED: (_SCHEDULED,),
        Input.WITHDRAWN: (_SCHEDULED,),
        Input.REVOKED: (_SCHEDULED,),
        Input.SENT: (_SENT,),  # a late answer to an attempt that was given up
        Input.FAILED: (_SCHEDULED, _FAILED),  # its repeat was withdrawn, the command itself was out
        Input.STOP: (_SKIPPED,),
        Input.FREEZE: (_SCHEDULED,),
    },
    _REQUESTED: {
        Input.DUE: (_REQUESTED,),
        Input.DEFERRED: (_REQUESTED,),
        Input.COMMANDED: (_COMMANDED,),
        Input.REFUSED: (_SKIPPED,),
        Input.WITHDRAWN: (_REQUESTED,),
        Input.REVOKED: (_REQUESTED,),
        Input.SENT: (_SENT,),
        Input.FAILED: (_SCHEDULED, _FAILED),
        Input.STOP: (_WITHDRAWING,),
        Input.FREEZE: (_WITHDRAWING,),
    },
    _COMMANDED: {
        Input.DUE: (
            _COMMANDED,
            _REQUESTED,
            _FAILED,
        ),  # no answer: the same again, then failed (S0-5)
        Input.DEFERRED: (_COMMANDED,),
        Input.COMMANDED: (_COMMANDED,),
        Input.REFUSED: (_COMMANDED,),
        Input.WITHDRAWN: (_COMMANDED,),
        Input.REVOKED: (_COMMANDED,),
        Input.SENT: (_SENT,),
        Input.FAILED: (_SCHEDULED, _FAILED),
        Input.STOP: (_WITHDRAWING,),
        Input.FREEZE: (_COMMANDED,),  # it is out: pausing does not revoke
    },
    _WITHDRAWING: {
        Input.DUE: (_WITHDRAWING,),
        Input.DEFERRED: (_WITHDRAWING,),
        Input.COMMANDED: (_WITHDRAWING,),
        Input.REFUSED: (_SKIPPED,),
        Input.WITHDRAWN: (_SKIPPED, _SCHEDULED),  # stopped, or frozen
        Input.REVOKED: (_SKIPPED, _COMMANDED),
        Input.SENT: (_SENT,),
        Input.FAILED: (_SKIPPED, _SCHEDULED, _FAILED),
        Input.STOP: (_WITHDRAWING,),
        Input.FREEZE: (_WITHDRAWING,),
    },
    _SENT: _settled(_SENT, late_sent=False),
    _SKIPPED: _settled(_SKIPPED, late_sent=True),
    _FAILED: _settled(_FAILED, late_sent=True),
}

ENROLLMENT: dict[Status, tuple[Status, ...]] = {
    Status.ACTIVE: (Status.FROZEN, Status.COMPLETED, Status.STOPPED),
    Status.FROZEN: (Status.ACTIVE, Status.COMPLETED, Status.STOPPED),
    Status.COMPLETED: (),
    Status.STOPPED: (),
}


class Impossible(Exception):
    """A transition that the table does not have: a bug here, not bad input."""


def check(phase: Phase, given: Input, becomes: Phase) -> Phase:
    """`becomes`, if the table allows it.

    Raises Impossible.
    """
    if becomes not in TOUCH[phase][given]:
        raise Impossible(f"{phase.name} on {given} cannot become {becomes.name}")
    return becomes
