"""The logs of commands that limits count in, as states (C-38).

A log is one state with the numbers of its chunks, and a state for each chunk of moments: one more
command rewrites the log and its last chunk, and no other one.
"""

from bisect import bisect_right

from processors.fold.store import Store
from processors.shared.limit_rules import EXACT_UP_TO, LoggedRule, bucket_end
from processors.shared.sender_rules import EXACT, LogShape, RuleSet
from schemas.base.times import MomentUs
from schemas.internal.states import SendChunk, SendLog

CHUNK_MAX = 64
"""The most moments of a chunk."""


def log_key(tenant_id: str, channel: str, scope: str, name: str = EXACT) -> bytes:
    """The key of a log. `scope` is what its commands have in common."""
    return f"\x04l/{tenant_id}/{channel}/{scope}\0{name}".encode()


def chunk_key(log: bytes, number: int) -> bytes:
    """The key of a chunk of a log."""
    return b"\x04k" + log[2:] + b"\0%d" % number


class StoredLog:
    """A log of the store, for reading: it is valid until the log is changed."""

    __slots__ = ("_key", "_log", "_store", "last_at", "last_hash")

    def __init__(self, store: Store, key: bytes) -> None:
        self._store = store
        self._key = key
        self._log = log = store.read(key, SendLog)
        self.last_at = 0 if log is None else log.last_at
        self.last_hash = 0 if log is None else log.last_hash

    def nth_last(self, n: int) -> MomentUs:
        """The moment of the n-th command from the end; 0 if there are fewer."""
        if self._log is None:
            return 0
        for number, _, count in reversed(self._log.chunks):
            if count >= n:
                return self._nth_in(self._chunk(number), count, n)
            n -= count
        return 0

    def count_since(self, after: MomentUs) -> int:
        """How many commands are later than a moment."""
        total = 0
        if self._log is None:
            return total
        for number, first, count in reversed(self._log.chunks):
            if first > after:
                total += count
                continue
            chunk = self._chunk(number)
            return total + sum(chunk.counts[bisect_right(chunk.moments, after) :])
        return total

    def commands(self) -> list[tuple[MomentUs, int]]:
        """All moments of the log with their numbers, the oldest first."""
        chunks = [] if self._log is None else self._log.chunks
        return [
            pair
            for number, _, _ in chunks
            for chunk in [self._chunk(number)]
            for pair in zip(chunk.moments, chunk.counts, strict=True)
        ]

    def _chunk(self, number: int) -> SendChunk:
        chunk = self._store.read(chunk_key(self._key, number), SendChunk)
        assert chunk is not None, "a log names chunks that are there"
        return chunk

    @staticmethod
    def _nth_in(chunk: SendChunk, count: int, n: int) -> MomentUs:
        if count == len(chunk.moments):  # one command in each moment
            return chunk.moments[-n]
        for moment, number in zip(reversed(chunk.moments), reversed(chunk.counts), strict=True):
            n -= number
            if n <= 0:
                return moment
        return 0


class Counting:
    """The logs of one scope under a set of rules."""

    __slots__ = ("_channel", "_scope", "_store", "_tenant_id", "rules")

    def __init__(
        self, store: Store, tenant_id: str, channel: str, scope: str, rules: RuleSet
    ) -> None:
        self._store = store
        self._tenant_id = tenant_id
        self._channel = channel
        self._scope = scope
        self.rules = rules

    def logged(self) -> list[LoggedRule]:
        """The rules with the logs of now."""
        logs = {shape.name: self._log(shape) for shape in self.rules.logs}
        return [(rule, logs[name]) for rule, name in self.rules.rules]

    def add(self, at: MomentUs, now: MomentUs, count: int = 1, command_hash: int = 0) -> None:
        """Counts commands of a moment."""
        for shape in self.rules.logs:
            self._log(shape)  # a new log begins with what the exact one has
        for shape in self.rules.logs:
            key = self._key(shape.name)
            log = self._opened(key)
            _insert(self._store, key, log, bucket_end(at, shape.step_us), count)
            _trim(self._store, key, log, shape, now)
            if at >= log.last_at:
                log.last_at, log.last_hash = at, command_hash
            log.window_us = shape.window_us
            if log.forget_at is None:
                log.forget_at = now + shape.window_us

    def keep(self) -> None:
        """Lets the logs be kept for as long as the rules look back, from a change of them on."""
        for shape in self.rules.logs:
            key = self._key(shape.name)
            log = self._store.read(key, SendLog)
            if log is not None and log.window_us < shape.window_us:
                self._opened(key).window_us = shape.window_us

    def _log(self, shape: LogShape) -> StoredLog:
        """A log for reading. One that counts in steps begins with the commands of the exact log, so
        that a raised limit forgets nothing."""
        key = self._key(shape.name)
        log = StoredLog(self._store, key)
        if shape.step_us and not log.last_at:
            self._begin(key, shape)
            return StoredLog(self._store, key)
        return log

    def _begin(self, key: bytes, shape: LogShape) -> None:
        exact = StoredLog(self._store, self._key(EXACT))
        if not exact.last_at:
            return
        log = SendLog(window_us=shape.window_us, forget_at=exact.last_at + shape.window_us)
        log.last_at = exact.last_at
        self._store.put(key, log)
        for at, count in exact.commands():
            _insert(self._store, key, log, bucket_end(at, shape.step_us), count)

    def _opened(self, key: bytes) -> SendLog:
        log = self._store.edit(key, SendLog)
        if log is None:
            log = SendLog()
            self._store.put(key, log)
        return log

    def _key(self, name: str) -> bytes:
        return log_key(self._tenant_id, self._channel, self._scope, name)


def move_into(store: Store, key: bytes, sent: list[tuple[MomentUs, int]], window_us: int) -> None:
    """Writes the commands of an older form into a log."""
    if not sent:
        return
    log = SendLog(last_at=sent[-1][0], window_us=window_us, forget_at=sent[-1][0] + window_us)
    store.put(key, log)
    for at, count in sent:
        _insert(store, key, log, at, count)


def forget(store: Store, key: bytes, log: SendLog, now: MomentUs) -> None:
    """Deletes a log that is out of every window, else looks at it again when it will be."""
    if log.last_at + log.window_us > now:
        log.forget_at = log.last_at + log.window_us
        return
    for number, _, _ in log.chunks:
        store.delete(chunk_key(key, number))
    store.delete(key)


def _insert(store: Store, key: bytes, log: SendLog, at: MomentUs, count: int) -> None:
    """Adds commands at their place in the log: nearly always at its end."""
    chunks = log.chunks
    place = len(chunks) - 1
    while place > 0 and chunks[place][1] > at:
        place -= 1
    if place < 0:
        _put_chunk(store, key, log, SendChunk([at], [count]), 0)
        return
    number, _, total = chunks[place]
    chunk = store.edit(chunk_key(key, number), SendChunk)
    assert chunk is not None, "a log names chunks that are there"
    if place == len(chunks) - 1 and len(chunk.moments) >= CHUNK_MAX and at > chunk.moments[-1]:
        _put_chunk(store, key, log, SendChunk([at], [count]), place + 1)
        return
    index = bisect_right(chunk.moments, at)
    if index and chunk.moments[index - 1] == at:
        chunk.counts[index - 1] += count
    else:
        chunk.moments.insert(index, at)
        chunk.counts.insert(index, count)
    chunks[place] = (number, chunk.moments[0], total + count)
    if len(chunk.moments) >= 2 * CHUNK_MAX:
        later = SendChunk(chunk.moments[CHUNK_MAX:], chunk.counts[CHUNK_MAX:])
        del chunk.moments[CHUNK_MAX:], chunk.counts[CHUNK_MAX:]
        chunks[place] = (number, chunk.moments[0], sum(chunk.counts))
        _put_chunk(store, key, log, later, place + 1)


def _put_chunk(store: Store, key: bytes, log: SendLog, chunk: SendChunk, place: int) -> None:
    number = 1 + max((each[0] for each in log.chunks), default=-1)
    log.chunks.insert(place, (number, chunk.moments[0], sum(chunk.counts)))
    store.put(chunk_key(key, number), chunk)


def _trim(store: Store, key: bytes, log: SendLog, shape: LogShape, now: MomentUs) -> None:
    """Deletes the chunks that no rule looks at any more: out of the window, or older than the last
    EXACT_UP_TO commands."""
    chunks = log.chunks
    while len(chunks) > 1:
        number, _, count = chunks[0]
        is_over = chunks[1][1] <= now - shape.window_us
        if not is_over and (shape.step_us or _total(log) - count < EXACT_UP_TO):
            break
        store.delete(chunk_key(key, number))
        del chunks[0]


def _total(log: SendLog) -> int:
    return sum(count for _, _, count in log.chunks)
