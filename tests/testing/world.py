"""A world: the real processors and worker loop over a broker in memory, under a clock that a test
moves."""

from collections.abc import Callable, Iterable
from math import inf
from typing import Any

import msgspec

from schemas.base.times import HOUR, parse_rfc3339
from schemas.internal import facts
from schemas.internal import messages as m
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


class WorldClock(ScaledClock, frozen=True):
    """The clock of a world: it stands still until a test moves it, and nobody sleeps."""

    world: Any = None

    def now(self) -> int:
        now: int = self.world.now
        return now

    def wall_seconds(self, duration_us: float) -> float:
        return 0.0


def encode_command(
    message: CommandDue | CommandRevoked,
) -> tuple[list[tuple[str, bytes]], bytes]:
    """A command in MessagePack without headers: tests of decisions need no public encoding."""
    return [], _encode(message)


class World:
    """All three processors over one broker in memory."""

    def __init__(self, layout: Layout | None = None) -> None:
        self.now = START
        self.layout = layout or Layout(
            public=1, contact=2, dispatch=2, campaign=1, commands=1, facts=1
        )
        self.broker = MemoryBroker(self.layout, lambda: self.now)
        self.workers = {role: self.worker(role) for role in PROCESSORS}

    def worker(self, role: str) -> Worker:
        """A fresh worker with every partition of its role, as after a restart."""
        topic = PROCESSORS[role][0]
        partitions = [Partition(topic, n) for n in range(self.layout.partitions(topic))]
        transport = MemoryTransport(self.broker, role, partitions)
        return Worker(
            transport,
            task_maker(role, self.layout),
            encoder(encode_command),
            WorldClock(world=self),
            commit_interval_us=0,
            fold_max_s=inf,
        )

    def append(self, *messages: m.Message) -> None:
        """Appends messages to their logs, as intake does."""
        for message in messages:
            topic, key = topic_and_key(message)
            self.broker.append(topic, key, m.encode(message))

    def settle(self) -> None:
        """Runs all workers until nothing moves any more at this moment."""
        quiet = 0
        while quiet < 3:
            before = sum(self.broker.ends.values())
            for role in PROCESSORS:
                self.run_worker(role)
            quiet = quiet + 1 if sum(self.broker.ends.values()) == before else 0

    def run_worker(self, role: str) -> None:
        """Runs one round of a worker, and replaces the worker if it crashes."""
        try:
            self.workers[role].run_round()
        except Crash:
            self.workers[role] = self.worker(role)

    def next_due(self) -> int:
        """The due moment of the first timer of all tasks, or NEVER."""
        return min(
            (o.task.next_due() for w in self.workers.values() for o in w.owned.values()),
            default=NEVER,
        )

    def advance_to(self, until: int, senders: Iterable[Callable[["World"], None]] = ()) -> None:
        """Moves the clock to `until`, from one due moment to the next. At each stop every sender is
        called."""
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

    def advance_hours(
        self, hours: float, senders: Iterable[Callable[["World"], None]] = ()
    ) -> None:
        """Moves the clock by `hours`."""
        self.advance_to(self.now + int(hours * HOUR), senders)

    # what a test looks at

    def commands(self) -> list[CommandDue | CommandRevoked]:
        """Every command and revocation, topic by topic."""
        return [_decode(r.value or b"") for topic in COMMANDS for r in self.broker.topic(topic)]

    def commanded_touches(self) -> list[m.RequestTouch]:
        """The touches of all commands, topic by topic."""
        return [c.touch for c in self.commands() if isinstance(c, CommandDue)]

    def facts(self, *kinds: facts.FactKind) -> list[facts.Fact]:
        """The facts of these kinds, or all facts."""
        emitted = [facts.decode(r.value or b"") for r in self.broker.topic(Topic.FACTS)]
        return [fact for fact in emitted if not kinds or fact.fact in kinds]

    def states(self, role: str) -> dict[tuple[Partition, bytes], bytes]:
        """The committed states of a role's tasks, encoded, by partition and key."""
        return {
            (partition, key): value
            for partition, owned in self.workers[role].owned.items()
            for key, value in owned.task.store.items()
        }


class Crash(Exception):
    """A worker crashes, as a test has planned."""


def topic_and_key(message: m.Message) -> tuple[Topic, bytes]:
    """The log and key that intake appends a message to."""
    if isinstance(message, m.ExternalEvent | m.DispatchAnswer):
        return Topic.CONTACT_LOG, m.contact_key(message.tenant_id, message.contact_id)
    tenant: str = getattr(message, "tenant_id", m.PLATFORM)
    return Topic.CAMPAIGN_LOG, tenant.encode()
