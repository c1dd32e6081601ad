"""The state machines of a touch and of an enrollment, as tables of allowed transitions.

The touch table has a row for every pair of phase and input; where an input has no effect, the row
names the phase itself. A missing pair is a bug. The diagrams in ARCHITECTURE.md are generated from
these tables.
"""

from enum import StrEnum

from schemas.internal.enrollment import Phase, Status


class Input(StrEnum):
    """The inputs of a touch's state machine."""

    DUE = "due"
    DEFERRED = "deferred"
    COMMANDED = "commanded"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    SENT = "sent"
    FAILED = "failed"
    PROGRESSED = "progressed"
    ENDED = "ended"
    LOST = "lost"
    STOP = "stop"
    FREEZE = "freeze"
    BOUNCED = "bounced"

    __hash__ = str.__hash__  # Enum's own is Python, and slow


_SCHEDULED, _REQUESTED, _COMMANDED, _WITHDRAWING, _SENT, _SKIPPED, _FAILED = Phase


def _resolved(phase: Phase, *, late_sent: bool) -> dict[Input, tuple[Phase, ...]]:
    """The row of a resolved phase: no input has an effect. With `late_sent` a sender's late answer
    that it has sent the command still counts, and the late end of a call that reached the
    person."""
    rows: dict[Input, tuple[Phase, ...]] = dict.fromkeys(Input, (phase,))
    if late_sent:
        rows[Input.SENT] = (_SENT,)
        rows[Input.ENDED] = (phase, _SENT)
    return rows


TOUCH: dict[Phase, dict[Input, tuple[Phase, ...]]] = {
    _SCHEDULED: {
        Input.DUE: (
            _SCHEDULED,  # deferred
            _REQUESTED,
            _SKIPPED,  # a gate is closed for good
        ),
        Input.DEFERRED: (_SCHEDULED,),
        Input.COMMANDED: (_SCHEDULED,),
        Input.REFUSED: (_SCHEDULED,),
        Input.WITHDRAWN: (_SCHEDULED,),
        Input.REVOKED: (_SCHEDULED,),
        Input.SENT: (_SENT,),  # a late answer to an earlier attempt
        Input.FAILED: (_SCHEDULED, _SENT, _FAILED),  # a repeat was withdrawn, the first one was out
        Input.PROGRESSED: (_SCHEDULED,),
        Input.ENDED: (
            _SCHEDULED,
            _SENT,  # an earlier call reached the person after all
            _FAILED,
        ),
        Input.LOST: (_SCHEDULED,),
        Input.STOP: (_SKIPPED,),
        Input.FREEZE: (_SCHEDULED,),
        Input.BOUNCED: (_SENT,),  # what comes back was sent
    },
    _REQUESTED: {
        Input.DUE: (_REQUESTED,),
        Input.DEFERRED: (_REQUESTED,),
        Input.COMMANDED: (_COMMANDED,),
        Input.REFUSED: (_SKIPPED,),
        Input.WITHDRAWN: (_REQUESTED,),
        Input.REVOKED: (_REQUESTED,),
        Input.SENT: (_SENT,),
        Input.FAILED: (_SCHEDULED, _SENT, _FAILED),
        Input.PROGRESSED: (_REQUESTED,),
        Input.ENDED: (_REQUESTED, _SCHEDULED, _SENT, _FAILED),
        Input.LOST: (_REQUESTED, _SCHEDULED, _SENT, _FAILED),
        Input.STOP: (_WITHDRAWING,),
        Input.FREEZE: (_WITHDRAWING,),
        Input.BOUNCED: (_SENT,),
    },
    _COMMANDED: {
        Input.DUE: (
            _COMMANDED,
            _REQUESTED,  # no answer: the same command once more (S0-5)
            _SENT,  # its call has ended, and nobody asks for another attempt
            _SCHEDULED,  # its slot is over, and its step calls again
            _FAILED,
        ),
        Input.DEFERRED: (_COMMANDED,),
        Input.COMMANDED: (_COMMANDED,),
        Input.REFUSED: (_COMMANDED,),
        Input.WITHDRAWN: (_COMMANDED,),
        Input.REVOKED: (_COMMANDED,),
        Input.SENT: (_SENT,),
        Input.FAILED: (
            _SCHEDULED,
            _SENT,  # an earlier call has left a message
            _SKIPPED,  # its run was stopped
            _FAILED,
        ),
        Input.PROGRESSED: (_COMMANDED,),
        Input.ENDED: (
            _COMMANDED,  # an earlier call
            _SENT,  # the call reached the person
            _SCHEDULED,  # another call follows
            _SKIPPED,  # its run was stopped
            _FAILED,
        ),
        Input.LOST: (_SCHEDULED, _SENT, _SKIPPED, _FAILED),  # nobody knows how the call has ended
        Input.STOP: (
            _WITHDRAWING,
            _COMMANDED,  # a call that was placed goes on to its end
        ),
        Input.FREEZE: (_COMMANDED,),  # a pause revokes nothing
        Input.BOUNCED: (_SENT,),
    },
    _WITHDRAWING: {
        Input.DUE: (_WITHDRAWING,),
        Input.DEFERRED: (_WITHDRAWING,),
        Input.COMMANDED: (_WITHDRAWING,),
        Input.REFUSED: (_SKIPPED,),
        Input.WITHDRAWN: (_SKIPPED, _SCHEDULED),  # by a stop, by a freeze
        Input.REVOKED: (_SKIPPED, _COMMANDED),
        Input.SENT: (_SENT,),
        Input.FAILED: (_SKIPPED, _SENT, _SCHEDULED, _FAILED),
        Input.PROGRESSED: (_WITHDRAWING,),
        Input.ENDED: (_WITHDRAWING, _SENT, _SKIPPED, _SCHEDULED, _FAILED),
        Input.LOST: (_WITHDRAWING, _SENT, _SKIPPED, _SCHEDULED, _FAILED),
        Input.STOP: (_WITHDRAWING,),
        Input.FREEZE: (_WITHDRAWING,),
        Input.BOUNCED: (_SENT,),
    },
    _SENT: _resolved(_SENT, late_sent=False)
    | {
        Input.BOUNCED: (
            _SENT,
            _SCHEDULED,  # its mailbox could not take it: it is sent again (C-25)
            _FAILED,
        )
    },
    _SKIPPED: _resolved(_SKIPPED, late_sent=True),
    _FAILED: _resolved(_FAILED, late_sent=True),
}

ENROLLMENT: dict[Status, tuple[Status, ...]] = {
    Status.ACTIVE: (Status.FROZEN, Status.COMPLETED, Status.STOPPED),
    Status.FROZEN: (Status.ACTIVE, Status.COMPLETED, Status.STOPPED),
    Status.COMPLETED: (Status.ACTIVE,),  # its last message came back and is sent again (C-25)
    Status.STOPPED: (),
}


class IllegalTransition(Exception):
    """A transition that the table does not have: a bug of this package, never bad input."""


def transition(phase: Phase, received: Input, target: Phase) -> Phase:
    """Returns `target`.

    Raises IllegalTransition if the table does not allow it.
    """
    if target not in TOUCH[phase][received]:
        raise IllegalTransition(f"{phase.name} on {received} cannot become {target.name}")
    return target
