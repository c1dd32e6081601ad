"""The history of one contact, from the logs alone: its records are folded again.

A partition of contact-log holds the contact's records and the announcements about its tenant and
campaigns. The limits that the contact has met belong to its accounts (tenant and channel) and to
its call pools, so the partitions of dispatch-log with these owners are folded too. Of all other
records only the timestamp counts, because timers fire by it. A fact of dispatch is placed where the
contact received dispatch's answer, so that a cause stands before its effects; one without an answer
stands where it belongs by its time.
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

_POOLS = m.pool_key("")

ReadPartition = Callable[[Partition], Iterable[Record]]
"""A function that returns the records of a partition, from its beginning to its current end."""

_FACT_OF_ANSWER: dict[type[m.Message], FactKind] = {
    m.TouchCommanded: FactKind.TOUCH_COMMANDED,
    m.TouchDeferred: FactKind.TOUCH_DEFERRED,
    m.TouchRevoked: FactKind.TOUCH_REVOKED,
    m.CallLost: FactKind.CALL_SLOT_EXPIRED,
}
_BESIDE = {FactKind.TOUCH_COMMANDED: FactKind.CALL_SLOT_GRANTED}
"""The fact that dispatch emits just before another one, with the same answer."""

_UNANSWERED = (FactKind.CALL_PROGRESSED, FactKind.CALL_SLOT_FREED, FactKind.CALL_OVERRUN)
"""Facts of what the contact itself has reported to the owner of a call."""


class FoldedHistory(NamedTuple):
    """The facts about a contact in order, and its enrollments as `runs`, None if the logs do not
    name the contact."""

    facts: list[Fact]
    runs: list[Enrollment] | None


class _AnswerReceived(NamedTuple):
    """An answer of dispatch to the contact. Dispatch emits a fact with the same content."""

    command_id: str
    kind: FactKind


def fold_contact_history(
    tenant_id: str, contact_id: str, layout: Layout, read: ReadPartition
) -> FoldedHistory:
    """Folds one partition of contact-log, and the partitions of dispatch-log with the accounts of
    the contact's requests."""
    key = m.contact_key(tenant_id, contact_id)
    contact_log = Partition(Topic.CONTACT_LOG, partition_of(key, layout.contact))
    fold = _ContactFold(tenant_id, key, contact_log)
    fold.fold(read(contact_log))
    dispatch_facts: dict[tuple[str, FactKind], deque[Fact]] = defaultdict(deque)
    for number, accounts in _accounts_by_partition(fold.accounts, layout).items():
        dispatch_log = Partition(Topic.DISPATCH_LOG, number)
        records = read(dispatch_log)
        for fact in _dispatch_facts(tenant_id, contact_id, accounts, dispatch_log, records):
            dispatch_facts[fact.command_id or "", fact.fact].append(fact)
    return FoldedHistory([*_merged(fold.entries, dispatch_facts)], fold.runs())


class _ContactFold:
    """The fold of one contact. `entries` are its facts and the answers it received, in order;
    `accounts` are the keys of its requests to dispatch."""

    def __init__(self, tenant_id: str, key: bytes, log: Partition) -> None:
        self.entries: list[Fact | _AnswerReceived] = []
        self.accounts: set[bytes] = set()
        self._key, self._log = key, log
        self._folded_keys = (key, tenant_id.encode(), m.SWEEP_KEY)
        self._task = Task(ContactProcessor(), log.number)

    def fold(self, records: Iterable[Record]) -> None:
        """Folds the log record by record, because answers stand between facts."""
        now = 0
        for record in records:
            now = max(now, record.timestamp)
            if self._task.next_due() <= now:
                self._fold_record(now, b"", m.TICK)  # every record fires the timers due before it
            if record.key in self._folded_keys:
                answer = _answer_received(record.value) if record.key == self._key else None
                if answer is not None:
                    self.entries.append(answer)
                self._fold_record(now, record.key, record.value)

    def _fold_record(self, now: int, key: bytes, value: bytes) -> None:
        record = Record(self._task.next_offset, now, key, value)
        refold(self._log, self._task, [record], self._collect)

    def _collect(self, output: Output) -> None:
        if output.topic is Topic.FACTS and output.key == self._key:
            assert isinstance(output.message, Fact)
            self.entries.append(_as_logged(output.message))
        elif isinstance(output.message, m.RequestTouch):
            self.accounts.add(output.key)

    def runs(self) -> list[Enrollment] | None:
        """The enrollments of the contact, also those that its own state does not hold any more."""
        if self._task.store.value(self._key) is None:
            return None
        by_contact = enrollments(self._task.store.items())
        return [run for _, _, runs in by_contact for run in runs]


def _as_logged(fact: Fact) -> Fact:
    """The fact encoded and decoded, so that it equals one read from the topic."""
    return facts.decode(facts.encode(fact))


def _answer_received(value: bytes) -> _AnswerReceived | None:
    try:
        message = m.decode_contact(value)
    except msgspec.DecodeError:
        return None  # poison: the fold makes a dead letter of it
    if not isinstance(message, m.DispatchAnswer):
        return None
    if isinstance(message, m.TouchRevoked) and not message.revoked:
        return None  # it was too late to revoke the command, so dispatch emitted no fact
    kind = _FACT_OF_ANSWER.get(type(message))
    return None if kind is None else _AnswerReceived(message.command_id, kind)


def _accounts_by_partition(accounts: Iterable[bytes], layout: Layout) -> dict[int, set[bytes]]:
    by_partition: dict[int, set[bytes]] = {}
    for key in sorted(accounts):
        by_partition.setdefault(partition_of(key, layout.dispatch), set()).add(key)
    return by_partition


def _dispatch_facts(
    tenant_id: str,
    contact_id: str,
    accounts: set[bytes],
    log: Partition,
    records: Iterable[Record],
) -> list[Fact]:
    """The facts that dispatch emitted about the contact. All records of its accounts and pools are
    folded, because their limits count the touches of every contact, and of a pool of every
    tenant."""
    emitted: list[Fact] = []

    def collect(output: Output) -> None:
        message = output.message
        if not isinstance(message, Fact):
            return
        if (message.tenant_id, message.contact_id) == (tenant_id, contact_id):
            emitted.append(_as_logged(message))

    has_pool = any(key.startswith(_POOLS) for key in accounts)
    keys = {*accounts, tenant_id.encode()}

    def is_folded(key: bytes) -> bool:
        return key in keys or (has_pool and b"/" not in key)  # the announcements of every tenant

    refold(log, Task(DispatchProcessor(), log.number), _with_ticks(records, is_folded), collect)
    return emitted


def _with_ticks(records: Iterable[Record], is_folded: Callable[[bytes], bool]) -> Iterator[Record]:
    """The records whose keys are folded; every other record becomes a tick with its timestamp, if
    stream time went on with it."""
    last, now = 0, 0
    for record in records:
        now = max(now, record.timestamp)
        if is_folded(record.key):
            yield msgspec.structs.replace(record, timestamp=now)
            last = now
        elif last and now > last:
            yield msgspec.structs.replace(record, timestamp=now, value=m.TICK)
            last = now


def _merged(
    entries: Iterable[Fact | _AnswerReceived],
    dispatch_facts: dict[tuple[str, FactKind], deque[Fact]],
) -> Iterator[Fact]:
    """The facts of both processors. A fact of dispatch stands where its answer was received; those
    whose answer has not been received yet come last."""
    of_reports = (
        fact
        for (_, kind), waiting in dispatch_facts.items()
        if kind in _UNANSWERED
        for fact in waiting
    )
    unanswered = deque(sorted(of_reports, key=lambda fact: fact.at))
    for entry in entries:
        if isinstance(entry, Fact):
            while unanswered and unanswered[0].at < entry.at:
                yield unanswered.popleft()
            yield entry
        elif waiting := dispatch_facts[entry]:
            beside = dispatch_facts[entry.command_id, _BESIDE.get(entry.kind, entry.kind)]
            while beside is not waiting and beside and beside[0].at <= waiting[0].at:
                yield beside.popleft()
            yield waiting.popleft()
    yield from unanswered
    answered = (waiting for key, waiting in dispatch_facts.items() if key[1] not in _UNANSWERED)
    remaining = (fact for waiting in answered for fact in waiting)
    yield from sorted(remaining, key=lambda fact: fact.at)
