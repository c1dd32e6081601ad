"""The send log: one row for each command, from its emission on."""

import msgspec
import psycopg
import pytest

from schemas.base.times import DAY
from schemas.internal import messages as m
from schemas.internal.facts import FactKind, fact_time
from sinks.migrate import migrate
from sinks.recount import Recount
from tests.testing.builders import step
from tests.testing.projected import differences, project, select
from tests.testing.recorded_world import T0, Log, contact, fact
from tests.testing.story import deliver, enrolled, event_fields, job, working_senders
from tests.testing.world import World

COMMANDS = """SELECT command_id, campaign_id, sent_at IS NOT NULL, failed_at IS NOT NULL,
    revoked_at IS NOT NULL FROM touchstream.send_log"""

UNDONE = (
    "DELETE FROM touchstream.send_log WHERE sent_at IS NULL AND failed_at IS NULL",
    "ALTER TABLE touchstream.send_log DROP COLUMN commanded_at, DROP COLUMN revoked_at, "
    "DROP COLUMN revoke_reason",
    "ALTER TABLE touchstream.contacts DROP COLUMN resubscribed",
    "ALTER TABLE touchstream.tenants DROP COLUMN country, DROP COLUMN opt_out_words, "
    "DROP COLUMN calling_hours",
    "DELETE FROM touchstream.migrations WHERE name = '0013_commands'",
)
"""What takes the newest migration back."""

OUTCOME = """SELECT campaign_id, attempt, commanded_at, sent_at, failed_at, reason,
    revoked_at, revoke_reason FROM touchstream.send_log"""


def test_a_command_that_nobody_answered_and_that_was_revoked_is_in_the_send_log(dsn: str) -> None:
    out = fact("acme", FactKind.TOUCH_COMMANDED, values={"emission": 1})
    revoked = fact(
        "acme",
        FactKind.TOUCH_REVOKED,
        2,
        command_id=out.command_id,
        reason="opted_out_email",
        **dict.fromkeys(("campaign_id", "version", "enrollment_id", "step_id", "touch_number")),
        attempt=None,
    )
    log = Log().contact("acme", contact("acme")).fact(out).write(dsn)
    assert select(dsn, OUTCOME) == [("reviews", 1, out.at, None, None, None, None, None)]
    log.fact(revoked).write(dsn)
    assert select(dsn, OUTCOME) == [
        ("reviews", 1, out.at, None, None, None, revoked.at, "opted_out_email")
    ]
    assert differences(dsn, log) == []


def test_a_repeat_and_its_failure_without_an_answer_are_one_command(dsn: str) -> None:
    out = fact("acme", FactKind.TOUCH_COMMANDED, values={"emission": 1})
    repeat = msgspec.structs.replace(out, at=fact_time(T0 + 2 * DAY), values={"emission": 2})
    failed = fact("acme", FactKind.TOUCH_FAILED, 3, reason="no_answer", command_id=out.command_id)
    revoked = fact("acme", FactKind.TOUCH_REVOKED, 3, reason="no_answer", command_id=out.command_id)
    log = Log().contact("acme", contact("acme")).fact(out).write(dsn)
    log.fact(repeat, failed, revoked).write(dsn)
    assert select(dsn, OUTCOME) == [
        ("reviews", 1, out.at, None, failed.at, "no_answer", revoked.at, "no_answer")
    ]
    assert differences(dsn, log) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_the_first_reason_of_a_failure_counts_in_any_batches(dsn: str, at_once: bool) -> None:
    retried = fact("acme", FactKind.TOUCH_RETRIED, reason="window_closed")
    failed = fact("acme", FactKind.TOUCH_FAILED, reason="no_answer")
    log = Log().contact("acme", contact("acme")).fact(retried)
    if not at_once:
        log.write(dsn)
    log.fact(failed).write(dsn)
    assert select(dsn, "SELECT reason FROM touchstream.send_log") == [("window_closed",)]


def unanswered() -> World:
    """A world in which one command was answered, one was given up, and one revoked."""
    world = enrolled(steps=[step("a", hours=1)])
    world.advance_hours(2, working_senders())
    deliver(world, job(contact_id="bob"))
    world.advance_hours(3)
    deliver(world, job(contact_id="cyd"))
    world.advance_hours(0.1)
    return deliver(world, m.ContactStopped(**event_fields(world, "cyd"), campaign_id=None))


def test_every_command_that_the_engine_emits_has_a_row(dsn: str) -> None:
    world = unanswered()
    project(world, dsn)
    rows = {row[0]: row[1:] for row in select(dsn, COMMANDS)}
    assert set(rows) == {touch.command_id for touch in world.commanded_touches()}
    assert [row for row in rows.values() if row[0] is None] == []
    outcomes = sorted(row[1:] for row in rows.values())
    assert outcomes == [(False, False, True), (False, True, True), (True, False, False)]


def test_the_migration_logs_the_commands_from_before_it(dsn: str) -> None:
    world = unanswered()
    records = project(world, dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in UNDONE:
            connection.execute(statement.encode())
    assert migrate(dsn) == ["0013_commands"]
    with Recount(dsn) as recount:
        recount.add(records)
        assert recount.differences() == []
