"""Why something was sent, was not, or waits: a pure function of the facts about one contact and of
what is remembered of it.

It asks nobody: whoever has facts and states, from the logs, from PostgreSQL or out of a simulation,
has the explanation. The same facts and states give the same explanation, byte for byte.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from processors.why.causes import Sources
from processors.why.fact_values import plain
from processors.why.gates import NOT_ASKED, ORDER, Gate, Gates, Hold
from processors.why.waits import Wait, waits_for
from schemas.internal.enrollment import Enrollment, Status, Touch
from schemas.internal.facts import Fact, FactKind, fact_time

__all__ = ["NOT_ASKED", "ORDER", "Explanation", "Gate", "Hold", "RunWhy", "TouchWhy", "Wait"]

_ENDS = (FactKind.TOUCH_SENT, FactKind.TOUCH_SKIPPED, FactKind.TOUCH_FAILED)


class TouchWhy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A touch: where it stands, and its gates in their order."""

    number: int
    step_id: str
    channel: str
    phase: str
    scheduled_at: datetime
    due_at: datetime
    attempt: int
    commands: list[str]
    gates: list[Gate]
    reason: str | None = None
    sent_at: datetime | None = None
    awaited: str | None = None
    """What the run waited for after it, as far as it came; `timeout` if it did not."""

    outcome: str | None = None
    """Which way the run went from here, where that was not to the next step."""


class RunWhy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An enrollment: where it stands, what it waits for, and everything decided, in order."""

    enrollment_id: str
    campaign_id: str
    version: int
    cycle: int
    status: str
    started_at: datetime
    touches: list[TouchWhy]
    timeline: list[Fact]
    reason: str | None = None
    ended_at: datetime | None = None
    waits: Wait | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one contact. `besides` are the facts that belong to no run shown: consent, addresses, and
    enrollments that were declined."""

    tenant_id: str
    contact_id: str
    runs: list[RunWhy]
    besides: list[Fact]


def explain(
    tenant_id: str,
    contact_id: str,
    facts: Sequence[Fact],
    runs: Sequence[Enrollment],
    *,
    campaign_id: str | None = None,
    enrollment_id: str | None = None,
    touch_number: int | None = None,
) -> Explanation:
    """`facts` are all of the contact's, in the order of their log; `runs` its enrollments. One
    campaign, one enrollment or one touch of it alone is shown where one is named."""
    shown = [
        run
        for run in sorted(runs, key=lambda run: (run.started_at, run.enrollment_id))
        if campaign_id in (None, run.campaign_id) and enrollment_id in (None, run.enrollment_id)
    ]
    sources = Sources(facts)
    told = _by_run(facts, {run.enrollment_id for run in runs})
    besides = told.get(None, [])
    if enrollment_id is not None:
        besides = _meanwhile(besides, shown)
    elif campaign_id is not None:
        besides = [f for f in besides if f.campaign_id in (None, campaign_id)]
    return Explanation(
        tenant_id=tenant_id,
        contact_id=contact_id,
        runs=[_run(run, told.get(run.enrollment_id, []), sources, touch_number) for run in shown],
        besides=[_readable(fact) for fact in besides],
    )


def _meanwhile(facts: Sequence[Fact], runs: Sequence[Enrollment]) -> list[Fact]:
    """What was told of the person alone while these runs were under way."""
    spans = [
        (fact_time(run.started_at), None if run.ended_at is None else fact_time(run.ended_at))
        for run in runs
    ]
    return [
        fact
        for fact in facts
        if fact.campaign_id is None
        and any(begun <= fact.at and (over is None or fact.at <= over) for begun, over in spans)
    ]


def _by_run(facts: Sequence[Fact], known: set[str]) -> dict[str | None, list[Fact]]:
    """A revocation names its command alone; what names no run that is known is nobody's."""
    of_command = {f.command_id: f.enrollment_id for f in facts if f.command_id and f.enrollment_id}
    found: dict[str | None, list[Fact]] = {}
    for fact in facts:
        run = fact.enrollment_id or of_command.get(fact.command_id or "")
        found.setdefault(run if run in known else None, []).append(fact)
    return found


def _run(run: Enrollment, facts: list[Fact], sources: Sources, only: int | None) -> RunWhy:
    touches = _touches(run, facts, sources)
    return RunWhy(
        enrollment_id=run.enrollment_id,
        campaign_id=run.campaign_id,
        version=run.version,
        cycle=run.cycle,
        status=Status(run.status).name.lower(),
        started_at=fact_time(run.started_at),
        touches=[touch for touch in touches if only in (None, touch.number)],
        timeline=[_readable(fact) for fact in facts],
        reason=run.reason,
        ended_at=None if run.ended_at is None else fact_time(run.ended_at),
        waits=waits_for(run, facts),
    )


def _touches(run: Enrollment, facts: list[Fact], sources: Sources) -> list[TouchWhy]:
    """A fact about the enrollment concerns the touch that is open then: the last one told of."""
    gates: dict[int, Gates] = {}
    ends: dict[int, dict[str, Any]] = {}
    commands: dict[int, list[str]] = {}
    current = 0
    frozen: list[Fact] = []
    for fact in facts:
        number = fact.touch_number
        if fact.fact is FactKind.ENROLLMENT_FROZEN:
            frozen.append(fact)
        elif fact.fact is FactKind.ENROLLMENT_RESUMED:
            frozen.clear()
        if number is None:
            if current in gates and current not in ends:
                gates[current].take(fact)
            continue
        if number not in gates:
            gates[number] = Gates(sources, ends.get(number - 1, {}))
            for pause in frozen:  # begun during the touch before, and it goes on
                gates[number].take(pause)
            current = number
        gates[number].take(fact)
        if fact.command_id and fact.command_id not in commands.setdefault(number, []):
            commands[number].append(fact.command_id)
        if fact.fact in _ENDS:
            ends[number] = {"step": fact.step_id, "became": fact.fact.value, "at": fact.at}
    for asked in gates.values():
        asked.released(run.holds)  # that one pause of several is over is no fact
    return [
        _touch(t, gates.get(t.number), commands.get(t.number, []), sources) for t in run.touches
    ]


def _touch(touch: Touch, gates: Gates | None, commands: list[str], sources: Sources) -> TouchWhy:
    return TouchWhy(
        number=touch.number,
        step_id=touch.step_id,
        channel=touch.channel,
        phase=touch.phase.name.lower(),
        scheduled_at=fact_time(touch.scheduled_at),
        due_at=fact_time(touch.due_at),
        attempt=touch.attempt,
        commands=commands,
        gates=(gates or Gates(sources, {})).all(),
        reason=touch.reason,
        sent_at=None if touch.sent_at is None else fact_time(touch.sent_at),
        awaited=touch.awaited,
        outcome=touch.outcome,
    )


def _readable(fact: Fact) -> Fact:
    return fact if fact.values is None else msgspec.structs.replace(fact, values=plain(fact.values))
