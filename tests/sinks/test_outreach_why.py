"""The explanation of a run of outreach from PostgreSQL equals that from facts and states."""

from processors.why import explain
from schemas.internal import messages as m
from sinks.contact_history_query import ContactHistoryQueries
from tests.testing.builders import CONTACT, TENANT, answer_fields, step
from tests.testing.explanations import explanation_of
from tests.testing.outreach import experiment, experiment_document, outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk, desk_with_draft
from tests.testing.projected import project
from tests.testing.story import event_fields

PEOPLE = [f"c-{number}" for number in range(1, 7)]


def assert_equal_from_postgresql(desk: OutreachDesk, dsn: str, *names: str) -> None:
    """Asserts it for people of a desk."""
    project(desk, dsn)
    with ContactHistoryQueries(dsn) as queries:
        for name in names:
            history = queries.history(TENANT, name)
            assert explain(TENANT, name, history.facts, history.runs) == explanation_of(desk, name)


def test_variants_and_people_of_a_holdout(dsn: str) -> None:
    desk = active_desk(*PEOPLE, document=experiment_document(holdout_percentage=40))
    assert_equal_from_postgresql(desk, dsn, *PEOPLE)


def test_people_in_a_draft(dsn: str) -> None:
    assert_equal_from_postgresql(desk_with_draft().add("c-1"), dsn, "c-1")


def test_a_message_that_came_back_and_a_conversion(dsn: str) -> None:
    steps = [step(template_id=None, experiment=experiment()), step("b", hours=72)]
    document = outreach_document(settings={"quiet_hours": "none"}, steps=steps)
    desk = active_desk(document=document)
    touch = desk.send()
    fields = answer_fields(touch, desk, "back") | {"bounce_type": "soft", "rules": m.BOUNCE_RULES}
    desk.deliver(m.TouchBounced(**fields))
    assert_equal_from_postgresql(desk, dsn, CONTACT)


def test_a_run_that_a_conversion_has_stopped(dsn: str) -> None:
    desk = active_desk(document=outreach_document(steps=[step(), step("b", hours=72)]))
    desk.send()
    conversion = event_fields(desk, CONTACT)
    desk.deliver(m.ConversionRecorded(**conversion, conversion_type="interview", rules=1))
    desk.change("completed")
    assert_equal_from_postgresql(desk, dsn, CONTACT)
