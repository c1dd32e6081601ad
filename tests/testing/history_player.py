"""Plays a history in a faulty world, and collects the results."""

from collections.abc import Sequence
from typing import Any

from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import POSITION_KEY
from schemas.internal.topics import COMMANDS
from streams.runtime.roles import PROCESSORS
from tests.testing.builders import tenant
from tests.testing.faulty_world import FaultPlan, FaultyWorld, loop_sizes
from tests.testing.random_calls import CALL_TERMS
from tests.testing.random_histories import (
    ACTION_KINDS,
    Action,
    HistoryContext,
    complete_job,
    publish_campaign,
    sender_reactions,
)


class HistoryPlayer(HistoryContext):
    """Plays a history in a world. `without_ticks` moves the clock past due timers before some
    actions, so that records find timers that are long overdue."""

    def __init__(
        self, world: FaultyWorld, *, limit: int | None = 100, without_ticks: bool = False
    ) -> None:
        super().__init__(world, limit)
        self.without_ticks = without_ticks
        self.hurried = False
        self._answered: set[tuple[str, int]] = set()
        self._pending: list[tuple[int, int, m.Message]] = []

    def play(
        self, history: Sequence[Action], moves: Sequence[int] = (), *, hurried: bool = False
    ) -> FaultyWorld:
        """Plays all actions and one more week. `moves` are numbers of the partitions that move
        between the actions. With `hurried` an action does not wait until the world has settled."""
        with loop_sizes(self.world.plan):
            calls = CALL_TERMS if self.limit == 100 else None
            self._send(tenant(limits={"email": self.limit, "sms": self.limit}, calls=calls))
            self._send(publish_campaign(self, 0, 0), publish_campaign(self, 1, 1))
            self._send(*[each for n in range(3) for each in complete_job(self, n, n)])
            self.hurried = hurried
            for index, action in enumerate(history):
                if moves and self.world.plan.workers_per_role > 1:
                    role = tuple(PROCESSORS)[moves[index % len(moves)] % len(PROCESSORS)]
                    self.world.move_partition(role, moves[index % len(moves)])
                if (self.without_ticks or hurried) and action.variant % 2:
                    self.world.now += int(action.hours * HOUR)  # and no tick comes
                else:
                    self._run(self.world.now + int(action.hours * HOUR))
                self._send(
                    *ACTION_KINDS[action.kind % len(ACTION_KINDS)](
                        self, action.contact, action.variant
                    )
                )
            self.hurried = False
            self._run(self.world.now + 168 * HOUR)
        return self.world

    def _send(self, *messages: m.Message) -> None:
        self.messages += messages
        if not self.hurried:
            self.world.append(*messages)
            self.world.settle()
            return
        for message in messages:
            self.world.append(message)
            self.world.now += MINUTE
        self.world.run_round()

    def _run(self, until: int) -> None:
        world = self.world
        while True:
            world.settle()
            if self._send_due_answers():
                continue
            stop = min(world.next_due(), self._pending[0][0] if self._pending else NEVER)
            if stop > until:
                break
            world.now = max(world.now, (stop + 999) // 1_000 * 1_000)
        world.now = max(world.now, until)

    def _send_due_answers(self) -> bool:
        """Decides the answers to new commands, and appends the answers that are due by now. Returns
        whether there were any."""
        new = [
            t
            for t in self.world.commanded_touches()
            if (t.command_id, t.emission) not in self._answered
        ]
        for touch in sorted(new, key=lambda t: (t.command_id, t.emission)):
            self._answered.add((touch.command_id, touch.emission))
            for minutes, message in sender_reactions(self.world, touch):
                self._pending.append((self.world.now + minutes * MINUTE, self.count, message))
                self.count += 1
        self._pending.sort(key=lambda row: row[:2])
        due = [message for at, _, message in self._pending if at <= self.world.now]
        del self._pending[: len(due)]
        self.world.append(*due)
        self.messages += due
        return bool(due)


def play(history: Sequence[Action], plan: FaultPlan | None = None, **pieces: Any) -> FaultyWorld:
    """Plays a history in a new world of this plan. `pieces` replace its tasks, workers or
    transports."""
    return HistoryPlayer(FaultyWorld(plan, **pieces)).play(history)


def play_without_ticks(
    history: Sequence[Action], plan: FaultPlan | None = None, **pieces: Any
) -> FaultyWorld:
    """Plays a history whose records find timers that are long overdue, with a tight limit."""
    return HistoryPlayer(FaultyWorld(plan, **pieces), limit=2, without_ticks=True).play(history)


def play_hurried(
    history: Sequence[Action], plan: FaultPlan | None = None, **pieces: Any
) -> FaultyWorld:
    """Plays a history in batches of many moments, while partitions move."""
    return HistoryPlayer(FaultyWorld(plan, **pieces)).play(history, range(7), hurried=True)


# Dispatch processes at its own pace: the order between its facts and those of the contact varies.
_DISPATCH_FACTS = (
    FactKind.TOUCH_COMMANDED,
    FactKind.TOUCH_DEFERRED,
    FactKind.TOUCH_REVOKED,
    FactKind.CALL_SLOT_GRANTED,
    FactKind.CALL_SLOT_FREED,
    FactKind.CALL_SLOT_EXPIRED,
    FactKind.CALL_OVERRUN,
    FactKind.CALL_PROGRESSED,
)


def visible_results(world: FaultyWorld) -> dict[str, Any]:
    """Everything that a run leaves behind: the commands, the facts of each key and enrollment in
    order, and all states.

    Two processors may write to one contact at one moment, in either order: their records then
    concern two enrollments, and so do their facts.
    """
    commands = [record.value or b"" for topic in COMMANDS for record in world.broker.topic(topic)]
    results: dict[str, Any] = {"commands": sorted(commands)}
    for fact in world.facts():
        if fact.fact not in _DISPATCH_FACTS:
            of = f"facts of {fact.key().decode()} {fact.enrollment_id or ''}"
            results.setdefault(of, []).append(fact)
    results["dispatch"] = sorted(repr(f) for f in world.facts(*_DISPATCH_FACTS))
    for role in PROCESSORS:
        states = world.states(role).items()
        results[role] = {name: value for name, value in states if name[1] != POSITION_KEY}
    return results
