"""The figures of an experiment for people: they agree with the decision, whatever the counts."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.shared import experiment_rules as rules
from processors.shared.experiment_counts import Strata
from processors.shared.experiment_statistics import (
    ExperimentResult,
    as_values,
    experiment_result,
    result_of_values,
    winner_by_seed_rule,
)
from schemas.internal.campaign_states import Decision, ExperimentRecord
from tests.testing.experiments import EXPERIMENT, counted, experiment, strata_of

people = st.integers(0, 500).flatmap(
    lambda reached: st.tuples(
        st.just(reached), st.integers(0, reached), st.integers(0, reached), st.integers(10, 90)
    )
)


def result_of(
    parts: dict[str, int], record: ExperimentRecord | None = None, **changes: Any
) -> ExperimentResult:
    return experiment_result(experiment(**changes), parts, record)


@settings(deadline=None)
@given(of_a=people, of_b=people, second=st.none() | st.tuples(people, people))
def test_any_counts_have_figures_that_are_plain_json(of_a: Any, of_b: Any, second: Any) -> None:
    """Conversions may exceed responses, because a conversion needs no response (C-37)."""
    counts = counted(of_a[3], of_a[:3], of_b[:3])
    if second is not None:
        counts |= counted(second[0][3], second[0][:3], second[1][:3])
    result = result_of(counts)
    text = msgspec.json.encode(as_values(result))
    assert result_of_values(msgspec.json.decode(text)) == result
    for metric in result.metrics:
        numbers = [n for n in msgspec.structs.astuple(metric)[1:] if n is not None]
        assert all(math.isfinite(number) for number in numbers)
        for p in (metric.p_fixed, metric.p_always, metric.comparison_p):
            assert p is None or 0 <= p <= 1
        if metric.ratio_low is not None and metric.ratio is not None:
            assert metric.ratio_low <= metric.ratio * (1 + 1e-6)


@settings(deadline=None, max_examples=200)
@given(
    of_a=people,
    of_b=people,
    at_end=st.booleans(),
    metric=st.sampled_from(["response", "conversion"]),
)
def test_a_winner_lacks_nothing_and_who_lacks_nothing_wins(
    of_a: Any, of_b: Any, at_end: bool, metric: str
) -> None:
    decide = "at_end" if at_end else "sequential"
    changes: dict[str, Any] = {"decide": decide, "primary_metric": metric}
    tested = experiment(split=50, **changes)
    parts = strata_of((50, of_a[:3], of_b[:3]))
    e = rules.e_of_metric(parts, metric)
    alarm = rules.is_off_ratio(parts) or rules.e_of_ratio(parts) >= rules.ALARMS_AT
    wins = "" if alarm else rules.winner(tested, parts, e, at_end=at_end)
    result = result_of(counted(50, of_a[:3], of_b[:3]), **changes)
    assert (result.lacks == ()) == (wins != "")
    assert result.ratio.is_alarm == alarm
    if wins:
        assert result.leader == wins


def test_a_decided_experiment_shows_its_winner_and_lacks_nothing() -> None:
    decision = Decision("B", 17, {})
    record = ExperimentRecord(EXPERIMENT, 25_000_000, decision=decision)
    result = result_of(counted(50, (500, 80), (500, 80)), record)
    assert (result.winner, result.is_decided, result.decided_at) == ("B", True, 17)
    assert (result.leader, result.lacks) == ("", ())


def test_p_always_uses_the_greatest_evidence_of_the_metric_that_decides() -> None:
    record = ExperimentRecord(EXPERIMENT, greatest_e=12_500_000)
    result = result_of(counted(50, (500, 80, 8), (500, 80, 8)), record)
    assert result.metric("response").p_always == 0.08
    assert result.metric("conversion").p_always == 1


def test_an_alarm_of_earlier_is_shown() -> None:
    record = ExperimentRecord(EXPERIMENT, greatest_ratio_e=rules.ALARMS_AT)
    even = counted(50, (500, 80), (500, 80))
    assert result_of(even, record).ratio.is_alarm
    assert not result_of(even).ratio.is_alarm


def test_without_people_there_are_no_rates() -> None:
    for counts in ({}, counted(50, (0,), (0,))):
        result = result_of(counts)
        assert (result.a.response_rate, result.b.conversion_rate) == (None, None)
        assert (result.ratio.share, result.ratio.p_fixed, result.leader) == (None, None, "")
        assert {m.p_fixed for m in result.metrics} == {None}
    with pytest.raises(LookupError):
        result_of({}).metric("applause")


def test_the_rates_have_their_names() -> None:
    """Both readings of a disputed formula stand under their own names (C-16, C-17)."""
    counts = counted(50, (200, 40, 10), (200, 0, 0)) | {f"{EXPERIMENT}/50/A/runs": 400}
    a = result_of(counts).a
    assert (a.response_rate, a.response_rate_of_all) == (0.2, 0.1)
    assert (a.conversion_rate, a.overall_rate) == (0.25, 0.05)


@pytest.mark.parametrize(
    ("parts", "winner"),
    [
        (strata_of((50, (2250, 341), (2250, 288))), "A"),
        (strata_of((50, (2250, 288), (2250, 341))), "B"),
        (strata_of((50, (99, 60), (500, 10))), ""),
        (strata_of((50, (500, 29), (500, 0))), ""),
        (strata_of((50, (250, 38), (250, 32))), ""),
        (strata_of((50, (500, 80), (500, 80))), ""),
    ],
)
def test_the_usual_rule_is_that_of_the_source(parts: Strata, winner: str) -> None:
    assert winner_by_seed_rule(parts, "response") == winner
