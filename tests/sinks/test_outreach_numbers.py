"""The numbers of outreach (S4): both readings of each disputed one, progress, experiments,
conversions and opt-outs."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.states import Conversion
from tests.testing.projected import differences, select
from tests.testing.recorded_outreach import (
    FIRST_DAY,
    JAVA,
    TERMS,
    WRITTEN_AT,
    counted,
    decided,
    message,
    outreach_campaign,
    outreach_fact,
    outreach_run,
)
from tests.testing.recorded_world import contact, outreach_log, tenant

LATER = WRITTEN_AT + 5 * HOUR

# both readings of each disputed number


def test_what_was_reached_never_falls_and_has_its_other_reading(dsn: str) -> None:
    """C-14."""
    runs = [
        outreach_run("acme", message(), name="p1"),
        outreach_run("acme", message(bounced_at=LATER), name="p2", results={"bounced_at": LATER}),
        outreach_run("acme", message(), name="p3", results={"opted_out_at": LATER}),
        outreach_run("acme", name="p4"),
    ]
    outreach_log(*runs).write(dsn)
    query = """SELECT total_contacts, pending_contacts, reached, reached_current, opt_outs, bounces
        FROM outreach.campaign_metrics"""
    assert select(dsn, query) == [(4, 1, 3, 1, 1, 1)]


def test_messages_and_people_are_counted_under_their_own_names(dsn: str) -> None:
    """C-15: two e-mails to one person, one of which came back, and an invitation."""
    run = outreach_run("acme", message(), message(2), message(3, "linkedin"))
    log = outreach_log(run, channels=("email", "email", "linkedin"))
    log.fact(*(outreach_fact("acme", FactKind.TOUCH_SENT, number=number) for number in (1, 2)))
    log.fact(
        outreach_fact("acme", FactKind.TOUCH_SENT, number=2, attempt=2, command_id="again"),
        outreach_fact("acme", FactKind.TOUCH_BOUNCED, number=2),
        outreach_fact("acme", FactKind.TOUCH_SENT, number=3, channel="linkedin"),
    ).write(dsn)
    query = """SELECT email_sends, email_delivered, email_contacts_sent, linkedin_sends,
        linkedin_delivered, linkedin_contacts_sent FROM outreach.campaign_metrics"""
    assert select(dsn, query) == [(3, 2, 1, 1, 1, 1)]


def test_a_rate_of_nothing_is_null_and_has_a_value_to_display(dsn: str) -> None:
    """C-16."""
    outreach_log(outreach_run("acme")).write(dsn)
    query = """SELECT response_rate, response_rate_display, response_rate_of_all, conversion_rate,
        overall_rate, response_band FROM outreach.campaign_metrics"""
    assert select(dsn, query) == [(None, 0, 0, None, None, None)]
    assert select(dsn, "SELECT response_rate FROM outreach.campaigns") == [(None,)]


def test_a_conversion_without_a_response_is_counted_under_its_own_flag(dsn: str) -> None:
    """C-17, C-37: one response, and two conversions of which one is implied."""
    converted: dict[str, Any] = {"converted_at": LATER, "conversion": "interview"}
    runs = [
        outreach_run("acme", message(), name="p1", results={"responded_at": LATER}, **converted),
        outreach_run("acme", message(), name="p2", results={"implied": True}, **converted),
        outreach_run("acme", message(), name="p3"),
        outreach_run("acme", name="p4"),
    ]
    counts = {"runs": 4, "reached": 3, "responses": 1, "conversions": 2}
    outreach_log(*runs, counts=counts).write(dsn)
    query = """SELECT responses, implied_responses, conversions, response_rate,
        response_rate_of_all, conversion_rate, conversion_rate_with_implied, overall_rate
        FROM outreach.campaign_metrics"""
    (row,) = select(dsn, query)
    assert row[:3] == (1, 1, 2)
    shares = ["33.33", "25.00", "200.00", "100.00", "66.67"]
    assert row[3:] == tuple(map(Decimal, shares))
    summary = "SELECT conversion_rate, overall_rate FROM outreach.campaign_performance_summary"
    assert select(dsn, summary) == [(Decimal("200.00"), Decimal("66.67"))]


@pytest.mark.parametrize(
    ("rate", "band", "color"),
    [
        ("0", "Poor", "Red"),
        ("4.99", "Poor", "Red"),
        ("5", "Below Average", "Orange"),
        ("10", "Average", "Yellow"),
        ("19.99", "Average", "Yellow"),
        ("20", "Good", "Light Green"),
        ("30", "Excellent", "Green"),
        ("100", "Excellent", "Green"),
        ("NULL", None, None),
    ],
)
def test_an_edge_of_two_bands_belongs_to_the_better_one(
    dsn: str, rate: str, band: str | None, color: str | None
) -> None:
    """S4-59."""
    query = f"SELECT outreach.response_band({rate}), outreach.response_color({rate})"
    assert select(dsn, query) == [(band, color)]


# lifecycle


@pytest.mark.parametrize(
    ("changes", "status", "phase"),
    [
        ({"status": "draft"}, "draft", "draft"),
        ({}, "active", "active"),
        ({"start_day": 40_000}, "active", "armed"),
        ({"status": "paused", "start_day": 40_000}, "paused", "paused"),
        ({"status": "completed"}, "completed", "settling"),
        ({"status": "completed", "settled_at": LATER}, "completed", "settled"),
        ({"status": "archived"}, "archived", "archived"),
        ({"status": "cancelled"}, "archived", "archived"),
    ],
)
def test_the_status_is_one_of_five_and_the_phase_shows_more(
    dsn: str, changes: dict[str, Any], status: str, phase: str
) -> None:
    outreach_log(**changes).write(dsn)
    assert select(dsn, "SELECT status, phase FROM outreach.campaign_progress") == [(status, phase)]


def test_the_progress_has_the_names_of_s4(dsn: str) -> None:
    """N-11: 100 of 500 people, and 20 responses, which are 20 %."""
    counts = {"reached": 100, "responses": 20, "conversions": 5, "live": 7, "frozen": 2, "out": 1}
    terms = msgspec.structs.replace(TERMS, target_conversions=6)
    dates = {"end": LATER, "archive": LATER + DAY}
    outreach_log(terms=terms, counts=counts, dates=dates).write(dsn)
    query = """SELECT progress_percentage, is_complete, actual_response_rate,
        is_response_rate_reached, is_conversion_count_reached, conversion_rate, overall_performance,
        ends_at, archive_at, report_at, live_contacts, held_contacts, commands_out
        FROM outreach.campaign_progress"""
    assert select(dsn, query) == [
        (
            *(Decimal("20.00"), False, Decimal("20.00"), True, False),
            *(Decimal("25.00"), Decimal("5.00")),
            *(fact_time(LATER), fact_time(LATER + DAY), None, 7, 2, 1),
        )
    ]


@pytest.mark.parametrize("counts", [{}, {"runs": 3, "reached": 2}])
def test_nobody_who_goes_on_and_no_command_that_is_out_are_0(
    dsn: str, counts: dict[str, int]
) -> None:
    outreach_log(counts=counts).write(dsn)
    query = "SELECT live_contacts, held_contacts, commands_out FROM outreach.campaign_progress"
    assert select(dsn, query) == [(0, 0, 0)]


def test_the_days_of_a_campaign_are_those_of_its_document_or_of_what_happened(dsn: str) -> None:
    query = "SELECT start_date - date '1970-01-01', end_date - date '1970-01-01', end_reason"
    query += " FROM outreach.campaigns"
    log = outreach_log(start_day=FIRST_DAY + 3, end_day=FIRST_DAY + 9).write(dsn)
    assert select(dsn, query) == [(FIRST_DAY + 3, FIRST_DAY + 9, None)]
    ended = outreach_campaign("acme", "completed", last_day=FIRST_DAY + 5, end_reason="targets")
    log.campaign(ended).write(dsn)
    assert select(dsn, query) == [(FIRST_DAY, FIRST_DAY + 5, "targets")]
    assert differences(dsn, log) == []


# experiments

N12 = {
    **counted("A", runs=2_300, reached=2_230, responses=338, conversions=28),
    **counted("B", runs=2_280, reached=2_190, responses=280, conversions=17),
}
"""The result that S4 displays (N-12)."""


def test_the_display_of_a_winner_has_the_numbers_of_s4(dsn: str) -> None:
    outreach_log(counts=N12, experiments=decided("A")).write(dsn)
    query = """SELECT response_rate_a, conversion_rate_a, response_rate_b, conversion_rate_b,
        response_rate_difference, conversion_rate_difference, round(p_fixed_responses::numeric, 6),
        round(p_fixed_conversions_per_response::numeric, 3),
        round(p_fixed_conversions::numeric, 3), p_always, by_response_rate, by_conversion_rate,
        by_overall, winner, is_decided, decided_at FROM outreach.ab_tests"""
    ((*shares, winner, is_decided, decided_at),) = select(dsn, query)
    assert shares == [
        *map(Decimal, ["15.16", "8.28", "12.79", "6.07", "2.37", "2.21"]),
        *map(Decimal, ["0.023020", "0.292", "0.112"]),
        *(0.04, "A", "A", "A"),
    ]
    assert (winner, is_decided, decided_at) == ("A", True, fact_time(WRITTEN_AT + DAY))


def test_each_variant_has_both_readings_of_its_response_rate(dsn: str) -> None:
    outreach_log(counts=N12).write(dsn)
    query = """SELECT ab_variant, template_id, total_contacts, reached, responses, conversions,
        response_rate, response_rate_of_all, conversion_rate, overall_rate
        FROM outreach.ab_test_results ORDER BY ab_variant"""
    assert select(dsn, query) == [
        (
            "A",
            "template-a",
            2_300,
            2_230,
            338,
            28,
            *map(Decimal, ("15.16", "14.70", "8.28", "1.26")),
        ),
        (
            "B",
            "template-b",
            2_280,
            2_190,
            280,
            17,
            *map(Decimal, ("12.79", "12.28", "6.07", "0.78")),
        ),
    ]


def test_a_tie_has_no_leader_and_a_changed_split_no_p_of_one_look(dsn: str) -> None:
    """C-22."""
    same = dict.fromkeys(("runs", "reached"), 100) | {"responses": 20, "conversions": 0}
    strata = {**counted("A", **same), **counted("B", **same), **counted("B", 70, reached=5)}
    log = outreach_log(counts={**counted("A", **same), **counted("B", **same)}).write(dsn)
    query = """SELECT by_response_rate, by_conversion_rate, by_overall, p_fixed_responses, winner,
        is_decided FROM outreach.ab_tests"""
    assert select(dsn, query) == [(None, None, None, 1.0, None, False)]
    log.campaign(outreach_campaign("acme", counts=strata)).write(dsn)
    assert select(dsn, query) == [("A", None, None, None, None, False)]


def test_the_templates_of_a_campaign_are_parents_of_it(dsn: str) -> None:
    log = outreach_log(channels=("email", "linkedin"))
    log.tenant(tenant("acme", templates_gone=["template-2"])).write(dsn)
    query = "SELECT id, channel, is_deleted FROM outreach.message_templates ORDER BY id"
    assert select(dsn, query) == [
        ("template-1", "email", False),
        ("template-2", "linkedin", True),
        ("template-a", "email", False),
        ("template-b", "email", False),
    ]


# conversions and opt-outs


def test_a_conversion_is_shown_with_whom_it_is_credited_to(dsn: str) -> None:
    one, two = outreach_run("acme", message()), outreach_run("acme", message(), campaign_id="cto")
    weights = {one.enrollment_id: 500_000, two.enrollment_id: 500_000}
    conversions = {
        "interview/i-1": Conversion(LATER, "interview", "i-1", None, None, "", weights),
        "deal/d-1": Conversion(LATER, "deal", "d-1", None, None, "", {}, "type_not_of_campaign"),
    }
    log = outreach_log().campaign(outreach_campaign("acme", campaign_id="cto"))
    log.contact("acme", contact("acme", one, two, conversions=conversions)).write(dsn)
    query = """SELECT campaign_id, conversion_type, conversion_entity_id, weight_ppm, reason,
        converted_at FROM outreach.conversions ORDER BY conversion_type, campaign_id"""
    at = fact_time(LATER)
    assert select(dsn, query) == [
        (None, "deal", "d-1", None, "type_not_of_campaign", at),
        ("acme/cto", "interview", "i-1", 500_000, None, at),
        (f"acme/{JAVA}", "interview", "i-1", 500_000, None, at),
    ]
    assert differences(dsn, log) == []


def test_soft_bounces_are_kept_by_the_digest_of_the_address(dsn: str) -> None:
    state = contact("acme", outreach_run("acme"), soft_bounces={"00ff": [LATER]})
    log = outreach_log().contact("acme", state).write(dsn)
    query = "SELECT soft_bounces FROM touchstream.contacts"
    assert select(dsn, query) == [({"00ff": [LATER]},)]
    log.contact("acme", contact("acme", outreach_run("acme"))).write(dsn)
    assert select(dsn, query) == [(None,)]
    assert differences(dsn, log) == []


def test_the_lag_of_an_opt_out_ends_with_the_last_command_after_it_on_its_channel(
    dsn: str,
) -> None:
    log = outreach_log()
    state = contact("acme", outreach_run("acme", message()), opted_out={"email": LATER})
    log.contact("acme", state)
    for number, (moment, channel) in enumerate(
        [(-HOUR, "email"), (30 * MINUTE, "email"), (2 * HOUR, "linkedin")], 1
    ):
        at = fact_time(LATER + moment)
        log.fact(
            outreach_fact("acme", FactKind.TOUCH_COMMANDED, number=number, at=at, channel=channel)
        )
    log.write(dsn)
    query = """SELECT contact_id, channel, opted_out_at, extract(epoch FROM lag)::int,
        commands_after FROM outreach.opt_out_lag"""
    assert select(dsn, query) == [("ada", "email", fact_time(LATER), 1_800, 1)]


def test_an_opt_out_without_a_command_after_it_has_no_lag(dsn: str) -> None:
    state = contact("acme", outreach_run("acme", message()), opted_out={"all": LATER})
    outreach_log().contact("acme", state).write(dsn)
    query = "SELECT channel, lag, commands_after FROM outreach.opt_out_lag"
    assert select(dsn, query) == [("all", None, 0)]


def test_organizations_are_the_tenants_that_are_there(dsn: str) -> None:
    log = outreach_log().tenant(tenant("bolt", status="deleted")).write(dsn)
    assert select(dsn, "SELECT id FROM outreach.organizations") == [("acme",)]
    assert differences(dsn, log) == []
