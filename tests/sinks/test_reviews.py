"""The views of the review dashboards: names, columns and deletions of S0 and S1."""

import msgspec

from schemas.base.times import DAY
from schemas.campaigns.presets import list_presets
from schemas.internal.enrollment import Phase, Status, Touch
from schemas.internal.facts import FactKind
from tests.testing.projected import select
from tests.testing.recorded_world import (
    T0,
    Log,
    campaign,
    command,
    contact,
    enrollment,
    fact,
    sent,
    stopped,
    tenant,
    touch,
)


def one_run(*touches: Touch) -> Log:
    run = enrollment("acme", *touches)
    log = Log().tenant(tenant("acme")).campaign(campaign("acme"))
    return log.contact("acme", contact("acme", run))


def test_the_presets_are_those_that_can_be_duplicated(dsn: str) -> None:
    presets = list_presets()
    shown = "SELECT id, business_id, name, service_type FROM reviews.campaigns WHERE is_preset"
    assert sorted(select(dsn, shown)) == sorted(
        (each.id, None, each.name, None) for each in presets
    )
    touches = """SELECT campaign_id, touch_number, channel, delay_hours::float, template_id
        FROM reviews.campaign_touches ORDER BY campaign_id, touch_number"""
    assert select(dsn, touches) == [
        (each.id, number, step["channel"], step["delay_hours"], None)
        for each in sorted(presets)
        for number, step in enumerate(each.document["steps"], 1)
    ]


def test_a_campaign_shows_the_touches_of_its_newest_version(dsn: str) -> None:
    Log().campaign(campaign("acme")).campaign(campaign("acme", version=2)).write(dsn)
    query = """SELECT touch_number, channel, delay_hours, template_id
        FROM reviews.campaign_touches WHERE business_id = 'acme' ORDER BY 1"""
    assert select(dsn, query) == [
        (1, "email", 24, "template-1"),
        (2, "sms", 48, "template-2"),
        (3, "email", 72, "template-3"),
    ]


def test_a_campaign_is_active_or_paused(dsn: str) -> None:
    query = "SELECT status, service_type, is_preset FROM reviews.campaigns WHERE NOT is_preset"
    log = Log()
    for status, shown in {"paused": "paused", "active": "active", "archived": "paused"}.items():
        log.campaign(campaign("acme", status)).write(dsn)
        assert select(dsn, query) == [(shown, "hvac", False)]


def test_an_enrollment_shows_four_touches_side_by_side(dsn: str) -> None:
    one_run().write(dsn)
    query = """SELECT status, current_touch, job_id, customer_id, touch_1_status,
        touch_1_sent_at IS NULL, touch_2_status, touch_2_scheduled_at IS NULL, touch_3_status,
        touch_4_status FROM reviews.campaign_enrollments"""
    expected = ("active", 2, "job-1", "ada", "sent", False, "pending", False, "pending", None)
    assert select(dsn, query) == [expected]


def test_touch_statuses_are_sent_skipped_failed_or_pending(dsn: str) -> None:
    names = {phase: phase.name.lower() for phase in (Phase.SENT, Phase.SKIPPED, Phase.FAILED)}
    log = one_run()
    for phase in Phase:
        run = enrollment("acme", touch("acme", phase=phase), enrollment_id=phase.name)
        log.contact("acme", contact("acme", run), phase.name)
    log.write(dsn)
    query = "SELECT touch_1_status FROM reviews.campaign_enrollments WHERE id = '{}'"
    for phase in Phase:
        assert select(dsn, query.format(phase.name)) == [(names.get(phase, "pending"),)]


def test_the_enrollment_of_a_deleted_job_is_not_shown(dsn: str) -> None:
    log = one_run().write(dsn)
    assert select(dsn, "SELECT id, service_type, status FROM reviews.jobs") == [
        ("job-1", "hvac", "completed")
    ]
    over = contact("acme", stopped(enrollment("acme"), "job_deleted"), jobs={"job-1": False})
    log.contact("acme", over).write(dsn)
    assert select(dsn, "SELECT * FROM reviews.campaign_enrollments") == []
    assert select(dsn, "SELECT * FROM reviews.jobs") == []
    ended = msgspec.structs.replace(enrollment("acme"), status=Status.COMPLETED)
    log.contact("acme", contact("acme", ended, jobs={"job-1": False})).write(dsn)
    assert select(dsn, "SELECT * FROM reviews.campaign_enrollments") == []
    assert len(select(dsn, "SELECT * FROM touchstream.enrollments")) == 1


def test_a_deleted_campaign_leaves_the_send_log_without_it(dsn: str) -> None:
    log = one_run().fact(fact("acme", FactKind.TOUCH_SENT)).write(dsn)
    assert select(dsn, "SELECT campaign_id FROM reviews.send_logs") == [("reviews",)]
    log.campaign(campaign("acme", "deleted")).write(dsn)
    query = """SELECT campaign_id, campaign_enrollment_id, touch_number, channel, status
        FROM reviews.send_logs"""
    assert select(dsn, query) == [(None, None, 1, "email", "sent")]
    for view in ("campaigns", "campaign_touches", "campaign_enrollments", "message_templates"):
        where = "" if view == "message_templates" else "WHERE business_id IS NOT NULL"
        assert select(dsn, f"SELECT * FROM reviews.{view} {where}") == []


def test_the_campaigns_of_a_deleted_business_are_not_shown(dsn: str) -> None:
    one_run().tenant(tenant("acme", status="deleted")).write(dsn)
    assert select(dsn, "SELECT * FROM reviews.businesses") == []
    assert select(dsn, "SELECT * FROM reviews.campaigns WHERE NOT is_preset") == []


def test_the_touch_of_a_deleted_template_stays_without_a_template(dsn: str) -> None:
    one_run().tenant(tenant("acme", templates_gone=["template-2"])).write(dsn)
    query = """SELECT template_id FROM reviews.campaign_touches
        WHERE business_id = 'acme' ORDER BY touch_number"""
    assert select(dsn, query) == [("template-1",), (None,), ("template-3",)]


def test_rates_are_computed_from_first_facts_and_are_null_without_a_send(dsn: str) -> None:
    other = command("acme", 9)
    log = one_run().fact(
        fact("acme", FactKind.TOUCH_SENT),
        fact("acme", FactKind.TOUCH_SENT, command_id=other, contact_id="bob"),
        fact("acme", FactKind.TOUCH_OPENED),
        fact("acme", FactKind.TOUCH_CLICKED),
        fact("acme", FactKind.TOUCH_BOUNCED),
        fact("acme", FactKind.TOUCH_CONVERTED),
        fact("acme", FactKind.TOUCH_CONVERTED, touch_number=None, command_id=None),
        fact("acme", FactKind.TOUCH_SKIPPED, 2, command_id=None),
    )
    log.write(dsn)
    query = """SELECT touch_number, sends, opens, clicks, conversions, open_rate::float,
        click_rate::float, conversion_rate::float FROM reviews.campaign_touch_analytics
        ORDER BY 1"""
    assert select(dsn, query) == [(1, 2, 1, 1, 1, 0.5, 0.5, 0.5), (2, 0, 0, 0, 0, None, None, None)]
    old = """SELECT touch_number, avg((status = 'opened')::int)::float
        FROM reviews.send_logs GROUP BY 1"""
    assert select(dsn, old) == [(1, 0.5)]


def test_a_customer_shows_its_opt_outs(dsn: str) -> None:
    Log().contact("acme", contact("acme", opted_out={"sms": T0 + DAY})).write(dsn)
    query = "SELECT id, email, opted_out_email, opted_out_sms FROM reviews.customers"
    assert select(dsn, query) == [("ada", "ada@example.com", False, True)]


def test_a_late_answer_turns_a_failed_send_into_a_sent_one(dsn: str) -> None:
    failed = fact("acme", FactKind.TOUCH_FAILED, reason="no_answer")
    log = one_run(sent("acme")).fact(failed).write(dsn)
    query = "SELECT status, error_message FROM reviews.send_logs"
    assert select(dsn, query) == [("failed", "no_answer")]
    log.fact(fact("acme", FactKind.TOUCH_SENT)).write(dsn)
    assert [row[0] for row in select(dsn, query)] == ["sent"]
