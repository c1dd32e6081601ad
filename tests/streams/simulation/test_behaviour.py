"""A behaviour model is checked whole, and does what it says."""

from pathlib import Path
from typing import Any

import pytest

from schemas.internal.facts import FactKind
from streams.simulation.behaviour import Behaviour, BehaviourInvalid
from streams.simulation.senders import draw_signals
from tests.testing.simulation_harness import AT_ONCE, campaign, request, scenario, step, tried


def problems(document: Any) -> list[str]:
    with pytest.raises(BehaviourInvalid) as refused:
        Behaviour.of(document)
    return refused.value.problems


def test_everything_wrong_is_told_at_once_each_with_its_place() -> None:
    told = problems(
        {
            "email": {
                "opened": {"probability": 1.5},
                "clicked": {"probability": 0.1, "after_minutes": -5},
                "delivered": {"probability": 0.9, "after_hours": [3, 1]},
                "replied": {"probability": 0.1, "after_hours": 1, "after_minutes": 1},
            },
            "linkedin": {"opened": {"probability": 0.5}},
            "fax": {},
        }
    )
    places = {problem.partition(":")[0] for problem in told}
    assert places == {
        "email.opened.probability",
        "email.clicked.after_minutes.0",
        "email.clicked.after_minutes.1",
        "email.delivered",
        "email.replied",
        "linkedin.opened",
        "fax",
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
def test_a_channel_has_only_what_it_can_tell(channel: str, signal: str) -> None:
    assert problems({channel: {signal: {"probability": 0.5}}})[0].startswith(f"{channel}.{signal}")


def test_outcomes_are_no_more_than_certain() -> None:
    outcomes = {"answered": {"probability": 0.7}, "no_answer": {"probability": 0.4}}
    assert "add up to 1.1" in problems({"voice": {"outcomes": outcomes}})[0]


def test_a_text_that_is_no_document_is_refused() -> None:
    with pytest.raises(BehaviourInvalid):
        Behaviour.read(b"email: [")
    with pytest.raises(BehaviourInvalid):
        Behaviour.read(b"- email")


def test_the_example_is_a_model() -> None:
    plans = Behaviour.read(Path("examples/behaviour/usual.yaml").read_bytes()).plans
    assert all(len(plan) > 1 for plan in plans.values())


def test_only_one_outcome_comes_true() -> None:
    outcomes = {"answered": {"probability": 0.5}, "no_answer": {"probability": 0.5}}
    plan = Behaviour.of({"voice": {"outcomes": outcomes}}).plans["voice", "place_call"]
    for number in range(50):
        heard = [said.row.name for said in draw_signals(plan, f"c-{number}", 1, 0)]
        assert heard == ["sent", "called"]


def test_a_request_to_connect_is_accepted_and_a_message_is_not() -> None:
    accepting = {"linkedin": {**AT_ONCE, "accepted": {"probability": 1, "after_hours": 1}}}
    given = campaign(request(), step("message", "linkedin", 1))
    trial = tried(scenario(given, behaviour=accepting))
    assert [told.ce_type for _, _, told in trial.kept.events] == [
        "touch.sent",
        "connection.accepted",
        "touch.sent",
    ]


def test_who_fails_for_good_hears_no_more() -> None:
    failing = {"email": {"failed": {"probability": 1, "code": "550", "permanent": True}}}
    trial = tried(scenario(campaign(step("mail")), behaviour=failing))
    assert trial.summary["not_sent"] == [
        {"how": "failed", "channel": "email", "reason": "550", "touches": 1}
    ]


def test_a_command_that_is_revoked_in_time_is_not_sent() -> None:
    """The mail waits at its sender for hours; an acceptance of before ends the wait meanwhile."""
    slow = {
        "email": {"sent": {"after_hours": 5}, "replied": {"probability": 1}},
        "linkedin": {**AT_ONCE, "replied": {"probability": 1, "after_minutes": 30}},
    }
    given = campaign(
        step("message", "linkedin"),
        step("mail", anchor="enrollment"),
        on_reply="stop",
        answer_timeout_minutes=600,
    )
    trial = tried(scenario(given, behaviour=slow))
    assert trial.summary["touches"]["revoked"] == 1
    assert [told.ce_type for _, _, told in trial.kept.events] == ["touch.sent", "contact.replied"]
    assert trial.kept.kinds(FactKind.TOUCH_REVOKED)
