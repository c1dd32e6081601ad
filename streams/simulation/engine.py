"""The three processors joined in memory, under a clock that the caller moves.

A log is only the inbox of its task: a record is folded at the moment it is appended, and is not
kept. Its timestamp is in whole milliseconds, as in Kafka. The order in which the tasks take turns
is fixed, and so is the number of steps of a turn; therefore the moments at which a task commits do
not change any output.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

from processors.campaign.broadcast import campaign_key, tenant_key
from processors.campaign.dates import ARCHIVE, RETENTION
from processors.fold.task import Poison, Record, Task
from processors.fold.turn import Output
from schemas.base.times import MILLISECOND
from schemas.internal import messages as m
from schemas.internal.enrollment import Enrollment
from schemas.internal.facts import Fact
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import COMMANDS, ONE_MACHINE, Topic
from streams.audit.refold import refold
from streams.audit.state_scan import campaigns, enrollments
from streams.base.transport import Partition
from streams.runtime.roles import PROCESSORS

STEPS_PER_TURN = 500
"""Records and timers that a task folds before the other tasks take their turn."""

COMMIT_EVERY = 2_000
"""Steps of a task between two commits."""

Command = m.CommandDue | m.CommandRevoked

_TURN_ORDER = ("campaign", "contact", "dispatch")


_AFTER_THE_END = frozenset((ARCHIVE, RETENTION))


def _ignore_counts(counts: m.RunsCounted) -> None:
    """The callback of callers that need no counts."""


def _is_needed(campaign: CampaignRecord) -> bool:
    """Whether a campaign has something to do besides being kept."""
    return campaign.complete_at is not None or not _AFTER_THE_END.issuperset(campaign.dates)


class OwnedEnrollment(NamedTuple):
    """An enrollment with the ids of its tenant and its contact."""

    tenant_id: str
    contact_id: str
    enrollment: Enrollment


class _TaskLog:
    """A log of one partition and the task that folds it. `outputs_routed` counts the outputs routed
    since the last commit."""

    __slots__ = (
        "inbox",
        "offsets",
        "outputs_routed",
        "partition",
        "steps_since_commit",
        "store",
        "task",
    )

    def __init__(self, topic: Topic, task: Task) -> None:
        self.partition = Partition(topic, 0)
        self.task = task
        self.store = task.store
        self.inbox = task.inbox
        self.offsets = count()
        self.steps_since_commit = self.outputs_routed = 0

    def append(self, now: int, key: bytes, value: bytes) -> None:
        self.inbox.append(Record(next(self.offsets), now, key, value))

    def start_batch(self) -> None:
        """Begins the next batch after a commit."""
        self.steps_since_commit = self.outputs_routed = 0


class SimulationEngine:
    """The tasks of the three processors and their logs, at the time `now` (microseconds).

    `on_facts` receives the facts of each turn in order, `on_command` each command as it goes out,
    `on_counts` each report of the counts of a campaign before it is folded, and `on_dead_letter`
    one dead letter for each record or timer that cannot be folded. Such a record or timer has no
    other effect.
    """

    def __init__(
        self,
        now: int,
        on_facts: Callable[[list[Fact]], None],
        on_command: Callable[[Command], None],
        on_dead_letter: Callable[[m.DeadLetter], None],
        on_counts: Callable[[m.RunsCounted], None] = _ignore_counts,
        *,
        commit_every: int = COMMIT_EVERY,
    ) -> None:
        self.now = now
        self.records = 0
        self._on_facts, self._on_command, self._on_dead_letter = (
            on_facts,
            on_command,
            on_dead_letter,
        )
        self._on_counts = on_counts
        self._commit_every = commit_every
        self._logs: dict[Topic, _TaskLog] = {}
        for role in _TURN_ORDER:
            topic, make = PROCESSORS[role]
            self._logs[topic] = _TaskLog(topic, Task(make(ONE_MACHINE), 0))
        self._campaigns = self._logs[Topic.CAMPAIGN_LOG]
        self._all_logs = tuple(self._logs.values())

    def append(self, topic: Topic, key: bytes, value: bytes) -> None:
        """Appends a record to the log of `topic`; `settle` folds it."""
        self._logs[topic].append(self.now, key, value)
        self.records += 1

    def settle(self) -> None:
        """Folds all records and fires all timers that are due by `now`, and whatever follows from
        them."""
        moved = True
        while moved:
            moved = False
            for log in self._all_logs:
                if log.inbox or (
                    log.store.soonest <= self.now and log.store.next_due() <= self.now
                ):
                    self._fold(log)
                    moved = True

    def next_due(self, before: int = NEVER) -> int:
        """Returns the due time of the first timer of all tasks, or `before` if none is earlier."""
        for log in self._all_logs:
            if log.store.soonest < before:
                before = min(before, log.store.next_due())
        return before

    def enrollments(self) -> Iterator[OwnedEnrollment]:
        """Yields the current state of every enrollment."""
        task = self._logs[Topic.CONTACT_LOG].task
        task.commit(task.changes())
        for tenant_id, contact_id, runs in enrollments(task.store.items()):
            for run in runs:
                yield OwnedEnrollment(tenant_id, contact_id, run)

    def campaign(self, tenant_id: str, campaign_id: str) -> CampaignRecord | None:
        """Returns what the campaign processor has of a campaign, for reading only."""
        store = self._logs[Topic.CAMPAIGN_LOG].store
        return store.read(campaign_key(tenant_id, campaign_id), CampaignRecord)

    def tenant(self, tenant_id: str) -> TenantRecord | None:
        """Returns what the campaign processor has of a tenant, for reading only."""
        store = self._logs[Topic.CAMPAIGN_LOG].store
        return store.read(tenant_key(tenant_id), TenantRecord)

    def is_over(self) -> bool:
        """Whether no timer is left but those that archive a campaign long after its end, and recall
        that nothing needs it any more."""
        others = (log for log in self._all_logs if log is not self._campaigns)
        if any(log.store.next_due() != NEVER for log in others):
            return False
        task = self._campaigns.task
        task.commit(task.changes())
        return not any(map(_is_needed, campaigns(task.store.items())))

    def _fold(self, log: _TaskLog) -> None:
        """Gives one task its turn and routes its outputs."""
        task = log.task
        if not log.inbox and task.stream_time < self.now:  # a timer is due, and no record comes
            log.append(self.now, b"", m.TICK)
            self.records += 1
        try:
            log.steps_since_commit += task.advance(STEPS_PER_TURN)
        except Poison:
            self._refold_batch(log)
            return
        if task.outputs:
            log.outputs_routed += len(task.outputs)
            self._route(task.outputs)
            task.outputs.clear()
        if log.steps_since_commit >= self._commit_every:
            task.commit(task.changes())
            log.start_batch()

    def _refold_batch(self, log: _TaskLog) -> None:
        """Folds the batch again from the last commit, as a worker does after a failed step.

        `refold` leaves out the steps that fail. The same records give the same outputs in the same
        order, so the outputs that were routed before are skipped by their number.
        """
        outputs: list[Output] = []
        log.task.rollback()
        refold(log.partition, log.task, (), outputs.append)
        routed = log.outputs_routed
        log.start_batch()
        self._route(outputs[routed:])

    def _route(self, outputs: list[Output]) -> None:
        """Appends messages to the log of their topic; passes facts, commands and dead letters to
        the callbacks."""
        facts, logs, encode, now = [], self._logs, m.encode, self.now
        campaign_log = self._campaigns
        for output in outputs:
            topic = output.topic
            if topic is _FACTS:
                facts.append(output.message)
            elif (log := logs.get(topic)) is not None:
                if log is campaign_log and type(output.message) is m.RunsCounted:
                    self._on_counts(output.message)
                log.append(now, output.key, encode(output.message))
                self.records += 1
            elif topic in _COMMANDS:
                self._on_command(output.message)  # type: ignore[arg-type]
            elif topic is _DEAD_LETTERS:
                self._on_dead_letter(output.message)  # type: ignore[arg-type]
        if facts:
            self._on_facts(facts)  # type: ignore[arg-type]


# Looking up an enum member costs a Python call, so each is looked up once.
_DEAD_LETTERS = Topic.DEAD_LETTERS
_FACTS = Topic.FACTS
_COMMANDS = frozenset(COMMANDS)


def log_timestamp(at: int) -> int:
    """Rounds a moment (microseconds) up to a whole millisecond: the earliest timestamp that a log
    record about it can have."""
    return -(-at // MILLISECOND) * MILLISECOND
