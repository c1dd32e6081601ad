"""The gates of a touch in the order they are asked (X-3), and what each said last: folded from the
facts about it.

Three of the gates are never told of when they let a touch pass, because a request or a command
could not be there otherwise: the campaign runs, the enrollment is active, the touch before is done.
What is not known is said to be not known: facts of before the values were kept have none.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from processors.shared.tenant_lookup import ADDRESS_OF
from processors.why.causes import Sources
from processors.why.fact_values import plain
from schemas.campaigns.campaign_kinds import CONDITIONS
from schemas.internal.facts import Fact, FactKind

PASSED, WAITS, REFUSED, NOT_ASKED = "passed", "waits", "refused", "not asked"

ASKED_BY_CONTACT = (
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
ASKED_BY_DISPATCH = ("expiry", "window", "sender_limit", "priority")
"""Suppression is asked there too, by address: it answers for `opt_out` and `bounce`."""

ORDER = (*ASKED_BY_CONTACT, "expiry", "sender_limit", "priority")

_HELD_BY = {
    "quiet_hours": "window",
    "frequency_cap": "reach",
    "min_gap": "reach",
    "throttled": "sender_limit",
}
_CLOSED_BY = {
    "complained": "opt_out",
    "no_address": "address",
    "address_bounced": "bounce",
    "no_template": "template",
    "no_window": "window",
    "expired": "expiry",
    **{name: "skip_when" for name in CONDITIONS if name != "no_address"},
}
_FROZEN_BY = {"campaign": "campaign"}

_NOT_FOR_REPEATS = ("skip_when", "reach")
"""A repeat of a command that is out reaches nobody once more, so these are not asked again."""

_SCHEDULED, _AT_DISPATCH, _OUT, _TAKEN_BACK, _ENDED = (
    "scheduled",
    "at dispatch",
    "out",
    "taken back",
    "ended",
)
"""Who would ask a gate next, if anybody."""


class Hold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Once, a gate put the touch off."""

    at: datetime
    reason: str
    until: datetime | None = None
    values: dict[str, Any] = {}


class Gate(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one gate said when it was asked last, and how it has held the touch before."""

    name: str
    result: str
    at: datetime | None = None
    reason: str | None = None
    until: datetime | None = None
    values: dict[str, Any] = {}
    cause: str | None = None
    held: list[Hold] = []


def gate_of(reason: str) -> str:
    """The gate that a reason not to send belongs to; whatever ends a run is its enrollment's."""
    if reason.startswith("opted_out_"):
        return "opt_out"
    if reason.startswith("campaign_"):
        return "campaign"
    return _CLOSED_BY.get(reason, "enrollment")


class Gates:
    """The gates of one touch; facts are taken in the order of their log."""

    def __init__(self, sources: Sources, before: dict[str, Any]) -> None:
        self._sources = sources
        self._before = before
        self._gates = {name: Gate(name=name, result=NOT_ASKED, held=[]) for name in ORDER}
        self._stage = _SCHEDULED

    def all(self) -> list[Gate]:
        """In their order."""
        return list(self._gates.values())

    def take(self, fact: Fact) -> None:
        """One fact about the touch, or about its enrollment while the touch is open."""
        match fact.fact:
            case FactKind.TOUCH_SCHEDULED:
                self._stage = _SCHEDULED
                self._put_off(fact)
            case FactKind.TOUCH_RETRIED:
                self._stage = _SCHEDULED
                self._reset(ORDER)  # another attempt is asked all of them again
                self._put_off(fact)
            case FactKind.TOUCH_DEFERRED:
                self._deferred(fact)
            case FactKind.TOUCH_REQUESTED:
                self._requested(fact)
            case FactKind.TOUCH_COMMANDED:
                self._commanded(fact)
            case FactKind.TOUCH_WITHDRAWING:
                self._stage = _TAKEN_BACK
            case FactKind.TOUCH_WITHDRAWN:
                self._stage = _SCHEDULED
            case FactKind.ENROLLMENT_STOPPED:
                self._stage = _ENDED
            case FactKind.TOUCH_SKIPPED:
                self._skipped(fact)
            case FactKind.ENROLLMENT_FROZEN:
                self._frozen(fact)
            case FactKind.ENROLLMENT_RESUMED:
                self.released(())

    def released(self, holds: Sequence[str]) -> None:
        """The pauses that hold its run still; those that are over hold it no more."""
        gates = (self._gates[name] for name in ("campaign", "enrollment"))
        over = [gate.name for gate in gates if gate.reason not in {f"{h}_paused" for h in holds}]
        self._reset([name for name in over if self._gates[name].result == WAITS])

    def _put_off(self, fact: Fact) -> None:
        """Its time was moved to where its window opens, before it was due."""
        values = plain(fact.values)
        if "window" in values:
            self._hold("window", fact, "quiet_hours", {"window": values["window"]})

    def _deferred(self, fact: Fact) -> None:
        reason = fact.reason or ""
        name = _HELD_BY.get(reason, "sender_limit")
        self._pass_until(name, fact.at)
        self._hold(name, fact, reason, plain(fact.values))

    def _requested(self, fact: Fact) -> None:
        values = plain(fact.values)
        kept = _NOT_FOR_REPEATS if self._stage is _OUT else ()
        self._reset(ASKED_BY_DISPATCH)
        self._pass([name for name in ASKED_BY_CONTACT if name not in kept], fact.at)
        told: dict[str, dict[str, Any]] = {
            "campaign": {"version": fact.version},
            "address": {"field": ADDRESS_OF[fact.channel]} if fact.channel in ADDRESS_OF else {},
            "skip_when": _picked(values, "skip_when"),
            "template": _picked(values, "template_id", "template_version"),
            "window": _picked(values, "window"),
            "reach": values.get("reach") or {},
        }
        for name, found in told.items():
            if name not in kept:
                self._gates[name].values = found
        if "expires_after_seconds" in values:
            expires_at = fact.at + timedelta(seconds=values["expires_after_seconds"])
            self._gates["expiry"].values = {"expires_at": expires_at}
        self._stage = _AT_DISPATCH

    def _commanded(self, fact: Fact) -> None:
        values = plain(fact.values)
        self._pass(ASKED_BY_DISPATCH, fact.at)
        self._gates["sender_limit"].values = _picked(values, "used", "limit")
        self._gates["priority"].values = _picked(values, "priority")
        if "window" in values:
            self._gates["window"].values = _picked(values, "window")
        if "template_id" in values:
            self._gates["template"].values |= _picked(values, "template_id")
        self._stage = _OUT

    def _skipped(self, fact: Fact) -> None:
        reason, values = fact.reason or "", plain(fact.values)
        name = "skip_when" if "skip_when" in values else gate_of(reason)
        if self._stage is _ENDED and name != "campaign":
            name = "enrollment"  # whatever ended that, this touch was asked no gate for it
        if name not in ("campaign", "enrollment"):
            self._pass_until(name, fact.at)
        gate = self._gates[name]
        gate.result, gate.at, gate.until = REFUSED, fact.at, None
        gate.reason, gate.values = reason, values
        source = self._sources.of(reason, fact)
        gate.cause = values.get("cause") or fact.cause or source

    def _frozen(self, fact: Fact) -> None:
        hold = fact.reason or ""
        gate = self._gates[_FROZEN_BY.get(hold, "enrollment")]
        if self._stage is _OUT:
            gate.held.append(Hold(at=fact.at, reason=f"{hold}_paused"))
            return  # its command is out, and is not called back for that
        gate.result, gate.at, gate.until = WAITS, fact.at, None
        gate.reason, gate.cause, gate.values = f"{hold}_paused", fact.cause, {}
        gate.held.append(Hold(at=fact.at, reason=f"{hold}_paused"))

    def _hold(self, name: str, fact: Fact, reason: str, values: dict[str, Any]) -> None:
        gate = self._gates[name]
        gate.result, gate.at, gate.reason = WAITS, fact.at, reason
        gate.until, gate.values = fact.until, values
        gate.held.append(Hold(at=fact.at, reason=reason, until=fact.until, values=values))

    def _pass_until(self, name: str, at: datetime) -> None:
        """Those before it let the touch pass; those after it were not asked, and dispatch leaves
        standing what the contact has asked before."""
        if self._stage is _SCHEDULED and name in ASKED_BY_CONTACT:
            place = ASKED_BY_CONTACT.index(name)
            self._pass(ASKED_BY_CONTACT[:place], at)
            self._reset(ORDER[place + 1 :])
        elif self._stage is _AT_DISPATCH:
            asked = ASKED_BY_DISPATCH if name in ASKED_BY_DISPATCH else (name, *ASKED_BY_DISPATCH)
            place = asked.index(name)
            self._pass(asked[:place], at)
            self._reset([n for n in asked[place + 1 :] if self._gates[n].result == WAITS])
        # else it was taken back or called back: no gate was asked once more

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
