"""How far a projection has read, kept in the same transaction as what it wrote (design 2.8).

Taken away or unsure means nothing was written: a second owner's claim raises the epoch of the
place, and whoever still holds the old one is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import NamedTuple

import psycopg

from sinks.batch import Batch
from sinks.queries import load
from sinks.state_rows import Record, Undecodable
from sinks.writer import Connection, Writer

TopicPartition = tuple[str, int]


class Overtaken(Exception):
    """Somebody else has claimed a place of this batch, or it was rebuilt: claim again first."""


class SinkUnavailable(Exception):
    """PostgreSQL cannot be asked now and every claim is void: wait, claim again, read again."""


class Place(NamedTuple):
    """Where a group stands in one partition."""

    topic: str
    partition: int
    next_offset: int
    owner_epoch: int


# What a row of one record can be refused for; anything else is the server's trouble or a bug.
_POISON = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded, OverflowError, UnicodeError)


class Projection:
    """One writer. It may hold any partitions; two writers must hold different ones.

    Topics are the logical names of schemas.internal.topics, without a deployment's prefix. A
    database has one group: a second one would count everything again.
    """

    def __init__(self, dsn: str, group: str) -> None:
        self._dsn = dsn
        self._group = group
        self._queries = load("projection")
        self._connection: Connection | None = None
        self._writer: Writer | None = None
        self._places: dict[TopicPartition, tuple[int, int]] = {}
        self._months: set[tuple[int, int]] = set()

    def claim(self, topic: str, partition: int) -> int:
        """Own a partition from now on, and refuse earlier owners; the offset to read next.

        Raises SinkUnavailable.
        """
        with self._session() as connection:
            # A writer that was stopped in the middle of a transaction still holds its rows locked.
            connection.execute(self._queries["end_stalled"])
            row = connection.execute(self._queries["claim"], (self._group, topic, partition))
            found = row.fetchone()
        assert found is not None
        next_offset, epoch = int(str(found[0])), int(str(found[1]))
        self._places[topic, partition] = next_offset, epoch
        return next_offset

    def release(self, topic: str, partition: int) -> None:
        """Own it no longer; nothing is written, the next owner's claim is what counts."""
        self._places.pop((topic, partition), None)

    def held(self) -> dict[TopicPartition, int]:
        """Where each owned partition stands. Applied with no records, it is a look whether it still
        is ours."""
        return {place: next_offset for place, (next_offset, _) in self._places.items()}

    def apply(self, records: Sequence[Record], next_offsets: Mapping[TopicPartition, int]) -> int:
        """Rows and places in one transaction, all or nothing; how many rows were merged.

        `next_offsets` names every partition of the batch: a position may lie behind control
        records. A record before its place was applied already and is passed over. Raises
        Undecodable for one record alone, Overtaken, SinkUnavailable; after each of them nothing was
        written.
        """
        places = self._places
        if missing := next_offsets.keys() - places.keys():
            raise Overtaken(f"not claimed: {sorted(missing)}")
        for place, offset in {(record[0], record[1]): record[2] for record in records}.items():
            if next_offsets.get(place, 0) <= offset:
                raise ValueError(f"{place} must go on behind {offset}")
        for place, offset in next_offsets.items():
            if offset < places[place][0]:
                raise ValueError(f"{place} is behind {places[place][0]}: was the topic made anew?")
        fresh = [record for record in records if record[2] >= places[record[0], record[1]][0]]
        batch = Batch(fresh)
        try:
            with self._session() as connection:
                self._add_months(connection, batch)
                with connection.transaction():
                    self._advance(connection, next_offsets)
                    written = self._write(batch)
        except _POISON as error:
            self._find_poison(fresh)
            raise error
        for place, next_offset in next_offsets.items():
            places[place] = next_offset, places[place][1]
        return written

    def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._writer = None
        self._places.clear()

    # inside the transaction

    def _advance(self, connection: Connection, next_offsets: Mapping[TopicPartition, int]) -> None:
        if not next_offsets:
            return
        rows = [
            (topic, partition, self._places[topic, partition][0], next_offset, epoch)
            for (topic, partition), next_offset in sorted(next_offsets.items())
            for epoch in (self._places[topic, partition][1],)
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        cursor = connection.execute(self._queries["advance"], (*columns, self._group))
        if cursor.rowcount != len(rows):
            raise Overtaken(f"{self._group} is no longer at {rows}")

    def _write(self, batch: Batch) -> int:
        assert self._writer is not None
        written = self._writer.write(batch.rows)
        self._writer.forget(batch.gone, wholly=True)
        self._writer.forget(batch.erased, wholly=False)
        return written

    # around it

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        """The connection, made when needed; an error that is the server's own ends it."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._dsn,
                    autocommit=True,
                    connect_timeout=10,
                    application_name=f"touchstream projection {self._group}"[:63],
                    keepalives_idle=10,
                )
                self._connection.execute(self._queries["open"])
                self._writer = Writer(self._connection)
            yield self._connection
        except psycopg.errors.ProgramLimitExceeded:
            raise
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self.close()
            raise SinkUnavailable(f"{type(error).__name__}: {error}".strip()) from error

    def _add_months(self, connection: Connection, batch: Batch) -> None:
        """The tables of the months that appear, each with the next one, before they are needed."""
        for year, month in sorted(batch.months - self._months):
            for first in (date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)):
                with suppress(psycopg.errors.CheckViolation, psycopg.errors.LockNotAvailable):
                    # Without a table of their own, facts go to facts_other: nothing is refused.
                    connection.execute(self._queries["add_month"], (first,))
            self._months.add((year, month))

    def _find_poison(self, records: Sequence[Record]) -> None:
        """Poison is proven per record: each one alone, and taken back."""
        for record in records:
            try:
                with self._session() as connection, connection.transaction(force_rollback=True):
                    self._write(Batch([record]))
            except _POISON as error:
                raise Undecodable(record[0], record[1], record[2], str(error).strip()) from error


def places(dsn: str, group: str) -> list[Place]:
    """Where a group stands, for `status`."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(load("projection")["places"], (group,)).fetchall()
    return [Place(*row) for row in rows]


def rebuild(dsn: str) -> None:
    """Empty every projected table, to be read again; safe while writers run: they are overtaken."""
    with psycopg.connect(dsn) as connection:
        connection.execute(load("projection")["rebuild"])
