"""The engine in memory, under a clock that a test moves: processors and worker loop are the real
ones."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from schemas.base.times import HOUR, parse_rfc3339
from schemas.internal import facts, messages
from schemas.internal.messages import CommandDue, CommandRevoked
from schemas.internal.state_bytes import NEVER
from schemas.internal.topics import COMMANDS, Layout, Topic
from streams.base.clock import ScaledClock
from streams.base.transport import Partition
from streams.memory.transport import MemoryBroker, MemoryTransport
from streams.runtime.output_encoding import encoder
from streams.runtime.roles import PROCESSORS, task_maker
from streams.runtime.worker import Worker

START = parse_rfc3339("2026-03-02T15:00:00Z")  # a Monday, no clock change near

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CommandDue | CommandRevoked).decode


class TestClock(ScaledClock, frozen=True):
    """The world's time."""

    __test__ = False
    world: Any = None

    def now(self) -> int:
        now: int = self.world.now
        return now

    def wall_seconds(self, duration_us: float) -> float:
        return 0.0


def _encode_command(
    message: CommandDue | CommandRevoked,
) -> tuple[list[tuple[str, bytes]], bytes]:
    return [], _encode(message)


class World:
    """All three processors over one broker in memory."""

    def __init__(
        self,
        layout: Layout | None = None,
        crash: Callable[[str], None] | None = None,
    ) -> None:
        self.now = START
        self.layout = layout or Layout(
            public=1, contact=2, dispatch=2, campaign=1, commands=1, facts=1
        )
        self.broker = MemoryBroker(self.layout, lambda: self.now)
        self.crash = crash
        self.workers = {role: self.worker(role) for role in PROCESSORS}

    def worker(self, role: str) -> Worker:
        """A fresh worker with every partition of its role, as after a restart."""
        topic = PROCESSORS[role][0]
        partitions = [Partition(topic, n) for n in range(self.layout.partitions(topic))]
        transport = MemoryTransport(self.broker, role, partitions, self.crash)
        return Worker(
            transport,
            task_maker(role, self.layout),
            encoder(_encode_command),
            TestClock(world=self),
            commit_interval_us=0,
        )

    def tell(self, *told: messages.Message) -> None:
        """Messages as intake would write them."""
        for message in told:
            topic, key = address(message)
            self.broker.append(topic, key, messages.encode(message))

    def settle(self) -> None:
        """Until nothing moves any more at this moment."""
        quiet = 0
        while quiet < 3:
            before = sum(self.broker.ends.values())
            for role in PROCESSORS:
                self.turn(role)
            quiet = quiet + 1 if sum(self.broker.ends.values()) == before else 0

    def turn(self, role: str) -> None:
        """One round of one worker; one that dies is replaced by a fresh one."""
        try:
            self.workers[role].turn()
        except Crash:
            self.workers[role] = self.worker(role)

    def next_due(self) -> int:
        """The soonest timer of all tasks."""
        return min(
            (o.task.next_due() for w in self.workers.values() for o in w.owned.values()),
            default=NEVER,
        )

    def run(self, until: int, senders: Iterable[Callable[["World"], None]] = ()) -> None:
        """Time goes on to `until`, from one due moment to the next; `senders` look at each stop."""
        self.settle()
        for sender in senders:
            sender(self)
        self.settle()
        while (due := self.next_due()) <= until:
            self.now = max(self.now, (due + 999) // 1_000 * 1_000)
            self.settle()
            for sender in senders:
                sender(self)
            self.settle()
        self.now = max(self.now, until)

    def hours(self, hours: float, senders: Iterable[Callable[["World"], None]] = ()) -> None:
        """Time goes on by so many hours."""
        self.run(self.now + int(hours * HOUR), senders)

    # what the world sees

    def commands(self) -> list[CommandDue | CommandRevoked]:
        """Everything on the command topics."""
        return [_decode(r.value or b"") for topic in COMMANDS for r in self.broker.topic(topic)]

    def due(self) -> list[messages.RequestTouch]:
        """The touches that were commanded."""
        return [c.touch for c in self.commands() if isinstance(c, CommandDue)]

    def facts(self, *kinds: facts.FactKind) -> list[facts.Fact]:
        """The facts of these kinds, all if none is named."""
        found = [facts.decode(r.value or b"") for r in self.broker.topic(Topic.FACTS)]
        return [fact for fact in found if not kinds or fact.fact in kinds]

    def states(self, role: str) -> dict[tuple[Partition, bytes], bytes]:
        """Everything the tasks of a role have committed."""
        return {
            (partition, key): value
            for partition, owned in self.workers[role].owned.items()
            for key, value in owned.task.store.items()
        }


class Crash(Exception):
    """A worker dies here."""


def address(message: messages.Message) -> tuple[Topic, bytes]:
    """The log and key that intake gives a message."""
    if isinstance(message, messages.ExternalEvent | messages.DispatchAnswer):
        return Topic.CONTACT_LOG, messages.contact_key(message.tenant_id, message.contact_id)
    tenant: str = getattr(message, "tenant_id")  # noqa: B009
    return Topic.CAMPAIGN_LOG, tenant.encode()


def answering(
    answer: Callable[[World, messages.RequestTouch], Sequence[messages.Message]],
) -> Callable[[World], None]:
    """A simulated sender: looks at each command once and answers."""
    seen = 0

    def sender(world: World) -> None:
        nonlocal seen
        commands = world.due()
        for touch in commands[seen:]:
            world.tell(*answer(world, touch))
        seen = len(commands)

    return sender
