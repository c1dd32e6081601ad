"""What was said then meets what is said now: equals forget each other, so that memory holds what
is left over."""

from collections import Counter, deque
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from schemas.internal.topics import Topic
from streams.audit.replay.compared_outputs import MOMENT_OF, Name, Order, unlike


class What(Enum):
    """How something differs."""

    MISSING = "not said now"
    NEW = "not said then"
    UNLIKE = "said otherwise"
    MOVED = "said at another time"


class Difference(NamedTuple):
    """Something that is not as it was recorded; `fields` are those that differ."""

    what: What
    then: Order | None
    now: Order | None
    fields: tuple[str, ...] = ()

    @property
    def order(self) -> Order:
        """Either of them: they are about the same thing."""
        order = self.now or self.then
        assert order is not None
        return order

    @property
    def at(self) -> int:
        """When it was first otherwise."""
        return min(order.at for order in (self.then, self.now) if order is not None)

    @property
    def log(self) -> Topic:
        """Whose fold differs."""
        log = self.order.log
        return Topic.DISPATCH_LOG if log is None else log.topic


# In the order of their causes: what is announced is asked for, and what is asked for goes out.
_RANK = {Topic.CAMPAIGN_LOG: 0, Topic.CONTACT_LOG: 1, Topic.DISPATCH_LOG: 2}


class Meeting:
    """Counts all, keeps what still waits for its counterpart, and the first of those that met and
    differ."""

    def __init__(self) -> None:
        self.compared: Counter[str] = Counter()
        self._different: Counter[tuple[str, What]] = Counter()
        self._waiting: dict[Name, deque[Difference]] = {}
        self._first: Difference | None = None

    def then(self, order: Order) -> None:
        """One that was recorded."""
        if order.name[0] not in MOMENT_OF:
            self.compared[order.kind] += 1
        self._meet(Difference(What.MISSING, order, None))

    def now(self, order: Order) -> None:
        """One that the present code says."""
        self._meet(Difference(What.NEW, None, order))

    def _meet(self, one: Difference) -> None:
        name = one.order.name
        waiting = self._waiting.setdefault(name, deque())
        if not waiting or waiting[0].what is one.what:
            waiting.append(one)
            return
        other = waiting.popleft()
        if not waiting:
            del self._waiting[name]
        then, now = one.then or other.then, one.now or other.now
        assert then is not None and now is not None
        if fields := unlike(then.fields, now.fields):
            what = What.MOVED if name[0] in MOMENT_OF else What.UNLIKE
            self._count(Difference(what, then, now, fields))

    def _count(self, one: Difference) -> None:
        self._different[one.order.kind, one.what] += 1
        if self._first is None or _when(one) < _when(self._first):
            self._first = one

    def close(self) -> tuple[Counter[tuple[str, What]], Difference | None]:
        """How many differ by kind and how, and which is the first; nothing comes any more."""
        for one in self._left():
            self._count(one)
        self._waiting = {}
        return self._different, self._first

    def _left(self) -> Iterator[Difference]:
        """What has met nobody. A moment goes with what it is the moment of, and tells its time."""
        moments: dict[tuple[object, ...], deque[Difference]] = {}
        others = []
        for one in (one for waiting in self._waiting.values() for one in waiting):
            if one.order.name[0] in MOMENT_OF:
                moments.setdefault(_about(one), deque()).append(one)
            else:
                others.append(one)
        for one in others:
            mine = moments.get(_about(one))
            yield _at(one, mine.popleft().at) if mine else one
        yield from (one for left in moments.values() for one in left)


def _about(one: Difference) -> tuple[object, ...]:
    return (one.what, one.order.kind, one.order.fields.get("command_id"))


def _at(one: Difference, at: int) -> Difference:
    if one.then is None:
        return one
    return one._replace(then=one.then._replace(at=at))


def _when(one: Difference) -> tuple[int, int, str]:
    return (one.at, _RANK[one.log], repr(one.order.name))
