"""The owner of a call pool against a model in plain Python, over random histories in which a fifth
of the calls never end, and others end late, twice or in another order."""

from collections.abc import Callable
from random import Random

import pytest

from processors.dispatch import DispatchProcessor
from processors.fold.task import Record, Task
from schemas.base.times import DAY, SECOND
from schemas.internal import messages as m
from schemas.internal.call_states import Lease
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY
from tests.oracle.call_model import CallModel, ModelCall
from tests.processors.dispatch.calls_log import POOL, call, pool, reported, tenant_calls
from tests.processors.dispatch.dispatch_log import decode_dispatch_state
from tests.testing.world import START

HISTORIES, PARTS = 2_000, 20
STEPS = 60
TENANTS, CAMPAIGNS, AGENTS = "abc", ("k1", "k2"), (None, "x", "y")
LOST = 0.2


class CallHistory:
    """A random history, which the engine and the model see step by step. The engine's task is
    rolled back or restored at random, and its batches have random sizes."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.model = CallModel(now=START)
        self.task = Task(DispatchProcessor(), 0)
        self.task.restored()
        self.commands: list[str] = []
        self.lost: list[str] = []
        self.touches: dict[str, m.RequestTouch] = {}
        self.steps_max = self.dice.choice((1, 3, 1_000))
        self.feed(*[m.SuppressionsShared(t, "voice", POOL, {}, True) for t in TENANTS])

    def feed(self, *messages: m.Message) -> None:
        """Folds messages at the present moment."""
        offset = self.task.next_offset
        records = [
            Record(offset + place, self.model.now, b"k", m.encode(message))
            for place, message in enumerate(messages)
        ]
        self.task.feed(records)
        if self.dice.random() < 0.1:
            self.task.advance(1_000)
            self.task.rollback()
            self.task.feed(records)
        while self.task.advance(self.steps_max):
            waiting = list(self.task.inbox)
            for output in self.task.outputs:
                if isinstance(output.message, m.CommandDue):
                    self.commands.append(output.message.touch.command_id)
                if isinstance(output.message, m.CallLost):
                    self.lost.append(output.message.command_id)
            self.task.commit(self.task.changes())
            if self.dice.random() < 0.1:
                self.task = restored(self.task)
                self.task.feed(waiting)

    def step(self) -> None:
        """One thing happens, or some time passes."""
        rare = (self.withdraw, self.change_limits, self.wait)
        happens: Callable[[], None] = self.dice.choice((*3 * (self.ask, self.report), *rare))
        happens()
        self.feed(m.Tick())  # what is due now goes before what happens next

    def ask(self) -> None:
        """A tenant asks for a call."""
        number = len(self.touches)
        dice, tenant = self.dice, self.dice.choice(TENANTS)
        asked = ModelCall(
            f"c{number:03}",
            tenant,
            dice.choice(CAMPAIGNS),
            dice.choice(AGENTS),
            dice.randrange(3),
            dice.randrange(4),
            dice.random() < 0.1,
        )
        touch = call(
            number,
            tenant_id=tenant,
            campaign_id=asked.campaign,
            agent_id=asked.agent,
            priority=asked.priority,
            position=asked.position,
            direct=asked.direct,
            expires_at=START + 400 * DAY,
        )
        self.touches[asked.name] = touch
        self.feed(touch)
        self.model.ask(asked)

    def report(self) -> None:
        """The sender reports something of a call: also of one that has ended, or has expired. Some
        calls are never reported."""
        names = [*self.touches]
        if not names:
            return
        name = self.dice.choice([*self.commands[-6:], self.dice.choice(names)])
        state = self.dice.choice(("initiated", "ringing", "in_progress", "ended", "ended"))
        is_lost = Random(name).random() < LOST
        if is_lost and not self.dice.random() < 0.05:
            return
        for _ in range(self.dice.choice((1, 1, 2))):
            self.feed(reported(self.touches[name], state, self.model.now))
            self.model.report(name, state)

    def withdraw(self) -> None:
        """A call is taken back."""
        name = self.dice.choice([*self.touches] or [""])
        if name in self.model.calls:
            touch = self.touches[name]
            ids = (name, touch.tenant_id, touch.contact_id, "voice", "stopped")
            self.feed(m.WithdrawTouch(*ids, self.dice.random() < 0.5, POOL))
            self.model.withdraw(name)

    def change_limits(self) -> None:
        """The platform or a tenant changes limits."""
        model, dice = self.model, self.dice
        match dice.randrange(3):
            case 0:
                model.slots = dice.randint(1, 5)
                model.weights = {"a": dice.choice((1, 3)), "b": 2}
                model.reserved = dice.choice(({}, {"c": 3}, {"b": 1, "c": 1}))
                self.feed(pool(model.slots, weights=model.weights, reserved=model.reserved))
            case 1:
                name = dice.choice(TENANTS)
                tenant = model.tenant(name)
                tenant.slots, tenant.pool_slots = dice.randint(1, 3), dice.choice((None, 2, 3))
                tenant.agents = {"x": dice.randint(1, 2)}
                limits = {"slots": tenant.slots, "pool_slots": tenant.pool_slots}
                self.feed(tenant_calls(name, agents={"y": None, **tenant.agents}, **limits))
            case 2:
                name, limit = dice.choice(TENANTS), dice.randint(1, 2)
                model.tenant(name).campaigns["k1"] = limit
                self.feed(m.CampaignLimitsAnnounced(name, "k1", calls_at_once=limit))
        model.serve()

    def wait(self) -> None:
        """Time passes, so that leases end by themselves."""
        until = self.model.now + self.dice.choice((1, 40, 300, 1_100, 90_000)) * SECOND
        while (due := self.task.next_due()) <= until:
            self.model.pass_time(due)
            self.feed(m.Tick())
        self.model.pass_time(until)
        self.feed(m.Tick())

    def leases(self) -> dict[str, tuple[str, int]]:
        """The states and ends of all leases of the engine."""
        states = [
            decode_dispatch_state(payload_of(value))
            for key, value in self.task.store.items()
            if key != POSITION_KEY
        ]
        leases = [state for state in states if isinstance(state, Lease)]
        return {lease.touch.command_id: (str(lease.state), lease.until) for lease in leases}


def restored(task: Task) -> Task:
    """A new task with the committed states of another one."""
    fresh = Task(DispatchProcessor(), 0)
    for key, value in task.store.items():
        fresh.restore(key, value)
    fresh.restored()
    return fresh


@pytest.mark.parametrize("part", range(PARTS))
def test_the_engine_grants_and_frees_what_the_model_does(part: int) -> None:
    for seed in range(part, HISTORIES, PARTS):
        history = CallHistory(seed)
        for step in range(STEPS):
            history.step()
            expected = {
                name: (each.state, each.until)
                for name, each in history.model.calls.items()
                if each.state != "waiting"
            }
            assert history.leases() == expected, (seed, step)
            assert history.commands == history.model.commands, (seed, step)
            assert history.lost == history.model.lost, (seed, step)
