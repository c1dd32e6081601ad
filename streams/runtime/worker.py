"""The worker: takes records, folds them, and commits outputs, states and offsets together.

One worker is one role in one process. Between two commits it changes nothing outside of Kafka, so
after any failure before a commit the open batch is thrown away and folded again.
"""

import gc
import logging
import time
from collections.abc import Callable, Sequence

from processors.fold.store import StateTooLarge
from processors.fold.task import Poison, Task
from schemas.base.error_codes import SchemaUnavailable
from schemas.internal.messages import TICK
from schemas.internal.topics import LOGS, POSITION_TOPICS
from streams.base.clock import ScaledClock
from streams.base.transport import (
    CommitOutcomeUnknown,
    Partition,
    TransactionAborted,
    Transport,
)
from streams.runtime.commit_pace import CommitPace
from streams.runtime.dead_letter import dead_letter_of
from streams.runtime.output_encoding import Encode
from streams.runtime.owned_partition import OwnedPartition
from streams.runtime.progress import STALLED_AFTER_S, Progress
from streams.runtime.restoring import RETRY_US, Restoring, group_offset_of

log = logging.getLogger("touchstream.worker")

RECORDS_MAX = 1_000
IN_HAND_MAX = 20_000
"""Records that wait to be folded again. Beyond that the worker polls one at a time: it polls at all
only to stay in the group."""

STEPS_MAX = 200
"""Records and timers that are folded before their outputs are encoded and the clock is read: few
enough that the outputs are still in the CPU's caches."""

FOLD_MAX_S = 0.1
"""So long one task folds before the other tasks, and the group, have their turn."""

OUTPUTS_MAX = 20_000
IDLE_S = 0.1
ANSWER_S = 0.01
"""The seconds between two looks for the answer of a broker about a partition."""

OUTAGE_S = 0.5
RESTORE_RECORDS_MAX = 20_000
TICK_RETRY_US = 1_000_000
GC_THRESHOLD = 200_000


def raise_gc_threshold() -> None:
    """Makes the garbage collector run seldom. States and outputs are trees, which reference
    counting frees; at its default threshold the collector would traverse the open batch again and
    again, and take half of the fold's time."""
    gc.set_threshold(GC_THRESHOLD)


class Worker:
    """Folds the partitions that are assigned to it. `make_task` makes the task of a partition, and
    `encode` writes its outputs as records."""

    def __init__(
        self,
        transport: Transport,
        make_task: Callable[[Partition], Task],
        encode: Encode,
        clock: ScaledClock,
        *,
        commit_interval_us: int = 20_000,
        max_clock_skew_us: int = 60_000_000,
        stalled_after_s: float = STALLED_AFTER_S,
        fold_max_s: float = FOLD_MAX_S,
    ) -> None:
        self.transport = transport
        self.owned: dict[Partition, OwnedPartition] = {}
        self._make_task = make_task
        self._encode = encode
        self._clock = clock
        self._pace = CommitPace(commit_interval_us, clock.speed)
        self._skew_max_us = int(max_clock_skew_us * max(1.0, clock.speed))
        self._progress = Progress(stalled_after_s)
        self._fold_max_s = fold_max_s
        self.transactions = 0
        self._records_sent = 0
        transport.on_assigned = self._assigned
        transport.on_revoked = self._revoked

    def run(self, stopping: Callable[[], bool]) -> None:
        """Runs the loop until `stopping` returns true, then commits what is folded. Raises
        FatalClientError, and Stalled if a partition stands still."""
        raise_gc_threshold()
        while not stopping():
            self.run_round()
        self._guarded(self._commit)

    def run_round(self) -> None:
        """One round of the loop: polls, and works on every partition."""
        in_hand = sum(len(owned.task.inbox) for owned in self.owned.values())
        limit = RECORDS_MAX if in_hand < IN_HAND_MAX else 1
        polled = self.transport.poll(self._poll_wait_s(), limit)
        for partition, records in polled.items():
            owned = self.owned.get(partition)
            if owned is not None and owned.restoring is None:
                owned.task.feed(records)
        self._guarded(self._work)
        self._progress.check(self.owned.items())

    def _work(self) -> None:
        now = self._clock.now()
        for partition, owned in self.owned.items():
            if owned.restoring is not None:
                self._restore(partition, owned, owned.restoring)
            else:
                if partition.topic in LOGS:  # a public record's timestamp is its producer's
                    owned.task.max_timestamp = now + self._skew_max_us
                self._fold(partition, owned)
                if self._clock_trusted(partition, owned, now):
                    self._tick(partition, owned, now)
        if self._commit_is_due():
            self._commit()

    # committing

    def _commit_is_due(self) -> bool:
        return self._records_sent >= OUTPUTS_MAX or (
            self._pace.is_due(self._clock.now())
            and any(owned.task.dirty for owned in self.owned.values())
        )

    def _commit(self) -> None:
        """Commits the open batch of every task that has changed, in this order: the outputs are
        sent; the changelog records follow, among them the task's position; the transport waits for
        all of them, adds the input offsets and commits the transaction; then the new states replace
        the old ones in memory. A failure on the way raises, and the batch is folded again."""
        changed = {p: owned.task for p, owned in self.owned.items() if owned.task.dirty}
        if not changed:
            return
        changes = {}
        for partition, task in changed.items():
            self._send_outputs(task)
            epoch = self.transport.leader_epoch(partition)
            if epoch >= 0:
                task.log = task.log._replace(leader_epoch=epoch)
            changes[partition] = task.changes()
            self._send_changes(partition, changes[partition])
        began_at = self._clock.now()
        self.transport.commit({p: group_offset_of(task) for p, task in changed.items()})
        for partition, task in changed.items():
            if task.ignored:
                fields = {"partition": partition, "records": task.ignored}
                log.info("records without a value (tombstones) ignored", extra=fields)
            task.commit(changes[partition])
        self._pace.committed(began_at, self._clock.now(), self._records_sent)
        self._records_sent = 0
        self.transactions += 1

    def _send_outputs(self, task: Task) -> None:
        """Sends the task's outputs into the open transaction. If that is aborted, they are gone
        with it."""
        if task.outputs:
            self._records_sent += len(task.outputs)
            self._encode(task.outputs, self.transport)
            task.outputs.clear()

    def _send_changes(
        self, partition: Partition, changes: Sequence[tuple[bytes, bytes | None]]
    ) -> None:
        self._records_sent += len(changes)
        changelog = POSITION_TOPICS.get(partition.topic)
        if changelog is not None:
            send, number = self.transport.send, partition.number
            for key, value in changes:
                send(changelog, key, value, partition=number)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Runs `work`. After a failure of its transaction the batch is folded again; after a commit
        of unknown outcome every task restores its states."""
        try:
            work()
        except TransactionAborted as error:
            log.warning("transaction aborted: folding again", extra={"error": error})
            self._progress.reason = f"the transaction was aborted: {error}"
            self._abort_batch()
        except StateTooLarge as error:
            log.warning("a state is too large: folding one by one", extra={"error": error})
            self._abort_batch()
        except SchemaUnavailable as error:
            log.warning("registry not to be reached: waiting", extra={"error": error})
            self._guarded(self._abort_batch)
            self._progress.excuse()
            time.sleep(OUTAGE_S)
        except CommitOutcomeUnknown as error:
            log.warning("commit outcome unknown: restoring", extra={"error": error})
            self._progress.reason = f"the outcome of a commit is unknown: {error}"
            partitions = list(self.owned)
            self._drop(partitions)
            self._take_over(partitions)

    def _abort_batch(self) -> None:
        """Aborts the transaction and rolls every task back to the last commit. The tasks keep the
        records of the batch, so nothing is read again."""
        self.transport.abort()
        self._records_sent = 0
        for owned in self.owned.values():
            if owned.restoring is None:
                owned.task.rollback()
                owned.ticked_at = 0

    # folding

    def _fold(self, partition: Partition, owned: OwnedPartition) -> None:
        """Folds due timers and records of a partition for a short time, and commits in between when
        it is time."""
        task, until = owned.task, time.monotonic() + self._fold_max_s
        try:
            while task.advance(STEPS_MAX):
                self._send_outputs(task)
                if self._commit_is_due():
                    self._commit()
                if time.monotonic() > until:
                    break
        except Poison as poison:
            self._handle_poison(partition, task, poison)

    def _handle_poison(self, partition: Partition, task: Task, poison: Poison) -> None:
        """A step is poison only if it fails alone, as the first of its batch: then it becomes a
        dead letter. Otherwise it is tried once more, alone."""
        self._abort_batch()
        fields: dict[str, object] = {"partition": partition, "key": poison.key}
        if not poison.alone:
            log.warning("record or timer fails: trying it alone", extra=fields)
            task.retry_alone(poison)
            return
        letter = dead_letter_of(partition, poison, task)
        fields |= {"reason": letter.code, "offset": letter.offset, "error": poison}
        log.error("record or timer cannot be folded: dead letter", extra=fields)
        task.replace_with_dead_letter(letter)

    def _clock_trusted(self, partition: Partition, owned: OwnedPartition, now: int) -> bool:
        """Whether the next record's timestamp agrees with this machine's clock. If it lies too far
        ahead, it would fire the timers of that time too early: the task stops instead, and goes on
        once the clocks agree again."""
        inbox = owned.task.inbox
        ahead_us = inbox[0].timestamp - now if inbox and partition.topic in LOGS else 0
        skewed = owned.restoring is None and ahead_us > self._skew_max_us
        if skewed and not owned.clock_skewed:
            self._progress.reason = "a record's timestamp lies ahead of this machine's clock"
            log.error(
                "task stopped: a record's timestamp lies ahead of this machine's clock; no timer "
                "fires. Set the broker's clock right, or this machine's",
                extra={"partition": partition, "seconds_ahead": ahead_us / 1e6},
            )
            self.transport.pause([partition])
        elif owned.clock_skewed and not skewed:
            self.transport.resume([partition])
        owned.clock_skewed = skewed
        return not skewed

    def _tick(self, partition: Partition, owned: OwnedPartition, now: int) -> None:
        """Appends a tick to the log if a timer is due and no record has arrived: time passes in a
        log by its records alone (promise 2)."""
        due_at = owned.task.next_due()
        retry_us = int(TICK_RETRY_US * self._clock.speed)
        if owned.task.inbox or due_at > now - now % 1_000 or owned.tick_pending(now, retry_us):
            return
        owned.ticked_at = now
        owned.task.dirty = True
        self.transport.send(partition.topic, None, TICK, partition=partition.number)

    # assignment and restoring

    def _assigned(self, partitions: Sequence[Partition]) -> None:
        """Takes the partitions over. An open batch is aborted first: it would stay open for as long
        as the group needs to assign partitions."""
        if partitions:
            log.info("assigned", extra={"partitions": partitions})
            if any(owned.task.dirty for owned in self.owned.values()):
                self._guarded(self._abort_batch)
            self._take_over(partitions)

    def _revoked(self, partitions: Sequence[Partition]) -> None:
        """Aborts the open batch: the next owner of the partitions folds it again."""
        log.info("revoked", extra={"partitions": partitions})
        self._drop(partitions)
        self._guarded(self._abort_batch)

    def _take_over(self, partitions: Sequence[Partition]) -> None:
        """Makes the tasks of these partitions and begins to restore their states. This runs inside
        the rebalance callback, so it waits for nothing."""
        self.transport.hold(partitions)
        inquiry = self.transport.inquire(partitions)
        pause_s = self._clock.wall_seconds(RETRY_US * self._clock.speed)
        for partition in partitions:
            restoring = Restoring(self.transport, partition, inquiry, pause_s)
            self.owned[partition] = OwnedPartition(self._make_task(partition), restoring)

    def _drop(self, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            owned = self.owned.pop(partition, None)
            if owned is not None:
                owned.close()

    def _restore(self, partition: Partition, owned: OwnedPartition, restoring: Restoring) -> None:
        """Restores the next states of a task; the other tasks fold meanwhile. When all are there,
        the task begins to read its log. Raises LogChanged."""
        if not restoring.advance(owned.task, RESTORE_RECORDS_MAX):
            return
        if not restoring.finish(owned.task):
            owned.task = self._make_task(partition)
            return
        owned.restoring = None
        task = owned.task
        self.transport.read_from({partition: task.next_offset}, {partition: task.log.leader_epoch})
        log.info("restored", extra={"partition": partition, "states": len(task.store)})

    def _poll_wait_s(self) -> float:
        """The seconds to wait for the next record: until the next commit or timer, IDLE_S at most,
        and none at all if there is work left."""
        if any(owned.has_work for owned in self.owned.values()):
            return 0.0
        now = self._clock.now()
        idle_s = ANSWER_S if any(owned.restoring for owned in self.owned.values()) else IDLE_S
        until = now + int(idle_s * 1_000_000 * self._clock.speed)
        until = min([until, *(owned.task.next_due() for owned in self.owned.values())])
        if any(owned.task.dirty for owned in self.owned.values()):
            until = min(until, self._pace.next_at)
        return min(IDLE_S, max(0.001, self._clock.wall_seconds(until - now)))
