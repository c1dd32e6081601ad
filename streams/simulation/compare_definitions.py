"""The same people and events under two definitions, or two limits: which touches are added, removed
and moved.

A touch is one send, known by its command's id: that derives from campaign, person, step and
attempt, so it is the same under both. A recorded event that answers a touch which the other side
never sends is marked: what it says of the person may not be believed there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, KeysView, Mapping
from statistics import median
from struct import Struct
from typing import Any, NamedTuple

from schemas.base.times import HOUR, format_rfc3339
from schemas.internal.facts import Fact
from schemas.internal.messages import CommandDue, CommandRevoked, RequestTouch, contact_key
from streams.simulation.behaviour import Behaviour
from streams.simulation.scenario import RecordedAnswer, Scenario
from streams.simulation.senders import CommandedTouch, DrawnSignal, SimulatedSenders
from streams.simulation.simulated_events import SimulatedEvent

Row = dict[str, Any]
Step = tuple[str, str, str, str]
"""Its tenant, its campaign, its own id and its channel."""

_NAMES = ("tenant_id", "campaign_id", "step_id", "channel")

_ROW = Struct("16sqII")
"""A touch: its command, its time, its step by number, and which attempt it is."""


class SimulatedTouch(NamedTuple):
    """One send: when it goes out, and as what."""

    at: int
    step: Step
    attempt: int

    def told(self) -> Row:
        """Whose it is stands beside it."""
        names = zip(_NAMES[1:], self.step[1:], strict=True)
        return {"at": format_rfc3339(self.at), **dict(names), "attempt": self.attempt}


class TouchRecorder:
    """A listener that keeps every touch, as bytes: all of both sides are held at once."""

    def __init__(self) -> None:
        self._people: dict[bytes, bytes] = {}
        self._steps: list[Step] = []
        self._places: dict[Step, int] = {}

    def facts(self, facts: list[Fact], now: int) -> None:
        """What was decided shows in what goes out."""

    def command(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """A repeat is the same send."""
        if isinstance(command, CommandRevoked) or command.touch.emission > 1:
            return
        told = command.touch
        step = (told.tenant_id, told.campaign_id, told.step_id, told.channel)
        place = self._places.setdefault(step, len(self._steps))
        if place == len(self._steps):
            self._steps.append(step)
        row = _ROW.pack(_short(told.command_id), now, place, told.attempt)
        person = contact_key(told.tenant_id, told.contact_id)
        self._people[person] = self._people.get(person, b"") + row

    def event(self, who: CommandedTouch, said: DrawnSignal, told: SimulatedEvent) -> None:
        """Drawn for a command, and so never without one."""

    def people(self) -> KeysView[bytes]:
        """Everybody who was reached."""
        return self._people.keys()

    def of(self, person: bytes) -> dict[bytes, SimulatedTouch]:
        """A person's touches, by their commands."""
        found = {}
        for command, at, place, attempt in _ROW.iter_unpack(self._people.get(person, b"")):
            found[command] = SimulatedTouch(at, self._steps[place], attempt)
        return found

    def find(self, heard: RecordedAnswer | RequestTouch) -> SimulatedTouch | None:
        """The touch that an event answers, or that a command is of."""
        touches = self.of(contact_key(heard.tenant_id, heard.contact_id))
        return touches.get(_short(heard.command_id))


class SubstituteSenders(SimulatedSenders):
    """Senders for a side of which nothing is recorded: a touch that is sent on this side alone, or
    after its recorded answer, is sent at once. Whom nobody answered then, nobody answers now."""

    def __init__(self, was: TouchRecorder, answered: Mapping[str, int]) -> None:
        """`answered` is when each command was last said to be sent, or not."""
        super().__init__(Behaviour.of(None), 0)
        self._was, self._answered = was, answered

    def take(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """What the record has an answer to is left to it."""
        if isinstance(command, CommandDue):
            told_at = self._answered.get(command.touch.command_id)
            silent = told_at is None and self._was.find(command.touch) is not None
            if silent or (told_at is not None and told_at >= now):
                return
        super().take(command, now)


def with_substitute_senders(other: Scenario, was: TouchRecorder) -> Scenario:
    """The other side, with somebody to answer what its record cannot."""
    if other.recorded is None or other.senders is not None:
        return other
    return other._replace(senders=SubstituteSenders(was, other.recorded.answered()))


class TouchChange(NamedTuple):
    """What became of one touch of a person: on one side only, or at another time."""

    was: SimulatedTouch | None
    now: SimulatedTouch | None


class Comparison:
    """Two sides: `was` as it is, `now` as it would be."""

    def __init__(
        self, was: TouchRecorder, now: TouchRecorder, heard: Iterable[RecordedAnswer]
    ) -> None:
        self._was, self._now = was, now
        self._people = sorted(was.people() | now.people())
        self.marked = list(self._mark(heard))

    def people(self) -> Iterator[Row]:
        """Everybody for whom something is different."""
        for person in self._people:
            rows: dict[str, list[Row]] = {"added": [], "removed": [], "moved": []}
            for change in self._pairs(person):
                if (what := _what(change)) != "same":
                    rows[what.partition("_")[0]].append(_said(change))
            if any(rows.values()):
                tenant_id, _, contact_id = person.decode().partition("/")
                yield {"tenant_id": tenant_id, "contact_id": contact_id, **rows}

    def told(self) -> Row:
        """In sum, and by step."""
        sums: dict[Step, Counter[str]] = {}
        shifts: dict[Step, list[int]] = {}
        changed = 0
        for person in self._people:
            different = False
            for change in self._pairs(person):
                what = _what(change)
                different = different or what != "same"
                step = _step(change)
                sums.setdefault(step, Counter())[what] += 1
                if change.was is not None and change.now is not None and what != "same":
                    shifts.setdefault(step, []).append(change.now.at - change.was.at)
            changed += different
        whole: Counter[str] = sum(sums.values(), Counter())
        return {
            "touches": {what: whole[what] for what in _WHAT},
            "people": {"changed": changed, "all": len(self._people)},
            "by_step": [_row(step, counts, shifts.get(step)) for step, counts in sums.items()],
            "marked_events": dict(sorted(Counter(row["why"] for row in self.marked).items())),
        }

    def _pairs(self, person: bytes) -> Iterator[TouchChange]:
        """In order of time on the side that is, then what is only on the other."""
        was, now = self._was.of(person), self._now.of(person)
        for command, touch in was.items():
            yield TouchChange(touch, now.get(command))
        for command, touch in now.items():
            if command not in was:
                yield TouchChange(None, touch)

    def _mark(self, heard: Iterable[RecordedAnswer]) -> Iterator[Row]:
        """Recorded events that the other side has no touch for, or not yet."""
        for event in heard:
            touch = self._now.find(event)
            if touch is None:
                why = "touch_unknown" if self._was.find(event) is None else "touch_gone"
            elif touch.at > event.at:
                why = "touch_later"
            else:
                continue
            yield {**event._asdict(), "at": format_rfc3339(event.at), "why": why}


_WHAT = ("same", "moved_earlier", "moved_later", "added", "removed")


def _what(change: TouchChange) -> str:
    if change.was is None:
        return "added"
    if change.now is None:
        return "removed"
    if change.was.at == change.now.at:
        return "same"
    return "moved_earlier" if change.now.at < change.was.at else "moved_later"


def _said(change: TouchChange) -> Row:
    touch = change.now or change.was
    assert touch is not None, "a change is of a touch"
    row = touch.told()
    if change.was is not None and change.now is not None:
        row["was_at"] = format_rfc3339(change.was.at)
    return row


def _step(change: TouchChange) -> Step:
    touch = change.now or change.was
    assert touch is not None, "a change is of a touch"
    return touch.step


def _row(step: Step, counts: Counter[str], shifts: list[int] | None) -> Row:
    row: Row = dict(zip(_NAMES, step, strict=True))
    row.update({what: counts[what] for what in _WHAT})
    row["median_shift_hours"] = None if shifts is None else round(median(shifts) / HOUR, 3)
    return row


def _short(command_id: str) -> bytes:
    """A UUID, as all of ours are, takes half the room as bytes; any other id names no touch."""
    try:
        return bytes.fromhex(command_id.replace("-", ""))
    except ValueError:
        return b""
