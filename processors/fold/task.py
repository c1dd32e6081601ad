"""A task: one partition of one log, folded by one processor. Same log, same state, same output
(design 2.1).

Stream time is the greatest timestamp seen. Before a record is applied, every timer due by its
timestamp fires; what the record itself makes due fires before the next. Time moves by records
alone: a tick is a record.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from processors.fold.store import StateTooLarge, Store
from processors.fold.turn import Output, Turn
from schemas.base.error_codes import SchemaUnavailable
from schemas.base.times import LATEST
from schemas.internal.messages import DeadLetter
from schemas.internal.state_bytes import NEVER, pack, payload_of
from schemas.internal.states import POSITION_KEY, STATE_FORMAT, State, StateTooNew, TaskPosition
from schemas.internal.topics import Topic

_encode_place = msgspec.msgpack.Encoder().encode
_decode_place = msgspec.msgpack.Decoder(TaskPosition).decode


TIMER_FAILED = "TIMER_FAILED"

UNBOUNDED = 2**80
"""Microseconds: later than Kafka can stamp a record."""

OUTPUTS_MAX = 10_000
"""So much said, and it is time to commit, whatever is left of the step."""


class Record(msgspec.Struct, gc=False):
    """One record of a log. `timestamp` is microseconds, UTC; only who reads foreign bytes asks
    for headers."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Callable[[], list[tuple[str, bytes | None]] | None] = list


class Processor(Protocol):
    """The decisions over one log: pure functions of state and record."""

    decode_state: Callable[[bytes], State]

    def apply(self, turn: Turn, record: Record) -> None:
        """One record of the log. Raises SchemaUnavailable where that is what is missing."""

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """A state is due by `turn.now`; it is open for change and must name a later moment, or
        none."""


class Poison(Exception):
    """A step that cannot be folded: a record, or a timer, which is a state's `key` and has no
    record. `alone` says nothing else of its batch could be to blame."""

    def __init__(self, record: Record | None, key: bytes, alone: bool, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.record = record
        self.key = key
        self.alone = alone


class Task:
    """The fold of one partition, and the batch since its last commit."""

    def __init__(
        self, processor: Processor, partition: int, place_key: bytes = POSITION_KEY
    ) -> None:
        self.processor = processor
        self._place_key = place_key
        self.partition = partition
        self.store = Store(processor.decode_state)
        self.inbox: deque[Record] = deque()
        self.outputs: list[Output] = []
        self.next_offset = 0
        self.stream_time = 0
        self.horizon = UNBOUNDED  # what is stamped later is not believed: the loop's guard
        self.dirty = False
        self._suspects = range(0)
        self._suspect_key: bytes | None = None
        self._condemned: DeadLetter | None = None
        self._steps = 0
        self._parked = False
        self._committed = (0, 0)
        self._turn = Turn(0, self.store, self.outputs, partition)

    # the fold

    def feed(self, records: Sequence[Record]) -> None:
        """Records in log order; one that was folded already is not folded again."""
        expected = self.inbox[-1].offset + 1 if self.inbox else self.next_offset
        if records and records[0].offset < expected:
            records = [record for record in records if record.offset >= expected]
        self.inbox.extend(records)

    def advance(self, budget: int) -> int:
        """Fire and fold, at most `budget` steps; returns how many were done (0: nothing left to
        do).

        Raises Poison where a record cannot be folded; the batch must then be rolled back.
        """
        done = 0
        store, inbox, outputs = self.store, self.inbox, self.outputs
        turn = self._begin_turns()
        while done < budget and len(outputs) < OUTPUTS_MAX:
            now = self.stream_time
            if store.soonest <= now and store.next_due() <= now:
                if self._steps and store.front() == self._suspect_key:
                    break  # alone: what came before it is committed first
                self._fire()
            elif not inbox:
                break
            elif (stamp := inbox[0].timestamp) > now and now < LATEST:
                if stamp > self.horizon:
                    break  # not believed: the loop's guard
                turn.now = self.stream_time = min(stamp, LATEST)  # a producer may stamp anything
                self.dirty = True
                continue
            elif self._steps and inbox[0].offset in self._suspects:
                break  # alone too
            else:
                self._apply(inbox.popleft())
            done += 1
        return done

    def _begin_turns(self) -> Turn:
        """One for all records and timers of a step: nobody keeps a turn."""
        turn = self._turn
        turn.now, turn.store, turn.outputs = self.stream_time, self.store, self.outputs
        return turn

    def _fire(self) -> None:
        store, letter = self.store, self._condemned
        if letter is not None and letter.code == TIMER_FAILED and letter.key == store.front():
            store.silence_due(self.stream_time)
            self._park(letter)
            return
        due = store.pop_due(self.stream_time)
        assert due is not None
        try:
            self.processor.fire(self._turn, *due)
            store.settle()
        except Exception as error:
            raise Poison(None, due[0], self._steps == 0, error) from error
        self._steps += 1
        self.dirty = True

    def _apply(self, record: Record) -> None:
        letter = self._condemned
        if letter is not None and letter.code != TIMER_FAILED and letter.offset == record.offset:
            self._park(letter)
            self.next_offset = record.offset + 1
            return
        try:
            self.processor.apply(self._turn, record)
            self.store.settle()
        except SchemaUnavailable:  # an outage is not the record's fault
            raise
        except Exception as error:
            raise Poison(record, record.key, self._steps == 0, error) from error
        self.next_offset = record.offset + 1
        self._steps += 1
        self.dirty = True

    def doubt(self, poison: Poison) -> None:
        """The batch was rolled back: when the step's turn comes again it is tried alone."""
        if poison.record is None:
            self._suspect_key = poison.key
        else:
            self._suspects = range(poison.record.offset, poison.record.offset + 1)

    def condemn(self, letter: DeadLetter) -> None:
        """The step has failed alone: when its turn comes again it is parked, and changes nothing
        else; a timer is silenced until something touches its state. The verdict stands until it
        is committed, or the next one would have this one tried again."""
        self._condemned = letter

    def _park(self, letter: DeadLetter) -> None:
        key = f"{letter.topic}/{letter.offset}".encode()
        self.outputs.append(Output(Topic.DEAD_LETTERS, key, letter))
        self._steps += 1
        self.dirty = self._parked = True

    @property
    def settled(self) -> bool:
        """Everything that is due by stream time has fired."""
        return self.store.next_due() > self.stream_time

    # the batch

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """The changelog records of the batch: one per touched key, and where the task stands.

        Raises StateTooLarge where several records together made it so: rolled back, they are
        folded one by one.
        """
        try:
            changes = self.store.changes()
        except StateTooLarge:
            self._suspects = range(self._committed[0], self.next_offset)
            raise
        due = self.store.next_due()
        place = TaskPosition(
            self.next_offset,
            self.stream_time,
            self.store.timers(),
            None if due == NEVER else due,
            STATE_FORMAT,
        )
        changes.append((self._place_key, pack(None, 0, _encode_place(place))))
        return changes

    def commit(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        """The transaction is through: `changes` are the state."""
        self.store.commit(changes)
        self._committed = (self.next_offset, self.stream_time)
        if self._parked:
            self._condemned = None
        self._begin()

    def rollback(self) -> None:
        """The transaction is not through: as before it; what was in hand must be fed again."""
        self.store.rollback()
        self.next_offset, self.stream_time = self._committed
        self.inbox.clear()
        self._begin()

    def _begin(self) -> None:
        self.outputs = []
        self.dirty = self._parked = False
        self._steps = 0

    # restoring

    def restore(self, key: bytes, value: bytes | None) -> None:
        """One changelog record, in order. Tasks without states share a changelog: the places of
        others are not ours. Raises StateTooNew."""
        if self._place_key in (POSITION_KEY, key):
            self.store.restore(key, value)
        if key == self._place_key and value is not None:
            place = _decode_place(payload_of(value))
            if place.state_format > STATE_FORMAT:
                raise StateTooNew(place.state_format)
            self.next_offset, self.stream_time = place.next_offset, place.stream_time

    def start_at(self, offset: int) -> None:
        """Where the group stands; a changelog that knows better overrides it."""
        self.next_offset = offset
        self._committed = (offset, self.stream_time)

    def restored(self) -> None:
        """All of the changelog is in: derive what is derived."""
        self.store.restored()
        self._committed = (self.next_offset, self.stream_time)

    def next_due(self) -> int:
        """When this task wants to be woken, NEVER if it does not."""
        return self.store.next_due()
