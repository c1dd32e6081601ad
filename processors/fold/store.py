"""The states of a task: committed bytes by key, the open batch over them, and the indexes of
timers, queues, groups and lists.

States are held as bytes, so that a million of them are cheap to hold and to restore. A state is
decoded when it is touched and encoded again when its step ends, while the processor's caches still
hold it. A state that the same batch touches again stays decoded until the commit.

The indexes are derived and never stored. Those of timers and queues, and the lists, hold keys and
are never rolled back: an entry counts only if its state still agrees. The groups are counted, so
they are exact at every moment, and a rollback restores them.
"""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any, Protocol, TypeVar, cast

import msgspec

from processors.fold.key_lists import KeyLists, ListsOf, in_no_list
from processors.fold.state_groups import StateGroups
from schemas.base.error_codes import NotReadable
from schemas.internal.state_base import GROUPED, QUEUED, State
from schemas.internal.state_bytes import HEAD, NEVER, due_of, flag_of, head, payload_of
from schemas.internal.states import POSITION_KEY

S = TypeVar("S", bound=State)
Rank = tuple[int, int, int, str]

_encode = msgspec.msgpack.Encoder().encode
_ABSENT = State()  # what a lookup finds where nothing is: None is a state that does not exist
_UNCHANGED = b""  # the same for the bytes of a state: None is a deleted one

STATE_MAX_BYTES = 3_900_000
"""The most bytes of a state, so that its changelog record is within the broker's limit."""


class StateTooLarge(Exception):
    """A step has made a state larger than STATE_MAX."""


def _not_readable(key: bytes, error: Exception) -> NotReadable:
    return NotReadable(f"the state {key.decode(errors='replace')} cannot be read: {error}")


class Queued(Protocol):
    """A state that may wait in a queue."""

    def place(self) -> tuple[bytes, Rank] | None:
        """The queue and the rank in it; the lowest rank is first. None while it is in no queue."""


def _encoded(state: State | None, due: int) -> bytes | None:
    """The bytes of a state; None of a deleted one. Raises StateTooLarge."""
    if state is None:
        return None
    value: bytes = head(due, state.indexed) + _encode(state)
    if len(value) > STATE_MAX_BYTES:
        raise StateTooLarge(f"{len(value)} bytes")
    return value


class Store:
    """The states of one task. `decode` decodes any of them; by `lists_of` a restore finds the lists
    in which they stand."""

    def __init__(self, decode: Callable[[bytes], State], lists_of: ListsOf = in_no_list) -> None:
        self._decode: Callable[[bytes], Any] = decode
        self._lists_of = lists_of
        self._committed: dict[bytes, bytes] = {}
        self._open: dict[bytes, Any] = {}  # a State, or None for a deleted one
        self._dues: dict[bytes, int] = {}  # of each open state: when it was due after its last step
        self._changes: dict[bytes, bytes | None] = {}  # of the batch; an open state may be newer
        self._touched: dict[bytes, None] = {}  # ordered, because the changelog has the same order
        self._timers: list[tuple[int, bytes]] = []
        self.soonest = NEVER  # a lower bound of all timers; `next_due` has the exact time
        self._armed = self._armed_committed = 0
        self._queues: dict[bytes, list[tuple[Rank, bytes]]] = {}
        self._queues_below: dict[bytes, dict[bytes, None]] = {}
        self._groups = StateGroups()
        self._read_cache: dict[bytes, Any] = {}  # a State, or None for a key without one
        self._lists = KeyLists()

    # Reading and changing.

    def read(self, key: bytes, kind: type[S]) -> S | None:
        """The state under `key`, for reading only: one decoded object, which an edit opens."""
        state: S | None = self._read_cache.get(key, _ABSENT)
        if state is _ABSENT:
            state = self._open.get(key, _ABSENT)
            if state is _ABSENT:
                value = self._changes.get(key, _UNCHANGED)
                if value is _UNCHANGED:
                    value = self._committed.get(key)
                found = None if value is None else self._decoded(key, value)
                state = self._read_cache[key] = found
        return state

    def edit(self, key: bytes, kind: type[S]) -> S | None:
        """The state under `key`, open for change: the batch has what the object holds."""
        state: S | None = self._open.get(key, _ABSENT)
        if state is _ABSENT:
            value = self._changes.get(key, _UNCHANGED)
            if value is _UNCHANGED:
                value = self._committed.get(key)
            if value is None:
                return None
            state = self._read_cache.pop(key, None)
            if state is None:
                try:  # as in `_decoded`: this is done for nearly every record, and calls are dear
                    state = self._decode(value[HEAD:])
                except (msgspec.DecodeError, ValueError) as error:
                    raise _not_readable(key, error) from error
            self._open[key] = state
            self._dues[key] = due_of(value)
        self._touched[key] = None
        return state

    def opened(self, key: bytes, kind: type[S]) -> S | None:
        """The state under `key` if the batch has it open, for a change that the indexes do not
        depend on: its timer, queue and groups are not looked at after the step."""
        state: S | None = self._open.get(key)
        return state

    def _decoded(self, key: bytes, value: bytes) -> Any:
        """Raises NotReadable."""
        try:
            return self._decode(payload_of(value))
        except (msgspec.DecodeError, ValueError) as error:
            raise _not_readable(key, error) from error

    def put(self, key: bytes, state: State) -> None:
        """Stores a new state under `key`. It is counted in its groups at once."""
        self._replace(key, state)
        if state.grouped:
            self._groups.place(key, state.groups())

    def delete(self, key: bytes) -> None:
        """Deletes the state under `key`. The changelog gets a tombstone."""
        self._replace(key, None)
        self._groups.remove(key)

    def _replace(self, key: bytes, state: State | None) -> None:
        self._dues.setdefault(key, self._due(key))
        self._touched[key] = None
        self._open[key] = state
        self._read_cache.pop(key, None)

    # Timers.

    def settle(self) -> None:
        """Ends a step: indexes the due moments and queues of the touched states, and encodes the
        states. Raises StateTooLarge."""
        open_states, dues, changes = self._open, self._dues, self._changes
        for key in self._touched:
            state = open_states[key]
            due = None if state is None else state.due()
            if due is None:
                due = NEVER
            before = dues[key]
            if due != before:
                self._armed += (due != NEVER) - (before != NEVER)
                dues[key] = due
                if due != NEVER:
                    heappush(self._timers, (due, key))
                    self.soonest = min(self.soonest, due)
            if key not in changes:
                changes[key] = _encoded(state, due)
                del open_states[key], dues[key]
            if state is not None and state.indexed:
                self._index(key, state)
        self._touched.clear()

    def _index(self, key: bytes, state: Any) -> None:
        if state.queued:
            self._enqueue(key, state)
        if state.grouped:
            self._groups.place(key, state.groups())

    def next_due(self) -> int:
        """The soonest due moment, NEVER where none is due. Takes O(1) amortized time (S1-36)."""
        timers = self._timers
        while timers and self._due(timers[0][1]) != timers[0][0]:
            heappop(timers)
        self.soonest = timers[0][0] if timers else NEVER
        return self.soonest

    def pop_due(self, now: int) -> tuple[bytes, State] | None:
        """The first state that is due by `now`, in (due, key) order, open for change. The caller
        must settle the store before the next call."""
        return None if self.next_due() > now else self.pop_first()

    def pop_first(self) -> tuple[bytes, State]:
        """The state of the first timer, after a call of `next_due`: as `pop_due`."""
        _, key = heappop(self._timers)
        state = self.edit(key, State)
        self._dues[key] = NEVER
        self._armed -= 1
        assert state is not None, "a deleted state has no timer"
        return key, state

    def disarm_due(self, now: int) -> None:
        """Disarms the first timer that is due by `now`, until its state is touched."""
        due = self.pop_due(now)
        if due is not None:
            key, state = due
            self._touched.clear()
            self._changes[key] = _encoded(state, NEVER)
            del self._open[key], self._dues[key]

    def first_due(self) -> bytes:
        """The key of the first timer, after a call of `next_due`."""
        return self._timers[0][1]

    def _due(self, key: bytes) -> int:
        due = self._dues.get(key)
        if due is not None:
            return due
        value = self._changes.get(key, _UNCHANGED)
        if value is _UNCHANGED:
            value = self._committed.get(key)
        return NEVER if value is None else due_of(value)

    # Queues.

    def first(self, queue: bytes) -> bytes | None:
        """The key of the first state in a queue, or None."""
        entries = self._queues.get(queue)
        while entries:
            rank, key = entries[0]
            if self._place(key) == (queue, rank):
                return key
            heappop(entries)
        if entries is not None:
            del self._queues[queue]
            parent, below, _ = queue.partition(b"\x00")
            if below:
                del self._queues_below[parent][queue]
        return None

    def queues_below(self, parent: bytes) -> list[bytes]:
        """The queues that may have states in them, whose names are `parent`, a zero byte and
        anything. Their order is by chance."""
        return [*self._queues_below.get(parent, ())]

    def enqueue(self, key: bytes) -> None:
        """Lets a state that this step has changed be found in its queue at once, and not only after
        the step."""
        state = self.read(key, State)
        if state is not None:
            self._enqueue(key, cast(Queued, state))

    def requeue(self, key: bytes, state: Queued) -> None:
        """Puts a state into the queue of its changed place now, and not at the end of the step: the
        step looks at the queue again."""
        self._enqueue(key, state)

    def _enqueue(self, key: bytes, state: Queued) -> None:
        place = state.place()
        if place is None:
            return
        queue, rank = place
        entries = self._queues.get(queue)
        if entries is None:
            entries = self._queues[queue] = []
            parent, below, _ = queue.partition(b"\x00")
            if below:
                self._queues_below.setdefault(parent, {})[queue] = None
        heappush(entries, (rank, key))

    def _place(self, key: bytes) -> tuple[bytes, Rank] | None:
        state = self.read(key, State)
        return None if state is None else cast(Queued, state).place()

    # Groups.

    def count(self, group: bytes) -> int:
        """How many states are members of a group. A state that was put or deleted in this step
        counts as it is now, one that was edited as it was before the step."""
        return self._groups.count(group)

    def members(self, group: bytes) -> list[bytes]:
        """The keys of the members of a group, sorted."""
        return self._groups.members(group)

    # Lists.

    def enter(self, name: bytes, key: bytes) -> None:
        """Enters the state under `key` in a list, for as long as the task lives."""
        self._lists.add(name, key)

    def listed(self, name: bytes, after: bytes = b"") -> Iterator[bytes]:
        """The keys of a list after `after`, in order. Of a state that is gone, or that does not
        belong there any more, the key may still be in it: the caller must look at each state."""
        return self._lists.after(name, after)

    # The batch.

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """The changelog records of the batch, one of each touched key, in the order of the first
        touch. Raises StateTooLarge."""
        for key, state in self._open.items():
            self._changes[key] = _encoded(state, self._dues[key])
        return list(self._changes.items())

    def commit(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        """Makes the changes the committed state, after the transaction was committed."""
        kept = cast("dict[bytes, bytes | None]", self._committed)
        kept.update(changes)
        for key in [key for key, value in changes if value is None]:
            del kept[key]
        self._armed_committed = self._armed
        self._end()
        if len(self._timers) > 64 + 2 * len(self._committed):
            self._index_timers()

    def rollback(self) -> None:
        """Drops the batch, after the transaction was aborted, and indexes the timers and queues of
        the touched states again."""
        for key in self._changes.keys() | self._open.keys():
            self._read_cache.pop(key, None)
            value = self._committed.get(key)
            self._groups.remove(key)
            if value is not None:
                self._index_again(key, value)
        self._armed = self._armed_committed
        self._end()

    def _end(self) -> None:
        self._open.clear()
        self._changes.clear()
        self._dues.clear()
        self._touched.clear()
        if len(self._read_cache) > 10_000:
            self._read_cache.clear()

    # Restoring.

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Restores one changelog record. `restored` must be called after the last one."""
        if value is None:
            self._committed.pop(key, None)
        else:
            self._committed[key] = value

    def restored(self) -> None:
        """Builds the indexes by one pass over the states. Raises NotReadable."""
        self._index_timers()
        self._armed = self._armed_committed = len(self._timers)
        for key, value in self._committed.items():
            if key == POSITION_KEY:
                continue
            try:
                self._index_by_flag(key, value)
                for name in self._lists_of(key, payload_of(value)):
                    self._lists.restore(name, key)
            except (msgspec.DecodeError, ValueError) as error:
                raise _not_readable(key, error) from error
        self._lists.restored()

    def _index_timers(self) -> None:
        self._timers = [
            (due, key) for key, value in self._committed.items() if (due := due_of(value)) != NEVER
        ]
        heapify(self._timers)
        self.next_due()

    def _index_again(self, key: bytes, value: bytes) -> None:
        if (due := due_of(value)) != NEVER:
            heappush(self._timers, (due, key))
            self.soonest = min(due, self.soonest)
        self._index_by_flag(key, value)

    def _index_by_flag(self, key: bytes, value: bytes) -> None:
        flag = flag_of(value)
        if not flag:
            return
        state = self._decode(payload_of(value))
        if flag & QUEUED:
            self._enqueue(key, cast(Queued, state))
        if flag & GROUPED:
            self._groups.place(key, state.groups())

    # Inspection.

    def value(self, key: bytes) -> bytes | None:
        """The committed bytes of a state, or None."""
        return self._committed.get(key)

    def __len__(self) -> int:
        return len(self._committed)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All committed states, as keys and bytes."""
        return iter(self._committed.items())

    def timers(self) -> int:
        """The number of armed timers. The changelog has it, so it depends on the log alone."""
        return self._armed
