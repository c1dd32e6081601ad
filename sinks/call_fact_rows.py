"""Rows of calls, computed from facts: one row for every command that has had a slot or was reported
as a call.

An end that is reported again, late or better known, replaces the one before; a review never touches
what the call was (S3-20).
"""

from collections.abc import Callable
from typing import Any

from schemas.internal.facts import Fact, FactKind
from sinks.copy_values import Row, timestamptz_of
from sinks.tables import TABLES, Merge

_CALLS = TABLES["calls"]
_IDS = _CALLS.columns.index("slot_granted_at")
"""The columns before this one identify the call; the first fact of a call fills them."""

_RULES = dict(zip(_CALLS.columns[_IDS:], _CALLS.merges[_IDS:], strict=True))

Columns = dict[str, Any]

_PROGRESS = {
    "initiated": "initiated_at",
    "placing": "initiated_at",
    "ringing": "ringing_at",
    "in_progress": "in_progress_at",
    "live": "in_progress_at",
}
"""The column of each state of a call, by the words of senders and of slots."""


def _granted(fact: Fact, at: int, values: Columns) -> Columns:
    return {
        "slot_granted_at": at,
        "slot_until": None if fact.until is None else timestamptz_of(fact.until),
        "pool_id": values.get("pool_id"),
        "agent_id": values.get("agent_id"),
    }


def _progressed(fact: Fact, at: int, values: Columns) -> Columns:
    column = _PROGRESS.get(values.get("state") or fact.reason or "")
    return {"call_id": values.get("call_id")} | ({column: at} if column else {})


def _ended(fact: Fact, at: int, values: Columns) -> Columns:
    """What belongs to one report of an end stays together: what the report leaves out is empty."""
    return {
        "ended_at": at,
        "outcome": fact.reason or "",
        "raw_status": values.get("raw_status") or "",
        "answered_by": values.get("answered_by") or "",
        "seconds": values.get("seconds") or 0,
        "call_id": values.get("call_id"),
    }


def _freed(fact: Fact, at: int, _: Columns) -> Columns:
    return {"slot_freed_at": at, "freed_by": fact.reason}


def _expired(_: Fact, at: int, __: Columns) -> Columns:
    return {"slot_expired_at": at}


def _overrun(_: Fact, at: int, __: Columns) -> Columns:
    return {"overrun_at": at}


def _reviewed(_: Fact, at: int, values: Columns) -> Columns:
    return {"reviewed_at": at, "reviewed": values.get("success"), "result": values.get("result")}


_OF_CALLS: dict[FactKind, Callable[[Fact, int, Columns], Columns]] = {
    FactKind.CALL_SLOT_GRANTED: _granted,
    FactKind.CALL_PROGRESSED: _progressed,
    FactKind.TOUCH_CALL_ENDED: _ended,
    FactKind.CALL_SLOT_FREED: _freed,
    FactKind.CALL_SLOT_EXPIRED: _expired,
    FactKind.CALL_OVERRUN: _overrun,
    FactKind.CALL_REVIEWED: _reviewed,
}
"""The columns that each kind of fact fills."""


class CallRows:
    """The rows of the calls of one batch of facts."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], tuple[Fact, Columns]] = {}

    def add(self, fact: Fact, recorded_at: int) -> None:
        """Adds a fact; without effect for one that is not about a call."""
        fill = _OF_CALLS.get(fact.fact)
        if fill is None or fact.command_id is None:
            return
        happened_at = recorded_at if fact.occurred_at is None else timestamptz_of(fact.occurred_at)
        key = (fact.tenant_id, fact.command_id)
        _, columns = self._calls.setdefault(key, (fact, {}))
        filled = fill(fact, happened_at, fact.values or {}) | {"updated_at": recorded_at}
        for name, value in filled.items():
            columns[name] = _merged(_RULES[name], columns.get(name), value)

    def rows(self) -> list[Row]:
        """A row for each call."""
        return [
            (
                tenant_id,
                command_id,
                fact.contact_id,
                fact.campaign_id,
                fact.version,
                fact.enrollment_id,
                fact.step_id,
                fact.touch_number,
                fact.attempt,
                *(columns.get(name) for name in _RULES),
            )
            for (tenant_id, command_id), (fact, columns) in self._calls.items()
        ]


def _merged(rule: Merge, before: Any, new: Any) -> Any:
    """What the merge of the table makes of two values."""
    if before is None or new is None:
        return new if before is None else before
    if rule is Merge.EARLIEST:
        return min(before, new)
    return new if rule is Merge.LATEST else before
