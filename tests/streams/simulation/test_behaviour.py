"""A behaviour model: its validation, and the signals that it gives."""

from pathlib import Path
from typing import Any

import pytest

from schemas.internal.facts import FactKind
from streams.simulation.behaviour import Behaviour, BehaviourInvalid
from streams.simulation.drawn_signals import draw_signals
from tests.testing.builders import connection_request, step
from tests.testing.simulation_harness import SENT_AT_ONCE, campaign, scenario, simulate


def problems(document: Any) -> list[str]:
    with pytest.raises(BehaviourInvalid) as refused:
        Behaviour.of(document)
    return refused.value.problems


def test_all_problems_are_reported_at_once_with_their_places() -> None:
    reported = problems(
        {
            "email": {
                "opened": {"probability": 1.5},
                "clicked": {"probability": 0.1, "after_minutes": -5},
                "delivered": {"probability": 0.9, "after_hours": [3, 1]},
                "replied": {"probability": 0.1, "after_hours": 1, "after_minutes": 1},
            },
            "linkedin": {"opened": {"probability": 0.5}},
            "pigeon": {},
        }
    )
    places = {problem.partition(":")[0] for problem in reported}
    assert places == {
        "email.opened.probability",
        "email.clicked.after_minutes.0",
        "email.clicked.after_minutes.1",
        "email.delivered",
        "email.replied",
        "linkedin.opened",
        "pigeon",
    }


@pytest.mark.parametrize(
    ("channel", "signal"),
    [
        ("linkedin", "opened"),
        ("linkedin", "delivered"),
        ("linkedin", "bounced"),
        ("email", "read"),
        ("email", "accepted"),
        ("sms", "opened"),
        ("voice", "replied"),
    ],
)
def test_a_channel_has_only_the_signals_of_its_table(channel: str, signal: str) -> None:
    assert problems({channel: {signal: {"probability": 0.5}}})[0].startswith(f"{channel}.{signal}")


def test_the_probabilities_of_outcomes_add_up_to_one_at_most() -> None:
    outcomes = {"answered": {"probability": 0.7}, "no_answer": {"probability": 0.4}}
    assert "add up to 1.1" in problems({"voice": {"outcomes": outcomes}})[0]


def test_a_text_that_is_not_a_document_is_refused() -> None:
    with pytest.raises(BehaviourInvalid):
        Behaviour.read(b"email: [")
    with pytest.raises(BehaviourInvalid):
        Behaviour.read(b"- email")


def test_the_example_is_a_valid_model() -> None:
    rules = Behaviour.read(Path("examples/behaviour/usual.yaml").read_bytes()).rules
    assert all(len(signal_rules) > 1 for signal_rules in rules.values())


def test_a_call_has_one_outcome() -> None:
    outcomes = {"answered": {"probability": 0.5}, "no_answer": {"probability": 0.5}}
    signal_rules = Behaviour.of({"voice": {"outcomes": outcomes}}).rules["voice", "place_call"]
    for number in range(50):
        signals = [signal.rule.name for signal in draw_signals(signal_rules, f"c-{number}", 1, 0)]
        assert signals == ["sent", "called"]


def test_a_connection_request_is_accepted_and_a_message_is_not() -> None:
    accepting = {"linkedin": {**SENT_AT_ONCE, "accepted": {"probability": 1, "after_hours": 1}}}
    definition = campaign(connection_request(), step("message", "linkedin", 1))
    trial = simulate(scenario(definition, behaviour=accepting))
    assert [reported.ce_type for _, _, reported in trial.recorded.events] == [
        "touch.sent",
        "connection.accepted",
        "touch.sent",
    ]


def test_after_a_permanent_failure_nothing_more_is_sent() -> None:
    failing = {"email": {"failed": {"probability": 1, "code": "550", "permanent": True}}}
    trial = simulate(scenario(campaign(step("mail")), behaviour=failing))
    assert trial.summary["not_sent"] == [
        {"how": "failed", "channel": "email", "reason": "550", "touches": 1}
    ]


def test_a_command_revoked_in_time_is_not_sent() -> None:
    """The sender holds the mail for five hours; a reply to the message before stops the run."""
    slow = {
        "email": {"sent": {"after_hours": 5}, "replied": {"probability": 1}},
        "linkedin": {**SENT_AT_ONCE, "replied": {"probability": 1, "after_minutes": 30}},
    }
    definition = campaign(
        step("message", "linkedin"),
        step("mail", anchor="enrollment"),
        on_reply="stop",
        answer_timeout_minutes=600,
    )
    trial = simulate(scenario(definition, behaviour=slow))
    assert trial.summary["touches"]["revoked"] == 1
    assert [reported.ce_type for _, _, reported in trial.recorded.events] == [
        "touch.sent",
        "contact.replied",
    ]
    assert trial.recorded.facts_of(FactKind.TOUCH_REVOKED)
