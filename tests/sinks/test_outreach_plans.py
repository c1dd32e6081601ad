"""The indexes of S4 (S4-102 … S4-104, S4-113, N-8): on 20,000 campaigns, 100,000 people and 100,000
messages each purpose is served by an index, for the owner of the database, the login of a tenant
and the login of a recruiter."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.sinks.conftest import Database
from tests.testing.query_plans import plan

MANY = [
    """INSERT INTO touchstream.tenants SELECT name, 'active', 'UTC', NULL, 1200, '[]', '{}', '{}',
        '{}', '[]', now(), now() FROM unnest(ARRAY['acme', 'bolt']) AS name""",
    """INSERT INTO outreach.campaigns (id, org_id, campaign_id, name, campaign_type, channel,
        status, is_ab_test, contacts_reached, emails_sent, linkedin_messages_sent,
        responses_received, conversions, start_date, end_date, owner_id, created_at, updated_at,
        version, completion_policy)
        SELECT org || '/c' || n, org, 'c' || n, 'Java',
        (ARRAY['talent_sourcing', 'business_development', 'mixed'])[1 + least(n % 100, 2)], 'email',
        (ARRAY['archived', 'completed', 'draft', 'active', 'paused'])[1 + least(n % 100, 4)], true,
        0, 0, 0, 0, 0, date '2026-01-01' + n % 500, date '2026-02-01' + n % 500,
        'owner-' || n % 1000, now() - n * interval '1 hour', now(), 1, 'contacts_and_rate'
        FROM generate_series(1, 20000) AS n
        CROSS JOIN LATERAL (SELECT CASE WHEN n % 10 = 0 THEN 'bolt' ELSE 'acme' END AS org) AS o""",
    """INSERT INTO touchstream.campaigns (tenant_id, campaign_id, status, version, name, kind,
        definition, known_by) SELECT org_id, campaign_id, status, 1, name, 'outreach', '{}', '[]'
        FROM outreach.campaigns""",
    """INSERT INTO touchstream.contacts (tenant_id, contact_id, first_name, email, attributes,
        opted_out, bounced, jobs, erased_at)
        SELECT CASE WHEN n % 10 = 0 THEN 'bolt' ELSE 'acme' END, 'p' || n, 'Ada', 'a@x.com',
        '{}', '{}', '{}', '{}', CASE WHEN n % 100 = 99 THEN now() END
        FROM generate_series(1, 100000) AS n""",
    """INSERT INTO touchstream.enrollments (tenant_id, enrollment_id, contact_id, campaign_id,
        version, cycle, anchor_at, started_at, status, touch_number)
        SELECT CASE WHEN n % 10 = 0 THEN 'bolt' ELSE 'acme' END, 'e' || n, 'p' || n,
        'c' || 10 * (n % 200) + n % 10, 1, 1, now(), now(), 'active', 1
        FROM generate_series(1, 100000) AS n""",
    """INSERT INTO touchstream.run_results (tenant_id, enrollment_id, contact_id, campaign_id,
        version, status, contact_type, user_id, lead_id, variant, reached, sent_at, responded_at,
        implied, opted_out_at, created_at, updated_at)
        SELECT tenant_id, enrollment_id, contact_id, campaign_id, 1,
        (ARRAY['converted', 'responded', 'bounced', 'opened', 'sent'])[1 + least(n % 100, 4)],
        'candidate', CASE WHEN n % 2 = 0 THEN 'u' || n END, CASE WHEN n % 2 = 1 THEN 'l' || n END,
        CASE n % 50 WHEN 0 THEN 'A' WHEN 1 THEN 'B' END, true, now() - n * interval '1 minute',
        CASE WHEN n % 100 < 2 THEN now() - n * interval '1 minute' END, false,
        CASE WHEN n % 500 = 1 THEN now() - n * interval '1 minute' END, now(), now()
        FROM touchstream.enrollments CROSS JOIN LATERAL int4(substr(enrollment_id, 2)) AS n""",
    """INSERT INTO touchstream.engagements (tenant_id, enrollment_id, number, contact_id,
        campaign_id, step_id, channel, attempt, sent_at, opened_at, clicked_at, bounced_at,
        soft_bounces)
        SELECT tenant_id, enrollment_id, 1, contact_id, campaign_id, 's1',
        CASE WHEN n % 100 = 5 THEN 'linkedin' ELSE 'email' END, 1, now() - n * interval '1 minute',
        CASE WHEN n % 5 = 0 THEN now() - n * interval '50 seconds' END,
        CASE WHEN n % 50 = 0 THEN now() - n * interval '40 seconds' END,
        CASE WHEN n % 100 = 2 THEN now() - n * interval '30 seconds' END, 0
        FROM touchstream.enrollments CROSS JOIN LATERAL int4(substr(enrollment_id, 2)) AS n""",
    "VACUUM ANALYZE touchstream.tenants, outreach.campaigns, touchstream.campaigns",
    "VACUUM ANALYZE touchstream.contacts, touchstream.enrollments, touchstream.run_results",
    "VACUUM ANALYZE touchstream.engagements",
]


@pytest.fixture(scope="module")
def logins(server: Database, migrated: str) -> Iterator[dict[str, str]]:
    """The DSN of the owner, of a reader and of a recruiter."""
    dsn = server.create(migrated)
    roles = {"reader": "o_reader", "recruiter": "o_recruiter"}
    made = {name: server.login(dsn, role) for name, role in roles.items()}
    server.run("GRANT touchstream_reader TO o_reader")
    server.run("GRANT touchstream_member TO o_recruiter")
    member = "INSERT INTO outreach.members VALUES ('o_recruiter', 'acme', 'owner-7', 'recruiter')"
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in (*MANY, member):
            connection.execute(statement.encode())
    yield {"owner": dsn, **made}


PURPOSES = [
    (
        "idx_campaigns_org_id",
        """SELECT name FROM campaigns WHERE org_id = 'acme' AND campaign_id = 'c8'""",
        "idx_campaigns_org_id",
    ),
    (
        "idx_campaigns_owner_id",
        """SELECT * FROM campaigns WHERE org_id = 'acme' AND owner_id = 'owner-7'
        ORDER BY created_at DESC""",
        "idx_campaigns_owner_id",
    ),
    (
        "idx_campaigns_status",
        "SELECT * FROM campaigns WHERE org_id = 'acme' AND status = 'draft'",
        "idx_campaigns_status",
    ),
    (
        "idx_campaigns_type",
        """SELECT * FROM campaigns WHERE org_id = 'acme' AND campaign_type = 'talent_sourcing'
        AND status IN ('active', 'paused')""",
        "idx_campaigns_type",
    ),
    (
        "idx_campaigns_dates",
        """SELECT * FROM campaigns WHERE org_id = 'acme' AND start_date >= date '2027-05-01'
        AND end_date <= date '2027-06-15'""",
        "idx_campaigns_dates",
    ),
    (
        "idx_campaigns_created_at",
        "SELECT * FROM campaigns WHERE org_id = 'acme' ORDER BY created_at DESC LIMIT 20",
        "idx_campaigns_created_at",
    ),
    ("campaigns_pkey", "SELECT name FROM campaigns WHERE id = 'acme/c8'", "campaigns_pkey"),
    (
        "idx_campaign_contacts_campaign_id",
        "SELECT * FROM campaign_contacts WHERE campaign_id = 'acme/c11'",
        "run_results_by_campaign",
    ),
    (
        "idx_campaign_contacts_user_id",
        "SELECT status FROM campaign_contacts WHERE org_id = 'acme' AND user_id = 'u8'",
        "run_results_by_user",
    ),
    (
        "idx_campaign_contacts_lead_id",
        "SELECT status FROM campaign_contacts WHERE org_id = 'acme' AND lead_id = 'l7'",
        "run_results_by_lead",
    ),
    (
        "idx_campaign_contacts_status",
        """SELECT id, email FROM campaign_contacts WHERE org_id = 'acme' AND status = 'bounced'
        LIMIT 20""",
        "run_results_by_status",
    ),
    (
        "idx_campaign_contacts_ab_variant",
        """SELECT id, email FROM campaign_contacts WHERE org_id = 'acme' AND ab_variant = 'B'
        LIMIT 20""",
        "run_results_by_variant",
    ),
    (
        "idx_engagement_tracking_contact_id",
        """SELECT event_type FROM engagement_tracking
        WHERE org_id = 'acme' AND campaign_contact_id = 'e5'""",
        "engagements_pkey",
    ),
    *[
        (
            f"idx_engagement_tracking_event_type: {event_type}",
            f"""SELECT id, event_timestamp FROM engagement_tracking
            WHERE org_id = 'acme' AND event_type = '{event_type}'
            AND event_timestamp > now() - interval '2 hours'
            ORDER BY event_timestamp DESC LIMIT 20""",
            index,
        )
        for event_type, index in (
            ("email_sent", "engagements_sent"),
            ("linkedin_sent", "engagements_sent"),
            ("email_opened", "engagements_opened"),
            ("link_clicked", "engagements_clicked"),
            ("email_bounced", "engagements_bounced"),
            ("response_received", "run_results_responded"),
            ("unsubscribed", "run_results_opted_out"),
        )
    ],
    (
        "idx_engagement_tracking_timestamp",
        """SELECT id, event_type, event_timestamp FROM engagement_tracking
        WHERE org_id = 'acme' AND event_timestamp > now() - interval '20 minutes'
        ORDER BY event_timestamp DESC LIMIT 20""",
        "engagements_sent",
    ),
]

SCANNED = {"tenants"}
"""The tables that may be read as a whole."""


@pytest.mark.parametrize("login", ["owner", "reader", "recruiter"])
@pytest.mark.parametrize(
    ("query", "index"), [p[1:] for p in PURPOSES], ids=[p[0] for p in PURPOSES]
)
def test_the_purpose_of_every_index_of_the_source_is_served_by_an_index(
    logins: dict[str, str], login: str, query: str, index: str
) -> None:
    nodes = plan(logins[login], query, search_path="outreach")
    assert index in {node.get("Index Name") for node in nodes}
    scanned = {
        node["Relation Name"]
        for node in nodes
        if node["Node Type"] == "Seq Scan" and node["Actual Loops"]
    }
    assert scanned <= SCANNED


@pytest.mark.parametrize("login", ["owner", "reader", "recruiter"])
def test_every_index_of_the_source_is_named(logins: dict[str, str], login: str) -> None:
    of_campaigns = {"pkey", "org_id", "owner_id", "status", "type", "dates", "created_at"}
    named = {purpose.partition(":")[0] for purpose, _, _ in PURPOSES}
    assert len(of_campaigns) + 5 + 3 == len(named)
