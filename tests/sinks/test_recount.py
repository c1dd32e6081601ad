"""The recount finds missing, extra and different rows."""

import msgspec
import psycopg
import pytest

from schemas.internal.enrollment import Status
from sinks.batch import Batch
from sinks.recount import COMPARED_TABLES, Recount, compare, read_current
from tests.testing.recorded_world import Log, contact, enrollment, world, world_of_all_kinds


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_what_the_projection_wrote_equals_the_recount(dsn: str) -> None:
    log = world_of_all_kinds().write(dsn)
    with Recount(dsn) as recount:
        recount.add(log.records)
        assert recount.differences((*COMPARED_TABLES, "tasks")) == []


def test_a_changed_value_a_missing_row_and_an_extra_row_are_distinguished(dsn: str) -> None:
    log = world().write(dsn)
    execute(dsn, "UPDATE touchstream.contacts SET email = 'x' WHERE tenant_id = 'acme'")
    execute(dsn, "DELETE FROM touchstream.send_log WHERE tenant_id = 'acme'")
    execute(
        dsn,
        "INSERT INTO touchstream.touch_metrics SELECT 'z', 'c', 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0",
    )
    with Recount(dsn) as recount:
        recount.add(log.records)
        value, missing, extra = recount.differences()
    assert value[:4] == ("contacts", ("acme", "ada"), "email", "ada@example.com")
    assert (missing.table, missing.column, missing.found) == ("send_log", "*", None)
    assert (extra.table, extra.column, extra.expected) == ("touch_metrics", "*", None)


def test_at_most_the_requested_number_of_differences_is_returned(dsn: str) -> None:
    log = world()
    with Recount(dsn) as recount:
        recount.add(log.records)
        assert len(recount.differences(first=3)) == 3


def test_rows_can_be_compared_without_records(dsn: str) -> None:
    rows = Batch(world().write(dsn).records).rows
    assert compare(dsn, rows) == []
    assert compare(dsn, {"tenants": rows["tenants"][:1]})[0].expected is None


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.COMPLETED])
def test_an_enrollment_that_is_missing_in_the_state_is_a_difference(
    dsn: str, status: Status
) -> None:
    run = msgspec.structs.replace(enrollment("acme"), status=status)
    Log().contact("acme", contact("acme", run)).write(dsn)
    final = Log().contact("acme", msgspec.structs.replace(contact("acme"), enrollments=[]))
    with Recount(dsn) as recount:
        recount.add(final.records)
        assert {each.table for each in recount.differences()} == {"enrollments", "touches"}


def test_current_rows_come_in_the_order_of_their_keys(dsn: str) -> None:
    world().write(dsn)
    assert [row["tenant_id"] for row in read_current(dsn, "contacts")] == ["acme", "bolt"]
