"""The slots that the calls of a touch have had in their pool, folded from the facts about it."""

from datetime import datetime
from typing import Any

import msgspec

from schemas.internal.facts import Fact, FactKind


class CallSlot(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The slot of one call. `state` is placing, ringing, live or overrun while it is taken; then
    freed, or expired if nobody has reported the end of the call in time. `until` is when it ends by
    itself. `outcome` is that of the call, `late_seconds` how long after the slot had expired the
    end was reported."""

    command_id: str
    pool_id: str
    state: str
    granted_at: datetime
    until: datetime | None = None
    place_by: str | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    seconds: int | None = None
    held_seconds: int | None = None
    late_seconds: int | None = None
    cause: str | None = None
    success: bool | None = None
    """Whether the call led to what it was for, as it was found out later."""


class CallSlots:
    """The slots of the calls of one touch, by command."""

    def __init__(self) -> None:
        self._slots: dict[str, CallSlot] = {}

    def all(self) -> list[CallSlot]:
        """The slots in the order in which they were granted."""
        return list(self._slots.values())

    def apply(self, fact: Fact) -> None:
        """Folds a fact about the touch. Facts of two processors may come in either order."""
        values: dict[str, Any] = msgspec.to_builtins(fact.values or {})
        if fact.fact is FactKind.CALL_SLOT_GRANTED and fact.command_id is not None:
            self._slots[fact.command_id] = CallSlot(
                command_id=fact.command_id,
                pool_id=values.get("pool_id", ""),
                state="placing",
                granted_at=fact.at,
                until=fact.until,
            )
        slot = self._slots.get(fact.command_id or "")
        if slot is None:
            return
        match fact.fact:
            case FactKind.TOUCH_COMMANDED:
                slot.place_by = values.get("place_by")
            case FactKind.CALL_PROGRESSED | FactKind.CALL_OVERRUN if fact.until is not None:
                slot.state, slot.until = values.get("state", slot.state), fact.until
            case FactKind.CALL_SLOT_EXPIRED:
                slot.state, slot.ended_at = "expired", fact.at
            case FactKind.CALL_SLOT_FREED:
                _free(slot, fact, values)
            case FactKind.CALL_REVIEWED:
                slot.success = values.get("success")


def _free(slot: CallSlot, fact: Fact, values: dict[str, Any]) -> None:
    """The end of a call; of a late one the slot was free already."""
    slot.outcome, slot.cause = fact.reason, fact.cause
    slot.seconds, slot.held_seconds = values.get("seconds"), values.get("held_seconds")
    slot.late_seconds = values.get("late_seconds")
    if slot.late_seconds is None:
        slot.state, slot.ended_at = "freed", fact.at
