"""Writes recorded records into PostgreSQL with the projection, and reads tables back."""

import psycopg

from schemas.internal.topics import CHANGELOGS, Topic
from sinks.projection import Projection
from sinks.recount import Recount, RowDifference
from sinks.state_rows import ProjectedRecord
from streams.base.transport import Partition
from tests.testing.recorded_world import Log
from tests.testing.world import World


def select(dsn: str, query: str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


def records_of(world: World) -> list[ProjectedRecord]:
    """All records of a world that a projection reads, partition by partition."""
    return [
        ProjectedRecord(topic, number, stored.offset, stored.key or b"", stored.value)
        for topic in (*CHANGELOGS, Topic.FACTS)
        for number in range(world.layout.partitions(topic))
        for stored in world.broker.log(Partition(topic, number))
    ]


def project(world: World, dsn: str, batch: int = 10_000) -> list[ProjectedRecord]:
    """Writes all records of a world into PostgreSQL, in batches, and returns the records."""
    records = records_of(world)
    projection = Projection(dsn, "test")
    for partition in {record[:2] for record in records}:
        projection.claim(*partition)
    for first in range(0, len(records), batch):
        part = records[first : first + batch]
        projection.apply(part, {record[:2]: record.offset + 1 for record in part})
    projection.close()
    return records


def claimed(dsn: str, log: Log) -> Projection:
    """A projection that has claimed the partitions of a log."""
    projection = Projection(dsn, "test")
    for topic, partition in log.ends:
        projection.claim(topic, partition)
    return projection


def differences(dsn: str, log: Log) -> list[RowDifference]:
    """The differences between PostgreSQL and a recount of a log."""
    with Recount(dsn) as recount:
        recount.add(log.records)
        return recount.differences()
