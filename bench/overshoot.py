"""How many commands of a campaign still go out after its target is met, while 2,000 people a second
are written to.

All processors run in memory, on the clock of the simulated senders: they answer a second after a
command. The numbers are those of counting, and the same in each run.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.harness import run_pinned
from bench.report import Figure
from processors.contact.run_counts import CHANGES_MAX
from schemas.base.times import SECOND, MomentUs, parse_rfc3339
from schemas.internal import contact_messages as o
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.limit_terms import SenderTerms
from schemas.internal.topics import COMMAND_TOPICS, Layout, Topic
from streams.base.clock import ScaledClock
from streams.base.transport import Partition
from streams.memory.transport import MemoryBroker, MemoryTransport
from streams.runtime.output_encoding import encoder
from streams.runtime.roles import PROCESSORS, task_maker
from streams.runtime.worker import Worker

RATE = 2_000
ANSWER_US = 1 * SECOND
STEP_US = 10_000
PARTITIONS = 12
ONE_FLUSH = CHANGES_MAX * PARTITIONS
"""Changes that the partitions may keep to themselves: a touch is one of them at least."""

TARGET, TARGET_QUICK = 10_000, 4_000
AFTER_S = 3
START: MomentUs = parse_rfc3339("2026-03-02T15:00:00Z")
TENANT, CAMPAIGN, CHANNEL = "acme", "talent", "email"
_COMMANDS = Partition(COMMAND_TOPICS[CHANNEL], 0)
_FACTS = Partition(Topic.FACTS, 0)


class Overshoot(msgspec.Struct):
    """The commands that were out when the target was met, those of until the completion and of
    after it, and all people reached in the end."""

    out: int = 0
    until_completion: int = 0
    after_completion: int = 0
    reached: int = 0


def run(quick: bool = False) -> Figure:
    """Counts the commands of one run."""
    target = TARGET_QUICK if quick else TARGET
    found = run_pinned(measured, target)
    return Figure(
        name="overshoot",
        what=f"commands after the target of {target:,} people is met, {RATE:,} touches a second",
        value=found.until_completion + found.after_completion,
        unit="commands",
        target=ONE_FLUSH,
        ratio=(found.until_completion + found.after_completion) / ONE_FLUSH,
        of="one flush of all partitions",
        at_most=True,
        settings={"partitions": PARTITIONS, "flush": f"{CHANGES_MAX} changes or 1 s"},
        beside={
            "out when the target is met": found.out,
            "commands after the completion": found.after_completion,
            "people reached in the end": found.reached,
        },
    )


def measured(target: int) -> Overshoot:
    """Adds people to an active campaign until it is complete, and some seconds longer."""
    engine = _Engine()
    engine.begin(target)
    found, sent, ends_at = Overshoot(), 0, 0
    while not ends_at or engine.now < ends_at:
        engine.now += STEP_US
        was_met = sent >= target
        sent += engine.answer()
        engine.add(RATE * STEP_US // SECOND)
        commands = engine.settle()
        if not was_met and sent >= target:
            found.out = len(engine.out) - commands
        if sent >= target and not ends_at:
            found.until_completion += commands
        elif ends_at:
            found.after_completion += commands
        if not ends_at and engine.is_complete():
            ends_at = engine.now + AFTER_S * SECOND
    found.reached = sent
    return found


class _SimulatedClock(ScaledClock, frozen=True):
    """The clock of a worker that never waits."""

    engine: Any = None

    def now(self) -> MomentUs:
        now: MomentUs = self.engine.now
        return now

    def wall_seconds(self, duration_us: float) -> float:
        return 0.0


class _Engine:
    """All processors over a broker in memory. `out` has the commands without an answer, each with
    the moment at which it went out."""

    def __init__(self) -> None:
        self.now = START
        self.layout = Layout(
            public=1, contact=PARTITIONS, dispatch=4, campaign=1, commands=1, facts=1
        )
        self.broker = MemoryBroker(self.layout, lambda: self.now)
        self.out: deque[tuple[MomentUs, m.RequestTouch]] = deque()
        self._people = self._commands = self._facts = 0
        self._workers = [*map(self._worker, PROCESSORS)]

    def _worker(self, role: str) -> Worker:
        topic = PROCESSORS[role][0]
        partitions = [Partition(topic, n) for n in range(self.layout.partitions(topic))]
        transport = MemoryTransport(self.broker, role, partitions)
        encode, clock = encoder(_encoded_command), _SimulatedClock(engine=self)
        return Worker(transport, task_maker(role, self.layout), encode, clock, commit_interval_us=0)

    def begin(self, target: int) -> None:
        """Activates a campaign with a target and one person."""
        orders = (
            m.UpsertTenant(TENANT, "t#1", START, "America/Chicago", limits={CHANNEL: None}),
            m.UpsertSender(TENANT, CHANNEL, "s#1", START, SenderTerms("account-1", {}, "")),
            m.PublishCampaign(TENANT, CAMPAIGN, "p#1", START, _document(target)),
        )
        for order in orders:
            self._append(Topic.CAMPAIGN_LOG, TENANT.encode(), order)
            self.settle()
        self.add(1)
        self.settle()
        activate = m.ChangeCampaign(TENANT, CAMPAIGN, "activated", "a#1", START)
        self._append(Topic.CAMPAIGN_LOG, TENANT.encode(), activate)
        self.settle()

    def add(self, people: int) -> None:
        """People are added to the campaign."""
        for number in range(self._people, self._people + people):
            name = f"p-{number}"
            key, person = m.contact_key(TENANT, name), m.Person(email=f"{name}@example.com")
            head = (TENANT, name, f"/crm#{number}", self.now)
            self._append(Topic.CONTACT_LOG, key, o.ContactUpserted(*head, person))
            self._append(Topic.CONTACT_LOG, key, o.ContactEnrolled(*head, CAMPAIGN))
        self._people += people

    def answer(self) -> int:
        """The senders answer the commands whose time has come; how many."""
        answered = 0
        while self.out and self.out[0][0] + ANSWER_US <= self.now:
            touch = self.out.popleft()[1]
            answered += 1
            key = m.contact_key(TENANT, touch.contact_id)
            head = (TENANT, touch.contact_id, f"/mail#{touch.command_id}", self.now)
            sent = o.TouchSent(*head, touch.command_id, self.now, "provider-1")
            self._append(Topic.CONTACT_LOG, key, sent)
        return answered

    def settle(self) -> int:
        """Runs all workers until nothing moves; how many commands went out meanwhile."""
        quiet = 0
        while quiet < 2:
            before = sum(self.broker.ends.values())
            for worker in self._workers:
                worker.run_round()
            quiet = quiet + 1 if sum(self.broker.ends.values()) == before else 0
        new = [*self._new_commands()]
        self.out.extend((self.now, touch) for touch in new)
        return len(new)

    def _new_commands(self) -> Iterator[m.RequestTouch]:
        records = self.broker.log(_COMMANDS)
        found, self._commands = records[self._commands :], len(records)
        for record in found:
            command = _decoded_command(record.value or b"")
            assert isinstance(command, m.CommandDue), "nothing revokes a command here"
            yield command.touch

    def is_complete(self) -> bool:
        """Whether the campaign has been completed by its target."""
        records = self.broker.log(_FACTS)
        found, self._facts = records[self._facts :], len(records)
        changes = (facts.decode(record.value or b"") for record in found)
        return any(
            (fact.fact, fact.reason) == (FactKind.CAMPAIGN_STATUS_CHANGED, "completed")
            for fact in changes
        )

    def _append(self, topic: Topic, key: bytes, message: m.Message) -> None:
        self.broker.append(topic, key, m.encode(message))


_encode = msgspec.msgpack.Encoder().encode
_decoded_command = msgspec.msgpack.Decoder(m.CommandDue | m.CommandRevoked).decode


def _encoded_command(
    command: m.CommandDue | m.CommandRevoked,
) -> tuple[list[tuple[str, bytes]], bytes]:
    return [], _encode(command)


def _document(target: int) -> bytes:
    fields = {
        "tenant_id": TENANT,
        "campaign_id": CAMPAIGN,
        "name": "Talent",
        "kind": "outreach",
        "settings": {"quiet_hours": "none"},
        "outreach": {"owner_id": "owner-1", "target_contacts_count": target},
        "steps": [{"id": "first", "channel": CHANNEL, "template_id": "t-first"}],
    }
    return msgspec.json.encode(fields)
