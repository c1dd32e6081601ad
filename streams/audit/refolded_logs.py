"""All logs of a deployment, folded again from their beginning, beside the records that the engine
has made of them.

A refold makes the states and outputs that the logs lead to. Here they are collected together with
the changelogs and the records found on the topics, so that `streams/audit/verify.py` can compare
both sides. Matching records cancel as they are read (`streams/audit/multiset_diff.py`).

The logs must be whole. The other topics may have a retention: what one of them has lost, or what
came of it, is not compared.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec

from processors.fold.task import Record, Task
from processors.fold.turn import Output
from schemas.base.error_codes import RefusalCode
from schemas.internal.messages import DECODE, BackfilledEvent, decode_contact, encode
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, TaskPosition
from schemas.internal.topics import CHANGELOG_OF, COMMANDS, LOGS, PUBLIC_IN, Layout, Topic
from sinks.projection import positions
from sinks.state_rows import ProjectedRecord
from streams.audit.cut_topics import MAY_BE_CUT, may_be_of_intake
from streams.audit.disk_spool import DiskSpool
from streams.audit.multiset_diff import ComparedRecord, MultisetDiff
from streams.audit.older_records import (
    has_later_fields,
    may_be_missing,
    older_command,
    older_form,
    older_key,
)
from streams.audit.refold import refold
from streams.base.partitioner import partition_of
from streams.base.settings import Settings
from streams.base.transport import Headers, Partition
from streams.kafka.reader import (
    KnownOffsets,
    LogTruncated,
    TopicEntry,
    TopicReader,
    read_in_turns,
)
from streams.kafka.registry import decoder_of
from streams.kafka.topic_extent import offsets_of
from streams.kafka.topics import layout_of
from streams.runtime.dead_letter import PROJECTION_FAILED, RETRIED
from streams.runtime.role_process import encoder_of, task_makers
from streams.runtime.roles import position_key

_decode_position = msgspec.msgpack.Decoder(TaskPosition).decode


class RefoldedLogs:
    """The tasks that fold the logs again, with the changelogs, the facts and the records found on
    each topic. Each `read` continues where the last one ended."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self.tasks: dict[Partition, Task] = {}
        self.changelogs: dict[Partition, dict[bytes, bytes]] = {}
        self.diffs = {topic: MultisetDiff() for topic in Topic}
        self.facts = DiskSpool()
        self.command_ids: Counter[bytes] = Counter()
        self._encode = encoder_of(settings)
        self._decode = decoder_of(settings)
        self._task_makers = task_makers(settings)
        self._readers = {
            topic: TopicReader(settings, topic, may_be_cut=topic in MAY_BE_CUT) for topic in Topic
        }
        self._intake_offsets: dict[Partition, int] = {}
        self._not_folded: set[tuple[str, int, int]] = set()
        self._expected = _ExpectedRecords(self.diffs, layout_of(settings), self._is_cut)

    # reading

    def read(self) -> None:
        """Reads the records that have arrived since the last read, and folds those of the logs.
        Raises LogTruncated if a log has lost its beginning, or a public topic what was not folded
        yet."""
        readers, known = dict(self._readers), self._offsets()
        for reader in readers.values():
            reader.ends(known)  # shows what is cut off, before a record of any topic is compared
        # Dead letters come first: they show which schemas a registry did not have at that time.
        dead_letters = readers.pop(Topic.DEAD_LETTERS)
        for partition, entries in chain(
            read_in_turns([dead_letters], known), read_in_turns(readers.values(), known)
        ):
            self._add(partition, entries)
        for partition, begin in self.cuts.items():
            if 0 < self._intake_offsets.get(partition, 0) < begin:
                raise LogTruncated(
                    f"{partition.topic}[{partition.number}]: log cut at {begin}, but intake has "
                    f"folded it up to offset {self._intake_offsets[partition]} only: "
                    "`touchstream rebuild-state intake --accept-log` goes on without the rest"
                )

    @property
    def cuts(self) -> dict[Partition, int]:
        """The first offset of each partition that has lost its beginning, and may have."""
        return {
            Partition(topic, number): begin
            for topic in MAY_BE_CUT
            for number, begin in self._readers[topic].begins.items()
        }

    @property
    def _has_cut_public_topic(self) -> bool:
        return any(self._readers[topic].begins for topic in PUBLIC_IN)

    def _is_cut(self, topic: Topic, number: int) -> bool:
        return number in self._readers[topic].begins

    def _offsets(self) -> KnownOffsets:
        """The present offsets of all partitions of all topics."""
        partitions = [p for reader in self._readers.values() for p in reader.partitions]
        return offsets_of(self.settings, partitions)

    def _add(self, partition: Partition, entries: list[TopicEntry]) -> None:
        topic = partition.topic
        self.counts[topic] += len(entries)
        if topic in LOGS or topic in PUBLIC_IN:
            records = self._foldable(partition, entries)
            self._expected.source = partition
            refold(partition, self._task(partition), records, self._expect)
        if topic in CHANGELOG_OF.values():
            changelog = self.changelogs.setdefault(partition, {})
            for entry in entries:
                if entry.value is None:
                    changelog.pop(entry.record.key, None)
                else:
                    changelog[entry.record.key] = entry.value
        elif topic is Topic.INTAKE_CHANGELOG:
            for entry in entries:
                self._add_intake_position(partition.number, entry)
        elif topic not in PUBLIC_IN:
            for entry in entries:
                self._add_found(partition, entry)

    def _add_intake_position(self, number: int, entry: TopicEntry) -> None:
        for topic in PUBLIC_IN:
            if entry.value is not None and entry.record.key == position_key(topic):
                position = _decode_position(payload_of(entry.value))
                self._intake_offsets[Partition(topic, number)] = position.next_offset

    def _task(self, partition: Partition) -> Task:
        task = self.tasks.get(partition)
        if task is None:
            task = self.tasks[partition] = self._task_makers[partition.topic](partition)
        return task

    def _foldable(self, partition: Partition, entries: list[TopicEntry]) -> Iterator[Record]:
        for entry in entries:
            origin = (partition.topic.value, partition.number, entry.record.offset)
            if origin not in self._not_folded:
                yield entry.record

    def _expect(self, output: Output) -> None:
        self._expected.older_form = older_form(output.message)
        self._expected.older_key = older_key(output.message)
        self._expected.optional = may_be_missing(output.message)
        self._encode((output,), self._expected)

    def _add_found(self, partition: Partition, entry: TopicEntry) -> None:
        topic, record = partition.topic, entry.record
        headers = record.headers() or ()
        if topic is Topic.DEAD_LETTERS and not self._is_refoldable(dict(headers)):
            return
        if topic not in LOGS or all(name != RETRIED for name, _ in headers):
            # A dead letter that was sent back to its log repeats an earlier record.
            value, is_older = entry.value, False
            if topic in LOGS:
                value = in_current_encoding(topic, value)
                is_older = value != entry.value and has_later_fields(topic, value)
                if is_older:  # of a version between: it knew some of the later fields
                    value = older_form(DECODE[topic](value or b"")) or value
            elif topic in COMMANDS:
                form = older_command(headers, value, self._decode)
                value, is_older = form or value, form is not None
            found = _compared(topic, record.key, value, partition.number, headers, older=is_older)
            is_optional = self._has_cut_public_topic and may_be_of_intake(topic, value)
            self.diffs[topic].add_found(found, optional=is_optional)
        if topic is Topic.FACTS:
            number, offset = partition.number, record.offset
            self.facts.add(ProjectedRecord(topic, number, offset, record.key, entry.value))
        elif topic in COMMANDS:
            self.command_ids[dict(headers).get("ce_id") or b""] += 1

    def _is_refoldable(self, headers: Mapping[str, Any]) -> bool:
        """Whether a refold can make this dead letter again. It cannot make the marker of a retried
        one, nor one of the projector, nor that of a record that is cut off. Nor can it repeat that
        a registry did not have a schema, which it may have by now: such a letter is accepted, and
        its record is not folded."""
        reason = headers.get("reason")
        if RETRIED in headers or reason == PROJECTION_FAILED.encode():
            return False
        topic, number, offset = (
            headers.get(f"origin_{name}", b"").decode() for name in ("topic", "partition", "offset")
        )
        if topic in PUBLIC_IN:
            begin = self._readers[Topic(topic)].begins.get(int(number), 0)
            if int(offset) < begin:
                return False
        if reason != RefusalCode.AVRO_SCHEMA_UNKNOWN.encode():
            return True
        if int(offset) < self._task(Partition(Topic(topic), int(number))).next_offset:
            return True  # folded already, and refused by the refold too
        self._not_folded.add((topic, int(number), int(offset)))
        return False

    # at rest?

    def moving(self, *, postgres: bool) -> str | None:
        """What is not at rest, in words; None if everything is. `postgres` includes the
        projection."""
        known = self._offsets()
        for topic, reader in self._readers.items():
            if reader.has_grown(known):
                return f"{topic} is growing"
        for partition, task in self.tasks.items():
            changelog = self.changelogs.get(changelog_of(partition), {})
            if partition.topic in LOGS and not _has_position(task, changelog.get(POSITION_KEY)):
                return f"{partition.topic}[{partition.number}] is not folded to its end"
        for topic in (*LOGS, Topic.DEAD_LETTERS):
            if any(self.diffs[topic].missing()):
                return f"records for {topic} are under way"
        return self._projection_moving(known) if postgres else None

    def _projection_moving(self, known: KnownOffsets) -> str | None:
        group = f"{self.settings.topic_prefix}projector"
        projected = {
            (position.topic, position.partition): position.next_offset
            for position in positions(self.settings.dsn(), group)
        }
        for topic in (*CHANGELOG_OF.values(), Topic.FACTS):
            for number, end in self._readers[topic].ends(known).items():
                if end and projected.get((topic.value, number), 0) < end:
                    return f"the projection of {topic}[{number}] is behind"
        return None


class _ExpectedRecords:
    """A record sink that adds every record to the diff of its topic, as an expected one."""

    def __init__(
        self,
        diffs: Mapping[Topic, MultisetDiff],
        layout: Layout,
        is_cut: Callable[[Topic, int], bool],
    ) -> None:
        self._diffs, self._layout, self._is_cut = diffs, layout, is_cut
        self.source: Partition | None = None  # that is being folded
        self.older_form: bytes | None = None  # of the output that is being encoded
        self.older_key: bytes | None = None
        self.optional = False

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
        expected = _compared(topic, key, value, partition, headers or ())
        older = None
        if self.older_form is not None:
            if self.older_key is not None:
                key = self.older_key
                partition = partition_of(key, self._layout.partitions(topic))
            older = _compared(topic, key, self.older_form, partition, (), older=True)
        is_cut = topic in MAY_BE_CUT and self._is_cut(topic, partition)
        source = (self.source, partition) if is_cut else None
        self._diffs[topic].add_expected(expected, older, optional=self.optional, cut_source=source)


def in_current_encoding(log: Topic, value: bytes | None) -> bytes | None:
    """A record of a log as today's code writes it: an older version wrote no values for the fields
    that were appended since. Bytes that are no message stay as they are."""
    try:
        message = DECODE[log](value or b"")
        if isinstance(message, BackfilledEvent):
            event = encode(decode_contact(message.event))
            message = msgspec.structs.replace(message, event=event)
    except msgspec.DecodeError:
        return value
    return encode(message)


def _compared(
    topic: Topic,
    key: bytes | None,
    value: bytes | None,
    partition: int,
    headers: Iterable[Any],
    *,
    older: bool = False,
) -> ComparedRecord:
    """The record without its offset. Of commands the headers count too: their type and id. The form
    of an older version equals only another one."""
    if older:
        return ComparedRecord(key or None, value, partition, (("written before", None),))
    compared_headers = tuple(sorted(headers)) if topic in COMMANDS else ()
    return ComparedRecord(key or None, value, partition, compared_headers)


def changelog_of(partition: Partition) -> Partition:
    """The changelog partition of a log's partition; a partition of another topic is its own."""
    return Partition(CHANGELOG_OF.get(partition.topic, partition.topic), partition.number)


def _has_position(task: Task, value: bytes | None) -> bool:
    """Whether the engine's task has the position of the refolding task, by its changelog: the same
    offset and stream time, so that no timer is left to fire."""
    if value is None:
        return task.next_offset == 0
    position = _decode_position(payload_of(value))
    return (position.next_offset, position.stream_time) == (task.next_offset, task.stream_time)
