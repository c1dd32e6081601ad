"""An explanation as text for a terminal: one line for each gate and each decision."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from processors.why import (
    CallSlot,
    CurrentWait,
    Explanation,
    Gate,
    RunExplanation,
    TouchExplanation,
    VariantExplanation,
)
from schemas.base.times import format_rfc3339, from_datetime
from schemas.internal.facts import Fact

_ZONES_SHOWN = 3
"""A number that is free of charge may be in more than forty zones."""

SHOWN_FIELDS = ("step_id", "channel", "command_id", "attempt", "cause", "reason")


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """The whole explanation, run by run; facts that belong to no run come last."""
    for run in explanation.runs:
        yield from _run_lines(explanation, run)
    if explanation.besides:
        yield "besides"
        yield from (f"  {fact_line(fact)}" for fact in explanation.besides)


def _run_lines(explanation: Explanation, run: RunExplanation) -> Iterator[str]:
    ended = "" if run.ended_at is None else f" at {_time(run.ended_at)}"
    reason = f": {run.reason}" if run.reason else ""
    yield (
        f"{explanation.tenant_id}/{explanation.contact_id} in {run.campaign_id},"
        f" version {run.version}, run {run.cycle}: {run.status}{ended}{reason}"
    )
    yield f"  enrollment {run.enrollment_id}, since {_time(run.started_at)}"
    yield f"  waits for  {_wait(run.waits)}"
    yield from (f"  experiment {_variant(each)}" for each in run.experiments)
    for touch in run.touches:
        yield from _touch_lines(touch)
    yield "  decisions"
    yield from (f"    {fact_line(fact)}" for fact in run.timeline)
    yield ""


def _wait(wait: CurrentWait | None) -> str:
    if wait is None:
        return "nothing: the run has ended"
    when = "no time is known" if wait.until is None else f"next at {_time(wait.until)}"
    cause = f", by {wait.cause}" if wait.cause else ""
    return f"{wait.reason}{cause}; {when}: {wait.then}{_in_parentheses(wait.values)}"


def _variant(variant: VariantExplanation) -> str:
    """The variant of a run, and how it was assigned."""
    part = f"variant {variant.variant}" if variant.variant else "takes no part"
    values = {"bucket": variant.bucket, "split": variant.split}
    known = {name: value for name, value in values.items() if value is not None}
    return f"{variant.experiment_id}: {part}, by {variant.assigned_by}{_in_parentheses(known)}"


def _touch_lines(touch: TouchExplanation) -> Iterator[str]:
    reason = f", {touch.reason}" if touch.reason else ""
    sent = f" at {_time(touch.sent_at)}" if touch.sent_at is not None else ""
    yield (
        f"  touch {touch.number}, {touch.step_id} by {touch.channel},"
        f" for {_time(touch.scheduled_at)}: {touch.phase}{sent}{reason}"
    )
    if touch.commands:
        yield f"    command {', '.join(touch.commands)}"
    if touch.awaited or touch.outcome:
        way = f", so {touch.outcome}" if touch.outcome else ""
        yield f"    then    {touch.awaited or touch.phase}{way}"
    if touch.sender_id:
        yield f"    sender  {touch.sender_id}"
    yield from (f"    slot    {_slot_text(slot)}" for slot in touch.slots)
    yield from (f"    {_gate_line(gate)}" for gate in touch.gates)


def _slot_text(slot: CallSlot) -> str:
    """The slot of a call: from when until when, and what has become of the call."""
    text = f"of {slot.pool_id} since {_time(slot.granted_at)}: {slot.state}"
    if slot.ended_at is not None:
        text += f" {_time(slot.ended_at)}"
    elif slot.until is not None:
        text += f" until {_time(slot.until)} at the latest"
    if slot.outcome is not None:
        text += f", outcome {slot.outcome}"
    about = {
        "placed by": slot.place_by,
        "seconds": slot.seconds,
        "held seconds": slot.held_seconds,
        "seconds late": slot.late_seconds,
        "successful": slot.success,
    }
    known = {name: value for name, value in about.items() if value is not None}
    cause = f", by {slot.cause}" if slot.cause else ""
    return text + cause + _in_parentheses(known) + f", command {slot.command_id}"


def _gate_line(gate: Gate) -> str:
    text = f"{gate.name:<15}{gate.result}"
    if gate.at is not None:
        text += f" {_time(gate.at)}"
    if gate.reason is not None:
        text += f" {gate.reason}"
    if gate.until is not None:
        text += f", until {_time(gate.until)}"
    if gate.cause is not None:
        text += f", by {gate.cause}"
    earlier = [hold for hold in gate.held if (hold.at, hold.reason) != (gate.at, gate.reason)]
    deferrals = "; ".join(
        f"put off {_time(hold.at)} {hold.reason}"
        + (f" until {_time(hold.until)}" if hold.until is not None else "")
        for hold in earlier
    )
    return text + _in_parentheses(gate.values) + (f"; {deferrals}" if deferrals else "")


def fact_line(fact: Fact) -> str:
    """One fact as one line: time, kind, touch number, SHOWN_FIELDS and values."""
    fields = {name: value for name in SHOWN_FIELDS if (value := getattr(fact, name)) is not None}
    if fact.until is not None:
        fields["until"] = fact.until
    if fact.occurred_at is not None:
        fields["occurred_at"] = fact.occurred_at
    text = " ".join(f"{name}={_value(value)}" for name, value in fields.items())
    number = "" if fact.touch_number is None else f" {fact.touch_number}"
    values = _in_parentheses(fact.values or {})
    return f"{_time(fact.at)} {fact.fact.value}{number}  {text}{values}"


def _in_parentheses(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name} {_value(value)}" for name, value in values.items())
    return f" ({text})" if text else ""


def _value(value: Any) -> str:
    match value:
        case None:
            return "none"
        case datetime():
            return _time(value)
        case {"zone": _, "zone_from": _, "quiet": _, "only": _}:
            return _window(value)
        case {"used": used, "limit": limit}:
            return _limit(used, limit, value.get("opens_at"))
        case Mapping() if value and all(isinstance(each, Mapping) for each in value.values()):
            return "; ".join(f"{name} {_value(each)}" for name, each in value.items())
        case Mapping():
            return " ".join(f"{name} {_value(each)}" for name, each in value.items())
        case list() | tuple():
            return "+".join(_value(each) for each in value) or "none"
        case str():
            return value
    return str(msgspec.to_builtins(value))


def _limit(used: int | None, limit: int | None, opens_at: str | None) -> str:
    """The use of a limit; of one that is reached, when it opens. What closes without a number, as
    the pause of an account does, has no use."""
    if used is None:
        return "closed" + (f" until {opens_at}" if opens_at else "")
    if limit is None:
        return f"{used} without a limit"
    is_closed = opens_at is not None and used >= limit
    return f"{used} of {limit}" + (f" until {opens_at}" if is_closed else "")


def _window(window: Mapping[str, Any]) -> str:
    """A send window: its zones and whose they are, its quiet hours, and what else narrows it."""
    zones = [window["zone"], *window.get("more_zones", ())]
    shown = zones if len(zones) <= _ZONES_SHOWN else [zones[0], f"{len(zones) - 1} more"]
    text = f"{' and '.join(shown)} by the {window['zone_from']}, quiet {window['quiet'] or 'never'}"
    if region := window.get("strict_region"):
        text += f" for the strict region {region}"
    if allowed := window.get("allowed"):
        text += f", by law {' or '.join(allowed)}"
    return text + (f", only {window['only']}" if window["only"] else "")


def _time(at: datetime) -> str:
    """RFC 3339 in UTC, cut to the millisecond: decisions of one second have an order."""
    moment = from_datetime(at)
    text = format_rfc3339(moment - moment % 1_000)
    return text if "." not in text else text.removesuffix("000Z") + "Z"
