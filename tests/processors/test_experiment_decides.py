"""An experiment from the import to the decision: people are assigned and reached, answer, the
winner is found, and who has got nothing yet gets the winner's template (S4-64…S4-72)."""

from typing import Any

from processors.shared.experiment_assignment import assign
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.topics import Topic
from tests.testing.builders import TENANT, step
from tests.testing.experiments import EXPERIMENT, counted, experiment
from tests.testing.outreach import experiment as experiment_document
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk, desk_with_draft
from tests.testing.outreach_orders import campaign
from tests.testing.story import replied

PEOPLE = [f"c-{number}" for number in range(1, 241)]
LATE = PEOPLE[-20:]
"""They are not reached when the test is decided."""


def decided_desk() -> OutreachDesk:
    """A desk after 220 people were reached, of whom everybody with variant A answered."""
    tested = experiment_document(primary_metric="response", on_winner="switch_unsent")
    steps = [step(template_id=None, experiment=tested)]
    desk = desk_with_draft(outreach_document(steps=steps)).add(*PEOPLE).change("activated")
    desk.send(*(name for name in PEOPLE if name not in LATE))
    answers = [name for name in PEOPLE if name not in LATE and variant(name) == "A"]
    for name in answers:
        command_id = desk.request_of(name).command_id
        desk.deliver(replied(desk, contact_id=name, command_id=command_id))
    desk.advance_hours(1)
    return desk


def variant(name: str) -> str:
    """The variant of a person by the hash."""
    return assign(TENANT, experiment(), name).variant


def test_a_test_is_decided_and_the_rest_gets_the_winner() -> None:
    desk = decided_desk()
    (fact,) = desk.facts(FactKind.EXPERIMENT_DECIDED)
    assert fact.values is not None
    assert (fact.reason, fact.values["winner"], fact.values["leader"]) == ("winner_a", "A", "A")

    reached = [variant(name) for name in PEOPLE if name not in LATE]
    of_a, of_b = reached.count("A"), reached.count("B")
    assert min(of_a, of_b) >= 100, "so that a winner may be named"
    evidence: dict[str, Any] = fact.values["counts"]
    assert 100 <= evidence[f"{EXPERIMENT}/50/A/reached"] <= of_a
    assert 100 <= evidence[f"{EXPERIMENT}/50/B/reached"] <= of_b
    assert 30 <= evidence[f"{EXPERIMENT}/50/A/responses"] <= of_a

    assert {desk.request_of(name).template_id for name in PEOPLE if name not in LATE} == {"a", "b"}
    assert {desk.assigned(name).variant for name in LATE} == {"A"}
    assert {desk.assigned(name).assigned_by for name in LATE} == {"winner"}
    (switched,) = desk.facts(FactKind.EXPERIMENT_SWITCHED)
    assert switched.values == {"experiment_id": EXPERIMENT, "winner": "A"}


def test_the_counts_after_the_switch_are_those_of_the_people_who_were_reached_by_hash() -> None:
    desk = decided_desk()
    desk.send(*LATE)
    desk.advance_hours(1)
    reached = [variant(name) for name in PEOPLE if name not in LATE]
    of_a, of_b = reached.count("A"), reached.count("B")
    found = {name: n for name, n in desk.outreach_counts().items() if "/" in name}
    expected = counted(50, (of_a, of_a), (of_b, 0))
    assert found == {name: number for name, number in expected.items() if number}
    assert len(campaign(desk).experiments[EXPERIMENT].switched_by) == desk.layout.contact


def test_the_decision_is_that_of_one_report_and_is_made_once() -> None:
    """Every report is a look: the decision comes with the first one that has the evidence."""
    desk = decided_desk()
    values = [record.value or b"" for record in desk.broker.topic(Topic.CAMPAIGN_LOG)]
    reports = [each for each in map(m.decode_campaign, values) if isinstance(each, m.RunsCounted)]
    assert len(reports) > 4
    assert len(desk.facts(FactKind.EXPERIMENT_DECIDED)) == 1
    (note,) = [
        fact for fact in desk.facts(FactKind.OWNER_NOTIFIED) if fact.reason == "experiment_decided"
    ]
    assert note.values is not None
    assert note.values["winner"] == "A"
