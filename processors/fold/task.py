"""A task: folds the records of one partition with one processor. The same log gives the same states
and the same outputs (promise 1).

Stream time is the greatest timestamp seen, so only records move time. All timers due by a record's
timestamp fire before the record is applied. A timer that the record makes due fires before the next
record (promise 2).
"""

import errno
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from processors.fold.key_lists import ListsOf
from processors.fold.store import StateTooLarge, Store
from processors.fold.turn import Output, Turn
from schemas.base.error_codes import NotReadable, SchemaUnavailable
from schemas.base.times import LATEST
from schemas.internal.messages import DeadLetter
from schemas.internal.state_bytes import NEVER, pack, payload_of
from schemas.internal.states import (
    FORMAT_SINCE,
    POSITION_KEY,
    STATE_FORMAT,
    State,
    StateTooNew,
    TaskPosition,
)
from schemas.internal.topics import Topic

_encode_position = msgspec.msgpack.Encoder().encode
_decode_position = msgspec.msgpack.Decoder(TaskPosition).decode


TIMER_FAILED = "TIMER_FAILED"
"""The code of the dead letter of a timer that cannot fire."""

UNBOUNDED = 2**80
"""A time in microseconds, later than the latest timestamp of Kafka."""

OUTPUTS_MAX = 10_000
"""A step ends at so many outputs of the batch, so that the batch is committed."""


class Record(msgspec.Struct, gc=False):
    """One record of a log or public topic. `timestamp` is in microseconds; `headers` is a function,
    because only intake reads headers. `tombstone` marks a record that has no value at all."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Callable[[], list[tuple[str, bytes | None]] | None] = list
    tombstone: bool = False


class LogIdentity(NamedTuple):
    """What the runtime knows of the log of a task, and stores in its position: the id of the topic,
    the number of its partitions, and the leader epoch of the last record that was read."""

    topic_id: str = ""
    partitions: int = 0
    leader_epoch: int = -1


class Processor(Protocol):
    """The decisions over one log, as pure functions of state and record."""

    decode_state: Callable[[bytes], State]
    lists_of: ListsOf

    def apply(self, turn: Turn, record: Record) -> None:
        """Folds one record. Raises SchemaUnavailable where a schema registry does not answer."""

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Fires the timer of a state, which is due by `turn.now` and open for change. The fired
        state must be due later, or never."""


class Poison(Exception):
    """A record or timer that cannot be folded. `record` is None for a timer, and `key` is then the
    key of its state. `alone` is true for the first step of a batch, which no other step can have
    caused to fail."""

    def __init__(self, record: Record | None, key: bytes, alone: bool, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.record = record
        self.key = key
        self.alone = alone


NOT_POISON = (SchemaUnavailable, NotReadable, MemoryError)
SCARCE = frozenset({errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EIO})


def is_poison(error: Exception) -> bool:
    """Whether a step with this error may become a dead letter. An outage, a lack of memory or files
    of this machine, and what only a later version can read are no fault of a record: the process
    ends or waits, and the step is tried again."""
    if isinstance(error, NOT_POISON):
        return False
    return not (isinstance(error, OSError) and error.errno in SCARCE)


class Task:
    """The fold of one partition, with the batch since its last commit."""

    def __init__(
        self, processor: Processor, partition: int, position_key: bytes = POSITION_KEY
    ) -> None:
        self.processor = processor
        self._position_key = position_key
        self.partition = partition
        self.store = Store(processor.decode_state, processor.lists_of)
        self.inbox: deque[Record] = deque()
        self.outputs: list[Output] = []
        self.next_offset = 0
        self.stream_time = 0
        self.fired = 0
        """The timers that have fired since the last record, -1 if unknown."""

        self.log = LogIdentity()
        self.stored_position: TaskPosition | None = None  # as it was restored
        self.max_timestamp = UNBOUNDED  # set by the clock guard; later records are not folded
        self.dirty = False
        self._alone_offset = -1
        self._alone_steps = 0
        self._alone_timer: bytes | None = None
        self._dead_letter: DeadLetter | None = None
        self._steps = 0
        self._wrote_dead_letter = False
        self._folded: list[Record] = []  # the records of the batch
        self._committed_position = (0, 0, 0)
        self._turn = Turn(0, self.store, self.outputs, partition)

    # The fold.

    def feed(self, records: Sequence[Record]) -> None:
        """Adds records in the order of the log. Records that were folded before are dropped."""
        expected = self.inbox[-1].offset + 1 if self.inbox else self.next_offset
        if records and records[0].offset < expected:
            records = [record for record in records if record.offset >= expected]
        self.inbox.extend(records)

    def advance(self, budget: int) -> int:
        """Fires timers and folds records, at most `budget` of them, and returns how many. 0 means
        that there is nothing left, or that the batch must be committed first. A step of a sweep
        counts as many times as it has visited states, so it may exceed the budget.

        Raises Poison where a record or timer cannot be folded. The batch must then be rolled back.
        """
        done = 0
        store, inbox, outputs = self.store, self.inbox, self.outputs
        turn = self._begin_turns()
        while done < budget and len(outputs) < OUTPUTS_MAX:
            now = self.stream_time
            if store.soonest <= now and store.next_due() <= now:
                if self._steps and (self._alone_steps or store.first_due() == self._alone_timer):
                    break  # the steps before it are committed first
                self._fire()
            elif not inbox:
                break
            elif (stamp := inbox[0].timestamp) > now < LATEST:
                if stamp > self.max_timestamp:
                    break  # the clock guard of the worker decides about it
                turn.now = self.stream_time = min(stamp, LATEST)  # a producer may stamp anything
                self.dirty = True
                continue
            elif self._steps and (self._alone_steps or inbox[0].offset == self._alone_offset):
                break  # the steps before it are committed first
            else:
                record = inbox.popleft()
                self._folded.append(record)
                self._apply(record)
            done += 1
            if turn.visited:
                done += turn.visited
                turn.visited = 0
        return done

    def _begin_turns(self) -> Turn:
        """The turn of the next steps. One object is used for all of them: no processor keeps it."""
        turn = self._turn
        turn.now, turn.store, turn.outputs = self.stream_time, self.store, self.outputs
        return turn

    def _fire(self) -> None:
        store, letter = self.store, self._dead_letter
        if letter is not None and letter.code == TIMER_FAILED and letter.key == store.first_due():
            store.disarm_due(self.stream_time)
            self._count_fired()
            self._write_dead_letter(letter)
            return
        key = store.first_due()
        try:
            self.processor.fire(self._turn, *store.pop_first())
            store.settle()
        except Exception as error:
            if not is_poison(error):
                raise
            raise Poison(None, key, self._steps == 0, error) from error
        self._count_fired()
        self._steps += 1
        self.dirty = True

    def _count_fired(self) -> None:
        if self.fired >= 0:
            self.fired += 1

    def _apply(self, record: Record) -> None:
        letter = self._dead_letter
        if letter is not None and letter.code != TIMER_FAILED and letter.offset == record.offset:
            self._write_dead_letter(letter)
            self.next_offset, self.fired = record.offset + 1, 0
            return
        try:
            self.processor.apply(self._turn, record)
            self.store.settle()
        except Exception as error:
            if not is_poison(error):
                raise
            raise Poison(record, record.key, self._steps == 0, error) from error
        self.next_offset, self.fired = record.offset + 1, 0
        self._steps += 1
        self.dirty = True

    def retry_alone(self, poison: Poison) -> None:
        """Lets the failed step begin a batch of its own, to prove whether it is poison. The batch
        must be rolled back before."""
        if poison.record is None:
            self._alone_timer = poison.key
        else:
            self._alone_offset = poison.record.offset

    def replace_with_dead_letter(self, letter: DeadLetter) -> None:
        """Writes a dead letter instead of the step that has failed alone, when it comes again. A
        timer is disarmed until its state is touched.

        The letter is kept until it is committed, so that a rollback does not try the step again.
        """
        self._dead_letter = letter

    def _write_dead_letter(self, letter: DeadLetter) -> None:
        key = f"{letter.topic}/{letter.offset}".encode()
        self.outputs.append(Output(Topic.DEAD_LETTERS, key, letter))
        self._steps += 1
        self.dirty = self._wrote_dead_letter = True

    @property
    def ignored(self) -> int:
        """The records of the batch that the processor has ignored."""
        return self._turn.ignored

    @property
    def committed_position(self) -> tuple[int, int, int]:
        """The next offset, the stream time and the timers fired since the last record, as they were
        committed last."""
        return self._committed_position

    @property
    def nothing_due(self) -> bool:
        """Whether no timer is due by stream time."""
        return self.store.next_due() > self.stream_time

    # The batch.

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """The changelog records of the batch: one of each touched key, then the task's position.

        Raises StateTooLarge where a state grew too large during the batch. After the rollback its
        records and timers are folded one by one.
        """
        try:
            changes = self.store.changes()
        except StateTooLarge:
            self._alone_steps = self._steps
            raise
        due = self.store.next_due()
        position = TaskPosition(
            self.next_offset,
            self.stream_time,
            self.store.timers(),
            None if due == NEVER else due,
            STATE_FORMAT,
            self.fired,
            self.log.topic_id,
            self.log.leader_epoch,
            self.log.partitions,
            FORMAT_SINCE,
        )
        changes.append((self._position_key, pack(None, 0, _encode_position(position))))
        return changes

    def commit(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        """Makes the changes the committed state, after the transaction was committed."""
        self.store.commit(changes)
        self._alone_steps = max(0, self._alone_steps - self._steps)
        self._committed_position = (self.next_offset, self.stream_time, self.fired)
        if self._wrote_dead_letter:
            self._dead_letter = None
        self._begin_batch()

    def rollback(self) -> None:
        """Drops the batch, after the transaction was aborted. Its records are in the inbox again,
        before those that were not folded yet."""
        self.store.rollback()
        self.next_offset, self.stream_time, self.fired = self._committed_position
        self.inbox.extendleft(reversed(self._folded))
        self._begin_batch()

    def _begin_batch(self) -> None:
        self.outputs, self._folded = [], []
        self.dirty = self._wrote_dead_letter = False
        self._steps = self._turn.ignored = self._turn.visited = 0

    # Restoring.

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Restores one changelog record, in the order of the changelog. Tasks without states share
        a changelog and skip the positions of one another. Raises StateTooNew."""
        if self._position_key in (POSITION_KEY, key):
            self.store.restore(key, value)
        if key == self._position_key and value is not None:
            position = _decode_position(payload_of(value))
            if position.state_format > STATE_FORMAT:
                raise StateTooNew(position.state_format, position.minimum_version)
            self.stored_position = position
            self.next_offset, self.stream_time = position.next_offset, position.stream_time
            self.fired = position.fired

    def start_at(self, offset: int) -> None:
        """Sets the position from the committed offset of the group. A position in the changelog
        replaces it."""
        self.next_offset = offset
        self.fired = 0 if offset == 0 else -1
        self._committed_position = (offset, self.stream_time, self.fired)

    def restored(self) -> None:
        """Builds the indexes, after all changelog records were restored."""
        self.store.restored()
        self._committed_position = (self.next_offset, self.stream_time, self.fired)

    def next_due(self) -> int:
        """The soonest due moment of a state, NEVER where none is due."""
        return self.store.next_due()
