"""The views of the prospecting dashboards (N-4): the worked example of S2-22, as PostgreSQL shows
it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from schemas.internal import messages as m
from sinks.migrate import migrate
from sinks.projection import Projection
from sinks.recount import Recount
from tests.testing.builders import publish
from tests.testing.projected import records_of
from tests.testing.story import (
    bounced,
    deliver,
    enroll_by_hand,
    make_sender,
    new_event,
    prospecting,
    seen,
    working_senders,
)
from tests.testing.world import START, World

HOUR = 3_600_000_000

STATE = "SELECT * FROM prospecting.campaign_prospect_execution_state"


class ProjectedViews:
    """The rows of the views for a world, projected up to its current end."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.projection = Projection(dsn, "test")
        self.next_offsets: dict[tuple[str, int], int] = {}
        self.connection = psycopg.connect(dsn, autocommit=True, row_factory=dict_row)

    def rows(self, world: World, query: str = STATE) -> list[dict[str, Any]]:
        recorded = records_of(world)
        fresh = [
            r for r in recorded if r.offset >= self.next_offsets.get((r.topic, r.partition), 0)
        ]
        for record in fresh:
            partition = (record.topic, record.partition)
            if partition not in self.next_offsets:
                self.projection.claim(*partition)
            self.next_offsets[partition] = record.offset + 1
        self.projection.apply(fresh, {r[:2]: r.offset + 1 for r in fresh})
        return self.connection.execute(query.encode()).fetchall()

    def state(self, world: World) -> dict[str, Any]:
        (row,) = self.rows(world)
        return row


@pytest.fixture
def views(dsn: str) -> Iterator[ProjectedViews]:
    made = ProjectedViews(dsn)
    yield made
    made.connection.close()


def example() -> World:
    step = {"template_id": "t", "delay_hours": 0}
    return prospecting(
        {
            **step,
            "id": "request",
            "channel": "linkedin",
            "action": "send_connection_request",
            "wait_for": "connection_accepted",
        },
        {**step, "id": "mail", "channel": "email", "anchor": "trigger"},
        {**step, "id": "message", "channel": "linkedin", "delay_hours": 48},
        quiet_hours="none",
    )


def fields(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def hours(value: Any) -> float:
    return float(value.timestamp() - START / 1_000_000) / 3600


def test_the_worked_example_is_shown_step_by_step(views: ProjectedViews) -> None:
    world = example()
    row = views.state(world)
    assert fields(row, "current_step", "status") == (1, "executing")
    senders = working_senders()
    world.advance_hours(1, senders)
    row = views.state(world)
    assert fields(row, "current_step", "status") == (1, "waiting_trigger")
    assert fields(row, "waiting_for_trigger", "trigger_max_checks") == ("connection_accepted", 168)
    assert row["trigger_check_count"] == 168  # that week is long over by the clock on the wall
    assert hours(row["next_execution_at"]) == 168
    assert row["linkedin_state"]["connection_status"] == "pending"
    world.advance_hours(11, senders)
    deliver(world, new_event(world, m.ConnectionAccepted))
    world.advance_hours(1, senders)
    row = views.state(world)
    assert fields(row, "current_step", "status", "waiting_for_trigger") == (3, "pending", None)
    assert row["linkedin_state"]["connection_status"] == "accepted"
    assert row["email_state"]["sent_count"] == 1
    assert hours(row["next_execution_at"]) == 60
    assert row["completed_steps"] == [1, 2]
    world.advance_hours(60, senders)
    row = views.state(world)
    assert fields(row, "current_step", "status", "completed_steps") == (4, "completed", [1, 2, 3])
    assert row["linkedin_state"]["message_count"] == 1
    assert hours(row["last_executed_at"]) == 60


def test_the_actions_of_a_person_on_each_channel_are_shown(views: ProjectedViews) -> None:
    world = example()
    senders = working_senders()
    world.advance_hours(1, senders)
    deliver(world, new_event(world, m.ConnectionAccepted))
    world.advance_hours(1, senders)
    (mail,) = [touch for touch in world.commanded_touches() if touch.channel == "email"]
    deliver(world, seen(world, mail), new_event(world, m.ContactReplied, channel="email"))
    row = views.state(world)
    assert fields(row, "status", "paused_by") == ("paused", ["reply"])
    assert row["email_state"]["opened"] is True
    assert row["email_state"]["replied"] is True
    assert row["whatsapp_state"]["replied"] is False


def test_a_failed_run_has_its_last_error(views: ProjectedViews) -> None:
    def fails(world: World, touch: m.RequestTouch) -> list[m.Message]:
        fields = {"command_id": touch.command_id, "code": "timeout"}
        return [new_event(world, m.TouchFailed, **fields)]

    world = example()
    world.advance_hours(5, [make_sender(fails)])
    row = views.state(world)
    assert fields(row, "status", "error_count", "last_error") == ("failed", 3, "timeout")
    assert row["failed_steps"] == [1]


def test_the_step_history_has_every_visit_of_every_step(views: ProjectedViews) -> None:
    world = example()
    senders = working_senders()
    world.advance_hours(200, senders)  # nobody accepts
    query = """SELECT step_number, step_id, visit, result, trigger FROM prospecting.step_history
        ORDER BY position"""
    assert [tuple(row.values()) for row in views.rows(world, query)] == [
        (1, "request", 1, "completed", "timeout"),
        (2, "mail", 1, "completed", None),
        (3, "message", 1, None, None),
    ]
    assert [row["id"] for row in views.rows(world, "SELECT id FROM prospecting.campaigns")] == [
        "reviews"
    ]
    (prospect,) = views.rows(world, "SELECT * FROM prospecting.campaign_prospects")
    assert fields(prospect, "id", "linkedin_url") == ("ann", "https://linkedin.com/in/ann")
    assert views.rows(world, "SELECT * FROM reviews.campaign_enrollments") == []
    due = views.rows(world, "SELECT * FROM prospecting.get_next_pending_executions(5)")
    assert [row["prospect_id"] for row in due] == ["ann"]


def test_every_channel_has_its_own_state(views: ProjectedViews) -> None:
    """S2-4 to S2-7: skipped steps, a bounce, a message that was delivered, read and answered."""
    step = {"template_id": "t", "delay_hours": 0.1}
    world = prospecting(
        {**step, "id": "mail", "channel": "email"},
        {**step, "id": "text", "channel": "sms", "skip_when": "linkedin_not_connected"},
        {**step, "id": "whatsapp", "channel": "whatsapp"},
        {**step, "id": "last", "channel": "voice", "delay_hours": 48},
        quiet_hours="none",
        on_reply="continue",
    )
    world.advance_hours(1, working_senders())
    mail, whatsapp = sorted(world.commanded_touches(), key=lambda touch: touch.touch_number)
    deliver(
        world,
        bounced(world, mail),
        seen(world, whatsapp, "delivered"),
        seen(world, whatsapp, "read"),
        new_event(world, m.ContactReplied, channel="whatsapp"),
    )
    row = views.state(world)
    assert fields(row, "completed_steps", "skipped_steps", "failed_steps") == ([1, 3], [2], [])
    assert fields(row["email_state"], "sent_count", "opened", "bounce_status") == (
        1,
        False,
        "bounced",
    )
    names = ("sent_count", "delivered", "read", "replied")
    assert fields(row["whatsapp_state"], *names) == (1, True, True, True)
    assert row["whatsapp_state"]["last_sent_at"] is not None
    assert row["linkedin_state"]["connection_status"] is None
    assert fields(row, "current_step", "status") == (4, "pending")


COUNTED = """SELECT step_number, step_id, channel, sends::int, skips::int, opens::int,
    triggers::int, timeouts::int, open_rate::float, trigger_rate::float
    FROM prospecting.campaign_step_analytics ORDER BY step_number"""


def branching() -> World:
    """A campaign whose second touch is a call after an open, and a text message without one."""
    step = {"template_id": "t", "delay_hours": 0}
    wait = {"event": "open", "max_wait_hours": 5, "on_timeout": {"branch": "text"}}
    return prospecting(
        {**step, "id": "mail", "channel": "email", "wait_for": wait},
        {**step, "id": "call", "channel": "voice", "then": "complete"},
        {**step, "id": "text", "channel": "sms"},
        quiet_hours="none",
        reentry="restart",
    )


def test_branches_are_counted_by_step_where_they_share_a_touch_number(
    views: ProjectedViews,
) -> None:
    world = branching()
    senders = working_senders()
    world.advance_hours(6, senders)
    deliver(world, enroll_by_hand(world))
    world.advance_hours(1, senders)
    second = max(world.commanded_touches(), key=lambda touch: touch.due_at)
    deliver(world, seen(world, second))
    world.advance_hours(1, senders)
    assert [tuple(row.values()) for row in views.rows(world, COUNTED)] == [
        (1, "mail", "email", 2, 0, 1, 1, 1, 0.5, 0.5),
        (2, "call", "voice", 1, 0, 0, 0, 0, 0.0, None),
        (3, "text", "sms", 1, 0, 0, 0, 0, 0.0, None),
    ]
    by_number = """SELECT touch_number, sends::int FROM touchstream.touch_metrics
        ORDER BY touch_number"""
    assert [tuple(row.values()) for row in views.rows(world, by_number)] == [(1, 2), (2, 2)]
    recorded = records_of(world)
    with Recount(views.dsn) as recount:
        recount.add(recorded)
        assert recount.differences() == []


def test_a_step_is_counted_over_versions_and_shown_as_the_newest_has_it(
    views: ProjectedViews,
) -> None:
    world = branching()
    senders = working_senders()
    world.advance_hours(1, senders)
    step = {"template_id": "t", "delay_hours": 0, "channel": "email"}
    rows = [{**step, "id": "hello"}, {**step, "id": "mail"}]
    settings = {"quiet_hours": "none", "reentry": "restart"}
    deliver(world, publish(kind="prospecting", steps=rows, settings=settings))
    deliver(world, enroll_by_hand(world))
    world.advance_hours(1, senders)
    query = "SELECT step_number, step_id, sends::int FROM prospecting.campaign_step_analytics"
    shown_now = [tuple(row.values()) for row in views.rows(world, f"{query} ORDER BY step_id")]
    assert shown_now == [(1, "hello", 1), (2, "mail", 2)]


def test_the_migration_counts_facts_from_before_step_metrics(views: ProjectedViews) -> None:
    world = branching()
    world.advance_hours(8, working_senders())
    before = views.rows(world, COUNTED)
    views.connection.execute(b"DROP TABLE touchstream.step_metrics CASCADE")
    views.connection.execute(b"DELETE FROM touchstream.migrations WHERE name = '0010_step_metrics'")
    views.projection.close()
    assert migrate(views.dsn) == ["0010_step_metrics"]
    assert views.connection.execute(COUNTED.encode()).fetchall() == before
    with Recount(views.dsn) as recount:
        recount.add(records_of(world))
        assert recount.differences() == []
