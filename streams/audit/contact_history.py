"""One contact's history from the logs alone: their records folded again by the pure processors.

A partition of contact-log holds the contact, and what was announced of its tenant and campaigns;
the limits it met are its accounts', so those partitions of dispatch-log are folded too. Of all
other records only the time is taken: timers fire by it. What dispatch has said is put where the
contact heard of it, so causes stand before what they caused.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from processors.contact import ContactProcessor
from processors.dispatch import DispatchProcessor
from processors.fold.task import Record, Task
from processors.fold.turn import Output
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.enrollment import Enrollment
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import Layout, Topic
from streams.audit.refold import refold
from streams.audit.state_scan import enrollments
from streams.base.partitioner import partition_of
from streams.base.transport import Partition

Read = Callable[[Partition], Iterable[Record]]
"""The records of a partition from its begin to where it ends now."""

_ANSWERED: dict[type[m.Message], FactKind] = {
    m.TouchCommanded: FactKind.TOUCH_COMMANDED,
    m.TouchDeferred: FactKind.TOUCH_DEFERRED,
    m.TouchRevoked: FactKind.TOUCH_REVOKED,
}


class Recalled(NamedTuple):
    """What the logs say of a contact; `runs` is None where they have never heard of it."""

    facts: list[Fact]
    runs: list[Enrollment] | None


class _Heard(NamedTuple):
    """The contact was told of something that dispatch has said as a fact of its own."""

    command_id: str
    kind: FactKind


def recall(tenant_id: str, contact_id: str, layout: Layout, read: Read) -> Recalled:
    """Reads one partition of contact-log, and those of dispatch-log that the contact asked."""
    key = m.contact_key(tenant_id, contact_id)
    place = Partition(Topic.CONTACT_LOG, partition_of(key, layout.contact))
    folded = _ContactFold(tenant_id, key, place)
    folded.fold(read(place))
    said: dict[tuple[str, FactKind], deque[Fact]] = defaultdict(deque)
    for number, accounts in _accounts(folded.asked, layout).items():
        there = Partition(Topic.DISPATCH_LOG, number)
        for fact in _dispatched(tenant_id, contact_id, accounts, there, read(there)):
            said[fact.command_id or "", fact.fact].append(fact)
    return Recalled([*_woven(folded.story, said)], folded.runs())


class _ContactFold:
    """The task of one contact: `story` is what it said and heard, in order."""

    def __init__(self, tenant_id: str, key: bytes, place: Partition) -> None:
        self.story: list[Fact | _Heard] = []
        self.asked: set[bytes] = set()
        self._key, self._ours, self._place = key, (key, tenant_id.encode()), place
        self._task = Task(ContactProcessor(), place.number)

    def fold(self, records: Iterable[Record]) -> None:
        """Record by record, because what is heard stands between what is said."""
        now = 0
        for record in records:
            now = max(now, record.timestamp)
            if self._task.next_due() <= now:
                self._take(now, b"", m.TICK)  # timers come before the record, whosever it is
            if record.key in self._ours:
                if record.key == self._key and (heard := _heard(record.value)) is not None:
                    self.story.append(heard)
                self._take(now, record.key, record.value)

    def _take(self, now: int, key: bytes, value: bytes) -> None:
        record = Record(self._task.next_offset, now, key, value)
        refold(self._place, self._task, [record], self._hear)

    def _hear(self, output: Output) -> None:
        if output.topic is Topic.FACTS and output.key == self._key:
            assert isinstance(output.message, Fact)
            self.story.append(_written(output.message))
        elif isinstance(output.message, m.RequestTouch):
            self.asked.add(output.key)

    def runs(self) -> list[Enrollment] | None:
        """The contact's enrollments, those included that its own state has let go."""
        if self._task.store.value(self._key) is None:
            return None
        held = enrollments(self._task.store.items())
        return [run for _, _, runs in held for run in runs]


def _written(fact: Fact) -> Fact:
    """As its log would have it."""
    return facts.decode(facts.encode(fact))


def _heard(value: bytes) -> _Heard | None:
    try:
        message = m.decode_contact(value)
    except msgspec.DecodeError:
        return None  # poison: the fold has parked it
    if not isinstance(message, m.DispatchAnswer):
        return None
    if isinstance(message, m.TouchRevoked) and not message.revoked:
        return None  # it was too late for that too
    kind = _ANSWERED.get(type(message))
    return None if kind is None else _Heard(message.command_id, kind)


def _accounts(asked: Iterable[bytes], layout: Layout) -> dict[int, set[bytes]]:
    found: dict[int, set[bytes]] = {}
    for key in sorted(asked):
        found.setdefault(partition_of(key, layout.dispatch), set()).add(key)
    return found


def _dispatched(
    tenant_id: str,
    contact_id: str,
    accounts: set[bytes],
    place: Partition,
    records: Iterable[Record],
) -> list[Fact]:
    """What dispatch said of the contact: its accounts are folded whole, for their limits are those
    of all who are written to."""
    found: list[Fact] = []

    def hear(output: Output) -> None:
        message = output.message
        if isinstance(message, Fact) and message.contact_id == contact_id:
            found.append(_written(message))

    ours = {*accounts, tenant_id.encode()}
    refold(place, Task(DispatchProcessor(), place.number), _with_time(records, ours), hear)
    return found


def _with_time(records: Iterable[Record], ours: set[bytes]) -> Iterator[Record]:
    """Ours, and a tick wherever time went on with a record of somebody else."""
    told, now = 0, 0
    for record in records:
        now = max(now, record.timestamp)
        if record.key in ours:
            yield msgspec.structs.replace(record, timestamp=now)
            told = now
        elif told and now > told:
            yield msgspec.structs.replace(record, timestamp=now, value=m.TICK)
            told = now


def _woven(
    story: Iterable[Fact | _Heard], said: dict[tuple[str, FactKind], deque[Fact]]
) -> Iterator[Fact]:
    """Both accounts as one; what the contact has not heard of yet comes last."""
    for entry in story:
        if isinstance(entry, Fact):
            yield entry
        elif waiting := said[entry]:
            yield waiting.popleft()
    yield from sorted((fact for left in said.values() for fact in left), key=lambda fact: fact.at)
