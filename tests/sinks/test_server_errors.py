"""Errors of a real PostgreSQL under a batch: nothing of it is written, the places are claimed
again, and the same batch then leaves what a recount finds. No record is taken for a bad one."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from sinks.connection import SinkUnavailable
from sinks.projection import Projection
from tests.sinks.conftest import Database
from tests.testing.command_line import wait_until
from tests.testing.projected import claimed, differences, select
from tests.testing.recorded_world import Log, world

WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
)


@contextmanager
def applying(dsn: str, log: Log) -> Iterator["Future[Any]"]:
    """A batch that another thread writes, with the places claimed in `dsn`."""
    projection = claimed(dsn, log)
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(projection.apply, log.records, log.ends)
    projection.close()


def written_after(dsn: str, log: Log) -> None:
    """Nothing was written so far, and a new claim writes everything."""
    assert select(dsn, "SELECT * FROM touchstream.contacts") == []
    projection = Projection(dsn, "test")
    assert [projection.claim(*partition) for partition in log.ends] == [0] * len(log.ends)
    projection.apply(log.records, log.ends)
    projection.close()
    assert differences(dsn, log) == []


def blocked(dsn: str) -> None:
    wait_until(lambda: bool(select(dsn, WAITING)))


def test_a_deadlock(dsn: str) -> None:
    log = world()
    with psycopg.connect(dsn) as other:
        other.execute("SET deadlock_timeout = '60s'")  # the batch notices it first
        other.execute("LOCK TABLE touchstream.touches IN EXCLUSIVE MODE")
        with applying(dsn, log) as work:
            blocked(dsn)
            other.execute("LOCK TABLE touchstream.places IN EXCLUSIVE MODE")
            with pytest.raises(SinkUnavailable, match="DeadlockDetected"):
                work.result()
    written_after(dsn, log)


def test_a_serialization_failure(dsn: str) -> None:
    log = world()
    strict = conninfo.make_conninfo(dsn, options="-c default_transaction_isolation=serializable")
    projection = claimed(strict, log)
    with psycopg.connect(dsn) as other, ThreadPoolExecutor(1) as pool:
        other.execute("UPDATE touchstream.places SET next_offset = next_offset")
        work = pool.submit(projection.apply, log.records, log.ends)
        blocked(dsn)
        other.commit()
        with pytest.raises(SinkUnavailable, match="SerializationFailure"):
            work.result()
    written_after(dsn, log)


def test_a_statement_that_takes_too_long(dsn: str) -> None:
    log = world()
    hasty = conninfo.make_conninfo(dsn, options="-c statement_timeout=300")
    with psycopg.connect(dsn) as other:
        other.execute("LOCK TABLE touchstream.touches IN EXCLUSIVE MODE")
        with applying(hasty, log) as work, pytest.raises(SinkUnavailable, match="QueryCanceled"):
            work.result()
    written_after(dsn, log)


def test_too_many_connections(server: Database, dsn: str) -> None:
    crowded = server.login(dsn, "crowded", "CONNECTION LIMIT 0")
    with pytest.raises(SinkUnavailable, match="too many connections"):
        Projection(crowded, "test").claim("facts", 0)
