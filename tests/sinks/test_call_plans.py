"""The indexes of S3 (S3-9, S3-10, N-5): on 100,000 items and 100,000 campaigns each of its queries
is served by an index, also under row security."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.sinks.conftest import Database
from tests.testing.query_plans import plan

MANY = [
    """INSERT INTO touchstream.tenants SELECT name, 'active', 'UTC', NULL, 1200, '[]', '{}', '{}',
        '{}', '[]', now(), now() FROM unnest(ARRAY['acme', 'bolt']) AS name""",
    """INSERT INTO touchstream.campaigns (tenant_id, campaign_id, status, version, name, kind,
        definition, known_by, agent_id, start_day)
        SELECT CASE WHEN n % 10 = 0 THEN 'bolt' ELSE 'acme' END, 'c' || n,
        (ARRAY['completed', 'archived', 'draft', 'active', 'cancelled'])[1 + n % 5], 1, 'Calls',
        'calls', '{}', '[]', 'agent-' || n % 1000, date '2026-01-01' + n % 500
        FROM generate_series(1, 100000) AS n""",
    """INSERT INTO touchstream.contacts (tenant_id, contact_id, first_name, phone, attributes,
        opted_out, bounced, jobs, erased_at)
        SELECT CASE WHEN n % 10 = 0 THEN 'bolt' ELSE 'acme' END, 'p' || n, 'Ada', '+1555' || n,
        '{}', '{}', '{}', '{}', CASE WHEN n % 100 = 99 THEN now() END
        FROM generate_series(1, 100000) AS n""",
    """INSERT INTO touchstream.enrollments (tenant_id, enrollment_id, contact_id, campaign_id,
        version, cycle, anchor_at, started_at, status, touch_number)
        SELECT CASE WHEN n % 10 = 0 THEN 'bolt' ELSE 'acme' END, 'e' || n, 'p' || n,
        'c' || 3 + n % 4 * 5, 1, 1, now(), now(), 'active', 1
        FROM generate_series(1, 100000) AS n""",
    """INSERT INTO touchstream.call_items (tenant_id, enrollment_id, contact_id, campaign_id,
        version, status, successful, direct, priority, position, scheduled_for, held, call_seconds,
        created_at, updated_at)
        SELECT tenant_id, enrollment_id, contact_id, campaign_id, 1,
        (ARRAY['queued', 'completed', 'failed', 'queued', 'skipped'])[1 + n % 5], n % 5 = 1, false,
        n % 300, n, now() + n * interval '1 minute', false, 0, now(), now()
        FROM touchstream.enrollments CROSS JOIN LATERAL int4(substr(enrollment_id, 2)) AS n""",
    """INSERT INTO touchstream.calls (tenant_id, command_id, contact_id, campaign_id, enrollment_id,
        slot_granted_at, call_id, outcome, ended_at)
        SELECT tenant_id, 'k' || n, contact_id, campaign_id, enrollment_id,
        now() - n * interval '1 minute', 'CA' || n, 'answered', now() - n * interval '1 minute'
        FROM touchstream.enrollments CROSS JOIN LATERAL int4(substr(enrollment_id, 2)) AS n""",
    "ANALYZE touchstream.tenants, touchstream.campaigns, touchstream.contacts",
    "ANALYZE touchstream.enrollments, touchstream.call_items, touchstream.calls",
]


@pytest.fixture(scope="module")
def logins(server: Database, migrated: str) -> Iterator[dict[str, str]]:
    """The DSN of the owner and of a reader."""
    dsn = server.create(migrated)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in MANY:
            connection.execute(statement.encode())
    role = server.login(dsn, "a_planner")
    server.run("GRANT touchstream_reader TO a_planner")
    yield {"owner": dsn, "reader": role}


PURPOSES = [
    (
        "campaigns by user",
        "SELECT name FROM calls.call_campaigns WHERE user_id = 'acme' AND id = 'c8'",
        "campaigns_pkey",
    ),
    (
        "campaigns by agent",
        "SELECT id FROM calls.call_campaigns WHERE user_id = 'acme' AND agent_id = 'agent-8'",
        "campaigns_of_calls_by_agent",
    ),
    (
        "campaigns by status",
        "SELECT id FROM calls.call_campaigns WHERE user_id = 'acme' AND status = 'draft' LIMIT 5",
        "campaigns_of_calls_by_status",
    ),
    (
        "campaigns by first day",
        """SELECT id FROM calls.call_campaigns
        WHERE user_id = 'acme' AND start_date = date '2026-05-01'""",
        "campaigns_of_calls_by_start",
    ),
    (
        "items of a user by status",
        "SELECT id FROM calls.call_queue WHERE user_id = 'acme' AND status = 'processing'",
        "call_items_by_status",
    ),
    (
        "items of a campaign by status",
        """SELECT id FROM calls.call_queue
        WHERE user_id = 'acme' AND campaign_id = 'c8' AND status = 'failed'""",
        "call_items_by_campaign",
    ),
    (
        "the order of the queue",
        """SELECT id FROM calls.call_queue WHERE user_id = 'acme' AND status = 'queued'
        ORDER BY priority DESC, position, created_at LIMIT 10""",
        "call_items_in_order",
    ),
    (
        "items by time",
        """SELECT id FROM calls.call_queue WHERE user_id = 'acme' AND status = 'queued'
        AND scheduled_for <= now() + interval '5 minutes'""",
        "call_items_by_time",
    ),
    (
        "who was served longest ago",
        "SELECT id FROM calls.users ORDER BY last_system_allocation_at",
        "calls_by_turn",
    ),
    (
        "an item by its key",
        "SELECT status FROM calls.call_queue WHERE user_id = 'acme' AND id = 'e5'",
        "call_items_pkey",
    ),
    (
        "items of a contact",
        "SELECT id FROM calls.call_queue WHERE user_id = 'acme' AND contact_id = 'p5'",
        "call_items_by_contact",
    ),
    (
        "a contact by its key",
        "SELECT name FROM calls.contacts WHERE user_id = 'acme' AND id = 'p5'",
        "contacts_pkey",
    ),
    (
        "a call by the provider's id",
        "SELECT status FROM calls.calls WHERE user_id = 'acme' AND id = 'CA5'",
        "calls_by_call_id",
    ),
]


@pytest.mark.parametrize("login", ["owner", "reader"])
@pytest.mark.parametrize(
    ("query", "index"), [p[1:] for p in PURPOSES], ids=[p[0] for p in PURPOSES]
)
def test_the_purpose_of_every_index_of_the_source_is_served_by_an_index(
    logins: dict[str, str], login: str, query: str, index: str
) -> None:
    nodes = plan(logins[login], query)
    assert index in {node.get("Index Name") for node in nodes}
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert scanned <= {"tenants", "call_pools"}


@pytest.mark.parametrize("login", ["owner", "reader"])
def test_the_order_of_the_queue_needs_no_sort(logins: dict[str, str], login: str) -> None:
    (query,) = [query for purpose, query, _ in PURPOSES if purpose == "the order of the queue"]
    assert "Sort" not in {node["Node Type"] for node in plan(logins[login], query)}


def test_the_next_call_of_100_000_items_is_found_through_the_index(logins: dict[str, str]) -> None:
    with psycopg.connect(logins["reader"]) as connection:
        connection.execute("SELECT set_config('touchstream.tenant_id', 'acme', false)")
        query = b"SELECT priority, position FROM calls.get_next_queued_call('acme')"
        assert connection.execute(query).fetchall() == []  # scheduled for later
    with psycopg.connect(logins["owner"]) as connection:
        connection.execute(
            "UPDATE touchstream.call_items SET scheduled_for = NULL WHERE priority = 298"
        )
        assert connection.execute(query).fetchall() == [(298, 298)]
        connection.rollback()
