"""verify: the logs folded again from their start, and compared with everything the engine made of
them.

The pure processors refold each log. Then, entity by entity: states against the changelogs, outputs
against the logs, the command topics and the facts, and PostgreSQL against a recount (design 2.1,
2.5, 2.8). It needs the stream at rest, because a moving one differs from any picture of it: it
waits for that, and says so when it does not come.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from processors.fold.task import Record, Task
from processors.fold.turn import Output
from schemas.base.error_codes import RefusalCode
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, TaskPosition
from schemas.internal.topics import CHANGELOG_OF, COMMANDS, LOGS, PUBLIC_IN, Layout, Topic
from sinks.projection import positions
from sinks.recount import Recount
from sinks.state_rows import ProjectedRecord as Row
from streams.audit.disk_spool import Spool
from streams.audit.multiset_diff import Balance, Said
from streams.audit.refold import refold
from streams.base.partitioner import partition_of
from streams.base.settings import Settings
from streams.base.transport import Headers, Partition
from streams.kafka.reader import TopicEntry, TopicReader
from streams.kafka.topics import layout_of
from streams.runtime.dead_letter import PROJECTION_FAILED, RETRIED
from streams.runtime.output_encoding import Encode
from streams.runtime.role_process import encoder_of, task_makers

_decode_place = msgspec.msgpack.Decoder(TaskPosition).decode

Pieces = Iterator[tuple[int, list[TopicEntry]]]
Progress = Callable[[str], None]
AGAIN_S = 0.5


class Difference(NamedTuple):
    """One thing that is not as the logs say."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Report(NamedTuple):
    """What was compared, and the first differences; none means that all agree."""

    differences: list[Difference]
    counts: dict[str, int]


class NotAtRest(Exception):
    """The stream did not stand still in time, so nothing can be said; the message says what
    moved."""


def verify(
    settings: Settings,
    *,
    wait_s: float = 30.0,
    first: int = 20,
    progress: Progress = lambda _: None,
    postgres: bool = True,
) -> Report:
    """Refolds and compares. Raises NotAtRest; `first` bounds the differences told."""
    recount = Recounting(settings)
    deadline = time.monotonic() + wait_s
    while True:
        progress("reading the logs")
        recount.read()
        moving = recount.moving(postgres=postgres)
        if moving is None:
            break
        if time.monotonic() > deadline:
            raise NotAtRest(moving)
        time.sleep(AGAIN_S)
    progress("comparing states")
    differences = [*recount.states(), *recount.outputs()]
    if postgres:
        progress("comparing PostgreSQL")
        differences += recount.tables(first)
    return Report(differences[:first], recount.counts)


class Recounting:
    """The refold, kept so that a second look reads on instead of beginning again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.counts: dict[str, int] = {}
        self._encode: Encode = encoder_of(settings)
        self._makers = task_makers(settings)
        self._tasks: dict[Partition, Task] = {}
        self._readers = {topic: TopicReader(settings, topic) for topic in Topic}
        self._unexplained: set[tuple[str, int, int]] = set()
        self._changelogs: dict[Partition, dict[bytes, bytes]] = {}
        self._facts = Spool()
        self._balance = {topic: Balance() for topic in Topic}
        self._ear = _Ear(self._balance, layout_of(settings))
        self._command_ids: dict[bytes, int] = {}

    # reading

    def read(self) -> None:
        """Everything that has come since the last look, folded; a piece of each topic in turn, so
        that what was said soon meets what stands there."""
        # Dead letters before all: they say what a registry did not know when it was asked.
        for number, entries in self._readers[Topic.DEAD_LETTERS].read():
            self._take(Partition(Topic.DEAD_LETTERS, number), entries)
        under_way = [(t, r.read()) for t, r in self._readers.items() if t != Topic.DEAD_LETTERS]
        while under_way:
            under_way = [(t, pieces) for t, pieces in under_way if self._take_one(t, pieces)]

    def _take_one(self, topic: Topic, pieces: Pieces) -> bool:
        """The next piece, if there is one."""
        piece = next(pieces, None)
        if piece is not None:
            self._take(Partition(topic, piece[0]), piece[1])
        return piece is not None

    def _take(self, partition: Partition, entries: list[TopicEntry]) -> None:
        topic = partition.topic
        self.counts[topic] = self.counts.get(topic, 0) + len(entries)
        if topic in LOGS or topic in PUBLIC_IN:
            refold(
                partition, self._task(partition), self._explained(partition, entries), self._hear
            )
        if topic in CHANGELOG_OF.values():
            kept = self._changelogs.setdefault(partition, {})
            for entry in entries:
                _keep(kept, entry.record.key, entry.value)
        elif topic not in PUBLIC_IN:
            found = self._balance[topic].found
            for entry in entries:
                headers = entry.record.headers() or ()
                if topic is Topic.DEAD_LETTERS and self._is_no_tasks_word(headers):
                    continue
                if topic not in LOGS or all(name != RETRIED for name, _ in headers):
                    # A dead letter sent back to its log was said once, by the record it repeats.
                    found(_said(topic, entry.record.key, entry.value, partition.number, headers))
                self._note(partition, entry, headers)

    def _task(self, partition: Partition) -> Task:
        task = self._tasks.get(partition)
        if task is None:
            task = self._tasks[partition] = self._makers[partition.topic](partition)
        return task

    def _is_no_tasks_word(self, headers: Iterable[Any]) -> bool:
        """Whether a letter is none that a task has said: a marker that one was retried, or the
        projector's. Or it says what nobody can recount: that a registry did not know a schema,
        which it may know by now. It is believed, and its record is not folded again."""
        told = dict(headers)
        if RETRIED in told or told.get("reason") == PROJECTION_FAILED.encode():
            return True
        if told.get("reason") != RefusalCode.AVRO_SCHEMA_UNKNOWN.encode():
            return False
        topic, number, offset = (
            told[f"origin_{name}"].decode() for name in ("topic", "partition", "offset")
        )
        if int(offset) < self._task(Partition(Topic(topic), int(number))).next_offset:
            return False  # folded already, and refused in the recount too
        self._unexplained.add((topic, int(number), int(offset)))
        return True

    def _explained(self, partition: Partition, entries: list[TopicEntry]) -> Iterator[Record]:
        for entry in entries:
            place = (partition.topic.value, partition.number, entry.record.offset)
            if place not in self._unexplained:
                yield entry.record

    def _note(self, partition: Partition, entry: TopicEntry, headers: Iterable[Any]) -> None:
        if partition.topic is Topic.FACTS:
            place = (partition.number, entry.record.offset)
            self._facts.add(Row(Topic.FACTS, *place, entry.record.key, entry.value))
        elif partition.topic in COMMANDS:
            name = next((value for name, value in headers if name == "ce_id"), None) or b""
            self._command_ids[name] = self._command_ids.get(name, 0) + 1

    def _hear(self, output: Output) -> None:
        self._encode((output,), self._ear)

    # at rest?

    def moving(self, *, postgres: bool) -> str | None:
        """What has not come to an end yet, None if everything has."""
        for topic, reader in self._readers.items():
            if reader.has_grown():
                return f"{topic} is growing"
        for partition, task in self._tasks.items():
            kept = self._changelogs.get(_changelog(partition), {})
            if partition.topic in LOGS and not _reached(task, kept.get(POSITION_KEY)):
                return f"{partition.topic}[{partition.number}] is not folded to its end"
        for topic in (
            Topic.CONTACT_LOG,
            Topic.DISPATCH_LOG,
            Topic.CAMPAIGN_LOG,
            Topic.DEAD_LETTERS,
        ):
            if any(self._balance[topic].missing()):
                return f"records for {topic} are under way"
        return self._projection_moving() if postgres else None

    def _projection_moving(self) -> str | None:
        group = f"{self.settings.topic_prefix}projector"
        at = {(p.topic, p.partition): p.next_offset for p in positions(self.settings.dsn(), group)}
        for topic in (*CHANGELOG_OF.values(), Topic.FACTS):
            for number, end in self._readers[topic].ends().items():
                if end and at.get((topic.value, number), 0) < end:
                    return f"the projection of {topic}[{number}] is behind"
        return None

    # comparing

    def states(self) -> Iterator[Difference]:
        """Each entity of each task against its changelog, byte by byte, and where it stands."""
        tasks = {_changelog(p): task for p, task in self._tasks.items() if p.topic in LOGS}
        for partition in sorted(tasks.keys() | self._changelogs.keys()):
            kept = self._changelogs.get(partition, {})
            task = tasks.get(partition)
            folded: dict[bytes, bytes | None] = {}
            if task is not None:
                folded.update(task.store.items())
                if POSITION_KEY in kept:
                    folded |= task.changes()  # nothing but its place
            self._count("states", len(folded.keys() - {POSITION_KEY}))
            where = f"{partition.topic}[{partition.number}]"
            for key in sorted(kept.keys() | folded.keys()):
                if kept.get(key) != folded.get(key):
                    yield Difference(where, _unlike(key, folded.get(key), kept.get(key)))

    def outputs(self) -> Iterator[Difference]:
        """What the refold says against what stands on the topics; and no command twice."""
        said = (*LOGS, *COMMANDS, Topic.FACTS, Topic.DEAD_LETTERS)
        for topic in said:
            for text in self._balance[topic].beyond():
                yield Difference(topic, f"the logs do not account for {text}")
        for topic in said:
            for text in self._balance[topic].missing():
                yield Difference(topic, f"missing {text}")
        for name, count in self._command_ids.items():
            if count > 1:
                yield Difference("commands", f"{name.decode()} stands there {count} times")
        self._count("command ids", len(self._command_ids))

    def tables(self, first: int) -> list[Difference]:
        """PostgreSQL against the recount of the refolded states and the facts."""
        with Recount(self.settings.dsn()) as recount:
            recount.add(self._rows())
            recount.add(self._facts)
            return [
                Difference(
                    f"table {d.table}",
                    f"{d.key} {d.column}: expected {d.expected}, found {d.found}",
                )
                for d in recount.differences(first=first)
            ]

    def _rows(self) -> Iterator[Row]:
        for partition, task in self._tasks.items():
            if partition.topic in LOGS:
                changelog = _changelog(partition)
                for offset, (key, value) in enumerate(task.store.items()):
                    yield Row(changelog.topic, partition.number, offset, key, value)

    def _count(self, name: str, number: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + number


class _Ear:
    """A sink that remembers what was said instead of writing it."""

    def __init__(self, balance: dict[Topic, Balance], layout: Layout) -> None:
        self._balance = balance
        self._layout = layout

    def send(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        if partition is None:
            partition = partition_of(key or b"", self._layout.partitions(topic))
        self._balance[topic].said(_said(topic, key, value, partition, headers or ()))


def _said(
    topic: Topic, key: bytes | None, value: bytes | None, partition: int, headers: Iterable[Any]
) -> Said:
    """A command is its headers too: its type and its id."""
    told = tuple(sorted(headers)) if topic in COMMANDS else ()
    return Said(key or None, value, partition, told)


def _changelog(partition: Partition) -> Partition:
    return Partition(CHANGELOG_OF.get(partition.topic, partition.topic), partition.number)


def _keep(kept: dict[bytes, bytes], key: bytes, value: bytes | None) -> None:
    if value is None:
        kept.pop(key, None)
    else:
        kept[key] = value


def _reached(task: Task, place: bytes | None) -> bool:
    """Whether the live task stands where the refold does: same offset, same time, nothing left
    to fire."""
    if place is None:
        return task.next_offset == 0
    live = _decode_place(payload_of(place))
    return (live.next_offset, live.stream_time) == (task.next_offset, task.stream_time)


def _unlike(key: bytes, folded: bytes | None, kept: bytes | None) -> str:
    name = key.decode(errors="replace")
    if folded is None or kept is None:
        return f"{name} is {'not in the refold' if folded is None else 'not in the changelog'}"
    expected, found = (msgspec.msgpack.decode(payload_of(value)) for value in (folded, kept))
    return f"{name}: expected {expected}, found {found}"[:600]


def all_of(differences: Iterable[Difference]) -> str:
    """One a line."""
    return "\n".join(str(difference) for difference in differences)
