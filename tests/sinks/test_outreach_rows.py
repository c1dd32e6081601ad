"""Rows of outreach, for any run and any counts: they agree with the rules of the engine and with
the same rules in SQL."""

from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.shared.experiment_statistics import experiment_result
from schemas.base.times import DAY, HOUR
from schemas.internal.enrollment import Enrollment, Phase
from schemas.internal.outreach_status import outreach_status
from schemas.internal.states import EndedEnrollment
from sinks.batch import Batch
from sinks.campaign_rows import campaign_rows
from sinks.outreach_rows import rate
from sinks.tables import TABLES
from sinks.writer import Writer
from tests.testing.projected import differences
from tests.testing.recorded_outreach import (
    TEST,
    WRITTEN_AT,
    counted,
    message,
    outreach_campaign,
    outreach_run,
)
from tests.testing.recorded_world import CONTACT, Log, campaign, contact, outreach_log

STATUS = """
    SELECT enrollment_id, status, CASE
        WHEN converted_at IS NOT NULL THEN 'converted'
        WHEN opted_out_at IS NOT NULL THEN 'unsubscribed'
        WHEN bounced_at IS NOT NULL THEN 'bounced'
        WHEN responded_at IS NOT NULL THEN 'responded'
        WHEN opened_at IS NOT NULL OR clicked_at IS NOT NULL THEN 'opened'
        WHEN sent_at IS NOT NULL THEN 'sent'
        ELSE 'pending'
    END FROM touchstream.run_results"""
"""The rank of C-13 in SQL: pending < sent < opened < responded < converted; an opt-out and a bounce
stand above all but a conversion."""

moments = st.sampled_from([None, WRITTEN_AT, WRITTEN_AT + HOUR, WRITTEN_AT + DAY])
touches = st.builds(
    message,
    st.integers(1, 4),
    st.sampled_from(["email", "linkedin"]),
    phase=st.sampled_from(Phase),
    sent_at=moments,
    opened_at=moments,
    clicked_at=moments,
    bounced_at=moments,
)
results = st.fixed_dictionaries(
    {"responded_at": moments, "opted_out_at": moments, "bounced_at": moments}
)
runs = st.builds(
    lambda made, variant, known, **changes: outreach_run(
        "acme", *made, variant=variant, results=known, **changes
    ),
    st.lists(touches, max_size=3, unique_by=lambda touch: touch.number),
    st.sampled_from([None, "", "A", "B"]),
    results,
    converted_at=moments,
    conversion=st.just("interview"),
)


@pytest.fixture(scope="module")
def shared(server: Any, migrated: str) -> str:
    """One database for all examples, which write over one another."""
    return str(server.create(migrated))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(runs, min_size=1, max_size=12))
def test_the_status_of_any_run_is_that_of_the_rank_in_sql(
    shared: str, made: list[Enrollment]
) -> None:
    rows = Batch(_log_of(made).records).rows
    with psycopg.connect(shared) as connection:
        connection.execute("SET search_path = touchstream")
        _write(connection, rows)
        found = connection.execute(STATUS.encode()).fetchall()
        connection.rollback()
    assert len(found) == len(made)
    expected = {run.enrollment_id: outreach_status(run) for run in _named(made)}
    for run_id, stored, in_sql in found:
        assert stored == in_sql == expected[str(run_id)]


def _named(made: list[Enrollment]) -> list[Enrollment]:
    """The runs with an id for each."""
    return [
        msgspec.structs.replace(run, enrollment_id=f"run-{number}")
        for number, run in enumerate(made)
    ]


def _log_of(made: list[Enrollment]) -> Log:
    log = Log()
    for number, run in enumerate(_named(made)):
        log.contact("acme", contact("acme", run), f"p{number}")
    return log


def _write(connection: psycopg.Connection[Any], rows: Any) -> None:
    writer = Writer(connection)
    writer.prepare(rows)
    writer.write(rows)


@given(runs)
def test_the_row_of_any_run_agrees_with_itself(run: Enrollment) -> None:
    batch = Batch(outreach_log(run).records).rows
    (row,) = batch["run_results"]
    shown = dict(zip(TABLES["run_results"].columns, row, strict=True))
    assert shown["status"] == outreach_status(run)
    assert (shown["variant"] in ("A", "B")) or shown["variant"] is None
    assert (shown["experiment_id"] is None) == (shown["assignments"] is None)
    assert (shown["sent_at"] is None) == (shown["channel"] is None)
    assert (shown["converted_at"] is None) == (shown["conversion_type"] is None)
    assert shown["updated_at"] >= shown["created_at"]
    assert len(batch["engagements"]) == len(run.touches)


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_a_rate_is_rounded_half_up(part: int, whole: int) -> None:
    if whole == 0:
        assert rate(part, whole) is None
        return
    shown = rate(part, whole)
    assert shown is not None
    hundredths = int(shown * 100)
    exact = 10_000 * part
    if hundredths < 99_999:
        assert 2 * abs(hundredths * whole - exact) <= whole
        assert 2 * (exact - hundredths * whole) < whole or hundredths * whole >= exact


@pytest.mark.parametrize(
    ("part", "whole"), [(1, 3), (2, 3), (1, 8), (1, 800), (338, 2_230), (9, 1)]
)
def test_a_rate_is_that_of_the_trigger_of_s4(dsn: str, part: int, whole: int) -> None:
    query = b"SELECT least(round((%s::numeric / %s) * 100, 2), 999.99)"
    with psycopg.connect(dsn) as connection:
        assert connection.execute(query, (part, whole)).fetchone() == (rate(part, whole),)


shares = st.integers(1, 3_000).flatmap(
    lambda reached: st.tuples(st.just(reached), st.integers(0, reached), st.integers(0, 60))
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shares, shares)
def test_the_figures_of_an_experiment_are_those_of_the_engine(
    shared: str, a: tuple[int, int, int], b: tuple[int, int, int]
) -> None:
    counts = {
        name: number
        for variant, (reached, responses, conversions) in (("A", a), ("B", b))
        for name, number in counted(
            variant,
            runs=reached,
            reached=reached,
            responses=responses,
            conversions=min(conversions, reached),
        ).items()
    }
    record = outreach_campaign("acme", counts=counts)
    result = experiment_result(TEST, counts, record.experiments[TEST.id])
    rows: Any = {name: [] for name in TABLES}
    campaign_rows(record, rows)
    query = b"""SELECT p_fixed_responses, p_fixed_conversions, by_response_rate, by_overall
        FROM outreach.ab_tests"""
    with psycopg.connect(shared) as connection:
        connection.execute("SET search_path = touchstream")
        _write(connection, rows)
        (found,) = connection.execute(query).fetchall()
        connection.rollback()
    for value, metric in zip(found[:2], ("response", "conversion"), strict=True):
        p_fixed = result.metric(metric).p_fixed
        assert (value is None) == (p_fixed is None)
        assert value is None or abs(float(str(value)) - float(p_fixed or 0)) < 1e-6
    assert (found[3] or "") == result.leader


def test_runs_without_results_have_no_rows_of_outreach() -> None:
    run = outreach_run("acme", message())
    log = Log().contact("acme", contact("acme", msgspec.structs.replace(run, results=None)))
    rows = Batch(log.records).rows
    assert rows["enrollments"] and not rows["run_results"] and not rows["engagements"]


def test_a_run_that_has_left_its_contact_has_no_company_and_no_title(dsn: str) -> None:
    kept = {"contact_type": "referral", "user_id": "u", "company_name": "C", "title": "T"}
    run = outreach_run("acme", message(), variables=None, results={"person": kept})
    log = outreach_log().contact("acme", contact("acme"))
    log.state(CONTACT, b"\0e/acme/ada/run", EndedEnrollment("acme", "ada", run)).write(dsn)
    with psycopg.connect(dsn) as connection:
        query = b"SELECT contact_type, user_id, company_name, title FROM touchstream.run_results"
        assert connection.execute(query).fetchall() == [("referral", "u", None, None)]
    assert differences(dsn, log) == []


def test_a_campaign_that_was_stored_before_outreach_has_the_document_that_it_had(dsn: str) -> None:
    """An upgrade without a rebuild leaves no difference."""
    log = Log().campaign(campaign("acme")).write(dsn)
    with psycopg.connect(dsn) as connection:
        row: Any = connection.execute(
            "SELECT definition, counts, experiments, dates, end_reason FROM touchstream.campaigns"
        ).fetchone()
    assert "outreach" not in row[0]
    assert not row[0]["settings"].keys() & {"end_day", "on_conversion", "soft_bounces", "in_flight"}
    assert "experiment" not in row[0]["steps"][0]
    assert row[1:] == (None, None, None, None)
    assert differences(dsn, log) == []


def test_no_row_of_a_run_has_an_address_or_a_name() -> None:
    rows = Batch(outreach_log(outreach_run("acme", message())).records).rows
    for table in ("run_results", "engagements", "outreach_campaigns"):
        assert rows[table]
        assert "ada@" not in repr(rows[table]) and "Lovelace" not in repr(rows[table])
