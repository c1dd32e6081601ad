"""The facts of a run, each assigned to its touch: gates, slots and commands by the number of the
touch."""

from typing import Any

from processors.why.call_slots import CallSlots
from processors.why.causes import CauseIndex
from processors.why.gates import TouchGates
from schemas.internal.enrollment import Enrollment
from schemas.internal.facts import Fact, FactKind

_ENDS = (FactKind.TOUCH_SENT, FactKind.TOUCH_SKIPPED, FactKind.TOUCH_FAILED)


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
        self.gates[number].apply(fact)
        self.slots[number].apply(fact)
        if fact.command_id and fact.command_id not in self.commands.setdefault(number, []):
            self.commands[number].append(fact.command_id)
        if fact.fact in _ENDS:
            self._ends[number] = {"step": fact.step_id, "became": fact.fact.value, "at": fact.at}

    def _begin(self, number: int, fact: Fact) -> None:
        channel = self._channels.get(number) or fact.channel or ""
        gates = TouchGates(self._causes, self._ends.get(number - 1, {}), channel)
        self.gates[number], self.slots[number] = gates, CallSlots()
        for pause in self._frozen:  # a pause that began during the touch before
            gates.apply(pause)
        self._current = number

    def _reopen(self, number: int) -> None:
        """A touch that was sent has come back and is sent again (C-25). A touch behind it that was
        planned only is planned anew."""
        del self._ends[number]
        self._current = number
        planned = [each for each in self.gates if each > number and each not in self.commands]
        for later in planned:
            del self.gates[later], self.slots[later]
