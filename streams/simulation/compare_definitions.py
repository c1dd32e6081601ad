"""Compares two simulations of the same people and events under two definitions or two limits:
which touches are added, removed and moved.

A touch is one send, identified by its command id. The id derives from campaign, contact, step and
attempt, so it is the same on both sides. A recorded event that answers a touch which the other side
does not send is marked: what it reports may not be true there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, KeysView, Mapping
from statistics import median
from struct import Struct
from typing import Any, NamedTuple

from schemas.base.times import HOUR, SECOND, format_rfc3339
from schemas.internal.facts import Fact
from schemas.internal.messages import CommandDue, CommandRevoked, RequestTouch, contact_key
from streams.simulation.behaviour import Behaviour
from streams.simulation.drawn_signals import DrawnSignal
from streams.simulation.scenario import RecordedAnswer, Scenario
from streams.simulation.senders import CommandedTouch, SimulatedSenders
from streams.simulation.simulated_events import SimulatedEvent

DifferenceRow = dict[str, Any]
StepKey = tuple[str, str, str, str]
"""Tenant id, campaign id, step id and channel."""

_STEP_KEY_NAMES = ("tenant_id", "campaign_id", "step_id", "channel")

_PACKED_TOUCH = Struct("16sqII")
"""A touch: command id, time, number of its step, attempt."""


class SimulatedTouch(NamedTuple):
    """One send: its time in microseconds, its step and its attempt."""

    at: int
    step: StepKey
    attempt: int

    def to_row(self) -> DifferenceRow:
        """Returns the touch without tenant and contact, which the caller adds."""
        names = zip(_STEP_KEY_NAMES[1:], self.step[1:], strict=True)
        return {"at": format_rfc3339(self.at), **dict(names), "attempt": self.attempt}


class TouchRecorder:
    """A listener that records every touch. Touches are packed into bytes, because those of both
    sides are in memory at once."""

    def __init__(self) -> None:
        self._packed: dict[bytes, bytes] = {}
        self._steps: list[StepKey] = []
        self._step_numbers: dict[StepKey, int] = {}

    def on_facts(self, facts: list[Fact], now: int) -> None:
        """Ignored: only commands are compared."""

    def on_command(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """Records the first emission of a command; a repetition is the same send."""
        if isinstance(command, CommandRevoked) or command.touch.emission > 1:
            return
        touch = command.touch
        step = (touch.tenant_id, touch.campaign_id, touch.step_id, touch.channel)
        number = self._step_numbers.setdefault(step, len(self._steps))
        if number == len(self._steps):
            self._steps.append(step)
        packed = _PACKED_TOUCH.pack(_id_bytes(touch.command_id), now, number, touch.attempt)
        contact = contact_key(touch.tenant_id, touch.contact_id)
        self._packed[contact] = self._packed.get(contact, b"") + packed

    def on_event(self, touch: CommandedTouch, signal: DrawnSignal, event: SimulatedEvent) -> None:
        """Ignored: every drawn event belongs to a command."""

    def contacts(self) -> KeysView[bytes]:
        """Returns the keys of all contacts that have a touch."""
        return self._packed.keys()

    def touches(self, contact: bytes) -> dict[bytes, SimulatedTouch]:
        """Returns the touches of a contact by the bytes of their command ids."""
        found = {}
        for command, at, number, attempt in _PACKED_TOUCH.iter_unpack(
            self._packed.get(contact, b"")
        ):
            found[command] = SimulatedTouch(at, self._steps[number], attempt)
        return found

    def find(self, reference: RecordedAnswer | RequestTouch) -> SimulatedTouch | None:
        """Returns the touch with the command id of an answer or of a request."""
        touches = self.touches(contact_key(reference.tenant_id, reference.contact_id))
        return touches.get(_id_bytes(reference.command_id))


class SubstituteSenders(SimulatedSenders):
    """Senders for a side without recorded answers of its own.

    A touch that only this side sends, or that it sends after the recorded answer, is sent at once.
    A touch that was not answered in the recording is not answered here either.
    """

    def __init__(self, before: TouchRecorder, answered_at: Mapping[str, int]) -> None:
        """`answered_at` has the time of the last recorded answer by command id."""
        super().__init__(Behaviour.of(None), 0)
        self._before, self._answered_at = before, answered_at

    def receive(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """Sends the touch unless the recording has an answer to it that is still to come, or has
        the touch without an answer."""
        if isinstance(command, CommandDue):
            answered_at = self._answered_at.get(command.touch.command_id)
            unanswered = answered_at is None and self._before.find(command.touch) is not None
            if unanswered or (answered_at is not None and answered_at >= now):
                return
        super().receive(command, now)


def with_substitute_senders(other: Scenario, before: TouchRecorder) -> Scenario:
    """Gives a scenario of recorded events without senders its `SubstituteSenders`."""
    if other.recorded is None or other.senders is not None:
        return other
    return other._replace(senders=SubstituteSenders(before, other.recorded.last_answered_at()))


class TouchChange(NamedTuple):
    """A touch on both sides; None on a side that does not send it."""

    before: SimulatedTouch | None
    after: SimulatedTouch | None

    @property
    def kind(self) -> str:
        """One of `CHANGE_KINDS`."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        if abs(self.after.at - self.before.at) < SAME_WITHIN_US:
            return "same"
        return "moved_earlier" if self.after.at < self.before.at else "moved_later"

    @property
    def touch(self) -> SimulatedTouch:
        """The touch after the change, or the removed one."""
        touch = self.after or self.before
        assert touch is not None, "a change has a touch on one side at least"
        return touch

    def to_row(self) -> DifferenceRow:
        row = self.touch.to_row()
        if self.before is not None and self.after is not None:
            row["was_at"] = format_rfc3339(self.before.at)
        return row


SAME_WITHIN_US = SECOND
"""A touch that moves less is the same. Under a limit, dispatch gathers the requests of one moment
for a fraction of a second."""

CHANGE_KINDS = ("same", "moved_earlier", "moved_later", "added", "removed")


class Comparison:
    """The differences between two sides: `before` as the campaigns are, `after` as they would be.

    `marked_events` has the recorded answers to a touch that `after` does not send, or sends later
    than the answer.
    """

    def __init__(
        self, before: TouchRecorder, after: TouchRecorder, answers: Iterable[RecordedAnswer]
    ) -> None:
        self._before, self._after = before, after
        self._contacts = sorted(before.contacts() | after.contacts())
        self.marked_events = list(self._mark(answers))

    def changed_contacts(self) -> Iterator[DifferenceRow]:
        """Yields a row for each contact with a difference."""
        for contact in self._contacts:
            rows: dict[str, list[DifferenceRow]] = {"added": [], "removed": [], "moved": []}
            for change in self._changes(contact):
                if change.kind != "same":
                    rows[change.kind.partition("_")[0]].append(change.to_row())
            if any(rows.values()):
                tenant_id, _, contact_id = contact.decode().partition("/")
                yield {"tenant_id": tenant_id, "contact_id": contact_id, **rows}

    def summary(self) -> DifferenceRow:
        """Returns the numbers of touches by kind of change, in total and by step."""
        counts: dict[StepKey, Counter[str]] = {}
        shifts: dict[StepKey, list[int]] = {}
        changed_contacts = 0
        for contact in self._contacts:
            changed = False
            for change in self._changes(contact):
                kind, step = change.kind, change.touch.step
                changed = changed or kind != "same"
                counts.setdefault(step, Counter())[kind] += 1
                if change.before is not None and change.after is not None and kind != "same":
                    shifts.setdefault(step, []).append(change.after.at - change.before.at)
            changed_contacts += changed
        total: Counter[str] = sum(counts.values(), Counter())
        reasons = Counter(row["why"] for row in self.marked_events)
        return {
            "touches": {kind: total[kind] for kind in CHANGE_KINDS},
            "people": {"changed": changed_contacts, "all": len(self._contacts)},
            "by_step": [
                _step_row(step, by_kind, shifts.get(step)) for step, by_kind in counts.items()
            ],
            "marked_events": dict(sorted(reasons.items())),
        }

    def _changes(self, contact: bytes) -> Iterator[TouchChange]:
        """Yields the touches of `before` in order of time, then those that only `after` has."""
        before, after = self._before.touches(contact), self._after.touches(contact)
        for command, touch in before.items():
            yield TouchChange(touch, after.get(command))
        for command, touch in after.items():
            if command not in before:
                yield TouchChange(None, touch)

    def _mark(self, answers: Iterable[RecordedAnswer]) -> Iterator[DifferenceRow]:
        for answer in answers:
            touch = self._after.find(answer)
            if touch is None:
                why = "touch_unknown" if self._before.find(answer) is None else "touch_gone"
            elif touch.at > answer.at:
                why = "touch_later"
            else:
                continue
            yield {**answer._asdict(), "at": format_rfc3339(answer.at), "why": why}


def _step_row(step: StepKey, counts: Counter[str], shifts_us: list[int] | None) -> DifferenceRow:
    row: DifferenceRow = dict(zip(_STEP_KEY_NAMES, step, strict=True))
    row.update({kind: counts[kind] for kind in CHANGE_KINDS})
    row["median_shift_hours"] = None if shifts_us is None else round(median(shifts_us) / HOUR, 3)
    return row


def _id_bytes(command_id: str) -> bytes:
    """Returns the 16 bytes of a UUID, half the size of its text; b"" for any other id, which no
    command has."""
    try:
        return bytes.fromhex(command_id.replace("-", ""))
    except ValueError:
        return b""
