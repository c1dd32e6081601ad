"""What a run waits for now, since when, until when, and what happens then."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from processors.why.fact_values import plain
from schemas.internal.enrollment import LIVE, RESOLVED, Enrollment, Phase, Status, Touch
from schemas.internal.facts import Fact, FactKind, fact_time

_PUTS_OFF = (FactKind.TOUCH_SCHEDULED, FactKind.TOUCH_DEFERRED, FactKind.TOUCH_RETRIED)
_NEXT = {
    "delay": "it is due",
    "retry": "another attempt",
    "quiet_hours": "its window opens",
    "frequency_cap": "the person may be reached again",
    "min_gap": "the person may be reached again",
    "throttled": "the sender's next slot, which goes to the first in the queue",
    "dispatch": "dispatch looks at it",
    "answer": "without an answer the same command once more, then given up",
    "withdrawal": "dispatch says whether its command was out already",
}


class Wait(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`until` None: no time is known, because it is somebody's to decide, or a matter of
    moments."""

    reason: str
    then: str
    since: datetime | None = None
    until: datetime | None = None
    values: dict[str, Any] = {}
    cause: str | None = None


def waits_for(run: Enrollment, facts: Sequence[Fact]) -> Wait | None:
    """None where it waits for nothing more; `facts` are those of the run, in order."""
    touch = run.touches[-1] if run.touches and run.touches[-1].phase not in RESOLVED else None
    if touch is not None and touch.phase is Phase.WITHDRAWING:
        return _told(facts, "withdrawal", touch, None, (FactKind.TOUCH_WITHDRAWING,))
    if run.status not in LIVE:
        return None
    if run.status is Status.FROZEN:
        return _paused(run, facts)
    if run.waiting is not None:
        return _trigger(run, facts)
    if touch is None:
        return None
    match touch.phase:
        case Phase.SCHEDULED:
            return _told(facts, touch.wait or "delay", touch, touch.due_at, _PUTS_OFF)
        case Phase.REQUESTED if touch.wait != "dispatch":
            return _told(facts, touch.wait or "", touch, touch.due_at, _PUTS_OFF)
        case Phase.REQUESTED:
            return _told(facts, "dispatch", touch, None, (FactKind.TOUCH_REQUESTED,))
    return _told(facts, "answer", touch, touch.due_at, (FactKind.TOUCH_COMMANDED,))


def _told(
    facts: Sequence[Fact], reason: str, touch: Touch, until: int | None, kinds: Sequence[FactKind]
) -> Wait:
    """With what the last fact of these kinds about the touch has said."""
    about = [f for f in facts if f.touch_number == touch.number and f.fact in kinds]
    last = about[-1] if about else None
    return Wait(
        reason=reason,
        then=_NEXT.get(reason, "it is looked at again"),
        since=None if last is None else last.at,
        until=None if until is None else fact_time(until),
        values=plain(last.values) if last is not None else {},
    )


def _paused(run: Enrollment, facts: Sequence[Fact]) -> Wait:
    frozen = [f for f in facts if f.fact is FactKind.ENROLLMENT_FROZEN and f.reason in run.holds]
    by = {"campaign": "its campaign is resumed"}
    return Wait(
        reason=" and ".join(f"{hold}_paused" for hold in run.holds),
        then=" and ".join(by.get(hold, "contact.resumed or contact.stopped") for hold in run.holds),
        since=None if run.frozen_at is None else fact_time(run.frozen_at),
        cause=frozen[-1].cause if frozen else None,
    )


def _trigger(run: Enrollment, facts: Sequence[Fact]) -> Wait:
    waiting = run.waiting
    assert waiting is not None
    asked = [f for f in facts if f.fact is FactKind.TRIGGER_AWAITED]
    values = plain(asked[-1].values) if asked else {}
    events = ", ".join(values.get("events", ())) or "what its step names"
    return Wait(
        reason="trigger",
        then=f"{events}; without it the other way out",
        since=fact_time(waiting.since),
        until=fact_time(waiting.until),
        values=values,
    )
