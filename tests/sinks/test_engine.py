"""The real processors over logs in memory, and what PostgreSQL shows of it."""

import psycopg
import pytest

from schemas.internal.topics import CHANGELOGS, Layout, Topic
from sinks.projection import Projection
from sinks.recount import CURRENT, Recount
from sinks.state_rows import ProjectedRecord
from streams.base.transport import Partition
from tests.testing.builders import job, sent, world_with_campaign
from tests.testing.story import make_sender
from tests.testing.world import World

SHOWN = """SELECT status, current_touch, touch_1_status, touch_2_status, touch_3_status,
    touch_4_status FROM reviews.campaign_enrollments"""


def records(world: World, layout: Layout) -> list[ProjectedRecord]:
    return [
        ProjectedRecord(topic, number, stored.offset, stored.key or b"", stored.value)
        for topic in (*CHANGELOGS, Topic.FACTS)
        for number in range(layout.partitions(topic))
        for stored in world.broker.log(Partition(topic, number))
    ]


def project(world: World, dsn: str, batch: int = 10_000) -> list[ProjectedRecord]:
    """Writes all that the world has recorded into PostgreSQL, in batches, and returns it."""
    projected = records(world, world.layout)
    projection = Projection(dsn, "test")
    for partition in {record[:2] for record in projected}:
        projection.claim(*partition)
    for first in range(0, len(projected), batch):
        part = projected[first : first + batch]
        projection.apply(part, {record[:2]: record.offset + 1 for record in part})
    return projected


@pytest.mark.parametrize("batch", [7, 10_000])
def test_two_weeks_of_the_engine_are_shown_as_they_were(dsn: str, batch: int) -> None:
    world = world_with_campaign()
    world.append(job())
    world.advance_hours(14 * 24, [make_sender(sent)])
    projected = project(world, dsn, batch)
    with psycopg.connect(dsn) as connection:
        assert connection.execute(SHOWN.encode()).fetchall() == [
            ("completed", 3, "sent", "sent", "sent", None)
        ]
        counts = connection.execute("SELECT sends FROM reviews.campaign_touch_analytics").fetchall()
        assert counts == [(1,), (1,), (1,)]
    final = {(r.topic, r.partition, r.key): r for r in projected if r.topic != Topic.FACTS}
    with Recount(dsn) as recount:
        recount.add(final.values())
        recount.add(record for record in projected if record[0] == Topic.FACTS)
        assert recount.differences((*CURRENT, "tasks")) == []
