"""Plays a history in a rig, and looks at what it leaves."""

from collections.abc import Sequence
from typing import Any

from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import POSITION_KEY
from schemas.internal.topics import COMMANDS
from streams.runtime.roles import PROCESSORS
from tests.crash.faulty_world import Plan, Rig, sizes
from tests.crash.histories import MOVES, Move, Told, job, publish, reaction
from tests.testing.builders import tenant


class Player(Told):
    """Plays a history in a rig, and keeps what was said so that it can be said again."""

    def __init__(self, rig: Rig, *, limit: int | None = 100, sleepy: bool = False) -> None:
        super().__init__(rig, limit)
        self.sleepy = sleepy
        self.hurried = False
        self._answered: set[tuple[str, int]] = set()
        self._coming: list[tuple[int, int, m.Message]] = []

    def play(
        self, history: Sequence[Move], moves: Sequence[int] = (), *, hurried: bool = False
    ) -> Rig:
        """All of it, and a week more; `moves` names the partitions that move between the steps.
        `hurried`: what is told next does not wait until what was told is done."""
        with sizes(self.rig.plan):
            self._say(tenant(limits={"email": self.limit, "sms": self.limit}))
            self._say(publish(self, 0, 0), publish(self, 1, 1))
            self._say(*[one for who in range(3) for one in job(self, who, who)])
            self.hurried = hurried
            for index, move in enumerate(history):
                if moves and self.rig.plan.crew > 1:
                    role = tuple(PROCESSORS)[moves[index % len(moves)] % len(PROCESSORS)]
                    self.rig.move(role, moves[index % len(moves)])
                if (self.sleepy or hurried) and move.what % 2:
                    self.rig.now += int(move.hours * HOUR)  # and no tick comes
                else:
                    self._run(self.rig.now + int(move.hours * HOUR))
                self._say(*MOVES[move.kind % len(MOVES)](self, move.who, move.what))
            self.hurried = False
            self._run(self.rig.now + 168 * HOUR)
        return self.rig

    def _say(self, *messages: m.Message) -> None:
        self.said += messages
        if not self.hurried:
            self.rig.append(*messages)
            self.rig.settle()
            return
        for message in messages:
            self.rig.append(message)
            self.rig.now += MINUTE
        self.rig.look()

    def _run(self, until: int) -> None:
        rig = self.rig
        while True:
            rig.settle()
            if self._answer():
                continue
            stop = min(rig.next_due(), self._coming[0][0] if self._coming else NEVER)
            if stop > until:
                break
            rig.now = max(rig.now, (stop + 999) // 1_000 * 1_000)
        rig.now = max(rig.now, until)

    def _answer(self) -> bool:
        """Senders look at what is new; what is due to be said by now is said."""
        fresh = [
            t
            for t in self.rig.commanded_touches()
            if (t.command_id, t.emission) not in self._answered
        ]
        for touch in sorted(fresh, key=lambda t: (t.command_id, t.emission)):
            self._answered.add((touch.command_id, touch.emission))
            for minutes, message in reaction(self.rig, touch):
                self._coming.append((self.rig.now + minutes * MINUTE, self.count, message))
                self.count += 1
        self._coming.sort(key=lambda row: row[:2])
        now = [message for at, _, message in self._coming if at <= self.rig.now]
        del self._coming[: len(now)]
        self.rig.append(*now)
        self.said += now
        return bool(now)


def play(history: Sequence[Move], plan: Plan | None = None, **pieces: Any) -> Rig:
    """The history in a fresh rig."""
    return Player(Rig(plan, **pieces)).play(history)


def sleep(history: Sequence[Move], plan: Plan | None = None, **pieces: Any) -> Rig:
    """The same where nobody tells the time: records find timers that are long overdue."""
    return Player(Rig(plan, **pieces), limit=2, sleepy=True).play(history)


def hurry(history: Sequence[Move], plan: Plan | None = None, **pieces: Any) -> Rig:
    """The same in batches of many moments, while partitions move."""
    return Player(Rig(plan, **pieces)).play(history, range(7), hurried=True)


# Dispatch speaks of a contact at its own pace: no order is fixed between its facts and others.
_DISPATCH_SAYS = (FactKind.TOUCH_COMMANDED, FactKind.TOUCH_DEFERRED, FactKind.TOUCH_REVOKED)


def world_sees(rig: Rig) -> dict[str, Any]:
    """Commands, facts in order per key, and every state: all that a run leaves behind."""
    commands = [record.value or b"" for topic in COMMANDS for record in rig.broker.topic(topic)]
    seen: dict[str, Any] = {"commands": sorted(commands)}
    for fact in rig.facts():
        if fact.fact not in _DISPATCH_SAYS:
            seen.setdefault(f"facts of {fact.key().decode()}", []).append(fact)
    seen["dispatch"] = sorted(repr(f) for f in rig.facts(*_DISPATCH_SAYS))
    for role in PROCESSORS:
        states = rig.states(role)
        seen[role] = {place: value for place, value in states.items() if place[1] != POSITION_KEY}
    return seen
