"""The history of a contact in PostgreSQL equals its facts and states."""

import msgspec
import psycopg
import pytest

from processors.why import explain
from schemas.internal.enrollment import CallItem, Enrollment, Touch
from schemas.internal.facts import Fact
from sinks.contact_history_query import ContactHistoryQueries, _statements
from tests.sinks.conftest import Database
from tests.testing.builders import CONTACT, TENANT, job, step, world_with_campaign
from tests.testing.history_player import play
from tests.testing.projected import project
from tests.testing.random_histories import random_history
from tests.testing.story import contact_of, enrolled, failing_sender, working_senders


def projected_fields(runs: list[Enrollment]) -> list[tuple[object, ...]]:
    """The fields of runs that the tables have."""
    return [
        (run.enrollment_id, run.status, run.holds, run.due(), run.waiting, len(run.touches))
        for run in runs
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_explanation_from_postgresql_equals_that_from_facts_and_states(
    dsn: str, seed: int
) -> None:
    world = play(random_history(seed, 60))
    project(world, dsn)
    keys = sorted(
        {(f.tenant_id, f.contact_id) for f in world.facts() if f.contact_id and f.enrollment_id}
    )
    assert keys
    with ContactHistoryQueries(dsn) as queries:
        for tenant_id, contact_id in keys:
            assert contact_id is not None
            facts = [
                f for f in world.facts() if (f.tenant_id, f.contact_id) == (tenant_id, contact_id)
            ]
            runs = contact_of(world, contact_id, tenant_id).enrollments
            history = queries.history(tenant_id, contact_id)
            assert history.facts == facts
            in_state = {run.enrollment_id for run in runs}
            projected = [run for run in history.runs if run.enrollment_id in in_state]
            assert explain(tenant_id, contact_id, history.facts, projected) == explain(
                tenant_id, contact_id, facts, runs
            )
            assert sorted(projected_fields(projected)) == sorted(projected_fields(runs))


def test_ids_of_runs_commands_and_earlier_attempts_lead_to_their_contact(dsn: str) -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(24, [failing_sender("503")])
    world.advance_hours(1, working_senders(world))
    project(world, dsn)
    (run,) = contact_of(world).enrollments
    first, second = (touch.command_id for touch in world.commanded_touches())
    with ContactHistoryQueries(dsn) as queries:
        for sought_id in (run.enrollment_id, first, second):
            assert queries.owner(sought_id) == (TENANT, CONTACT, run.enrollment_id)
        assert queries.owner("00000000-0000-8000-8000-000000000000") is None
        assert queries.contacts(CONTACT) == [(TENANT, CONTACT, None)]
        assert queries.history(TENANT, "nobody") == ([], [])


def test_another_tenant_finds_none_of_the_ids(dsn: str) -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(24)
    project(world, dsn)
    (run,) = contact_of(world).enrollments
    with ContactHistoryQueries(dsn, "bolt") as queries:
        for sought_id in (run.enrollment_id, world.commanded_touches()[0].command_id):
            assert queries.owner(sought_id) is None
        assert queries.contacts(CONTACT) == []
        assert queries.history("bolt", CONTACT) == ([], [])


def test_a_reader_reads_the_history_of_its_own_tenant_only(server: Database, dsn: str) -> None:
    world = world_with_campaign()
    world.append(job())
    world.advance_hours(25, working_senders())
    project(world, dsn)
    (run,) = contact_of(world).enrollments
    role = server.login(dsn, "why_reader")
    server.run("GRANT touchstream_reader TO why_reader")
    with ContactHistoryQueries(role, TENANT) as queries:
        assert queries.owner(run.enrollment_id) is not None
        assert queries.history(TENANT, CONTACT).facts
    for tenant_id in ("bolt", None):
        with ContactHistoryQueries(role, tenant_id) as queries:
            assert queries.owner(run.enrollment_id) is None
            assert queries.history(TENANT, CONTACT) == ([], [])


def test_the_connection_is_read_only(dsn: str) -> None:
    with (
        ContactHistoryQueries(dsn) as queries,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        queries._connection.execute("DELETE FROM touchstream.facts")


OF_THE_ENGINE = ("reply_cause", "early_signals", "call", "results")
"""What only the engine needs of a run, to begin and to end a wait, and what has a table of its
own."""

OF_ATTEMPTS = (
    *("first_attempt", "call_attempt", "uncounted", "lapsed", "retry_at", "send_before"),
    *("call_log", "came_back"),
)
"""What only the engine needs of a touch, to count and to time its attempts."""


@pytest.mark.parametrize(
    ("struct", "table", "not_read"),
    [
        (Fact, "facts", set()),
        (Enrollment, "enrollments", {"touches", "waiting", "variables", *OF_THE_ENGINE}),
        (CallItem, "call_items", {"counted"}),
        (Touch, "touches", {"recipient", "command_step_id", *OF_ATTEMPTS}),
    ],
)
def test_every_other_field_of_a_struct_is_a_column_that_is_read(
    struct: type[msgspec.Struct], table: str, not_read: set[str]
) -> None:
    statement = _statements()[table].decode()
    fields = {field for field in struct.__struct_fields__ if f'"t"."{field}"' not in statement}
    assert fields == not_read
