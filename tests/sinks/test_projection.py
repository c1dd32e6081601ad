"""Positions and rows are written together: each record counts once, whichever writer fails."""

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import psycopg
import pytest

from bench.projection import traffic
from schemas.internal.topics import Topic
from sinks.connection import SinkUnavailable
from sinks.projection import OtherTopic, Overtaken, Projection, positions, rebuild
from sinks.state_rows import ProjectedRecord
from tests.testing.projected import claimed, differences, select
from tests.testing.recorded_world import CONTACT, Log, world


def test_the_first_claim_begins_at_the_start_and_the_next_where_it_stopped(dsn: str) -> None:
    log = world().write(dsn)
    projection = claimed(dsn, Log())
    assert projection.claim("facts", 1) == 0
    assert projection.claim("facts", 0) == log.ends["facts", 0]


def test_a_writer_that_was_overtaken_writes_nothing(dsn: str) -> None:
    log = world()
    slow, quick = claimed(dsn, log), claimed(dsn, log)
    with pytest.raises(Overtaken):
        slow.apply(log.records, log.ends)
    assert select(dsn, "SELECT * FROM touchstream.contacts") == []
    quick.apply(log.records, log.ends)
    assert len(select(dsn, "SELECT * FROM touchstream.contacts")) == 2


def test_a_record_before_the_position_is_skipped(dsn: str) -> None:
    log = world().write(dsn)
    claimed(dsn, log).apply(log.records, log.ends)
    assert select(dsn, "SELECT sum(sends) FROM touchstream.touch_metrics") == [(2,)]


def test_a_position_may_jump_over_control_records(dsn: str) -> None:
    projection = Projection(dsn, "test")
    projection.claim("facts", 3)
    projection.apply([], {("facts", 3): 17})
    assert [position.next_offset for position in positions(dsn, "test")] == [17]


def test_records_without_a_position_behind_them_are_an_error(dsn: str) -> None:
    log = world()
    projection = claimed(dsn, log)
    with pytest.raises(ValueError, match="facts"):
        projection.apply(log.records, {**log.ends, ("facts", 0): 5})
    with pytest.raises(ValueError, match="facts"):
        projection.apply(log.records, {(CONTACT, 0): 9, (Topic.CAMPAIGN_CHANGELOG, 0): 4})


def test_a_topic_that_was_deleted_and_created_again_is_refused(dsn: str) -> None:
    log = world().write(dsn)
    with pytest.raises(ValueError, match="deleted and created again"):
        claimed(dsn, log).apply([], {("facts", 0): 0})


def test_a_place_in_a_topic_that_was_made_anew_is_refused_until_a_rebuild(dsn: str) -> None:
    log = world().write(dsn)  # without a topic id, as versions before it was kept
    end = log.ends["facts", 0]
    for topic_id in ("one", "", "one"):
        assert Projection(dsn, "test").claim("facts", 0, topic_id) == end
    with pytest.raises(OtherTopic) as error:
        Projection(dsn, "test").claim("facts", 0, "two")
    assert error.value.next_offset == end
    rebuild(dsn)
    for topic_id in ("two", "three"):  # nothing was read of the topic yet
        assert Projection(dsn, "test").claim("facts", 0, topic_id) == 0


def test_a_partition_that_is_not_claimed_is_refused(dsn: str) -> None:
    with pytest.raises(Overtaken):
        Projection(dsn, "test").apply([], {("facts", 0): 1})


@pytest.mark.parametrize("seed", range(5))
def test_any_batches_and_any_owners_equal_the_recount(dsn: str, seed: int) -> None:
    random_history = Random(seed)
    log = Log()
    log.records = [record for batch in traffic(30, 10) for record in batch]
    for record in log.records:
        log.ends[record.topic, record.partition] = record.offset + 1
    projection = claimed(dsn, log)
    done = 0
    while done < len(log.records):
        batch = log.records[done : done + random_history.randrange(1, 90)]
        ends = {(record.topic, record.partition): record.offset + 1 for record in batch}
        if random_history.random() < 0.3:
            late, projection = projection, claimed(dsn, log)
            with pytest.raises(Overtaken):
                late.apply(batch, ends)
        projection.apply(batch, ends)
        done += len(batch)
    assert differences(dsn, log) == []


def test_a_lost_connection_writes_nothing_twice(dsn: str) -> None:
    log = world()
    projection = claimed(dsn, log)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
    with psycopg.connect(dsn) as connection:
        connection.execute(f"{end} current_database() AND pid <> pg_backend_pid()".encode())
    with pytest.raises(SinkUnavailable):
        projection.apply(log.records, log.ends)
    with pytest.raises(Overtaken):  # its claims are void
        projection.apply(log.records, log.ends)
    for topic, partition in log.ends:
        assert projection.claim(topic, partition) == 0
    projection.apply(log.records, log.ends)
    assert differences(dsn, log) == []


def test_no_server_is_an_outage_and_not_poison(dsn: str) -> None:
    with pytest.raises(SinkUnavailable):
        Projection(f"{dsn} host=127.0.0.1 port=1", "test").claim("facts", 0)


def project_all(dsn: str, records: list[ProjectedRecord]) -> None:
    """Projects records from the claimed positions on, and claims again after being overtaken."""
    ends = {(record.topic, record.partition): record.offset + 1 for record in records}
    projection = Projection(dsn, "test")
    done = False
    while not done:
        begins = {partition: projection.claim(*partition) for partition in ends}
        left = [record for record in records if record.offset >= begins[record[:2]]]
        try:
            for first in range(0, len(left), 100):
                batch = left[first : first + 100]
                projection.apply(batch, {record[:2]: record.offset + 1 for record in batch})
            done = True
        except Overtaken:
            continue


def test_two_writers_of_disjoint_partitions_do_not_deadlock(dsn: str) -> None:
    halves = [[record for batch in traffic(200, 50, half) for record in batch] for half in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(project_all, (dsn, dsn), halves))
    assert select(dsn, "SELECT sum(sends), sum(opens) FROM touchstream.touch_metrics") == [
        (800, 800)
    ]


def test_rebuilds_while_two_writers_write_end_equal_to_the_recount(dsn: str) -> None:
    halves = [[record for batch in traffic(200, 50, half) for record in batch] for half in (0, 1)]
    log = Log()
    log.records = halves[0] + halves[1]
    with ThreadPoolExecutor(2) as pool:
        work = [pool.submit(project_all, dsn, half) for half in halves]
        for _ in range(3):
            time.sleep(0.2)
            rebuild(dsn)
        for each in work:
            each.result()
    # A rebuild after one of them had finished is left for its next claim.
    for half in halves:
        project_all(dsn, half)
    assert differences(dsn, log) == []


def test_a_rebuild_overtakes_the_writer_which_then_begins_again(dsn: str) -> None:
    log = world().write(dsn)
    projection = claimed(dsn, log)
    rebuild(dsn)
    assert select(dsn, "SELECT count(*) FROM touchstream.facts") == [(0,)]
    more = {("facts", 0): log.ends["facts", 0] + 1}
    with pytest.raises(Overtaken):
        projection.apply([], more)
    assert [projection.claim(*partition) for partition in log.ends] == [0] * len(log.ends)
    projection.apply(log.records, log.ends)
    assert differences(dsn, log) == []


def test_a_writer_stopped_inside_its_transaction_does_not_stop_the_next(dsn: str) -> None:
    name = "touchstream projection test"
    with psycopg.connect(dsn, application_name=name) as stopped:
        Projection(dsn, "test").claim("facts", 0)
        stopped.execute("UPDATE touchstream.places SET next_offset = 99")
        time.sleep(5.2)
        assert Projection(dsn, "test").claim("facts", 0) == 0
        with pytest.raises(psycopg.OperationalError):
            stopped.execute("SELECT 1")
