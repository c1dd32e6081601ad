"""Explains why touches of a contact were sent, were not sent, or wait.

The explanation is a pure function of the contact's facts and enrollments, which may come from the
logs, from PostgreSQL or from a simulation. The same input gives the same bytes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from processors.why.call_slots import CallSlot, CallSlots
from processors.why.causes import CauseIndex
from processors.why.fact_values import readable_values
from processors.why.gates import GATE_ORDER, NOT_ASKED, WAITS, Gate, Hold, TouchGates, gate_order
from processors.why.touch_facts import TouchFacts
from processors.why.waits import CurrentWait, current_wait
from schemas.internal.enrollment import Enrollment, Status, Touch
from schemas.internal.facts import Fact, FactKind, fact_time

__all__ = [
    "GATE_ORDER",
    "NOT_ASKED",
    "CallSlot",
    "CurrentWait",
    "Explanation",
    "Gate",
    "Hold",
    "RunExplanation",
    "TouchExplanation",
    "VariantExplanation",
    "explain",
    "gate_order",
]

_ABOUT_VARIANTS = (FactKind.ENROLLMENT_STARTED, FactKind.TOUCH_REQUESTED, FactKind.TOUCH_SKIPPED)
"""The facts with the variants of a run."""


class VariantExplanation(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The variant of a run in an experiment: A, B, or empty for who takes no part. `assigned_by` is
    hash, holdout, layer, winner for who gets the winner's template, or again for a further run of
    the person (C-21)."""

    experiment_id: str
    variant: str
    assigned_by: str
    bucket: int | None = None
    split: int | None = None


class TouchExplanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A touch with its gates, in the order in which they are checked."""

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
    """The event that ended the wait after the touch, or `timeout`."""

    outcome: str | None = None
    """The way by which the run left the step, where that was not the next step."""

    sender_id: str | None = None
    """The sender account of the last command, if the tenant has one."""

    slots: list[CallSlot] = []
    """The slots of the calls in their pool."""


class RunExplanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An enrollment with its touches, its current wait, and its facts in order."""

    enrollment_id: str
    campaign_id: str
    version: int
    cycle: int
    status: str
    started_at: datetime
    touches: list[TouchExplanation]
    timeline: list[Fact]
    reason: str | None = None
    ended_at: datetime | None = None
    waits: CurrentWait | None = None
    experiments: list[VariantExplanation] = []


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The explanation of one contact. `besides` are the facts that belong to none of the runs:
    about consent, addresses and declined enrollments."""

    tenant_id: str
    contact_id: str
    runs: list[RunExplanation]
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
    now: datetime | None = None,
) -> Explanation:
    """Explains the runs of a contact, or only those of a campaign, an enrollment or a touch number.

    `facts` are all facts of the contact in the order of their topic, `runs` all its enrollments.
    With `now`, no wait for a limit has a moment that has passed (see current_wait).
    """
    selected = [
        run
        for run in sorted(runs, key=lambda run: (run.started_at, run.enrollment_id))
        if campaign_id in (None, run.campaign_id) and enrollment_id in (None, run.enrollment_id)
    ]
    causes = CauseIndex(facts)
    by_run = _by_run(facts, {run.enrollment_id for run in runs})
    besides = by_run.get(None, [])
    if enrollment_id is not None:
        besides = _during(besides, selected)
    elif campaign_id is not None:
        besides = [f for f in besides if f.campaign_id in (None, campaign_id)]
    return Explanation(
        tenant_id=tenant_id,
        contact_id=contact_id,
        runs=[
            _run(run, by_run.get(run.enrollment_id, []), causes, touch_number, now)
            for run in selected
        ],
        besides=[_readable(fact) for fact in besides],
    )


def _during(facts: Sequence[Fact], runs: Sequence[Enrollment]) -> list[Fact]:
    """The facts without a campaign from the time of the runs."""
    spans = [
        (fact_time(run.started_at), None if run.ended_at is None else fact_time(run.ended_at))
        for run in runs
    ]
    return [
        fact
        for fact in facts
        if fact.campaign_id is None
        and any(start <= fact.at and (end is None or fact.at <= end) for start, end in spans)
    ]


def _by_run(facts: Sequence[Fact], known: set[str]) -> dict[str | None, list[Fact]]:
    """Groups facts by enrollment. A revocation is assigned by its command id; facts of no known
    enrollment are under None."""
    of_command = {f.command_id: f.enrollment_id for f in facts if f.command_id and f.enrollment_id}
    groups: dict[str | None, list[Fact]] = {}
    for fact in facts:
        run = fact.enrollment_id or of_command.get(fact.command_id or "")
        groups.setdefault(run if run in known else None, []).append(fact)
    return groups


def _run(
    run: Enrollment,
    facts: list[Fact],
    causes: CauseIndex,
    only: int | None,
    now: datetime | None,
) -> RunExplanation:
    touches = _touches(run, facts, causes)
    waits = current_wait(run, facts, now)
    if waits is not None and waits.until is None:
        _forget_until(touches, waits.reason)
    return RunExplanation(
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
        waits=waits,
        experiments=_variants(facts),
    )


def _variants(facts: Sequence[Fact]) -> list[VariantExplanation]:
    """The variants of a run by its facts: those of its start, and what became of them since."""
    found: dict[str, VariantExplanation] = {}
    for fact in facts:
        if fact.fact not in _ABOUT_VARIANTS or fact.values is None:
            continue
        values: dict[str, Any] = msgspec.to_builtins(fact.values)
        for row in (*values.get("experiments", ()), values):
            if "assigned_by" in row:
                variant = msgspec.convert(row, VariantExplanation)
                found[variant.experiment_id] = variant
    return list(found.values())


def _forget_until(touches: Sequence[TouchExplanation], reason: str) -> None:
    """Leaves out until when a gate waits, where no moment is known of the wait."""
    for gate in touches[-1].gates if touches else ():
        if gate.result == WAITS and gate.reason == reason:
            gate.until = None


def _touches(run: Enrollment, facts: list[Fact], causes: CauseIndex) -> list[TouchExplanation]:
    """The touches of a run by the facts about them."""
    known = TouchFacts(run, causes)
    for fact in facts:
        known.apply(fact)
    for touch_gates in known.gates.values():
        touch_gates.release(run.holds)  # the end of one of several pauses has no fact
    return [
        _touch(
            t,
            known.gates.get(t.number) or TouchGates(causes, {}, t.channel),
            known.commands.get(t.number, []),
            known.slots.get(t.number) or CallSlots(),
        )
        for t in run.touches
    ]


def _touch(
    touch: Touch, gates: TouchGates, commands: list[str], slots: CallSlots
) -> TouchExplanation:
    return TouchExplanation(
        number=touch.number,
        step_id=touch.step_id,
        channel=touch.channel,
        phase=touch.phase.name.lower(),
        scheduled_at=fact_time(touch.scheduled_at),
        due_at=fact_time(touch.due_at),
        attempt=touch.attempt,
        commands=commands,
        gates=gates.all(),
        reason=touch.reason,
        sent_at=None if touch.sent_at is None else fact_time(touch.sent_at),
        awaited=touch.awaited,
        outcome=touch.outcome,
        sender_id=touch.sender_id or None,
        slots=slots.all(),
    )


def _readable(fact: Fact) -> Fact:
    return (
        fact
        if fact.values is None
        else msgspec.structs.replace(fact, values=readable_values(fact.values))
    )
