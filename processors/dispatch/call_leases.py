"""The lease of a call: who has a slot, and until when at the latest (F-18).

The table has a row for every pair of state and input; where an input has no effect, the row names
the state itself. A missing pair is a bug. The end of a lease only ever moves to an earlier moment
while its call is under way, so a call of which nothing is reported frees its slot all the same.
"""

from enum import StrEnum

from schemas.base.times import DAY, SECOND, DurationUs, MomentUs
from schemas.internal.call_states import Lease
from schemas.internal.messages import CallTerms

MARGIN_US = 60 * SECOND
"""How much later than the sender's own deadlines a lease ends."""

LATE_US = DAY
"""How long a late report of a call is awaited after its slot has expired."""

PROMPT = "prompt"
"""The guard of senders that report the progress of calls: a slot ends sooner without a report."""


class LeaseState(StrEnum):
    """The states of a lease. `free` is the one of a call that has none."""

    FREE = "free"
    PLACING = "placing"
    RINGING = "ringing"
    LIVE = "live"
    OVERRUN = "overrun"
    EXPIRED = "expired"


class LeaseInput(StrEnum):
    """The inputs of a lease's state machine."""

    GRANTED = "granted"
    REPEATED = "repeated"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    ENDED = "ended"
    TIMER = "timer"
    WITHDRAWN = "withdrawn"


_FREE, _PLACING, _RINGING, _LIVE, _OVERRUN, _EXPIRED = LeaseState
_REPORTS = (LeaseInput.INITIATED, LeaseInput.RINGING, LeaseInput.IN_PROGRESS)


def _under_way(state: LeaseState, **changes: LeaseState) -> dict[LeaseInput, LeaseState]:
    """The row of a lease that takes a slot: its end and its timer free the slot."""
    row = dict.fromkeys(LeaseInput, state)
    row |= {LeaseInput.ENDED: _FREE, LeaseInput.TIMER: _EXPIRED}
    return row | {LeaseInput[name]: target for name, target in changes.items()}


LEASE: dict[LeaseState, dict[LeaseInput, LeaseState]] = {
    _FREE: dict.fromkeys(LeaseInput, _FREE) | {LeaseInput.GRANTED: _PLACING},
    _PLACING: _under_way(_PLACING, RINGING=_RINGING, IN_PROGRESS=_LIVE),
    _RINGING: _under_way(_RINGING, IN_PROGRESS=_LIVE),
    _LIVE: _under_way(_LIVE),
    _OVERRUN: _under_way(_OVERRUN),
    _EXPIRED: {
        **dict.fromkeys(LeaseInput, _EXPIRED),
        # The command is repeated, because its touch has got no answer at all.
        LeaseInput.GRANTED: _PLACING,
        # The call still lives: it counts above the limit, so nothing new starts.
        **dict.fromkeys(_REPORTS, _OVERRUN),
        LeaseInput.ENDED: _FREE,
        LeaseInput.TIMER: _FREE,
    },
}


def granted_until(call: CallTerms, now: MomentUs) -> MomentUs:
    """The end of a lease that is granted now."""
    return _until(call, LeaseState.PLACING, now, now)


def after(lease: Lease, received: LeaseInput, now: MomentUs) -> tuple[LeaseState, MomentUs]:
    """The state of a lease after an input, and the moment at which it then ends by itself."""
    before = LeaseState(lease.state)
    state = LEASE[before][received]
    call = lease.touch.call
    assert call is not None
    if state is _EXPIRED and before is not _EXPIRED:
        return state, now + LATE_US
    if state is _OVERRUN and before is _EXPIRED:
        reported = _LIVE if received is LeaseInput.IN_PROGRESS else _RINGING
        return state, now + _time_left(call, reported)
    if state is before or state is _FREE:
        return state, lease.until
    if call.guard == PROMPT:
        return state, _until(call, state, now, lease.granted_at)
    return state, min(lease.until, now + _time_left(call, state))


def expired_at(lease: Lease) -> MomentUs:
    """When the slot of an expired lease was freed."""
    return lease.until - LATE_US


def _until(call: CallTerms, state: LeaseState, now: MomentUs, granted_at: MomentUs) -> MomentUs:
    """The end of a lease in a state that it enters now. A prompt one ends before the next report is
    overdue, and like every other one not later than a call can last."""
    last = granted_at + _time_left(call, LeaseState.PLACING)
    if call.guard != PROMPT:
        return min(last, now + _time_left(call, state))
    step = {_PLACING: call.place_us, _RINGING: call.ring_us, _LIVE: call.max_us}[state]
    return min(last, now + step + MARGIN_US)


def _time_left(call: CallTerms, state: LeaseState) -> DurationUs:
    """How long a call can last from the beginning of a state on, with the margin."""
    times = {_PLACING: call.place_us, _RINGING: call.ring_us, _LIVE: call.max_us}
    states = [*times]
    return sum(times[each] for each in states[states.index(state) :]) + MARGIN_US
