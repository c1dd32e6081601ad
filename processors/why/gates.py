"""The gates of a touch in the order in which they are checked (X-3), with the last result of each,
folded from the facts about the touch.

No fact records that the campaign was active, the enrollment active and the touch before done: a
request proves all three. Facts of older versions have no values, so their gates have none either.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from processors.shared.campaign_gate import HOLDS
from processors.shared.tenant_lookup import ADDRESS_OF
from processors.why.causes import CauseIndex
from processors.why.fact_values import readable_values
from schemas.campaigns.campaign_kinds import CONDITIONS
from schemas.channels import CHANNELS
from schemas.internal.facts import Fact, FactKind

PASSED, WAITS, REFUSED, NOT_ASKED = "passed", "waits", "refused", "not asked"
"""The results of a gate."""

CONTACT_GATES = (
    "campaign",
    "enrollment",
    "previous_touch",
    "skip_when",
    "opt_out",
    "address",
    "bounce",
    "template",
    "window",
    "reach",
)
"""The gates of the contact."""

DISPATCH_GATES = ("expiry", "window", "reach", "sender_limit", "priority")
"""The gates of dispatch. Its check of suppressed addresses counts for `opt_out` and `bounce`. It
looks at `reach` only where another contact with the address was reached."""

_CALL_CONTACT_GATES = (
    *CONTACT_GATES[: CONTACT_GATES.index("window")],
    "number_kind",
    "agent",
    "caller_number",
    "window",
    "call_hours",
    "reach",
)
_CALL_DISPATCH_GATES = ("expiry", "window", "call_hours", "reach", "number", "slots", "priority")


class _Order(NamedTuple):
    """The gates of a kind of touch, in the order in which they are checked. `limit` is the one that
    all limits are behind."""

    contact: tuple[str, ...]
    dispatch: tuple[str, ...]
    limit: str

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.contact, *(name for name in self.dispatch if name not in self.contact))


_MESSAGES = _Order(CONTACT_GATES, DISPATCH_GATES, "sender_limit")
_CALLS = _Order(_CALL_CONTACT_GATES, _CALL_DISPATCH_GATES, "slots")

GATE_ORDER = _MESSAGES.all


def _order_of(channel: str) -> _Order:
    row = CHANNELS.get(channel)
    return _CALLS if row is not None and row.by_pool else _MESSAGES


def gate_order(channel: str) -> tuple[str, ...]:
    """The gates of a touch of a channel, in the order in which they are checked."""
    return _order_of(channel).all


_DEFERRED_BY = {
    "quiet_hours": "window",
    "frequency_cap": "reach",
    "min_gap": "reach",
    "call_hours": "call_hours",
    "number_busy": "number",
    "number_gap": "number",
    "number_day": "number",
    "suppressions_pending": "opt_out",
    **dict.fromkeys(HOLDS.values(), "campaign"),
}
"""The gate of each reason to defer a touch; all others are limits."""

_SKIPPED_BY = {
    "complained": "opt_out",
    "no_address": "address",
    "address_bounced": "bounce",
    "no_template": "template",
    "holdout": "template",
    "outside_layer": "template",
    "no_window": "window",
    "expired": "expiry",
    "number_not_allowed": "number_kind",
    "agent_unknown": "agent",
    "number_unknown": "caller_number",
    "sender_gone": "sender_limit",
    "no_sender": "sender_limit",
    "pool_unknown": "slots",
    "channel_not_preferred": "skip_when",
    **{name: "skip_when" for name in CONDITIONS if name != "no_address"},
}
"""The gate of each reason to skip a touch. Other reasons belong to the enrollment."""

_LIMIT_VALUES = ("sender_id", "pool_id", "used", "limit", "limits")
"""The values of a command that are about limits."""

_VARIANT_VALUES = ("experiment_id", "variant", "assigned_by")
"""The values of a request that are about the experiment by which its template was chosen."""

_NOT_FOR_REPEATS = ("skip_when", "reach")
"""Gates that are not checked again before the second emission of a command."""

_SCHEDULED, _AT_DISPATCH, _OUT, _WITHDRAWN, _ENDED = (
    "scheduled",
    "at dispatch",
    "out",
    "withdrawn",
    "ended",
)
"""Where the touch is, which decides who checks a gate next, if anyone does."""


class Hold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One time that a gate made the touch wait."""

    at: datetime
    reason: str
    until: datetime | None = None
    values: dict[str, Any] = {}


class Gate(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A gate with its last result, and with the times that it made the touch wait."""

    name: str
    result: str
    at: datetime | None = None
    reason: str | None = None
    until: datetime | None = None
    values: dict[str, Any] = {}
    cause: str | None = None
    held: list[Hold] = []


def gate_of(reason: str) -> str:
    """The gate of a reason to skip a touch."""
    if reason.startswith("opted_out_"):
        return "opt_out"
    if reason.startswith("campaign_"):
        return "campaign"
    return _SKIPPED_BY.get(reason, "enrollment")


class TouchGates:
    """The gates of one touch of a channel. `before` describes the end of the touch before, for the
    values of the gate `previous_touch`."""

    def __init__(self, causes: CauseIndex, before: dict[str, Any], channel: str) -> None:
        self._causes = causes
        self._before = before
        self._order = _order_of(channel)
        self._gates = {name: Gate(name=name, result=NOT_ASKED, held=[]) for name in self._order.all}
        self._stage = _SCHEDULED
        self._earlier: list[Gate] = []
        """The gates before another attempt was scheduled."""

    def all(self) -> list[Gate]:
        """The gates in the order in which they are checked."""
        return list(self._gates.values())

    def apply(self, fact: Fact) -> None:
        """Folds a fact about the touch, or about its enrollment while the touch is open. Facts come
        in the order of their topic."""
        match fact.fact:
            case FactKind.TOUCH_SCHEDULED:
                self._stage = _SCHEDULED
                self._wait_for_window(fact)
            case FactKind.TOUCH_RETRIED:
                self._stage = _SCHEDULED
                self._earlier = [msgspec.structs.replace(gate) for gate in self._gates.values()]
                self._reset(self._order.all)  # all gates are checked again for another attempt
                self._wait_for_window(fact)
            case FactKind.TOUCH_DEFERRED:
                self._deferred(fact)
            case FactKind.TOUCH_REQUESTED:
                self._requested(fact)
            case FactKind.TOUCH_COMMANDED:
                self._commanded(fact)
            case FactKind.TOUCH_WITHDRAWING:
                self._stage = _WITHDRAWN
            case FactKind.TOUCH_WITHDRAWN:
                self._stage = _SCHEDULED
            case FactKind.ENROLLMENT_STOPPED:
                self._stage = _ENDED
            case FactKind.TOUCH_SKIPPED:
                self._skipped(fact)
            case FactKind.ENROLLMENT_FROZEN:
                self._frozen(fact)
            case FactKind.ENROLLMENT_RESUMED:
                self.release(())

    def restore(self) -> None:
        """Sets the gates to those before another attempt was scheduled, which is not made."""
        self._gates |= {gate.name: gate for gate in self._earlier}
        self._stage = _OUT

    def release(self, holds: Sequence[str]) -> None:
        """Resets the gates that wait because of a pause which is not among the run's holds, unless
        the touch is at dispatch, which may know of a pause before the run does."""
        if self._stage is _AT_DISPATCH:
            return
        gates = (self._gates[name] for name in ("campaign", "enrollment"))
        over = [gate.name for gate in gates if gate.reason not in {f"{h}_paused" for h in holds}]
        self._reset([name for name in over if self._gates[name].result == WAITS])

    def _wait_for_window(self, fact: Fact) -> None:
        """Lets the gate `window` wait if the touch was scheduled for the opening of its window."""
        values = readable_values(fact.values)
        if "window" in values:
            self._hold("window", fact, "quiet_hours", {"window": values["window"]})

    def _deferred(self, fact: Fact) -> None:
        reason = fact.reason or ""
        name = _DEFERRED_BY.get(reason, self._order.limit)
        self._pass_until(name, fact.at)
        self._hold(name, fact, reason, readable_values(fact.values))

    def _requested(self, fact: Fact) -> None:
        values = readable_values(fact.values)
        kept = _NOT_FOR_REPEATS if self._stage is _OUT else ()
        order = self._order
        self._reset([name for name in order.dispatch if name not in kept])
        self._pass([name for name in order.contact if name not in kept], fact.at)
        gate_values: dict[str, dict[str, Any]] = {
            "campaign": {"version": fact.version},
            "address": {"field": ADDRESS_OF[fact.channel]} if fact.channel in ADDRESS_OF else {},
            "skip_when": _picked(values, "skip_when"),
            "template": _picked(values, "template_id", "template_version", *_VARIANT_VALUES),
            "window": _picked(values, "window"),
            "reach": values.get("reach") or {},
        }
        for name, checked in gate_values.items():
            if name not in kept:
                self._gates[name].values = checked
        if "expires_after_seconds" in values:
            expires_at = fact.at + timedelta(seconds=values["expires_after_seconds"])
            self._gates["expiry"].values = {"expires_at": expires_at}
        self._stage = _AT_DISPATCH

    def _commanded(self, fact: Fact) -> None:
        values = readable_values(fact.values)
        self._pass(self._asked_by_dispatch(self._order.dispatch), fact.at)
        self._gates[self._order.limit].values = _picked(values, *_LIMIT_VALUES)
        self._gates["priority"].values = _picked(values, "priority")
        if "window" in values:
            self._gates["window"].values = _picked(values, "window")
        if "hours" in values:
            self._gates["call_hours"].values = _picked(values, "hours", "place_by")
        if "template_id" in values:
            self._gates["template"].values |= _picked(values, "template_id")
        self._stage = _OUT

    def _skipped(self, fact: Fact) -> None:
        reason, values = fact.reason or "", readable_values(fact.values)
        name = "skip_when" if "skip_when" in values else gate_of(reason)
        if self._stage is _ENDED and name != "campaign":
            name = "enrollment"  # the touch was skipped because its enrollment ended
        if name not in ("campaign", "enrollment"):
            self._pass_until(name, fact.at)
        gate = self._gates[name]
        gate.result, gate.at, gate.until = REFUSED, fact.at, None
        gate.reason, gate.values = reason, values
        gate.cause = values.get("cause") or fact.cause or self._causes.cause_of(reason, fact)

    def _frozen(self, fact: Fact) -> None:
        hold = fact.reason or ""
        gate = self._gates["campaign" if hold == "campaign" else "enrollment"]
        if self._stage is _OUT:
            gate.held.append(Hold(at=fact.at, reason=f"{hold}_paused"))
            return  # a pause does not revoke a command that is out
        gate.result, gate.at, gate.until = WAITS, fact.at, None
        gate.reason, gate.cause, gate.values = f"{hold}_paused", fact.cause, {}
        gate.held.append(Hold(at=fact.at, reason=f"{hold}_paused"))

    def _hold(self, name: str, fact: Fact, reason: str, values: dict[str, Any]) -> None:
        gate = self._gates[name]
        gate.result, gate.at, gate.reason = WAITS, fact.at, reason
        gate.until, gate.values = fact.until, values
        gate.held.append(Hold(at=fact.at, reason=reason, until=fact.until, values=values))

    def _pass_until(self, name: str, at: datetime) -> None:
        """The gates before this one have passed, and the gates after it were not checked. Dispatch
        does not check the gates of the contact again, so these keep their results.

        No gate is checked while the touch is out or withdrawn."""
        order = self._order
        if self._stage is _SCHEDULED and name in order.contact:
            index = order.contact.index(name)
            self._pass(order.contact[:index], at)
            self._reset(order.all[index + 1 :])
        elif self._stage is _AT_DISPATCH:
            checked = order.dispatch if name in order.dispatch else (name, *order.dispatch)
            index = checked.index(name)
            self._pass(self._asked_by_dispatch(checked[:index]), at)
            self._reset([n for n in checked[index + 1 :] if self._gates[n].result == WAITS])

    def _asked_by_dispatch(self, names: Sequence[str]) -> list[str]:
        """The gates without `reach` where no cap of an address has held the touch at dispatch; and
        `opt_out` where the pool had to learn the suppressed numbers first, and `campaign` where it
        was not active."""
        asked = [n for n in names if n != "reach" or self._gates[n].result == WAITS]
        return asked + [n for n in ("opt_out", "campaign") if self._gates[n].result == WAITS]

    def _pass(self, names: Sequence[str], at: datetime) -> None:
        for name in names:
            gate = self._gates[name]
            gate.result, gate.at = PASSED, at
            gate.reason = gate.until = gate.cause = None
            if name == "previous_touch":
                gate.values = dict(self._before)

    def _reset(self, names: Sequence[str]) -> None:
        for name in names:
            gate = self._gates[name]
            gate.result, gate.values = NOT_ASKED, {}
            gate.at = gate.reason = gate.until = gate.cause = None


def _picked(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}
