"""Outreach in a simulation: drafts are filled and activated, targets are met by the pace of the
accounts, and experiments are decided as the engine decides them."""

from io import StringIO
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from schemas.base.times import DAY, HOUR
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal.facts import FactKind
from schemas.internal.messages import CommandDue
from streams.simulation.behaviour import Behaviour, BehaviourInvalid
from streams.simulation.campaign_figures import evidence
from streams.simulation.platform_setup import NO_SETUP
from streams.simulation.scenario import Scenario, SimulatedCampaign
from streams.simulation.seed_outcomes import simulate_seeds, spread_of
from streams.simulation.seeds_page import bin_width, render_spread
from streams.simulation.seeds_text import print_spread
from streams.simulation.summary_text import print_summary
from tests.testing.builders import step
from tests.testing.outreach import experiment, outreach_document
from tests.testing.simulation_harness import SimulationTrial, scenario, simulate, tenant

TESTED = step("first", template_id=None, experiment=experiment(primary_metric="response"))
EMAIL: dict[str, Any] = {
    "sent": {"after_minutes": 1},
    "delivered": {"probability": 1, "after_minutes": 1},
    "replied": {"probability": 0.1, "after_hours": [1, 10]},
    "templates": {"a": {"replied": {"probability": 0.4, "after_hours": [1, 10]}}},
}


def draft(**changes: Any) -> SimulatedCampaign:
    settings = {"quiet_hours": "none", "on_reply": "continue", **changes.pop("settings", {})}
    document = outreach_document(settings=settings, **changes)
    found = validate_definition(document)
    assert isinstance(found, Definition), found
    return SimulatedCampaign(found, document)


def given(
    campaign: SimulatedCampaign, people: int = 400, *, with_account: bool = True, **options: Any
) -> Scenario:
    made = scenario(campaign, behaviour={"email": EMAIL}, people=people, **options)
    platform = NO_SETUP
    if with_account:
        platform = platform.with_usual_accounts([campaign.definition])
    return made._replace(platform=platform)


def campaign_row(trial: SimulationTrial) -> dict[str, Any]:
    (row,) = trial.summary["campaigns"]
    assert isinstance(row, dict)
    return row


def printed(trial: SimulationTrial) -> str:
    output = StringIO()
    print_summary(trial.summary, Console(file=output, width=80))
    return output.getvalue()


@pytest.fixture(scope="module")
def trial() -> SimulationTrial:
    terms = {"target_contacts_count": 300, "completion_policy": "contacts_only"}
    return simulate(given(draft(outreach=terms, steps=[TESTED])))


def test_a_draft_is_activated_once_its_people_are_in_it(trial: SimulationTrial) -> None:
    changes = trial.recorded.facts_of(FactKind.CAMPAIGN_STATUS_CHANGED)
    assert [fact.reason for fact in changes] == ["active", "completed"]
    assert (changes[0].values or {})["contacts"] == 400


def test_the_account_lets_one_message_through_every_thirty_seconds(trial: SimulationTrial) -> None:
    row = campaign_row(trial)
    contacts = next(each for each in row["targets"] if each["name"] == "contacts")
    assert row["end_reason"] == "targets"
    assert contacts["hours_to_meet"] == pytest.approx(300 / 120, abs=0.1)
    assert row["hours_to_end"] == pytest.approx(contacts["hours_to_meet"], abs=0.1)
    assert 300 <= row["counts"]["reached"] < 310
    assert sum(day["reached"] for day in row["by_day"]) == row["counts"]["reached"]


def test_variants_have_the_shares_of_their_templates(trial: SimulationTrial) -> None:
    (tested,) = campaign_row(trial)["experiments"]
    assert tested["a"]["response_rate"] == pytest.approx(0.4, abs=0.1)
    assert tested["b"]["response_rate"] == pytest.approx(0.1, abs=0.07)
    (decided,) = trial.recorded.facts_of(FactKind.EXPERIMENT_DECIDED)
    assert decided.reason == "winner_a"
    assert (tested["winner"], tested["decided_by"]) == ("A", "sequential")
    assert tested["hours_to_decision"] > 1
    assert tested["seed_rule"]["first_winner"] == "A"
    assert tested["seed_rule"]["hours"] <= tested["hours_to_decision"]
    assert tested["course"][-1]["p_always"] < 0.05


def test_a_simulation_ends_with_the_final_report_and_not_with_the_archive(
    trial: SimulationTrial,
) -> None:
    reports = trial.recorded.facts_of(FactKind.CAMPAIGN_REPORT)
    assert [fact.reason for fact in reports] == ["provisional", "final"]
    assert trial.result.finished
    ended = trial.result.engine.campaign("acme", "java-q1")
    assert ended is not None
    assert ended.status == "completed"
    assert trial.result.ended_at < ended.ended_at + 31 * DAY


def test_the_text_fits_into_80_columns(trial: SimulationTrial) -> None:
    text = printed(trial)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "completes by its targets after 2.5 h" in text
    days = text.partition("Reached by day")[2].partition("\n\n")[0].splitlines()
    assert "█" in days[2] and days[2].startswith("2026-03-02")  # on the line of its day
    assert "A wins; decided after" in text


def test_people_who_arrive_later_come_into_the_active_campaign() -> None:
    trial = simulate(given(draft(steps=[TESTED]), 30, arrival_span_us=3 * HOUR))
    (active, _) = trial.recorded.facts_of(FactKind.CAMPAIGN_STATUS_CHANGED)
    assert (active.values or {})["contacts"] == 1
    assert campaign_row(trial)["counts"]["reached"] == 30
    assert campaign_row(trial)["end_reason"] == "all_processed"


def test_the_problems_of_an_activation_are_in_the_summary() -> None:
    trial = simulate(given(draft(steps=[TESTED]), 3, with_account=False))
    (refused,) = trial.summary["not_activated"]
    assert [problem["code"] for problem in refused["problems"]] == ["CAMPAIGN_NO_SENDER"]
    assert "CAMPAIGN_NO_SENDER" in printed(trial)


def test_other_kinds_of_campaigns_have_experiments_too() -> None:
    document = {
        "tenant_id": "acme",
        "campaign_id": "trial",
        "name": "Trial",
        "kind": "prospecting",
        "settings": {"quiet_hours": "none", "on_reply": "continue"},
        "steps": [TESTED],
    }
    found = validate_definition(document)
    assert isinstance(found, Definition), found
    trial = simulate(
        scenario(SimulatedCampaign(found, document), behaviour={"email": EMAIL}, people=50)
    )
    (tested,) = campaign_row(trial)["experiments"]
    assert tested["a"]["reached"] + tested["b"]["reached"] == 50


def test_a_soft_bounce_is_sent_again_and_opt_outs_are_by_one_click() -> None:
    behaviour = {
        "sent": {"after_minutes": 1},
        "bounced": {"probability": 0.3, "hard": 0},
        "unsubscribed": {"probability": 0.2, "method": "one_click"},
    }
    made = given(draft(), 60)
    assert made.senders is not None
    senders = type(made.senders)(Behaviour.of({"email": behaviour}), 7)
    trial = simulate(made._replace(senders=senders))
    (retried,) = {fact.reason for fact in trial.recorded.facts_of(FactKind.TOUCH_RETRIED)}
    assert retried == "soft_bounce"
    opt_outs = [event for *_, event in trial.recorded.events if "unsub" in event.ce_type]
    assert {event.fields["method"] for event in opt_outs} == {"one_click"}
    assert campaign_row(trial)["counts"]["opt_outs"] == len(opt_outs) > 0


def test_conversions_are_of_several_types_and_shares_of_replies() -> None:
    types = [
        {"conversion_type": "interview", "of": "replied", "probability": 1},
        {"conversion_type": "deal", "of": "replied", "probability": 1},
    ]
    email = {"sent": {"after_minutes": 1}, "replied": {"probability": 0.5}, "converted": types}
    made = given(draft(settings={"on_conversion": "continue"}), 40)
    assert made.senders is not None
    senders = type(made.senders)(Behaviour.of({"email": email}), 7)
    trial = simulate(made._replace(senders=senders))
    counts = campaign_row(trial)["counts"]
    assert counts["conversions"] == counts["responses"] > 0
    unattributed = trial.recorded.facts_of(FactKind.CONVERSION_UNATTRIBUTED)
    assert {fact.reason for fact in unattributed} == {"type_not_of_campaign"}


@pytest.mark.parametrize(
    ("email", "place"),
    [
        ({"templates": {"a": {"replied": {"probability": 2}}}}, "email.templates.a.replied"),
        ({"templates": {"a": {"read": {"probability": 1}}}}, "email.templates.a.read"),
        ({"converted": {"probability": 1, "of": "replied"}}, "email.converted.0.of"),
        ({"converted": [{"probability": 1}, {"probability": 1}]}, "email.converted"),
        ({"unsubscribed": {"probability": 1, "method": "fax"}}, "email.unsubscribed.method"),
    ],
)
def test_problems_of_a_model_have_their_places(email: dict[str, Any], place: str) -> None:
    with pytest.raises(BehaviourInvalid) as caught:
        Behaviour.of({"email": email})
    assert any(problem.startswith(place) for problem in caught.value.problems)


def test_seeds_show_a_spread_that_is_the_same_again() -> None:
    made = given(draft(steps=[TESTED]), 300)
    first = simulate_seeds(made, range(3)).rows
    assert simulate_seeds(made, range(3)).rows == first
    assert [row["seed"] for row in first] == [0, 1, 2]
    (spread,) = spread_of(first)
    assert spread["completed"] == 3
    assert spread["responses"]["least"] < spread["responses"]["most"]
    (tested,) = spread["experiments"]
    assert sum(tested["winners"].values()) == 3
    output = StringIO()
    print_spread([spread], Console(file=output, width=80))
    text = output.getvalue()
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "Winners of java-q1" in text


@pytest.mark.parametrize(
    ("span", "least", "width"),
    [(0, 1, 1), (29, 1, 1), (31, 1, 2), (75, 1, 5), (151, 1, 10), (0.1, 0.1, 0.1), (7, 0.1, 0.5)],
)
def test_the_bins_of_a_spread_are_round_and_no_less_than_the_unit(
    span: float, least: float, width: float
) -> None:
    assert bin_width(span, least) == pytest.approx(width)


def test_the_axes_of_the_page_have_whole_seeds_and_a_p_without_a_prefix(
    trial: SimulationTrial,
) -> None:
    rows = simulate_seeds(given(draft(steps=[TESTED]), 300), range(3)).rows
    page = render_spread(spread_of(rows), rows, {"people": 300, "start": "2026-01-05T00:00:00Z"})
    assert page.count('"title":{"text":"seeds"},"rangemode":"tozero","dtick":1') >= 3
    figure = evidence(trial.summary)
    assert figure is not None and figure.layout.yaxis.exponentformat == "power"


def test_the_text_of_a_draft_that_was_not_activated_waits_for_no_person() -> None:
    text = " ".join(printed(simulate(given(draft(steps=[TESTED]), 3, with_account=False))).split())
    assert "wait for an activation or a person: 3 are paused" in text
    assert "is draft at the end of the simulation: 3 people wait for the activation" in text


def test_a_campaign_that_was_not_activated_has_no_spread() -> None:
    outcomes = simulate_seeds(given(draft(steps=[TESTED]), 3, with_account=False), range(2))
    assert outcomes.rows == []
    (refused,) = outcomes.not_activated
    assert [problem["code"] for problem in refused["problems"]] == ["CAMPAIGN_NO_SENDER"]


def test_the_same_people_are_in_the_same_variants_under_every_seed() -> None:
    commands = []
    for seed in (1, 2):
        trial = simulate(given(draft(steps=[TESTED]), 30, seed=seed))
        due = [c.touch for c in trial.recorded.commands if isinstance(c, CommandDue)]
        commands.append({(touch.contact_id, touch.template_id) for touch in due})
    assert commands[0] == commands[1]


def test_a_tenant_may_close_all_channels_by_one_click() -> None:
    owner = replace(tenant(), opt_out_scope="all")
    trial = simulate(given(draft(), 3, owner=owner))
    due = [c.touch for c in trial.recorded.commands if isinstance(c, CommandDue)]
    assert {touch.opt_out_scope for touch in due} == {"all"}
