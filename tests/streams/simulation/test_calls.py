"""Call campaigns in a simulation: what the behaviour model draws of a call, and what a person sees
of slots, outcomes, turns and waiting time."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal.facts import FactKind
from schemas.internal.messages import CallTerms
from streams.simulation.behaviour import Behaviour, BehaviourInvalid
from streams.simulation.drawn_signals import DrawnSignal, draw_signals
from streams.simulation.platform_setup import PlatformSetup
from streams.simulation.population import Population
from streams.simulation.scenario import Scenario, SimulatedCampaign
from streams.simulation.senders import SimulatedSenders
from tests.testing.simulation_harness import SENT_AT_ONCE, SimulationTrial, simulate
from tests.testing.world import START

ANSWERED = {"answered": {"probability": 1, "seconds": 60}}
CALL = CallTerms("calls", None, None, 60 * SECOND, 45 * SECOND, 900 * SECOND)


def signals(command_id: str = "c", **model: Any) -> list[DrawnSignal]:
    """What is drawn of a call that goes out at moment 0."""
    behaviour = Behaviour.of({"voice": {**SENT_AT_ONCE, **model}})
    drawn = draw_signals(behaviour.rules["voice", "place_call"], command_id, 1, 0)
    return behaviour.calls["voice"].complete(drawn, CALL, command_id, 1)


def names(drawn: list[DrawnSignal]) -> list[str]:
    return [signal.rule.name for signal in drawn]


def calls(tenant_id: str, redial: str | None = None, **settings: Any) -> SimulatedCampaign:
    """A call campaign of a tenant at all hours, with one call for each person or by `redial`."""
    again = {} if redial is None else {"redial": redial}
    document = {
        "tenant_id": tenant_id,
        "campaign_id": f"calls-of-{tenant_id}",
        "name": "Calls",
        "kind": "calls",
        "status": "active",
        "settings": settings,
        "steps": [{"id": "call", "channel": "voice", "template_id": "script", **again}],
    }
    found = validate_definition(document)
    assert isinstance(found, Definition), found
    return SimulatedCampaign(found, document)


def trial(
    *campaigns: SimulatedCampaign,
    setup: dict[str, Any] | None = None,
    people: int = 12,
    outcomes: dict[str, Any] | None = None,
    **voice: Any,
) -> SimulationTrial:
    """People who are called from START on, at once."""
    tenant_ids = {campaign.definition.tenant_id for campaign in campaigns}
    entries = {"tenants": {name: {} for name in tenant_ids}, **(setup or {})}
    platform = PlatformSetup.of(entries)
    model = {
        "voice": {"ring_seconds": 0, **SENT_AT_ONCE, "outcomes": outcomes or ANSWERED, **voice}
    }
    return simulate(
        Scenario(
            campaigns,
            platform.tenants,
            Population.generated(people, ["UTC"], 7),
            None,
            SimulatedSenders(Behaviour.of(model), 7),
            START,
            START + 400 * HOUR,
            platform=platform,
        )
    )


def test_a_call_ends_after_ringing_and_talk() -> None:
    drawn = signals(ring_seconds=10, outcomes=ANSWERED)
    assert names(drawn) == ["sent", "called"]
    assert (drawn[1].at - drawn[0].at, drawn[1].seconds) == (70 * SECOND, 60)


def test_the_progress_of_a_call_is_reported_between_its_beginning_and_its_end() -> None:
    drawn = signals(progress=1.0, ring_seconds=10, outcomes=ANSWERED)
    assert names(drawn) == ["sent", "ringing", "in_progress", "called"]
    assert drawn[3].at - drawn[2].at == 60 * SECOND
    silent = signals(progress=1.0, outcomes={"busy": {"probability": 1}})
    assert names(silent) == ["sent", "ringing", "called"]


def test_no_call_rings_or_lasts_longer_than_its_command_allows() -> None:
    long = {"answered": {"probability": 1, "seconds": 5_000}}
    drawn = signals(ring_seconds=500, outcomes=long)
    assert drawn[-1].at - drawn[0].at == (45 + 900) * SECOND
    assert drawn[-1].seconds == 900


def test_the_end_of_a_lost_call_is_not_reported_and_a_late_one_later() -> None:
    assert names(signals(lost=1.0, outcomes=ANSWERED)) == ["sent"]
    late = signals(late={"probability": 1, "after_minutes": 30}, ring_seconds=0, outcomes=ANSWERED)
    assert late[1].at - late[0].at == 60 * SECOND + 30 * MINUTE


def test_an_end_with_its_own_delay_comes_then() -> None:
    own = {"busy": {"probability": 1, "after_minutes": 3}}
    drawn = signals(outcomes=own)
    assert drawn[1].at - drawn[0].at == 3 * MINUTE


@given(st.integers(), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_signals_are_in_order_and_at_most_one_end_is_drawn(
    number: int, lost: float, progress: float, assessed: bool
) -> None:
    outcomes = {"answered": {"probability": 0.5, "seconds": [5, 300]}, "busy": {"probability": 0.5}}
    results = {"probability": float(assessed), "successful": 0.5}
    model = {"lost": lost, "progress": progress, "outcomes": outcomes, "assessed": results}
    drawn = signals(str(number), **model)
    assert [signal.at for signal in drawn] == sorted(signal.at for signal in drawn)
    assert names(drawn).count("called") <= 1
    assert drawn[0].rule.name == "sent"


@pytest.mark.parametrize(("outcome", "number"), [("human", 1), ("voicemail", 0), ("busy", 0)])
def test_only_calls_that_somebody_has_answered_are_assessed(outcome: str, number: int) -> None:
    drawn = signals(outcomes={outcome: {"probability": 1}}, assessed={"probability": 1})
    assert names(drawn).count("assessed") == number


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lost", 1.5),
        ("progress", -1),
        ("ring_seconds", [1]),
        ("outcomes", {"answered": {"probability": 1, "seconds": [9, 3]}}),
    ],
)
def test_a_model_of_calls_that_cannot_be_is_refused_with_its_place(field: str, value: Any) -> None:
    with pytest.raises(BehaviourInvalid) as refused:
        Behaviour.of({"voice": {field: value}})
    assert all(problem.startswith(f"voice.{field}") for problem in refused.value.problems)


def test_the_summary_shows_slots_outcomes_and_waiting_time() -> None:
    """Twelve calls of a minute with two slots: two end each minute, and the last ones wait five."""
    summary = trial(calls("acme")).summary
    pool = summary["calls"]["pools"][0]
    assert (pool["slots"], pool["granted"], pool["most_at_once"]) == (10, 12, 2)
    assert pool["expired"] == pool["overruns"] == pool["in_use_at_the_end"] == 0
    assert pool["hours_in_use"] == 0.2
    assert sum(row["calls"] for row in summary["calls"]["outcomes_by_hour"]) == 12
    (waits,) = summary["waits"]
    assert (waits["touches"], waits["minutes"]["longest"]) == (12, pytest.approx(5, abs=0.1))
    assert max(row["most"] for row in summary["waiting_by_hour"]) >= 10
    assert summary["waiting_by_hour"][-1]["waiting"] == 0


def test_no_call_is_placed_after_the_moment_of_its_command() -> None:
    """A dialler that is ten minutes late answers that the window is closed, and the call is tried
    again."""
    slow = trial(calls("acme"), people=2, sent={"after_minutes": 10})
    reported = {event.ce_type for _, _, event in slow.recorded.events}
    assert reported == {"touch.failed"}
    assert slow.summary["calls"]["pools"][0]["in_use_at_the_end"] == 0


def test_lost_ends_free_their_slots_and_fail() -> None:
    found = trial(calls("acme"), people=4, lost=1.0)
    assert found.summary["calls"]["pools"][0]["expired"] == 4
    assert {fact.reason for fact in found.recorded.facts_of(FactKind.TOUCH_FAILED)} == {
        "no_outcome"
    }
    outcomes = {row["outcome"] for row in found.summary["calls"]["outcomes_by_hour"]}
    assert outcomes == {"lost"}
    assert found.result.finished


def test_a_lost_call_that_ends_late_is_one_call() -> None:
    """The end comes after the slot has expired, and corrects it."""
    late = {"probability": 1, "after_hours": 12}
    found = trial(calls("acme"), people=4, late=late)
    calls_of_pool = found.summary["calls"]
    assert calls_of_pool["pools"][0]["expired"] == 4
    outcomes = [(row["outcome"], row["calls"]) for row in calls_of_pool["outcomes_by_hour"]]
    assert {name for name, _ in outcomes} == {"answered"}
    assert sum(number for _, number in outcomes) == 4


def test_another_call_that_waits_for_the_hours_of_calls_is_counted_under_them() -> None:
    """The fact of another attempt has the window, but the reason of the failure."""
    start = datetime.fromtimestamp(START // SECOND, UTC)
    hours = {"first_call_time": f"{start:%H:%M}", "last_call_time": f"{start.hour:02}:10"}
    called = calls("acme", "usual", calls=hours)
    busy = {"busy": {"probability": 1}}
    waited = trial(called, people=2, outcomes=busy).summary["waited"]
    assert "call_hours" in {row["reason"] for row in waited}
    assert not {"step_window", "quiet_hours"} & {row["reason"] for row in waited}


def test_tenants_share_a_pool_by_their_weights() -> None:
    setup = {
        "tenants": {name: {"calls": {"concurrent": 4}} for name in ("acme", "bolt", "cato")},
        "pools": {"calls": {"slots": 4, "weights": {"acme": 3, "bolt": 2}}},
    }
    found = trial(calls("acme"), calls("bolt"), calls("cato"), setup=setup, people=60)
    first = [
        fact.tenant_id
        for fact in found.recorded.facts_of(FactKind.CALL_SLOT_GRANTED)
        if (fact.values or {})["seq"] <= 60
    ]
    counts = {name: first.count(name) for name in ("acme", "bolt", "cato")}
    assert all(abs(counts[name] - n) <= 4 for name, n in (("acme", 30), ("bolt", 20), ("cato", 10)))
    assert {row["tenant_id"]: row["weight"] for row in found.summary["calls"]["tenants"]} == {
        "acme": 3,
        "bolt": 2,
        "cato": 1,
    }
    assert sum(row["share"] for row in found.summary["calls"]["tenants"]) == pytest.approx(
        1, abs=1e-3
    )
    most = max(row["most"] for row in found.summary["calls"]["by_hour"])
    assert most == 4


def test_more_slots_shorten_the_wait() -> None:
    def longest(slots: int) -> float:
        setup = {"tenants": {"acme": {"calls": {"concurrent": slots}}}}
        summary = trial(calls("acme"), setup=setup, people=20).summary
        return float(summary["waits"][0]["minutes"]["longest"])

    assert longest(1) > longest(2) > longest(4)
