"""The facts of a run, each assigned to its touch: gates, slots and commands by the number of the
touch."""

from typing import Any

from processors.why.call_slots import CallSlots
from processors.why.causes import CauseIndex
from processors.why.gates import TouchGates
from schemas.internal.enrollment import Enrollment
from schemas.internal.facts import Fact, FactKind

_ENDS = (FactKind.TOUCH_SENT, FactKind.TOUCH_SKIPPED, FactKind.TOUCH_FAILED)
_ARRIVED = "arrived"


class TouchFacts:
    """Folds the facts of a run in their order. A fact about the enrollment counts for the touch
    that is open at its time, which is the last touch with a fact before."""

    def __init__(self, run: Enrollment, causes: CauseIndex) -> None:
        self.gates: dict[int, TouchGates] = {}
        self.slots: dict[int, CallSlots] = {}
        self.commands: dict[int, list[str]] = {}
        self._causes = causes
        self._channels = {touch.number: touch.channel for touch in run.touches}
        self._ends: dict[int, dict[str, Any]] = {}
        self._current = 0
        self._frozen: list[Fact] = []

    def apply(self, fact: Fact) -> None:
        """Folds one fact."""
        number = fact.touch_number
        if fact.fact is FactKind.ENROLLMENT_FROZEN:
            self._frozen.append(fact)
        elif fact.fact is FactKind.ENROLLMENT_RESUMED:
            self._frozen.clear()
        if number is None:
            if self._current in self.gates and self._current not in self._ends:
                self.gates[self._current].apply(fact)
            return
        if fact.fact is FactKind.TOUCH_RETRIED and number in self._ends:
            self._reopen(number)
        if number not in self.gates:
            self._begin(number, fact)
        if _has_arrived(fact):
            self.gates[number].restore()
        else:
            self.gates[number].apply(fact)
        self.slots[number].apply(fact)
        if fact.command_id and fact.command_id not in self.commands.setdefault(number, []):
            self.commands[number].append(fact.command_id)
        if fact.fact in _ENDS or _has_arrived(fact):
            became = fact.fact.value if fact.fact in _ENDS else FactKind.TOUCH_SENT.value
            self._ends[number] = {"step": fact.step_id, "became": became, "at": fact.at}

    def _begin(self, number: int, fact: Fact) -> None:
        channel = self._channels.get(number) or fact.channel or ""
        gates = TouchGates(self._causes, self._ends.get(number - 1, {}), channel)
        self.gates[number], self.slots[number] = gates, CallSlots()
        for pause in self._frozen:  # a pause that began during the touch before
            gates.apply(pause)
        self._current = number

    def _reopen(self, number: int) -> None:
        """A touch that was sent has come back and is sent again (C-25). What was planned behind it
        is planned anew."""
        self._current = number
        for later in [each for each in self.gates if each > number]:
            del self.gates[later], self.slots[later]
        for ended in [each for each in self._ends if each >= number]:
            del self._ends[ended]


def _has_arrived(fact: Fact) -> bool:
    """Whether a touch that was to be sent again is not, because it arrived after all (C-25)."""
    return fact.fact is FactKind.TOUCH_WITHDRAWN and fact.reason == _ARRIVED
