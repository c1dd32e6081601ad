"""An explanation as lines for a terminal: one a gate, one a decision."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from processors.why import Explanation, Gate, RunWhy, TouchWhy, Wait
from schemas.base.times import format_rfc3339, from_datetime
from schemas.internal.facts import Fact

_SHOWN = ("step_id", "channel", "command_id", "attempt", "cause", "reason")


def lines(found: Explanation) -> Iterator[str]:
    """Everything, run by run; what belongs to no run comes last."""
    for run in found.runs:
        yield from _run(found, run)
    if found.besides:
        yield "besides"
        yield from (f"  {decision(fact)}" for fact in found.besides)


def _run(found: Explanation, run: RunWhy) -> Iterator[str]:
    ended = "" if run.ended_at is None else f" at {_moment(run.ended_at)}"
    reason = f": {run.reason}" if run.reason else ""
    yield (
        f"{found.tenant_id}/{found.contact_id} in {run.campaign_id}, version {run.version},"
        f" run {run.cycle}: {run.status}{ended}{reason}"
    )
    yield f"  enrollment {run.enrollment_id}, since {_moment(run.started_at)}"
    yield f"  waits for  {_waits(run.waits)}"
    for touch in run.touches:
        yield from _touch(touch)
    yield "  decided"
    yield from (f"    {decision(fact)}" for fact in run.timeline)
    yield ""


def _waits(waits: Wait | None) -> str:
    if waits is None:
        return "nothing: it has ended"
    when = "no time is known" if waits.until is None else f"next at {_moment(waits.until)}"
    cause = f", by {waits.cause}" if waits.cause else ""
    return f"{waits.reason}{cause}; {when}: {waits.then}{_told(waits.values)}"


def _touch(touch: TouchWhy) -> Iterator[str]:
    reason = f", {touch.reason}" if touch.reason else ""
    sent = f" at {_moment(touch.sent_at)}" if touch.sent_at is not None else ""
    yield (
        f"  touch {touch.number}, {touch.step_id} by {touch.channel},"
        f" for {_moment(touch.scheduled_at)}: {touch.phase}{sent}{reason}"
    )
    if touch.commands:
        yield f"    command {', '.join(touch.commands)}"
    if touch.awaited or touch.outcome:
        way = f", so {touch.outcome}" if touch.outcome else ""
        yield f"    then    {touch.awaited or touch.phase}{way}"
    yield from (f"    {_gate(gate)}" for gate in touch.gates)


def _gate(gate: Gate) -> str:
    said = f"{gate.name:<15}{gate.result}"
    if gate.at is not None:
        said += f" {_moment(gate.at)}"
    if gate.reason is not None:
        said += f" {gate.reason}"
    if gate.until is not None:
        said += f", until {_moment(gate.until)}"
    if gate.cause is not None:
        said += f", by {gate.cause}"
    before = [hold for hold in gate.held if (hold.at, hold.reason) != (gate.at, gate.reason)]
    put_off = "; ".join(
        f"put off {_moment(hold.at)} {hold.reason}"
        + (f" until {_moment(hold.until)}" if hold.until is not None else "")
        for hold in before
    )
    return said + _told(gate.values) + (f"; {put_off}" if put_off else "")


def decision(fact: Fact) -> str:
    """One fact as a line."""
    told = {name: value for name in _SHOWN if (value := getattr(fact, name)) is not None}
    if fact.until is not None:
        told["until"] = fact.until
    if fact.occurred_at is not None:
        told["occurred_at"] = fact.occurred_at
    words = " ".join(f"{name}={_value(value)}" for name, value in told.items())
    number = "" if fact.touch_number is None else f" {fact.touch_number}"
    return f"{_moment(fact.at)} {fact.fact.value}{number}  {words}{_told(fact.values or {})}"


def _told(values: Mapping[str, Any]) -> str:
    words = ", ".join(f"{name} {_value(value)}" for name, value in values.items())
    return f" ({words})" if words else ""


def _value(value: Any) -> str:
    match value:
        case None:
            return "none"
        case datetime():
            return _moment(value)
        case {"zone": zone, "zone_from": source, "quiet": quiet, "only": only}:
            own = f", only {only}" if only else ""
            return f"{zone} by the {source}, quiet {quiet or 'never'}{own}"
        case {"used": used, "limit": limit}:
            return f"{used} of {limit}"
        case Mapping():
            return " ".join(f"{name} {_value(each)}" for name, each in value.items())
        case list() | tuple():
            return "+".join(_value(each) for each in value) or "none"
        case str():
            return value
    return str(msgspec.to_builtins(value))


def _moment(at: datetime) -> str:
    """To the second, as all tables here."""
    micros = from_datetime(at)
    return format_rfc3339(micros - micros % 1_000_000)
