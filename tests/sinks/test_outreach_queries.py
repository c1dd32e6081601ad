"""Every query that S4 prints runs on the schema `outreach` without a change, and has the rows that
the states behind it ask for (N-7, S4-62, S4-63, S4-67, S4-113).

The text of the queries is kept here character by character. A `?` stands for a parameter, as there.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from schemas.base.times import DAY, HOUR
from schemas.internal.enrollment import Status
from tests.sinks.conftest import Database
from tests.testing.recorded_outreach import (
    FIRST_DAY,
    JAVA,
    NAME,
    WRITTEN_AT,
    counted,
    message,
    outreach_campaign,
    outreach_definition,
    outreach_run,
)
from tests.testing.recorded_world import Log, contact, tenant

CONTACTS_REACHED = """
SELECT COUNT(*) FROM campaign_contacts
WHERE campaign_id = ? AND status IN ('sent', 'opened', 'responded', 'converted')
"""

EMAILS_SENT = """
SELECT COUNT(*) FROM campaign_contacts
WHERE campaign_id = ? AND sent_at IS NOT NULL
AND (SELECT event_type FROM engagement_tracking
     WHERE campaign_contact_id = campaign_contacts.id
     AND event_type = 'email_sent')
"""

RESPONSES_RECEIVED = """
SELECT COUNT(*) FROM campaign_contacts
WHERE campaign_id = ? AND responded_at IS NOT NULL
"""

CONVERSIONS = """
SELECT COUNT(*) FROM campaign_contacts
WHERE campaign_id = ? AND converted_at IS NOT NULL
"""

COMMON = (
    "SELECT * FROM campaigns WHERE org_id = ? AND status = 'active';",
    "SELECT * FROM campaigns WHERE owner_id = ? ORDER BY created_at DESC;",
    "SELECT * FROM campaigns WHERE start_date >= ? AND end_date <= ?;",
    "SELECT * FROM campaigns WHERE campaign_type = 'talent_sourcing' "
    "AND status IN ('active', 'paused');",
)

OF_OWNER = """
-- Active campaigns for owner
SELECT * FROM campaigns
WHERE owner_id = ? AND status = 'active'
ORDER BY created_at DESC;
"""

DASHBOARD = """
-- Campaign performance dashboard
SELECT
  c.id, c.name, c.status,
  c.contacts_reached, c.responses_received, c.conversions,
  c.response_rate,
  COUNT(cc.id) as total_contacts,
  COUNT(CASE WHEN cc.status = 'pending' THEN 1 END) as pending_contacts
FROM campaigns c
LEFT JOIN campaign_contacts cc ON c.id = cc.campaign_id
WHERE c.org_id = ? AND c.status IN ('active', 'paused')
GROUP BY c.id
ORDER BY c.created_at DESC;
"""

AB_RESULTS = """
-- A/B test results
SELECT
  cc.ab_variant,
  COUNT(*) as total_contacts,
  COUNT(CASE WHEN cc.responded_at IS NOT NULL THEN 1 END) as responses,
  COUNT(CASE WHEN cc.converted_at IS NOT NULL THEN 1 END) as conversions,
  ROUND(
    COUNT(CASE WHEN cc.responded_at IS NOT NULL THEN 1 END)::numeric
    / COUNT(*)::numeric * 100, 2
  ) as response_rate
FROM campaign_contacts cc
WHERE cc.campaign_id = ?
GROUP BY cc.ab_variant;
"""

SUMMARY = """
SELECT
  c.id as campaign_id,
  c.name,
  c.status,
  c.campaign_type,
  c.channel,
  c.contacts_reached,
  c.response_rate,
  c.conversions,
  CASE
    WHEN c.contacts_reached > 0
    THEN ROUND((c.conversions::numeric / c.contacts_reached) * 100, 2)
    ELSE 0
  END as conversion_rate,
  COUNT(DISTINCT cc.id) as total_contacts,
  COUNT(DISTINCT CASE WHEN cc.status = 'pending' THEN cc.id END) as pending_contacts,
  COUNT(DISTINCT et.id) as total_events
FROM campaigns c
LEFT JOIN campaign_contacts cc ON c.id = cc.campaign_id
LEFT JOIN engagement_tracking et ON cc.id = et.campaign_contact_id
GROUP BY c.id;
"""

OF_TRIGGER = {
    "contacts_reached": """
      SELECT COUNT(*) FROM campaign_contacts
      WHERE campaign_id = v_campaign_id
        AND status IN ('sent', 'opened', 'responded', 'converted')
    """,
    "emails_sent": """
      SELECT COUNT(*) FROM campaign_contacts cc
      WHERE cc.campaign_id = v_campaign_id
        AND EXISTS (
          SELECT 1 FROM engagement_tracking et
          WHERE et.campaign_contact_id = cc.id
            AND et.event_type = 'email_sent'
        )
    """,
    "linkedin_messages_sent": """
      SELECT COUNT(*) FROM campaign_contacts
      WHERE campaign_id = v_campaign_id
        AND sent_at IS NOT NULL
        AND channel = 'linkedin'
    """,
    "responses_received": """
      SELECT COUNT(*) FROM campaign_contacts
      WHERE campaign_id = v_campaign_id
        AND responded_at IS NOT NULL
    """,
    "conversions": """
      SELECT COUNT(*) FROM campaign_contacts
      WHERE campaign_id = v_campaign_id
        AND converted_at IS NOT NULL
    """,
}
"""What `update_campaign_metrics` counts; `v_campaign_id` is its variable."""

CAMPAIGN, OTHER = f"acme/{JAVA}", "acme/cto-q1"
LATER = WRITTEN_AT + 5 * HOUR


def people(tenant_id: str) -> list[Any]:
    """The runs of seven people, one for each status of S4."""
    bounced = message(bounced_at=LATER)
    opened = message(opened_at=LATER)
    replied: dict[str, Any] = {"responded_at": LATER, "response_channel": "email"}
    converted: dict[str, Any] = {"converted_at": LATER + HOUR, "conversion": "interview"}
    gone: dict[str, Any] = {"status": Status.STOPPED, "ended_at": LATER, "reason": "opted_out"}
    return [
        outreach_run(tenant_id, name="p1", variant="A"),
        outreach_run(tenant_id, message(), name="p2", variant="B"),
        outreach_run(tenant_id, opened, name="p3", variant="A"),
        outreach_run(tenant_id, message(), name="p4", variant="B", results=replied),
        outreach_run(
            *(tenant_id, message(clicked_at=LATER)),
            name="p5",
            variant="A",
            results={**replied, "entity_id": "i-1"},
            **converted,
        ),
        outreach_run(
            tenant_id, bounced, name="p6", variant="B", results={"bounced_at": LATER}, **gone
        ),
        outreach_run(
            tenant_id, message(), name="p7", variant=None, results={"opted_out_at": LATER}, **gone
        ),
    ]


COUNTS = {"runs": 7, "reached": 6, "sent_email": 6, "responses": 2, "conversions": 1}


def outreach_log() -> Log:
    """Two campaigns of acme, and one of bolt."""
    log = Log().tenant(tenant("acme")).tenant(tenant("bolt"))
    for name in ("acme", "bolt"):
        counts = {**COUNTS, **counted("A", runs=3), **counted("B", runs=3)}
        log.campaign(outreach_campaign(name, counts=counts, end_day=FIRST_DAY + 30))
        for run in people(name):
            who = run.enrollment_id.split("-")[2]
            log.contact(name, contact(name, run), who)
    later: dict[str, Any] = {"created_at": WRITTEN_AT + DAY, "first_day": FIRST_DAY + 1}
    return log.campaign(outreach_campaign("acme", "paused", "cto-q1", experiment=None, **later))


@pytest.fixture(scope="module")
def dsn(server: Database, migrated: str) -> str:
    """A database with the campaigns, for the module."""
    created = server.create(migrated)
    outreach_log().write(created)
    return created


def rows(dsn: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        connection.execute("SET search_path = outreach")
        return connection.execute(query.replace("?", "%s").encode(), values or None).fetchall()


def ids(found: Sequence[tuple[Any, ...]]) -> list[str]:
    return [row[0] for row in found]


@pytest.mark.parametrize(
    ("query", "expected"), [(CONTACTS_REACHED, 4), (RESPONSES_RECEIVED, 2), (CONVERSIONS, 1)]
)
def test_the_calculations_of_the_counts(dsn: str, query: str, expected: int) -> None:
    assert rows(dsn, query, CAMPAIGN) == [(expected,)]
    assert rows(dsn, query, OTHER) == [(0,)]


def test_the_calculation_of_the_emails_is_no_sql_and_runs_as_it_was_meant(dsn: str) -> None:
    """A text is no condition, in any database. The trigger of S4 asks the same with EXISTS."""
    with pytest.raises(psycopg.errors.DatatypeMismatch, match="must be type boolean"):
        rows(dsn, EMAILS_SENT, CAMPAIGN)
    meant = EMAILS_SENT.replace("AND (SELECT", "AND EXISTS (SELECT")
    assert rows(dsn, meant, CAMPAIGN) == [(6,)]


def test_the_counts_of_the_trigger(dsn: str) -> None:
    counts = {
        name: rows(dsn, query.replace("v_campaign_id", "?"), CAMPAIGN)[0][0]
        for name, query in OF_TRIGGER.items()
    }
    assert counts == {
        "contacts_reached": 4,
        "emails_sent": 6,
        "linkedin_messages_sent": 0,
        "responses_received": 2,
        "conversions": 1,
    }


@pytest.mark.parametrize(
    ("query", "values", "expected"),
    [
        (COMMON[0], ("acme",), [CAMPAIGN]),
        (COMMON[1], ("owner-1",), [OTHER, CAMPAIGN, f"bolt/{JAVA}"]),
        (COMMON[2], (date(2026, 9, 1), date(2026, 12, 31)), [CAMPAIGN, f"bolt/{JAVA}"]),
        (COMMON[3], (), [CAMPAIGN, OTHER, f"bolt/{JAVA}"]),
        (OF_OWNER, ("owner-1",), [CAMPAIGN, f"bolt/{JAVA}"]),
    ],
)
def test_the_common_queries(dsn: str, query: str, values: Any, expected: list[str]) -> None:
    found = ids(rows(dsn, query, *values))
    assert sorted(found) == sorted(expected)
    assert "ORDER BY" not in query or found[0] == expected[0]


def test_a_campaign_has_the_values_of_the_sample(dsn: str) -> None:
    (row,) = rows(dsn, COMMON[0], "acme")
    assert row[:8] == (
        *(CAMPAIGN, "acme", NAME, None, "talent_sourcing", "email", "active"),
        "Senior Java developers with 5-10 years experience in financial services",
    )
    assert row[8:11] == (
        ["New York, NY", "Jersey City, NJ", "Remote - US"],
        ["Java", "Spring Boot", "Microservices", "AWS", "Kubernetes"],
        None,
    )
    assert row[11:18] == (True, "template-a", "template-b", 50, 500, Decimal("15.00"), None)
    assert row[18:24] == (6, 6, 0, 2, 1, Decimal("33.33"))
    assert row[24:27] == (date(2026, 9, 21), date(2026, 10, 21), "owner-1")
    assert row[29] == "owner-1"


def test_the_dashboard_of_an_organization(dsn: str) -> None:
    assert rows(dsn, DASHBOARD, "acme") == [
        (OTHER, NAME, "paused", 0, 0, 0, None, 0, 0),
        (CAMPAIGN, NAME, "active", 6, 2, 1, Decimal("33.33"), 7, 1),
    ]


def test_the_results_of_an_experiment(dsn: str) -> None:
    assert sorted(rows(dsn, AB_RESULTS, CAMPAIGN), key=str) == [
        ("A", 3, 1, 1, Decimal("33.33")),
        ("B", 3, 1, 0, Decimal("33.33")),
        (None, 1, 0, 0, Decimal("0.00")),
    ]


def test_the_query_of_the_materialized_view(dsn: str) -> None:
    found = {row[0]: row[5:] for row in rows(dsn, SUMMARY)}
    assert found == {
        CAMPAIGN: (6, Decimal("33.33"), 1, Decimal("16.67"), 7, 1, 12),
        OTHER: (0, None, 0, Decimal(0), 0, 0, 0),
        f"bolt/{JAVA}": (6, Decimal("33.33"), 1, Decimal("16.67"), 7, 1, 12),
    }


def test_the_view_that_is_always_fresh_has_the_rows_of_the_materialized_one(dsn: str) -> None:
    """Its `conversion_rate` is `overall_rate` here, and is NULL of nothing (C-16, C-17)."""
    columns = """campaign_id, name, status, campaign_type, channel, contacts_reached, response_rate,
        conversions, coalesce(overall_rate, 0), total_contacts, pending_contacts, total_events"""
    shown = rows(dsn, f"SELECT {columns} FROM campaign_performance_summary")
    assert sorted(shown, key=str) == sorted(rows(dsn, SUMMARY), key=str)


def test_the_materialized_view_of_the_source_can_be_made_and_refreshed(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE SCHEMA scratch")
        connection.execute("SET search_path = scratch, outreach")
        made = "CREATE MATERIALIZED VIEW campaign_performance_summary AS" + SUMMARY
        connection.execute(made.encode())
        connection.execute("REFRESH MATERIALIZED VIEW campaign_performance_summary")
        found = connection.execute("SELECT * FROM campaign_performance_summary").fetchall()
        connection.rollback()
    assert sorted(found, key=str) == sorted(rows(dsn, SUMMARY), key=str)


CRITERIA = [
    ("conversions >= target_conversion_count", None),
    ("response_rate >= target_response_rate", True),
    ("contacts_reached >= target_contacts_count", False),
    ("(contacts_reached / target_contacts_count) * 100", 0),
    ("(responses_received / NULLIF(contacts_reached, 0)) * 100", 0),
]


@pytest.mark.parametrize(("expression", "value"), CRITERIA)
def test_the_expressions_of_the_field_specifications(
    dsn: str, expression: str, value: object
) -> None:
    """Two of them divide whole numbers, so they are 0 in any database until they are complete; the
    column `progress_percentage` is the share that was meant."""
    query = f"SELECT {expression} FROM campaigns WHERE id = ?"
    assert rows(dsn, query, CAMPAIGN) == [(value,)]


def test_the_sample_campaign_is_that_of_the_source() -> None:
    terms = outreach_definition("acme").outreach
    assert terms is not None
    assert (terms.target_contacts, terms.target_response_rate) == (500, 1_500)
