"""What a task remembers: bytes by key as committed, the open batch over them, and the timers they
imply.

States are kept encoded, decoded when touched and encoded again at once, while the processor's
caches still hold them; one that the same batch touches again stays open until the commit. So a
million of them are cheap to hold and to restore. A rollback drops the batch and nothing else: the
index over due moments and the queues hold keys only, and what they name is looked up again before
it is believed.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Protocol, TypeVar, cast

import msgspec

from schemas.internal.state_bytes import NEVER, due_of, flag_of, pack, payload_of
from schemas.internal.states import POSITION_KEY, State

S = TypeVar("S", bound=State)
Rank = tuple[int, int, str]

_encode = msgspec.msgpack.Encoder().encode
_ABSENT = State()  # not open: None is open too, and gone

STATE_MAX = 3_900_000
"""Bytes of one state: a changelog record must fit into what the broker takes."""


class StateTooLarge(Exception):
    """The step that makes a state larger than STATE_MAX is not folded."""


class Queued(Protocol):
    """A state that stands in a queue says in which, and how far in front; None while it does
    not."""

    def place(self) -> tuple[bytes, Rank] | None: ...


class Store:
    """The states of one task. `decode` knows the union of its states."""

    def __init__(self, decode: Callable[[bytes], State]) -> None:
        self._decode = decode
        self._kept: dict[bytes, bytes] = {}
        self._open: dict[bytes, State | None] = {}
        self._dues: dict[bytes, int] = {}  # of all that is open: when it was due as last settled
        self._changed: dict[bytes, bytes | None] = {}  # the batch; what is open may be newer
        self._touched: dict[bytes, None] = {}  # in order: a set would shuffle the changelog
        self._timers: list[tuple[int, bytes]] = []
        self.soonest = NEVER  # no timer is earlier; `next_due` tells whether one is there
        self._armed = self._armed_kept = 0
        self._queues: dict[bytes, list[tuple[Rank, bytes]]] = {}
        self._known: dict[bytes, State] = {}
        self._sweep: tuple[bytes, bytes, list[bytes]] | None = None

    # reading and changing

    def look(self, key: bytes, kind: type[S]) -> S | None:
        """A state to read, not to change: decoded once and shared until somebody edits it."""
        state = self._known.get(key)
        if state is not None:
            return cast(S, state)
        state = self._open.get(key, _ABSENT)
        if state is _ABSENT:
            value = self._value(key)
            if value is None:
                return None
            state = self._known[key] = self._decode(payload_of(value))
        return cast("S | None", state)

    def edit(self, key: bytes, kind: type[S]) -> S | None:
        """The open batch's own copy: changing it is changing the state."""
        state = self._open.get(key, _ABSENT)
        if state is _ABSENT:
            value = self._value(key)
            if value is None:
                return None
            state = self._open[key] = self._decode(payload_of(value))
            self._dues[key] = due_of(value)
            self._known.pop(key, None)
        self._touched[key] = None
        return cast("S | None", state)

    def _value(self, key: bytes) -> bytes | None:
        """The bytes of what is not open."""
        value = self._changed.get(key, b"")
        return self._kept.get(key) if value == b"" else value

    def put(self, key: bytes, state: State) -> None:
        """A new state under `key`."""
        self._replace(key, state)

    def delete(self, key: bytes) -> None:
        """The state under `key` is gone: a tombstone in the changelog."""
        self._replace(key, None)

    def _replace(self, key: bytes, state: State | None) -> None:
        self._dues.setdefault(key, self._due(key))
        self._touched[key] = None
        self._open[key] = state
        self._known.pop(key, None)

    # time

    def settle(self) -> None:
        """After a record or a timer: what was touched names its next due moment, and its place
        in a queue."""
        for key in self._touched:
            state = self._open[key]
            due = None if state is None else state.due()
            if due is None:
                due = NEVER
            before = self._dues[key]
            if due != before:
                self._armed += (due != NEVER) - (before != NEVER)
                self._dues[key] = due
                if due != NEVER:
                    heappush(self._timers, (due, key))
                    self.soonest = min(due, self.soonest)
            if key not in self._changed:
                self._close(key)
            if state is not None and state.queued:
                self._enqueue(key, cast(Queued, state))
        self._touched.clear()

    def _close(self, key: bytes) -> None:
        self._changed[key] = self._encoded(key)
        del self._open[key], self._dues[key]

    def _encoded(self, key: bytes) -> bytes | None:
        """Raises StateTooLarge."""
        state = self._open[key]
        if state is None:
            return None
        value = pack(self._dues[key], state.queued, _encode(state))
        if len(value) > STATE_MAX:
            raise StateTooLarge(f"{len(value)} bytes")
        return value

    def next_due(self) -> int:
        """The soonest due moment, NEVER if there is none; finding it is O(1) (S1-36)."""
        timers = self._timers
        while timers and self._due(timers[0][1]) != timers[0][0]:
            heappop(timers)
        self.soonest = timers[0][0] if timers else NEVER
        return self.soonest

    def pop_due(self, now: int) -> tuple[bytes, State] | None:
        """The state that is due first by `now`, in (due, key) order, open for change; settle
        before the next."""
        if self.next_due() > now:
            return None
        _, key = heappop(self._timers)
        state = self.edit(key, State)
        self._dues[key] = NEVER
        self._armed -= 1
        assert state is not None, "a deleted state has no timer"
        return key, state

    def silence_due(self, now: int) -> None:
        """The state that is due first is woken no more, until somebody touches it."""
        due = self.pop_due(now)
        if due is not None:
            self._touched.clear()
            self._close(due[0])

    def front(self) -> bytes:
        """The key of the timer that is first."""
        return self._timers[0][1]

    def _due(self, key: bytes) -> int:
        due = self._dues.get(key)
        if due is not None:
            return due
        value = self._value(key)
        return NEVER if value is None else due_of(value)

    # queues

    def first(self, queue: bytes) -> bytes | None:
        """The key that is in front of a queue."""
        entries = self._queues.get(queue)
        while entries:
            rank, key = entries[0]
            if self._place(key) == (queue, rank):
                return key
            heappop(entries)
        return None

    def _enqueue(self, key: bytes, state: Queued) -> None:
        place = state.place()
        if place is not None:
            heappush(self._queues.setdefault(place[0], []), (place[1], key))

    def _place(self, key: bytes) -> tuple[bytes, Rank] | None:
        state = self.look(key, State)
        return None if state is None else cast(Queued, state).place()

    # sweeping

    def holders(self, prefix: bytes, needle: bytes, after: bytes) -> Iterator[bytes]:
        """Keys past `after` that start with `prefix` and whose state may mention `needle`, in key
        order.

        A superset: whoever sweeps looks at each. Found by one pass over the bytes, kept while the
        sweep goes on.
        """
        if self._sweep is None or self._sweep[:2] != (prefix, needle) or not after:
            found = {
                key
                for key, value in self._kept.items()
                if key.startswith(prefix) and needle in value
            }
            for key, value in self.changes():  # same bytes, same answer, open or not
                found.discard(key)
                if value is not None and key.startswith(prefix) and needle in value:
                    found.add(key)
            self._sweep = (prefix, needle, sorted(found))
        keys = self._sweep[2]
        return islice(keys, bisect_right(keys, after), None)

    # the batch

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """One changelog record per touched key, in the order of first touch. Raises
        StateTooLarge."""
        for key in self._open:
            self._changed[key] = self._encoded(key)
        return list(self._changed.items())

    def commit(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        """The transaction is through: the changes become the state."""
        kept = cast("dict[bytes, bytes | None]", self._kept)
        kept.update(changes)
        for key in [key for key, value in changes if value is None]:
            del kept[key]
        self._armed_kept = self._armed
        self._end()
        if len(self._timers) > 64 + 2 * len(self._kept):
            self._index_timers()

    def rollback(self) -> None:
        """The transaction is not through: as if the batch had never been; timers it took are
        given back."""
        for key in self._changed.keys() | self._open.keys():
            self._known.pop(key, None)
            value = self._kept.get(key)
            if value is not None:
                self._remember(key, value)
        self._armed = self._armed_kept
        self._end()

    def _end(self) -> None:
        self._open.clear()
        self._changed.clear()
        self._dues.clear()
        self._touched.clear()
        if len(self._known) > 10_000:
            self._known.clear()

    # restoring

    def restore(self, key: bytes, value: bytes | None) -> None:
        """One changelog record; the index follows when all are in."""
        if value is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = value

    def restored(self) -> None:
        """All records are in: derive timers and queues by one scan."""
        self._index_timers()
        self._armed = self._armed_kept = len(self._timers)
        for key, value in self._kept.items():
            if key != POSITION_KEY and flag_of(value):
                self._enqueue(key, cast(Queued, self._decode(payload_of(value))))

    def _index_timers(self) -> None:
        self._timers = [
            (due, key) for key, value in self._kept.items() if (due := due_of(value)) != NEVER
        ]
        heapify(self._timers)
        self.next_due()

    def _remember(self, key: bytes, value: bytes) -> None:
        if (due := due_of(value)) != NEVER:
            heappush(self._timers, (due, key))
            self.soonest = min(due, self.soonest)
        if flag_of(value):
            self._enqueue(key, cast(Queued, self._decode(payload_of(value))))

    # looking in

    def value(self, key: bytes) -> bytes | None:
        """A state as committed, as bytes."""
        return self._kept.get(key)

    def __len__(self) -> int:
        return len(self._kept)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Everything committed, as bytes."""
        return iter(self._kept.items())

    def timers(self) -> int:
        """How many timers are set: what a commit writes down is a function of the log."""
        return self._armed
