"""The projection of a world of real processors over logs in memory."""

import psycopg
import pytest

from schemas.internal.topics import Topic
from sinks.recount import COMPARED_TABLES, Recount
from tests.testing.builders import job, sent, world_with_campaign
from tests.testing.projected import project
from tests.testing.story import make_sender

ENROLLMENTS = """SELECT status, current_touch, touch_1_status, touch_2_status, touch_3_status,
    touch_4_status FROM reviews.campaign_enrollments"""


@pytest.mark.parametrize("batch", [7, 10_000])
def test_two_weeks_of_the_engine_are_projected_in_any_batch_size(dsn: str, batch: int) -> None:
    world = world_with_campaign()
    world.append(job())
    world.advance_hours(14 * 24, [make_sender(sent)])
    projected = project(world, dsn, batch)
    with psycopg.connect(dsn) as connection:
        assert connection.execute(ENROLLMENTS.encode()).fetchall() == [
            ("completed", 3, "sent", "sent", "sent", None)
        ]
        counts = connection.execute("SELECT sends FROM reviews.campaign_touch_analytics").fetchall()
        assert counts == [(1,), (1,), (1,)]
    final = {(r.topic, r.partition, r.key): r for r in projected if r.topic != Topic.FACTS}
    with Recount(dsn) as recount:
        recount.add(final.values())
        recount.add(record for record in projected if record[0] == Topic.FACTS)
        assert recount.differences((*COMPARED_TABLES, "tasks")) == []
