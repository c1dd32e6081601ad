"""The store compared with plain dicts: states, timers, queues, rollback and restore (promise 3)."""

from typing import ClassVar

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from processors.fold.store import Rank, Store
from schemas.internal.state_bytes import NEVER, due_of, flag_of
from schemas.internal.states import State


class Alarm(State):
    """A state with a timer, or without."""

    at: int | None
    note: str

    def due(self) -> int | None:
        return self.at


PARENT = b"all"


class Guest(State):
    """A state that waits in a queue, has a timer, or neither. Its groups depend on both."""

    queued: ClassVar[bool] = True
    grouped: ClassVar[bool] = True

    queue: str | None
    rank: int
    name: str
    at: int | None

    def due(self) -> int | None:
        return self.at

    def place(self) -> tuple[bytes, Rank] | None:
        if self.queue is None:
            return None
        return PARENT + b"\0" + self.queue.encode(), (self.rank, 0, 0, self.name)

    def groups(self) -> tuple[bytes, ...]:
        groups = [] if self.queue is None else [self.queue.encode()]
        return (*groups, *([] if self.at is None else [b"timed", b"%d" % self.at]))


def list_of(at: int | None) -> bytes:
    return b"at %d" % (at or 0)


def lists_of(key: bytes, payload: bytes) -> list[bytes]:
    return [list_of(decode(payload).at)] if key.startswith(b"ka") else []


decode = msgspec.msgpack.Decoder(Alarm | Guest).decode

ALARMS = [f"ka{n}" for n in range(4)]
GUESTS = [f"kg{n}" for n in range(4)]  # a key never holds another kind of state
names = st.sampled_from([*ALARMS, *GUESTS])
times = st.one_of(st.none(), st.integers(1, 9))
queues = st.sampled_from([None, "q", "r"])


class StoreModel(RuleBasedStateMachine):
    """Every operation on the store is also done on two dicts, which must agree with it."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(decode, lists_of)
        self.log: list[tuple[bytes, bytes | None]] = []
        self.committed: dict[bytes, Alarm | Guest] = {}
        self.now: dict[bytes, Alarm | Guest] = {}
        self.touched: set[bytes] = set()

    def _changed(self, key: bytes, state: Alarm | Guest | None) -> None:
        self.touched.add(key)
        if state is None:
            self.now.pop(key, None)
        else:
            self.now[key] = msgspec.structs.replace(state)
            if isinstance(state, Alarm):
                self.store.enter(list_of(state.at), key)
        self.store.settle()

    @rule(name=st.sampled_from(ALARMS), at=times)
    def put_an_alarm(self, name: str, at: int | None) -> None:
        state = Alarm(at, f"set for {at}")
        self.store.put(name.encode(), state)
        self._changed(name.encode(), state)

    @rule(name=st.sampled_from(GUESTS), queue=queues, rank=st.integers(-2, 2), at=times)
    def put_a_guest(self, name: str, queue: str | None, rank: int, at: int | None) -> None:
        state = Guest(queue, rank, name, at)
        self.store.put(name.encode(), state)
        self._changed(name.encode(), state)

    @rule(name=names, at=times, queue=queues)
    def edit(self, name: str, at: int | None, queue: str | None) -> None:
        key = name.encode()
        state = self.store.edit(key, State)
        assert (state is None) == (key not in self.now)
        if isinstance(state, Alarm | Guest):
            state.at = at
            if isinstance(state, Guest):
                state.queue = queue
            self._changed(key, state)
        else:
            self.store.settle()

    @rule(name=names)
    def open_and_leave_as_it_is(self, name: str) -> None:
        state = self.store.edit(name.encode(), State)
        self.store.settle()
        if state is not None:
            self.touched.add(name.encode())

    @rule(name=names)
    def delete(self, name: str) -> None:
        self.store.delete(name.encode())
        self._changed(name.encode(), None)

    @rule(now=st.integers(0, 9), again=times)
    def pop_what_is_due(self, now: int, again: int | None) -> None:
        due = sorted((state.at, key) for key, state in self.now.items() if state.at is not None)
        popped = self.store.pop_due(now)
        if not due or due[0][0] > now:
            assert popped is None
            return
        assert popped is not None
        key, state = popped
        assert key == due[0][1]
        assert state == self.now[key]
        assert isinstance(state, Alarm | Guest)
        state.at = again
        self._changed(key, state)

    @rule()
    def commit(self) -> None:
        changes = list(self.store.changes())
        assert {key for key, _ in changes} == self.touched
        self.log += changes
        self.store.commit(changes)
        self.committed, self.touched = dict(self.now), set()

    @rule()
    def roll_back(self) -> None:
        self.store.rollback()
        self.now, self.touched = dict(self.committed), set()

    @rule()
    def restore(self) -> None:
        """A new owner restores the changelog, without the open batch."""
        self.store = Store(decode, lists_of)
        for key, value in self.log:
            self.store.restore(key, value)
        self.store.restored()
        self.now, self.touched = dict(self.committed), set()

    @invariant()
    def the_states_are_those_of_the_dict(self) -> None:
        for key in map(str.encode, (*ALARMS, *GUESTS)):
            assert self.store.read(key, State) == self.now.get(key)

    @invariant()
    def the_soonest_timer_and_their_number_are_those_of_the_states(self) -> None:
        due = [state.at for state in self.now.values() if state.at is not None]
        assert self.store.next_due() == min(due, default=NEVER)
        assert self.store.timers() == len(due)

    @invariant()
    def the_first_of_a_queue_has_the_lowest_rank(self) -> None:
        below = self.store.queues_below(PARENT)
        for queue in (PARENT + b"\0q", PARENT + b"\0r"):
            guests = [(key, s.place()) for key, s in self.now.items() if isinstance(s, Guest)]
            waiting = sorted((p[1], key) for key, p in guests if p is not None and p[0] == queue)
            assert self.store.first(queue) == (waiting[0][1] if waiting else None)
            assert queue in below or not waiting
            assert (queue in self.store.queues_below(PARENT)) == bool(waiting)

    @invariant()
    def a_group_has_exactly_its_members(self) -> None:
        guests = [(key, s.groups()) for key, s in self.now.items() if isinstance(s, Guest)]
        for group in (b"q", b"r", b"timed", b"3"):
            members = sorted(key for key, groups in guests if group in groups)
            assert self.store.members(group) == members
            assert self.store.count(group) == len(members)

    @invariant()
    def a_list_has_the_key_of_every_state_that_belongs_there(self) -> None:
        """In order, and each once; a key may stay whose state is gone or does not belong there."""
        for at in (3, 4):
            for after in (b"", b"ka1"):
                keys = list(self.store.listed(list_of(at), after))
                found = [key for key in keys if key in self.now and self.now[key].at == at]
                belong = (k for k, s in self.now.items() if isinstance(s, Alarm) and s.at == at)
                assert [k for k in found if k.startswith(b"ka")] == sorted(
                    key for key in belong if key > after
                )
                assert keys == sorted(set(keys))

    @invariant()
    def the_bytes_have_the_due_moment_and_the_queue_flag(self) -> None:
        for key, value in self.store.items():
            state = self.committed[key]
            assert due_of(value) == (NEVER if state.at is None else state.at)
            assert flag_of(value) == state.queued + 2 * state.grouped
        assert len(self.store) == len(self.committed)


StoreModel.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestStoreStory = StoreModel.TestCase


def test_outdated_timer_entries_do_not_pile_up() -> None:
    store = Store(decode)
    for at in range(1, 5_000):
        store.put(b"k", Alarm(at, ""))
        store.settle()
        store.commit(list(store.changes()))
    assert len(store._timers) < 200
    assert (store.timers(), store.next_due()) == (1, 4_999)


def test_timers_of_one_moment_fire_in_the_order_of_their_keys() -> None:
    store = Store(decode)
    for key in (b"c", b"a", b"b"):
        store.put(key, Alarm(5, ""))
    store.settle()
    fired = []
    while (popped := store.pop_due(5)) is not None:
        fired.append(popped[0])
        state = popped[1]
        assert isinstance(state, Alarm)
        state.at = None
        store.settle()
    assert fired == [b"a", b"b", b"c"]


def test_a_state_counts_in_its_step_as_soon_as_it_is_put_or_deleted() -> None:
    store = Store(decode)
    store.put(b"kg1", Guest("q", 0, "kg1", None))
    store.put(b"kg2", Guest("q", 0, "kg2", None))
    assert store.count(b"q") == 2
    store.delete(b"kg1")
    store.delete(b"kg1")
    assert (store.count(b"q"), store.members(b"q")) == (1, [b"kg2"])
    store.rollback()
    assert store.count(b"q") == 0


def test_a_state_is_found_in_its_queue_within_its_step_if_it_is_enqueued() -> None:
    store = Store(decode)
    store.put(b"kg1", Guest("q", 5, "kg1", None))
    store.settle()
    guest = store.edit(b"kg1", Guest)
    assert guest is not None
    guest.rank = 1
    queue = PARENT + b"\0q"
    assert store.first(queue) is None
    store.enqueue(b"kg1")
    assert store.first(queue) == b"kg1"


def test_a_state_that_was_only_read_is_not_written() -> None:
    store = Store(decode)
    store.put(b"k", Alarm(None, ""))
    store.settle()
    store.commit(list(store.changes()))
    store.read(b"k", Alarm)
    assert list(store.changes()) == []
