"""The worked examples of the requirements come out to the hour (S2-22, F-13)."""

from schemas.internal.facts import FactKind
from tests.testing.builders import connection_request, step
from tests.testing.simulation_harness import SENT_AT_ONCE, campaign, scenario, simulate

ACCEPTS = {"accepted": {"probability": 1, "after_hours": 12}}


def test_the_worked_example_runs_to_the_hour() -> None:
    """S2-22: a request at 0 h, accepted at 12 h, a mail at 12 h, a LinkedIn message at 60 h."""
    example = campaign(
        connection_request(), step("mail", anchor="trigger"), step("message", "linkedin", 48)
    )
    trial = simulate(
        scenario(
            example, behaviour={"linkedin": {**SENT_AT_ONCE, **ACCEPTS}, "email": SENT_AT_ONCE}
        )
    )
    assert trial.recorded.sends() == [("request", 0), ("mail", 12), ("message", 60)]
    assert [fact.reason for fact in trial.recorded.facts_of(FactKind.TRIGGER_MET)] == [
        "connection_accepted"
    ]
    assert trial.summary["runs"]["completed"] == 1
    assert trial.summary["runs"]["hours_to_complete"] == {
        "median": 60.0,
        "nine_of_ten": 60.0,
        "longest": 60.0,
    }
    assert trial.result.finished


FOUR_CHANNELS = campaign(
    connection_request(max_wait_hours=72),
    step("mail", anchor="trigger", skip_when=["linkedin_connected"]),
    step("message", "linkedin", 48, skip_when=["already_replied"]),
    step("whatsapp", "whatsapp", 120, skip_when=["already_replied"]),
)
EVERYTHING_IS_SENT = dict.fromkeys(("linkedin", "email", "whatsapp"), SENT_AT_ONCE)


def test_the_four_channel_example_without_an_acceptance() -> None:
    """F-13: the mail after 72 h without an acceptance, then 48 h, then 120 h later."""
    trial = simulate(scenario(FOUR_CHANNELS, behaviour=EVERYTHING_IS_SENT))
    assert trial.recorded.sends() == [
        ("request", 0),
        ("mail", 72),
        ("message", 120),
        ("whatsapp", 240),
    ]


def test_the_four_channel_example_with_an_acceptance() -> None:
    """F-13: the mail is skipped; the message follows 48 h after that."""
    with_acceptance = {**EVERYTHING_IS_SENT, "linkedin": {**SENT_AT_ONCE, **ACCEPTS}}
    trial = simulate(scenario(FOUR_CHANNELS, behaviour=with_acceptance))
    assert trial.recorded.sends() == [("request", 0), ("message", 60), ("whatsapp", 180)]
    assert trial.summary["not_sent"] == [
        {"how": "skipped", "channel": "email", "reason": "linkedin_connected", "touches": 1}
    ]
