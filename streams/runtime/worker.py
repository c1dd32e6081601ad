"""The loop: take records, fold them, and move outputs, state and offsets together (design 4).

One worker is one role in one process. Nothing outside Kafka happens between two commits, so
whatever goes wrong before a commit may be thrown away and folded again; what was taken away or is
unsure is never guessed.
"""

import gc
import logging
import time
from collections.abc import Callable, Sequence

from processors.fold.store import StateTooLarge
from processors.fold.task import Poison, Task
from schemas.base.error_codes import SchemaUnavailable
from schemas.internal.messages import TICK
from schemas.internal.state_bytes import NEVER
from schemas.internal.topics import LOGS, POSITION_TOPICS
from streams.base.clock import ScaledClock
from streams.base.transport import (
    ChangelogReader,
    CommitOutcomeUnknown,
    Partition,
    TransactionAborted,
    Transport,
)
from streams.runtime.dead_letter import letter_of
from streams.runtime.output_encoding import Encode

log = logging.getLogger("touchstream.worker")

RECORDS_MAX = 1_000
STEPS_MAX = 200
"""Records and timers folded between two looks at the clock, and before what they say is handed on:
few enough that it is encoded while it is still in the processor's caches."""

ROUNDS_MAX = 100
"""Such steps of one task before the others, and the group, have their turn."""

OUTPUTS_MAX = 20_000
IDLE_S = 0.1
OUTAGE_S = 0.5
RESTORE_STEP = 20_000
TICK_AGAIN_US = 1_000_000
PACE = 4
PACE_RECORDS = 400
"""A commit costs the broker the same however much it carries. So the pause after one is as long as
it took, once for each so many records that it carried, four times at most: with little to do what
is said is seen soon, and with much a worker waits for commits a fifth of the time. And it is the
longer the more a commit takes beyond the interval: then the machine is busy, and more commits would
make it more so."""

PAUSE_MAX_US = 100_000
COLLECT_AFTER = 200_000


def calm_collector() -> None:
    """States and outputs are trees, which counting references frees. The collector's own measure
    would have it look through the open batch again and again, half of the fold's time."""
    gc.set_threshold(COLLECT_AFTER)


class Owned:
    """A partition that this worker has: its task, and what keeps it from being folded right now."""

    def __init__(self, task: Task, committed: int) -> None:
        self.task = task
        self.committed = committed
        self.restore: ChangelogReader | None = None
        self.ticked_at = 0
        self.skewed = False

    @property
    def ready(self) -> bool:
        """Restored, and its broker's clock is believed."""
        return self.restore is None and not self.skewed


class Worker:
    """Folds the partitions it is given. `make` builds a task for a partition of its logs."""

    def __init__(
        self,
        transport: Transport,
        make: Callable[[Partition], Task],
        encode: Encode,
        clock: ScaledClock,
        *,
        commit_interval_us: int = 20_000,
        max_clock_skew_us: int = 60_000_000,
    ) -> None:
        self.transport = transport
        self.owned: dict[Partition, Owned] = {}
        self._make = make
        self._encode = encode
        self._clock = clock
        self._interval = int(commit_interval_us * clock.speed)
        self._pause = self._interval
        self._skew = int(max_clock_skew_us * max(1.0, clock.speed))
        self._committed_at = 0
        self._rewind = False
        self.transactions = self._said = 0
        transport.on_assigned = self._assigned
        transport.on_revoked = self._revoked

    def run(self, stopping: Callable[[], bool]) -> None:
        """Until `stopping`; what is folded by then is committed. Raises Dead."""
        calm_collector()
        while not stopping():
            self.turn()
        self._guarded(self._commit)

    def turn(self) -> None:
        """One round of the loop."""
        found = self.transport.poll(self._wait(), RECORDS_MAX)
        if self._rewind:
            self._go_back()  # and what was just polled is read again
        else:
            for partition, records in found.items():
                owned = self.owned.get(partition)
                if owned is not None and owned.restore is None:
                    owned.task.feed(records)
        self._guarded(self._work)

    def _work(self) -> None:
        now = self._clock.now()
        for partition, owned in self.owned.items():
            if owned.restore is not None:
                self._restore(partition, owned)
            else:
                if partition.topic in LOGS:  # a public record's stamp is its producer's
                    owned.task.horizon = now + self._skew
                self._fold(partition, owned)
                if self._believed(partition, owned, now):
                    self._tick(partition, owned, now)
        if self._commit_is_due():
            self._commit()

    # folding

    def _fold(self, partition: Partition, owned: Owned) -> None:
        """What is due and what has come; at most a step's worth, so that commits are not late."""
        task = owned.task
        try:
            for _ in range(ROUNDS_MAX):
                if not task.advance(STEPS_MAX):
                    break
                self._say(task)
                if self._commit_is_due():
                    self._commit()
        except Poison as poison:
            self._condemn(partition, task, poison)

    def _say(self, task: Task) -> None:
        """Outputs go into the open transaction; whatever aborts it takes them with it."""
        if task.outputs:
            self._said += len(task.outputs)
            self._encode(task.outputs, self.transport)
            task.outputs.clear()

    def _condemn(self, partition: Partition, task: Task, poison: Poison) -> None:
        """A step is poison only if it fails alone, as the first of its batch (style 8)."""
        self._throw_away()
        where: dict[str, object] = {"partition": partition, "key": poison.key}
        if not poison.alone:
            log.warning("record or timer fails: trying it alone", extra=where)
            task.doubt(poison)
            return
        letter = letter_of(partition, poison, task)
        where |= {"reason": letter.code, "offset": letter.offset, "error": poison}
        log.error("record or timer cannot be folded: dead letter", extra=where)
        task.condemn(letter)

    def _believed(self, partition: Partition, owned: Owned, now: int) -> bool:
        """A record from far ahead of this machine's clock would fire a day's timers: the task stops
        instead, and takes nothing more until the clocks agree again."""
        inbox = owned.task.inbox
        ahead = inbox[0].timestamp - now if inbox and partition.topic in LOGS else 0
        skewed = owned.restore is None and ahead > self._skew
        if skewed and not owned.skewed:
            log.error(
                "task stopped: a record is stamped ahead of this machine's clock; nothing fires. "
                "Set the broker's clock right, or this machine's",
                extra={"partition": partition, "seconds_ahead": ahead / 1e6},
            )
            self.transport.pause([partition])
        elif owned.skewed and not skewed:
            self.transport.resume([partition])
        owned.skewed = skewed
        return not skewed

    def _tick(self, partition: Partition, owned: Owned, now: int) -> None:
        """Nothing comes and something is due: the owner puts time itself into the log (design
        2.2)."""
        due = owned.task.next_due()
        if owned.task.inbox or due > now - now % 1_000 or self._tick_under_way(owned, now):
            return
        owned.ticked_at = now
        owned.task.dirty = True
        self.transport.send(partition.topic, None, TICK, partition=partition.number)

    def _tick_under_way(self, owned: Owned, now: int) -> bool:
        """The last tick is not back yet, nor given up: a broker's clock may be behind this one."""
        back = owned.task.stream_time >= owned.ticked_at - owned.ticked_at % 1_000
        return not back and owned.ticked_at + int(TICK_AGAIN_US * self._clock.speed) > now

    # committing

    def _commit_is_due(self) -> bool:
        since = self._clock.now() - self._committed_at
        waited = since >= self._pause or since < 0  # set back, the clock tells nothing
        return self._said >= OUTPUTS_MAX or (
            waited and any(owned.task.dirty for owned in self.owned.values())
        )

    def _commit(self) -> None:
        """Outputs, changelog and stream time; then offsets; then all or nothing; only then is it
        the state."""
        dirty = {p: owned.task for p, owned in self.owned.items() if owned.task.dirty}
        if not dirty:
            return
        changes = {}
        for partition, task in dirty.items():
            self._say(task)
            changes[partition] = task.changes()
            self._log_changes(partition, changes[partition])
            self._said += len(changes[partition])
        begun = self._clock.now()
        self.transport.commit({partition: task.next_offset for partition, task in dirty.items()})
        for partition, task in dirty.items():
            task.commit(changes[partition])
        self._committed_at = self._clock.now()
        self._pace(self._committed_at - begun)
        self._said = 0
        self.transactions += 1

    def _pace(self, took: int) -> None:
        busy = took * took // (2 * self._interval + 1)
        much = int(took * min(PACE, self._said / PACE_RECORDS))
        longest = int(PAUSE_MAX_US * self._clock.speed)
        self._pause = max(self._interval, min(max(busy, much), longest))

    def _log_changes(
        self, partition: Partition, changes: Sequence[tuple[bytes, bytes | None]]
    ) -> None:
        changelog = POSITION_TOPICS.get(partition.topic)
        if changelog is not None:
            send, number = self.transport.send, partition.number
            for key, value in changes:
                send(changelog, key, value, partition=number)

    def _guarded(self, work: Callable[[], None]) -> None:
        """A failed transaction is folded again; an unsure one makes every task read its state
        again."""
        try:
            work()
        except TransactionAborted as error:
            log.warning("transaction aborted: folding again", extra={"error": error})
            self._throw_away()
        except StateTooLarge as error:
            log.warning("a state is too large: folding one by one", extra={"error": error})
            self._throw_away()
        except SchemaUnavailable as error:
            log.warning("registry not to be reached: waiting", extra={"error": error})
            self._guarded(self._throw_away)
            time.sleep(OUTAGE_S)
        except CommitOutcomeUnknown as error:
            log.warning("commit outcome unknown: restoring", extra={"error": error})
            self._rewind = True  # what is in hand comes again
            everything = list(self.owned)
            self._forget(everything)
            self._begin(everything)

    def _throw_away(self) -> None:
        """The batch never was; where to read on is where the last commit left off."""
        self.transport.abort()
        self._said = 0
        for owned in self.owned.values():
            owned.task.rollback()
            owned.ticked_at = 0
        self._rewind = True

    def _go_back(self) -> None:
        self._rewind = False
        self.transport.read_from(
            {p: o.task.next_offset for p, o in self.owned.items() if o.restore is None}
        )

    # partitions come and go, inside poll

    def _assigned(self, partitions: Sequence[Partition]) -> None:
        if partitions:
            log.info("assigned", extra={"partitions": partitions})
            self._begin(partitions)

    def _revoked(self, partitions: Sequence[Partition]) -> None:
        """Taken away means abort: the next owner folds it again."""
        log.info("revoked", extra={"partitions": partitions})
        self._forget(partitions)
        self._guarded(self._throw_away)

    def _begin(self, partitions: Sequence[Partition]) -> None:
        """The group's offset first (it waits out a dead owner's transaction), then the state
        that goes with it."""
        offsets = self.transport.committed(partitions)
        self.transport.read_from(offsets)
        for partition in partitions:
            owned = self.owned[partition] = Owned(self._make(partition), offsets[partition])
            owned.task.start_at(offsets[partition])
            changelog = POSITION_TOPICS.get(partition.topic)
            if changelog is not None:
                self.transport.pause([partition])
                owned.restore = self.transport.open_changelog(
                    Partition(changelog, partition.number)
                )

    def _forget(self, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            owned = self.owned.pop(partition, None)
            if owned is not None and owned.restore is not None:
                owned.restore.close()

    def _restore(self, partition: Partition, owned: Owned) -> None:
        """A step of reading the state back; the others go on meanwhile."""
        assert owned.restore is not None
        records, done = owned.restore.read(RESTORE_STEP)
        for key, value in records:
            owned.task.restore(key, value)
        if done:
            owned.restore.close()
            owned.restore = None
            if owned.task.next_offset < owned.committed:
                self._restore_again(partition, owned)
                return
            owned.task.restored()
            self.transport.read_from({partition: owned.task.next_offset})
            log.info("restored", extra={"partition": partition, "states": len(owned.task.store)})

    def _restore_again(self, partition: Partition, owned: Owned) -> None:
        """A state older than what the group has committed is not folded on: that would say things
        twice."""
        log.error(
            "the changelog ends before the group's offset: reading it again",
            extra={
                "partition": partition,
                "state": owned.task.next_offset,
                "group": owned.committed,
            },
        )
        self._begin([partition])

    def _wait(self) -> float:
        """How long to sleep for the next record: until a commit, a timer, or a breath; not at
        all with work left."""
        if self._rewind or any(
            owned.restore is not None
            or (owned.ready and (owned.task.inbox or not owned.task.settled))
            for owned in self.owned.values()
        ):
            return 0.0
        now = self._clock.now()
        soonest = min((o.task.next_due() for o in self.owned.values()), default=NEVER)
        until = min(soonest, now + int(IDLE_S * 1_000_000 * self._clock.speed))
        if any(owned.task.dirty for owned in self.owned.values()):
            until = min(until, self._committed_at + self._pause)
        return min(IDLE_S, max(0.001, self._clock.wall_seconds(until - now)))
