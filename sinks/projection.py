"""The projection: writes the rows of a batch of records and the positions behind the batch in one
transaction (promise 8).

The position of a partition is the offset of the record to be read next, with the epoch of its owner
and the id of the topic (table `places`). A claim of the partition raises the epoch, so a batch of
an earlier owner is refused and writes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import NamedTuple

import psycopg

from sinks.batch import Batch
from sinks.connection import Connection, connect, failure_of
from sinks.queries import load
from sinks.state_rows import ProjectedRecord, Undecodable
from sinks.table_sql import truncate_all
from sinks.writer import Writer
from sinks.written_rows import WrittenRows

TopicPartition = tuple[str, int]


class Overtaken(Exception):
    """Another writer has claimed a partition of the batch, or the tables were emptied by a rebuild.
    The partitions must be claimed again."""


class OtherTopic(Exception):
    """The position of a partition is one of a topic with another id: the topic was deleted and
    made anew since. `next_offset` is the position."""

    def __init__(self, topic: str, partition: int, next_offset: int) -> None:
        super().__init__(f"{topic}[{partition}]")
        self.next_offset = next_offset


class GroupPosition(NamedTuple):
    """The position of a group in one partition."""

    topic: str
    partition: int
    next_offset: int
    owner_epoch: int


# Errors that the values of a single record can cause. Any other error comes from the server or is
# a bug.
_POISON = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded, OverflowError, UnicodeError)


class Projection:
    """One writer of the projected tables. Writers of one database must hold different partitions.

    Topics are the logical names of `schemas/internal/topics.py`, without the prefix of the
    deployment. A database has one group, because a second group would add to the same counts.
    """

    def __init__(self, dsn: str, group: str) -> None:
        self._dsn = dsn
        self._group = group
        self._queries = load("projection")
        self._connection: Connection | None = None
        self._writer: Writer | None = None
        self._positions: dict[TopicPartition, tuple[int, int]] = {}
        self._months: set[tuple[int, int]] = set()
        self._written = WrittenRows()

    def claim(self, topic: str, partition: int, topic_id: str = "") -> int:
        """Takes over a partition, refuses its earlier owners from now on, and returns the offset of
        the record to be read next. `topic_id` is the topic's id on the broker; where it or the
        stored one is unknown, thus empty, they are not compared.

        Raises OtherTopic, SinkUnavailable, SinkRefused.
        """
        with self._session() as connection:
            # A writer that was suspended inside a transaction still holds locks on its rows.
            connection.execute(self._queries["end_stalled"])
            parameters = (self._group, topic, partition, topic_id)
            found = connection.execute(self._queries["claim"], parameters).fetchone()
        assert found is not None
        self._written.forget()  # whoever had the partition before may have written its rows
        next_offset, epoch, stored_id = int(str(found[0])), int(str(found[1])), str(found[2])
        if topic_id and stored_id and topic_id != stored_id:
            raise OtherTopic(topic, partition, next_offset)
        self._positions[topic, partition] = next_offset, epoch
        return next_offset

    def release(self, topic: str, partition: int) -> None:
        """Gives up a partition. Nothing is written, because the next claim raises the epoch."""
        self._positions.pop((topic, partition), None)

    def held(self) -> dict[TopicPartition, int]:
        """The next offset of each claimed partition. `apply` with these and without records checks
        whether the claims are still valid."""
        return {partition: next_offset for partition, (next_offset, _) in self._positions.items()}

    def apply(
        self, records: Sequence[ProjectedRecord], next_offsets: Mapping[TopicPartition, int]
    ) -> int:
        """Writes rows and positions in one transaction. Rows that are as they were last written are
        left out; returns the number of the others.

        `next_offsets` has the new position of every partition of the batch, which may lie behind
        control records. A record before the current position was applied earlier and is skipped.

        Raises Undecodable for a single bad record, Overtaken, SinkUnavailable or SinkRefused.
        Nothing is written then. Raises ValueError where a new position is not behind the records of
        its partition, or is before the current position.
        """
        positions = self._positions
        if missing := next_offsets.keys() - positions.keys():
            raise Overtaken(f"not claimed: {sorted(missing)}")
        for partition, offset in {(record[0], record[1]): record[2] for record in records}.items():
            if next_offsets.get(partition, 0) <= offset:
                raise ValueError(f"the next offset of {partition} must be greater than {offset}")
        for partition, offset in next_offsets.items():
            if offset < positions[partition][0]:
                raise ValueError(
                    f"{partition}: {offset} is before its position, {positions[partition][0]}; "
                    "was the topic deleted and created again?"
                )
        fresh = [record for record in records if record[2] >= positions[record[0], record[1]][0]]
        batch = Batch(fresh)
        batch.rows = self._written.changed(batch.rows)
        try:
            with self._session() as connection:
                self._add_months(connection, batch)
                self._prepare(batch)
                with connection.transaction():
                    self._advance(connection, next_offsets)
                    written = self._write(batch)
        except _POISON as error:
            self._find_poison(fresh)
            raise error
        for partition, next_offset in next_offsets.items():
            positions[partition] = next_offset, positions[partition][1]
        if batch.takes_back:
            self._written.forget()
        else:
            self._written.remember(batch.rows)
        return written

    def close(self) -> None:
        """Closes the connection. All claims are void."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._writer = None
        self._positions.clear()

    # Inside the transaction.

    def _advance(self, connection: Connection, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Moves the positions from the expected offsets and epochs, or raises Overtaken."""
        if not next_offsets:
            return
        rows = [
            (topic, partition, self._positions[topic, partition][0], next_offset, epoch)
            for (topic, partition), next_offset in sorted(next_offsets.items())
            for epoch in (self._positions[topic, partition][1],)
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        cursor = connection.execute(self._queries["advance"], (*columns, self._group))
        if cursor.rowcount != len(rows):
            raise Overtaken(f"{self._group} is no longer at {rows}")

    def _write(self, batch: Batch) -> int:
        assert self._writer is not None
        written = self._writer.write(batch.rows)
        self._writer.delete(batch)
        return written

    # Around the transaction.

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        """The connection, opened when it is needed. An error of the server closes it, and raises
        SinkUnavailable or SinkRefused."""
        try:
            if self._connection is None:
                self._connection = connect(self._dsn, f"touchstream projection {self._group}")
                self._connection.execute(self._queries["open"])
                self._writer = Writer(self._connection)
            yield self._connection
        except psycopg.Error as error:
            failure = failure_of(error)
            if failure is None:
                raise
            self.close()
            raise failure from error

    def _add_months(self, connection: Connection, batch: Batch) -> None:
        """Creates the partitions of `facts` for each month of the batch and the month after it."""
        for year, month in sorted(batch.months - self._months):
            for first in (date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)):
                with suppress(psycopg.errors.CheckViolation, psycopg.errors.LockNotAvailable):
                    # Facts of a month without a partition go to facts_other.
                    connection.execute(self._queries["add_month"], (first,))
            self._months.add((year, month))

    def _prepare(self, batch: Batch) -> None:
        assert self._writer is not None
        self._writer.prepare(batch.rows)

    def _find_poison(self, records: Sequence[ProjectedRecord]) -> None:
        """Writes each record alone in a transaction that is rolled back, and raises Undecodable for
        the first one that PostgreSQL refuses."""
        for record in records:
            try:
                batch = Batch([record])
                with self._session() as connection:
                    self._prepare(batch)
                    with connection.transaction(force_rollback=True):
                        self._write(batch)
            except _POISON as error:
                raise Undecodable(record[0], record[1], record[2], str(error).strip()) from error


def positions(dsn: str, group: str) -> list[GroupPosition]:
    """The positions of a group, by topic and partition."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(load("projection")["places"], (group,)).fetchall()
    return [GroupPosition(*row) for row in rows]


def rebuild(dsn: str) -> None:
    """Empties every projected table and sets every position to 0: all topics are read again.

    Running writers are refused until they claim their partitions again.
    """
    with psycopg.connect(dsn) as connection:
        connection.execute(load("projection")["reset_places"])
        connection.execute(truncate_all())


def accept_cut(dsn: str, group: str, topic: str, begins: Mapping[int, int]) -> list[int]:
    """Moves the positions of a group that lie before the beginning of a partition of a topic to
    that beginning, where it begins at `begins`. The rows stay. Returns the partitions."""
    moved = []
    with psycopg.connect(dsn) as connection:
        for partition, begin in sorted(begins.items()):
            values = {"group": group, "topic": topic, "partition": partition, "begin": begin}
            if connection.execute(load("projection")["accept_cut"], values).rowcount:
                moved.append(partition)
    return moved
