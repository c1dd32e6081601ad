"""What an enrollment waits for now, since when, until when, and what happens then."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from processors.shared.campaign_gate import HOLDS
from processors.why.fact_values import readable_values
from schemas.internal.enrollment import (
    LAST_ANSWER,
    LIVE,
    RESOLVED,
    Enrollment,
    Phase,
    Status,
    Touch,
)
from schemas.internal.facts import Fact, FactKind, fact_time

_DEFERRING = (FactKind.TOUCH_SCHEDULED, FactKind.TOUCH_DEFERRED, FactKind.TOUCH_RETRIED)
_THEN = {
    "delay": "it is due",
    "retry": "the next attempt",
    "soft_bounce": "the same message once more, because the mailbox could not take it",
    "quiet_hours": "its window opens",
    "frequency_cap": "the person may be reached again",
    "min_gap": "the person may be reached again",
    "throttled": "the next slot of the limit, which the first in the queue gets",
    "call_hours": "the hours of calls open",
    "number_busy": "the call to this number ends",
    "number_gap": "this number may be called again",
    "number_day": "this number may be called again",
    "suppressions_pending": "the call pool knows the suppressed numbers of the tenant",
    "redial": "the next call",
    "call": "the call ends, or its slot expires and its outcome is unknown",
    "call_ended": "the next call, unless the sender asks for another attempt",
    "sender_paused": "sender.upserted opens the account again, or another account sends",
    "no_sender": "sender.upserted, or the touch expires",
    **{
        reason: "the pause takes it back, or its campaign is active again"
        if status == "paused"
        else "the end of its campaign takes it back"
        for status, reason in HOLDS.items()
    },
    "pool_unknown": "pool.upserted",
    "dispatch": "dispatch checks the request",
    "answer": "without an answer the same command goes out once more, then the touch fails",
    "withdrawal": "dispatch answers whether the command was out already",
}
_LIMITS = {
    "call_slots_": "a slot comes free, which the next in turn gets",
    "sender_": "the account may send again, and the first in the queue goes",
    "": "it is tried again",
}
"""What happens after a wait for a limit, by how its name begins."""

_BEHIND = "it is in the queue behind others, and `touchstream queue` shows what holds that now"
"""What a wait for a limit leads to whose moment has passed: others of the queue took the slots."""

_QUEUED = "for a touch behind others this is how the wait began: see `touchstream queue`"
"""Only the first touch of a queue has a fact when another limit becomes the one that holds it: the
facts of a long queue would be too many."""

_LAST = "the sender answers; nothing follows, because the run has ended"
"""What a command leads to that goes on after the end of its run."""

_LAST_IN_TIME = "the sender answers, or the touch fails; nothing follows, because the run has ended"
"""What a command whose answer is awaited until a moment leads to, after the end of its run."""

_ANSWERED_BY = {
    "answer": (FactKind.TOUCH_COMMANDED,),
    "call": (FactKind.CALL_PROGRESSED, FactKind.CALL_OVERRUN),
    "call_ended": (FactKind.TOUCH_CALL_ENDED,),
}
"""The waits of a command that is out, and the facts with which they begin."""


class CurrentWait(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wait of an enrollment. `until` is None where no time is known: a person decides, or an
    answer of dispatch is on its way. `then` describes what happens at the end."""

    reason: str
    then: str
    since: datetime | None = None
    until: datetime | None = None
    values: dict[str, Any] = {}
    cause: str | None = None


def current_wait(
    run: Enrollment, facts: Sequence[Fact], now: datetime | None = None
) -> CurrentWait | None:
    """The current wait of a run, or None. `facts` are the facts of the run, in order. With `now`, a
    wait for a limit whose moment has passed has no `until`: others are before it."""
    wait = _recorded_wait(run, facts)
    if wait is None or now is None or wait.until is None or wait.until > now:
        return wait
    if not _is_of_queue(wait.reason):
        return wait
    return msgspec.structs.replace(wait, until=None, then=_BEHIND)


def _is_of_queue(reason: str) -> bool:
    """Whether a reason is that of a wait in a queue, whose first entry alone is informed of its
    moment anew."""
    return reason == "throttled" or reason not in _THEN


def _recorded_wait(run: Enrollment, facts: Sequence[Fact]) -> CurrentWait | None:
    touch = run.touches[-1] if run.touches and run.touches[-1].phase not in RESOLVED else None
    if touch is not None and touch.phase is Phase.WITHDRAWING:
        return _touch_wait(facts, "withdrawal", touch, None, (FactKind.TOUCH_WITHDRAWING,))
    if run.status not in LIVE:
        return _finishing(facts, touch)
    if run.status is Status.FROZEN:
        return _paused(run, facts)
    if run.waiting is not None:
        return _trigger(run, facts)
    if touch is None:
        return None
    match touch.phase:
        case Phase.SCHEDULED:
            return _touch_wait(facts, touch.wait or "delay", touch, touch.due_at, _DEFERRING)
        case Phase.REQUESTED if touch.wait != "dispatch":
            return _touch_wait(facts, touch.wait or "", touch, touch.due_at, _DEFERRING)
        case Phase.REQUESTED:
            return _touch_wait(facts, "dispatch", touch, None, (FactKind.TOUCH_REQUESTED,))
    reason = touch.wait if touch.wait in _ANSWERED_BY else "answer"
    return _touch_wait(facts, reason, touch, touch.due_at, _ANSWERED_BY[reason])


def _finishing(facts: Sequence[Fact], touch: Touch | None) -> CurrentWait | None:
    """The wait for the sender's answer to a command that goes on after the end of its run: it was
    out when the campaign completed, or its call had been placed."""
    if touch is None or touch.phase is not Phase.COMMANDED:
        return None
    reason = touch.wait if touch.wait in _ANSWERED_BY else "answer"
    in_time = touch.wait == LAST_ANSWER
    until = touch.due_at if in_time else None
    wait = _touch_wait(facts, reason, touch, until, _ANSWERED_BY[reason])
    return msgspec.structs.replace(wait, then=_LAST_IN_TIME if in_time else _LAST)


def _touch_wait(
    facts: Sequence[Fact], reason: str, touch: Touch, until: int | None, kinds: Sequence[FactKind]
) -> CurrentWait:
    """A wait of a touch, with time and values of the last fact of the kinds about it."""
    about = [f for f in facts if f.touch_number == touch.number and f.fact in kinds]
    last = about[-1] if about else None
    return CurrentWait(
        reason=reason,
        then=_THEN.get(reason) or _after_limit(reason),
        since=None if last is None else last.at,
        until=None if until is None else fact_time(until),
        values=readable_values(last.values) if last is not None else {},
    )


def _after_limit(reason: str) -> str:
    then = next(then for prefix, then in _LIMITS.items() if reason.startswith(prefix))
    return f"{then}; {_QUEUED}"


def _paused(run: Enrollment, facts: Sequence[Fact]) -> CurrentWait:
    frozen = [f for f in facts if f.fact is FactKind.ENROLLMENT_FROZEN and f.reason in run.holds]
    by = {"campaign": "its campaign is activated or resumed"}
    return CurrentWait(
        reason=" and ".join(f"{hold}_paused" for hold in run.holds),
        then=" and ".join(by.get(hold, "contact.resumed or contact.stopped") for hold in run.holds),
        since=None if run.frozen_at is None else fact_time(run.frozen_at),
        cause=frozen[-1].cause if frozen else None,
    )


def _trigger(run: Enrollment, facts: Sequence[Fact]) -> CurrentWait:
    waiting = run.waiting
    assert waiting is not None
    awaited = [f for f in facts if f.fact is FactKind.TRIGGER_AWAITED]
    values = readable_values(awaited[-1].values) if awaited else {}
    events = ", ".join(values.get("events", ())) or "the event that the step names"
    return CurrentWait(
        reason="trigger",
        then=f"{events}, or the way out for a timeout",
        since=fact_time(waiting.since),
        until=fact_time(waiting.until),
        values=values,
    )
