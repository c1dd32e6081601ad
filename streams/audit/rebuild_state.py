"""Writes the changelogs of a stopped role anew, where the states or the log were lost.

`rebuild_states` folds each partition of the log again, up to the progress that the group has
committed, and drops the outputs: the group has written them already. `accept_log` keeps the states,
and moves the position and the group's offset to what the log still has.

A changelog is without a position while it is written, so that a worker that starts too early
refuses it; and an interrupted run can be repeated.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import msgspec
from confluent_kafka import (
    OFFSET_INVALID,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from processors.fold.task import LogIdentity, Record
from schemas.internal.state_bytes import pack, payload_of
from schemas.internal.states import POSITION_KEY, STATE_FORMAT, StateTooNew, TaskPosition
from schemas.internal.topics import POSITION_TOPICS
from streams.audit.refold import refold_to
from streams.base.fold_progress import FoldProgress, parse_progress
from streams.base.settings import Settings
from streams.base.transport import FatalClientError, LogChanged, LogFacts, Partition
from streams.kafka.clients import admin_client, transactional_producer
from streams.kafka.inquiry import KafkaInquiry
from streams.kafka.reader import TopicReader
from streams.kafka.topics import layout_of
from streams.runtime.role_process import task_makers
from streams.runtime.roles import position_key, topics_of

CALL_TIMEOUT_S = 15.0
STABLE_TIMEOUT_S = 60.0
PAUSE_S = 0.5
BYTES_MAX = 4_000_000
"""The bytes of one transaction, so that it ends long before its timeout."""

_decode_position = msgspec.msgpack.Decoder(TaskPosition).decode
Changes = Iterable[tuple[bytes, bytes | None]]


class RoleRuns(Exception):
    """Workers of the role run, or what they have left is not settled."""


class ProgressUnknown(Exception):
    """Beside the offset of a group nothing is stated about the timers: an earlier version has
    committed it."""


class Rewritten(NamedTuple):
    """A partition whose changelog was written: where its log is read on, and its states."""

    partition: Partition
    next_offset: int
    states: int


class StoppedRole:
    """A role without running workers, and the brokers' facts about its partitions. Raises RoleRuns
    if workers run, or if a transaction of theirs is still open after STABLE_TIMEOUT_S."""

    def __init__(self, settings: Settings, role: str) -> None:
        self.settings, self.role = settings, role
        self.group = settings.topic_prefix + role
        self.layout = layout_of(settings)
        self.partitions = [
            Partition(topic, number)
            for topic in topics_of(role)
            for number in range(self.layout.partitions(topic))
        ]
        with admin_client(settings) as admin:
            self._require_no_member(admin)
            self._require_stable_offsets(admin)
        self.facts = self._ask()

    def _require_no_member(self, admin: AdminClient) -> None:
        """Waits until the group is empty: a stopped worker stays its member for a session."""
        deadline_s = time.monotonic() + self.settings.session_timeout_ms / 1_000 + CALL_TIMEOUT_S
        while True:
            answer = admin.describe_consumer_groups([self.group], request_timeout=CALL_TIMEOUT_S)
            members = answer[self.group].result().members
            if not members:
                return
            if time.monotonic() > deadline_s:
                names = sorted(str(m.group_instance_id or m.member_id) for m in members)
                raise RoleRuns(
                    f"workers of the role {self.role} run: stop them first ({', '.join(names)})"
                )
            time.sleep(PAUSE_S)

    def _require_stable_offsets(self, admin: AdminClient) -> None:
        """Waits until no transaction holds an offset of the group back."""
        deadline_s = time.monotonic() + STABLE_TIMEOUT_S
        while True:
            request = ConsumerGroupTopicPartitions(
                self.group, [self.name(partition) for partition in self.partitions]
            )
            answer = admin.list_consumer_group_offsets(
                [request], require_stable=True, request_timeout=CALL_TIMEOUT_S
            )
            errors = [p.error for p in answer[self.group].result().topic_partitions if p.error]
            if not errors:
                return
            if time.monotonic() > deadline_s:
                raise RoleRuns(f"the offsets of {self.group}: {errors[0].str()}")
            time.sleep(PAUSE_S)

    def _ask(self) -> dict[Partition, LogFacts]:
        with closing(KafkaInquiry(self.settings, self.group, self.partitions)) as inquiry:
            while (answer := inquiry.answer()) is None:
                time.sleep(0.02)
            return dict(answer)

    def name(self, partition: Partition, offset: int = OFFSET_INVALID) -> TopicPartition:
        """The client's name of a partition, with an offset."""
        topic = self.settings.topic_prefix + partition.topic.value
        return TopicPartition(topic, partition.number, offset)

    def changelog(self, partition: Partition) -> dict[bytes, bytes]:
        """The stored states and positions of a partition. Waits for open transactions."""
        stored: dict[bytes, bytes] = {}
        topic = POSITION_TOPICS[partition.topic]
        with closing(TopicReader(self.settings, topic, partition.number)) as reader:
            for _, entries in reader.read():
                for entry in entries:
                    stored.pop(entry.record.key, None)
                    if entry.value is not None:
                        stored[entry.record.key] = entry.value
        return stored

    def set_group_offsets(self, offsets: dict[Partition, int]) -> None:
        """Commits these offsets of the group."""
        request = ConsumerGroupTopicPartitions(
            self.group, [self.name(partition, offset) for partition, offset in offsets.items()]
        )
        with admin_client(self.settings) as admin:
            answer = admin.alter_consumer_group_offsets([request], request_timeout=CALL_TIMEOUT_S)
            for position in answer[self.group].result().topic_partitions:
                if position.error is not None:
                    raise KafkaException(position.error)


def rebuild_states(
    settings: Settings,
    role: str,
    *,
    assume_timers_fired: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Rewritten]:
    """Folds the logs of a role with states again into new changelogs. Raises RoleRuns, LogChanged,
    LogTruncated, ProgressUnknown, ProgressNotReached."""
    stopped = StoppedRole(settings, role)
    makers = task_makers(settings)
    written = []
    for partition in stopped.partitions:
        facts = stopped.facts[partition]
        task = makers[partition.topic](partition)
        committed = parse_progress(facts.committed.metadata)
        stored = stopped.changelog(partition)
        _require_same_log(partition, facts, committed, _position(stored.get(POSITION_KEY)))
        if facts.committed.offset and committed is None and not assume_timers_fired:
            raise ProgressUnknown(
                f"{partition.topic}[{partition.number}]: the group's offset does not state which "
                "timers had fired, because an earlier version has committed it. If the engine was "
                "at rest when it stopped, use --assume-timers-fired"
            )
        progress(f"folding {partition.topic}[{partition.number}]")
        records = _records(settings, partition, facts.committed.offset)
        if facts.committed.offset:
            known = None if committed is None or committed.fired < 0 else committed
            refold_to(partition, task, records, known)
        if task.next_offset != facts.committed.offset:
            raise LogChanged(
                f"{partition.topic}[{partition.number}] has no record just before the group's "
                f"offset {facts.committed.offset}: the states cannot be folded again"
            )
        task.log = LogIdentity(facts.topic_id, facts.partitions)
        changes = dict(task.store.items()) | dict(task.changes())
        gone = {key: None for key in stored if key not in changes}
        _write(stopped, partition, POSITION_KEY, (gone | changes).items())
        written.append(Rewritten(partition, task.next_offset, len(task.store)))
    return written


def _require_same_log(
    partition: Partition,
    facts: LogFacts,
    committed: FoldProgress | None,
    position: TaskPosition | None,
) -> None:
    """Raises LogChanged if the log cannot lead to the states that were lost."""
    where = f"{partition.topic}[{partition.number}]"
    offset = facts.committed.offset
    if position is not None and position.next_offset > offset:
        raise LogChanged(
            f"{where}: the changelog has lost nothing. Its position is {position.next_offset}, and "
            f"the group's offset is {offset}. If the log was cut or made anew: --accept-log"
        )
    if offset > facts.end_offset:
        raise LogChanged(
            f"{where} ends at {facts.end_offset}, before the group's offset {offset}: the states "
            "cannot be folded again"
        )
    if committed is not None and committed.partitions not in (0, facts.partitions):
        raise LogChanged(
            f"{where}: the topic had {committed.partitions} partitions, and has {facts.partitions}"
        )


def _records(settings: Settings, partition: Partition, before: int) -> Iterator[Record]:
    """The records of a partition from its beginning, before an offset. Raises LogTruncated."""
    with closing(TopicReader(settings, partition.topic, partition.number)) as reader:
        for _, entries in reader.read():
            for entry in entries:
                if entry.record.offset >= before:
                    return
                yield entry.record


def accept_log(settings: Settings, role: str) -> list[Rewritten]:
    """Moves the positions of a role to what its logs still have: to the beginning of a log that was
    made anew or has lost its beginning, to the end of one that has lost its end. The states stay.
    A position that stays forgets the epoch of its leader, which differs in a log that another
    leader has continued. Returns the partitions whose position was written. Raises RoleRuns,
    LogChanged."""
    stopped = StoppedRole(settings, role)
    moved: dict[Partition, int] = {}
    written = []
    for partition, facts in stopped.facts.items():
        key = position_key(partition.topic)
        stored = stopped.changelog(partition)
        position = _position(stored.get(key))
        if position is not None and position.state_format > STATE_FORMAT:
            raise StateTooNew(position.state_format, position.minimum_version)
        if position is not None and position.partitions not in (0, facts.partitions):
            raise LogChanged(
                f"{partition.topic} had {position.partitions} partitions, and has "
                f"{facts.partitions}: docs/upgrading.md, section 'More partitions'"
            )
        before = facts.committed.offset if position is None else position.next_offset
        remade = position is not None and position.topic_id not in ("", facts.topic_id)
        at = facts.start_offset if remade else before
        at = min(max(at, facts.start_offset), facts.end_offset)
        stays = at == before and not remade
        if stays and (position is None or position.leader_epoch < 0):
            continue
        if position is not None:
            accepted = msgspec.structs.replace(position, leader_epoch=-1)
            if not stays:
                accepted.next_offset, accepted.fired = at, -1
                accepted.topic_id, accepted.partitions = facts.topic_id, facts.partitions
            value = pack(None, 0, msgspec.msgpack.encode(accepted))
            _write(stopped, partition, key, [(key, value)])
        if not stays:
            moved[partition] = at
        written.append(Rewritten(partition, at, len(stored)))
    if moved:
        stopped.set_group_offsets(moved)
    return written


def _position(value: bytes | None) -> TaskPosition | None:
    """A stored position, also that of a later version: it keeps its first fields."""
    return None if value is None else _decode_position(payload_of(value))


def _write(stopped: StoppedRole, partition: Partition, key: bytes, changes: Changes) -> None:
    """Writes changelog records, the position under `key` last."""
    name = stopped.settings.topic_prefix + POSITION_TOPICS[partition.topic].value
    producer = transactional_producer(stopped.settings, f"{stopped.group}.rebuild-state")
    try:
        producer.init_transactions(CALL_TIMEOUT_S)
        states = [change for change in changes if change[0] != key]
        position = [change for change in changes if change[0] == key]
        for part in _parts([(key, None), *states, *position]):
            producer.begin_transaction()
            for record_key, value in part:
                _produce(producer, name, partition.number, record_key, value)
            producer.commit_transaction(CALL_TIMEOUT_S)
    except KafkaException as error:
        raise FatalClientError(f"{name}: {error.args[0].str()}") from error


def _produce(producer: Producer, name: str, number: int, key: bytes, value: bytes | None) -> None:
    while True:
        try:
            producer.produce(name, value, key, number)
            return
        except BufferError:
            producer.poll(0.05)


def _parts(
    changes: Sequence[tuple[bytes, bytes | None]],
) -> Iterator[list[tuple[bytes, bytes | None]]]:
    """The changes in parts of BYTES_MAX bytes."""
    part: list[tuple[bytes, bytes | None]] = []
    size = 0
    for key, value in changes:
        part.append((key, value))
        size += len(key) + len(value or b"")
        if size >= BYTES_MAX:
            yield part
            part, size = [], 0
    if part:
        yield part
