"""The views of outreach (S4): statuses, both readings of each disputed number, events, experiments,
conversions and opt-outs."""

from typing import Any

import psycopg
import pytest

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal.enrollment import CameBack, Enrollment, Phase, Status
from schemas.internal.facts import FactKind, fact_time
from tests.testing.projected import differences, select
from tests.testing.recorded_outreach import (
    JAVA,
    WRITTEN_AT,
    message,
    outreach_campaign,
    outreach_command,
    outreach_fact,
    outreach_run,
)
from tests.testing.recorded_world import contact, outreach_log

S4_CAMPAIGN = """id org_id name description campaign_type channel status target_audience
    target_locations target_skills target_company_sizes is_ab_test variant_a_template_id
    variant_b_template_id ab_split_percentage target_contacts_count target_response_rate
    target_conversion_count contacts_reached emails_sent linkedin_messages_sent responses_received
    conversions response_rate start_date end_date owner_id created_at updated_at created_by"""
S4_CONTACT = """id campaign_id contact_type user_id lead_id first_name last_name email linkedin_url
    company_name title status ab_variant template_used_id sent_at opened_at clicked_at responded_at
    response_text converted_at conversion_type conversion_entity_id created_at updated_at"""
S4_EVENT = """id campaign_contact_id event_type event_data event_timestamp tracking_id user_agent
    ip_address clicked_url created_at"""

LATER = WRITTEN_AT + 5 * HOUR


def columns(dsn: str, relation: str) -> dict[str, str]:
    """The columns of a relation with their types, in their order."""
    query = """SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
        WHERE a.attrelid = %s::regclass AND a.attnum > 0 ORDER BY a.attnum"""
    with psycopg.connect(dsn) as connection:
        return dict(connection.execute(query, (relation,)).fetchall())


TYPES = {
    "target_locations": "text[]",
    "target_skills": "text[]",
    "target_company_sizes": "text[]",
    "is_ab_test": "boolean",
    **dict.fromkeys(("target_response_rate", "response_rate"), "numeric(5,2)"),
    **dict.fromkeys(("start_date", "end_date"), "date"),
    **dict.fromkeys(
        (
            *("ab_split_percentage", "target_contacts_count", "target_conversion_count"),
            *("contacts_reached", "emails_sent", "linkedin_messages_sent"),
            *("responses_received", "conversions"),
        ),
        "integer",
    ),
    "event_data": "jsonb",
}
"""The types of S4 that are neither text nor a time. Its UUIDs are texts here."""


@pytest.mark.parametrize(
    ("relation", "of_s4"),
    [
        ("campaigns", S4_CAMPAIGN),
        ("campaign_contacts", S4_CONTACT),
        ("engagement_tracking", S4_EVENT),
    ],
)
def test_a_relation_begins_with_the_columns_of_s4_and_their_types(
    dsn: str, relation: str, of_s4: str
) -> None:
    names = of_s4.split()
    found = columns(dsn, f"outreach.{relation}")
    assert [*found][: len(names)] == names
    for name in names:
        is_time = name.endswith("_at") or name == "event_timestamp"
        assert found[name] == TYPES.get(name, "timestamp with time zone" if is_time else "text")


def test_the_summary_has_the_columns_of_s4_with_the_disputed_one_renamed(dsn: str) -> None:
    assert [*columns(dsn, "outreach.campaign_performance_summary")][:12] == [
        *("campaign_id", "name", "status", "campaign_type", "channel", "contacts_reached"),
        *("response_rate", "conversions", "overall_rate", "total_contacts", "pending_contacts"),
        "total_events",
    ]


@pytest.mark.parametrize("table", ["organizations", "user_profiles", "leads", "message_templates"])
def test_the_parent_tables_have_an_id(dsn: str, table: str) -> None:
    assert next(iter(columns(dsn, f"outreach.{table}"))) == "id"


# contacts


def test_a_contact_is_shown_with_what_its_order_stated(dsn: str) -> None:
    stated = {
        "contact_type": "decision_maker",
        "user_id": "u-7",
        "lead_id": "l-7",
        "company_name": "TechCorp Inc",
        "title": "Senior Software Engineer",
    }
    log = outreach_log(outreach_run("acme", message(), variables=stated)).write(dsn)
    query = """SELECT campaign_id, contact_type, user_id, lead_id, first_name, last_name, email,
        linkedin_url, company_name, title, status, ab_variant, template_used_id, response_text
        FROM outreach.campaign_contacts"""
    assert select(dsn, query) == [
        (
            *(f"acme/{JAVA}", "decision_maker", "u-7", "l-7", "Ada", "Lovelace"),
            *("ada@example.com", None, "TechCorp Inc", "Senior Software Engineer", "sent", "A"),
            *("template-a", None),
        )
    ]
    assert select(dsn, "SELECT id, org_id FROM outreach.leads") == [("l-7", "acme")]
    users = "SELECT id FROM outreach.user_profiles ORDER BY id"
    assert select(dsn, users) == [("owner-1",), ("u-7",)]
    assert differences(dsn, log) == []


@pytest.mark.parametrize(
    ("run", "template"),
    [
        (outreach_run("acme"), None),
        (outreach_run("acme", message(), variant="A"), "template-a"),
        (outreach_run("acme", message(), variant="B"), "template-b"),
        (outreach_run("acme", message(), variant=""), "template-1"),
        (outreach_run("acme", message(), variant=None), "template-1"),
    ],
)
def test_the_template_used_is_that_of_the_variant_once_it_was_sent(
    dsn: str, run: Enrollment, template: str | None
) -> None:
    outreach_log(run).write(dsn)
    query = "SELECT template_used_id FROM outreach.campaign_contacts"
    assert select(dsn, query) == [(template,)]


def test_what_an_ended_run_has_kept_is_shown(dsn: str) -> None:
    kept = {"contact_type": "referral", "user_id": "u", "company_name": "C", "title": "T"}
    ended: dict[str, Any] = {"status": Status.COMPLETED, "ended_at": LATER, "variables": None}
    run = outreach_run("acme", message(), results={"person": kept}, **ended)
    log = outreach_log(run).write(dsn)
    query = "SELECT contact_type, user_id, company_name, title FROM outreach.campaign_contacts"
    assert select(dsn, query) == [("referral", "u", "C", "T")]
    assert differences(dsn, log) == []


def test_an_erased_contact_is_gone_with_its_events_and_the_counts_stay(dsn: str) -> None:
    run = outreach_run("acme", message(opened_at=LATER), results={"responded_at": LATER})
    log = outreach_log(run, counts={"runs": 1, "reached": 1}).write(dsn)
    assert select(dsn, "SELECT count(*) FROM outreach.engagement_tracking") == [(3,)]
    log.contact("acme", contact("acme", run, erased_at=LATER)).write(dsn)
    for view in ("campaign_contacts", "engagement_tracking", "user_profiles"):
        count = f"SELECT count(*) FROM outreach.{view} WHERE id <> 'owner-1'"
        assert select(dsn, count) == [(0,)]
    assert select(dsn, "SELECT contacts_reached FROM outreach.campaigns") == [(1,)]
    stored = "SELECT to_jsonb(r)::text FROM touchstream.run_results AS r"
    ((text,),) = select(dsn, stored)
    assert "TechCorp" not in str(text) and "Engineer" not in str(text)
    assert differences(dsn, log) == []


def test_a_deleted_campaign_is_gone_with_its_contacts(dsn: str) -> None:
    log = outreach_log(outreach_run("acme", message())).write(dsn)
    assert select(dsn, "SELECT count(*) FROM outreach.campaign_contacts") == [(1,)]
    log.campaign(outreach_campaign("acme", "deleted")).write(dsn)
    for view in ("campaigns", "campaign_contacts", "engagement_tracking", "message_templates"):
        assert select(dsn, f"SELECT count(*) FROM outreach.{view}") == [(0,)]
    assert differences(dsn, log) == []


def test_runs_of_other_kinds_with_an_experiment_are_no_contacts_of_outreach(dsn: str) -> None:
    run = outreach_run("acme", message(), campaign_id="reviews")
    log = outreach_log(run).write(dsn)
    assert select(dsn, "SELECT variant FROM touchstream.run_results") == [("A",)]
    assert select(dsn, "SELECT id FROM outreach.campaign_contacts") == []
    assert differences(dsn, log) == []


# events


def test_every_type_of_event_has_its_row_and_its_data(dsn: str) -> None:
    email = message(sender_id="account-1", opened_at=LATER, clicked_at=LATER + MINUTE)
    invited = message(2, "linkedin", bounced_at=LATER + HOUR, reason="gone")
    times = {"responded_at": LATER + DAY, "opted_out_at": LATER + 2 * DAY}
    run = outreach_run("acme", email, invited, results={**times, "response_channel": "linkedin"})
    log = outreach_log(run)
    seen_at = fact_time(LATER + 3 * HOUR)
    log.fact(
        outreach_fact(
            "acme", FactKind.TOUCH_CLICKED, at=seen_at, values={"url": "https://example.com/job"}
        ),
        outreach_fact("acme", FactKind.TOUCH_BOUNCED, number=2, reason="hard"),
        outreach_fact(
            "acme",
            FactKind.CONTACT_OPTED_OUT,
            command_id=None,
            reason="asked",
            occurred_at=fact_time(LATER + 2 * DAY),
        ),
    ).write(dsn)
    query = """SELECT event_type, event_data, tracking_id, clicked_url
        FROM outreach.engagement_tracking ORDER BY event_timestamp, event_type"""
    first, second = (outreach_command("acme", "ada", number) for number in (1, 2))
    url = "https://example.com/job"
    assert select(dsn, query) == [
        ("email_sent", {"provider": "account-1", "message_id": first}, first, None),
        ("linkedin_sent", {"message_id": second}, second, None),
        ("email_opened", {}, first, None),
        ("link_clicked", {"url": url}, first, url),
        ("email_bounced", {"bounce_type": "hard", "bounce_reason": "gone"}, second, None),
        ("response_received", {"channel": "linkedin"}, None, None),
        ("unsubscribed", {"reason": "asked"}, None, None),
    ]
    clicked = """SELECT event_timestamp, created_at FROM outreach.engagement_tracking
        WHERE event_type = 'link_clicked'"""
    assert select(dsn, clicked) == [(fact_time(LATER + MINUTE), seen_at)]
    ids = "SELECT count(DISTINCT id), count(DISTINCT campaign_contact_id) FROM {}"
    assert select(dsn, ids.format("outreach.engagement_tracking")) == [(7, 1)]
    assert differences(dsn, log) == []


def test_a_message_that_is_sent_again_keeps_its_row_and_loses_the_touch_after_it(dsn: str) -> None:
    """After a soft bounce the planned touch is taken back, and planned anew later (C-25)."""
    first, second = message(), message(2, phase=Phase.SCHEDULED, sent_at=None)
    log = outreach_log(outreach_run("acme", first, second)).write(dsn)
    count = "SELECT (SELECT count(*) FROM touchstream.touches), count(*) FROM {}"
    both = count.format("touchstream.engagements")
    assert select(dsn, both) == [(2, 2)]
    again = message(phase=Phase.SCHEDULED, wait="soft_bounce", attempt=2, bounced_at=LATER)
    came_back = again.came_back = CameBack(1, LATER, soft=1, taken_back=2)
    log.contact("acme", contact("acme", outreach_run("acme", again))).write(dsn)
    assert select(dsn, both) == [(1, 1)]
    assert select(dsn, "SELECT soft_bounces FROM touchstream.engagements") == [(1,)]
    assert differences(dsn, log) == []
    sent = message(attempt=2, came_back=came_back)
    log.contact("acme", contact("acme", outreach_run("acme", sent, second))).write(dsn)
    assert select(dsn, both) == [(2, 2)]
    assert differences(dsn, log) == []
