"""Every number that is published of the rules of experiments, by the engine and by its model."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.shared import experiment_formulas as formulas
from processors.shared import experiment_rules as rules
from processors.shared.binomials import binomial
from processors.shared.experiment_statistics import MetricResult, experiment_result
from tests.oracle import experiment_model as model
from tests.testing.experiments import counted, experiment, strata_of


class Row(NamedTuple):
    """Successes and people of A and of B, and what comes of them."""

    a: int
    n: int
    b: int
    m: int
    split: int
    z: float
    p_fixed: float
    e: float
    p_always: float
    comparison_p: float


ROWS = (
    Row(319, 2100, 268, 2100, 50, 2.269561, 0.023234, 2.539084, 0.393843, 0.294099),
    Row(341, 2250, 288, 2250, 50, 2.278480, 0.022698, 2.548630, 0.392368, 0.291992),
    Row(116, 1400, 85, 1400, 50, 2.269549, 0.023235, 2.863040, 0.349279, 0.283947),
    Row(20, 100, 10, 100, 50, 1.980295, 0.047670, 1.292036, 0.773972, 0.708884),
    Row(38, 250, 32, 250, 50, 0.773309, 0.439340, 0.852303, 1, 1),
    Row(400, 2500, 275, 2500, 50, 5.173090, 2e-7, 9063.23, 0.000110, 0.000019),
    Row(640, 4000, 120, 1000, 80, 3.151267, 0.001626, 18.433597, 0.054249, 0.018153),
    Row(300, 1800, 15, 200, 90, 3.376156, 0.000735, 40.606557, 0.024627, 0.001092),
)
AS_PRINTED = 6e-7
"""Half of the last printed digit, and what is lost by rounding to seven digits."""


def result_of(row: Row) -> MetricResult:
    counts = counted(row.split, (row.n, row.a), (row.m, row.b))
    return experiment_result(experiment(split=row.split), counts).metric("response")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.a}/{row.n}-{row.b}/{row.m}")
def test_the_figures_of_a_comparison(row: Row) -> None:
    result = result_of(row)
    assert result.z == pytest.approx(row.z, abs=AS_PRINTED)
    assert result.p_fixed == pytest.approx(row.p_fixed, abs=AS_PRINTED)
    assert result.e == pytest.approx(row.e, abs=0.005 if row.e > 1_000 else AS_PRINTED * 10)
    assert result.p_always == pytest.approx(row.p_always, abs=AS_PRINTED)
    assert result.comparison_p == pytest.approx(row.comparison_p, abs=AS_PRINTED)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.a}/{row.n}-{row.b}/{row.m}")
def test_the_model_finds_the_same_figures(row: Row) -> None:
    result, shares = result_of(row), (row.split, row.a, row.b)
    e, squared = model.e_value(*shares), model.z_squared(*row[:4])
    p, half = model.asymptotic(*row[:4])
    assert e == model.beta_average(*shares) == Fraction(*rules.e_value(*shares))
    assert rules.e_in_millionths([shares]) == math.floor(e * 1_000_000)
    assert result.e == pytest.approx(float(e), rel=1e-6)
    assert (result.z or 0) ** 2 == pytest.approx(float(squared), rel=1e-6)
    assert result.p_fixed == pytest.approx(float(model.two_sided(squared)), rel=1e-6)
    assert result.comparison_p == pytest.approx(float(p), rel=1e-6)
    width = (result.comparison_high or 0) - (result.comparison_low or 0)
    assert width == pytest.approx(float(2 * half), rel=1e-5)


@pytest.mark.parametrize(
    ("row", "low", "ratio", "high"),
    [(ROWS[1], 0.9369, 1.1840, 1.4986), (ROWS[5], 1.1230, 1.4545, 1.8919)],
)
def test_the_interval_of_the_ratio(row: Row, low: float, ratio: float, high: float) -> None:
    result = result_of(row)
    found = (result.ratio_low, result.ratio, result.ratio_high)
    assert found == pytest.approx((low, ratio, high), abs=6e-5)


@settings(max_examples=40, deadline=None)
@given(
    split=st.integers(10, 90),
    of_a=st.integers(1, 300),
    of_b=st.integers(1, 300),
)
def test_the_ends_of_an_interval_are_where_the_evidence_is_20(
    split: int, of_a: int, of_b: int
) -> None:
    low, middle, high = formulas.ratio_interval([(split, of_a, of_b)])
    limit = float(Decimal(20).ln())
    for end in (low, high):
        at = Decimal(repr(end))
        assert float(model.log_e_at(split, of_a, of_b, at)) == pytest.approx(limit, abs=1e-6)
    assert middle == pytest.approx(of_a * (100 - split) / (of_b * split))


def test_an_interval_without_successes_of_one_variant_is_open() -> None:
    assert formulas.ratio_interval([(50, 0, 0)]) == (None, None, None)
    low, middle, high = formulas.ratio_interval([(50, 12, 0)])
    assert (middle, high) == (None, None)
    assert low is not None
    assert low > 0
    low, middle, high = formulas.ratio_interval([(50, 0, 12)])
    assert (low, middle) == (0, 0)
    assert high is not None
    assert high == pytest.approx(1 / (formulas.ratio_interval([(50, 12, 0)])[0] or 0))


def test_the_example_of_the_source_has_its_rates_and_its_p() -> None:
    """15.2 % and 8.3 %, 12.8 % and 6.1 %, +2.4 and +2.2 points, p = 0.023 (N-12): the p is that of
    the responses."""
    counts = counted(50, (2230, 338, 28), (2190, 280, 17))
    result = experiment_result(experiment(), counts)
    shown = (result.a.response_rate, result.a.conversion_rate)
    assert [f"{100 * (rate or 0):.1f}" for rate in shown] == ["15.2", "8.3"]
    shown = (result.b.response_rate, result.b.conversion_rate)
    assert [f"{100 * (rate or 0):.1f}" for rate in shown] == ["12.8", "6.1"]
    response, per_response = result.metric("response"), result.metric("conversion_per_response")
    differences = (response.difference, per_response.difference)
    assert [f"{100 * (points or 0):+.1f}" for points in differences] == ["+2.4", "+2.2"]
    assert response.z == pytest.approx(2.273107, abs=AS_PRINTED)
    assert response.p_fixed == pytest.approx(0.023020, abs=AS_PRINTED)
    assert per_response.p_fixed == pytest.approx(0.292, abs=6e-4)
    assert result.metric("conversion").p_fixed == pytest.approx(0.112, abs=6e-4)
    assert per_response.p_always is None


@pytest.mark.parametrize(("split", "of_a", "of_b"), [(50, 29, 0), (90, 95, 0), (90, 0, 10)])
def test_the_smallest_streak_that_decides(split: int, of_a: int, of_b: int) -> None:
    shorter = (split, max(0, of_a - 1), max(0, of_b - 1))
    assert rules.e_in_millionths([(split, of_a, of_b)]) >= rules.WINS_AT
    assert rules.e_in_millionths([shorter]) < rules.WINS_AT


@pytest.mark.parametrize(
    ("split", "of_a", "of_b", "p", "e", "is_off"),
    [
        (50, 560, 440, 1.478e-4, 213.4, True),
        (80, 8200, 1800, 5.73e-7, 33_794, True),
        (50, 520, 480, 0.2059, None, False),
    ],
)
def test_the_check_of_the_sample_ratio(
    split: int, of_a: int, of_b: int, p: float, e: float | None, is_off: bool
) -> None:
    parts = strata_of((split, (of_a, 0), (of_b, 0)))
    result = experiment_result(experiment(split=split), counted(split, (of_a, 0), (of_b, 0))).ratio
    assert result.p_fixed == pytest.approx(p, rel=6e-4)
    statistic = model.pearson(split, of_a, of_b)
    assert result.p_fixed == pytest.approx(float(model.two_sided(statistic)), rel=1e-6)
    assert rules.pearson(split, of_a, of_b) == statistic
    assert rules.is_off_ratio(parts) is is_off
    assert result.e == pytest.approx(float(model.e_value(split, of_a, of_b)), rel=1e-6)
    if e is not None:
        assert result.e == pytest.approx(e, rel=3e-4)
        assert rules.e_of_ratio(parts) == math.floor(1_000_000 * model.e_value(split, of_a, of_b))


def test_the_limits_of_p_are_those_of_the_normal_distribution() -> None:
    """1.959963984540054 is the z of p = 0.05, and 10.827566 the chi-squared value of p = 0.001."""
    assert float(model.two_sided(rules.Z_SQUARED)) == pytest.approx(0.05, abs=1e-16)
    assert float(model.two_sided(rules.CHI_SQUARED)) == pytest.approx(0.001, abs=1e-17)


@settings(max_examples=60, deadline=None)
@given(split=st.integers(10, 90), of_a=st.integers(0, 400), of_b=st.integers(0, 400))
def test_an_e_value_is_that_of_its_definition(split: int, of_a: int, of_b: int) -> None:
    e = model.e_value(split, of_a, of_b)
    assert Fraction(*rules.e_value(split, of_a, of_b)) == e == model.beta_average(split, of_a, of_b)
    assert math.exp(formulas.log_e([(split, of_a, of_b)])) == pytest.approx(float(e), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(split=st.integers(10, 90), of_a=st.integers(0, 400), of_b=st.integers(0, 400))
def test_a_ratio_that_is_not_computed_is_no_alarm(split: int, of_a: int, of_b: int) -> None:
    """The bound that saves the exact e-value of the sample ratio never hides an alarm."""
    e = model.e_value(split, of_a, of_b)
    found = rules.e_of_ratio(strata_of((split, (of_a, 0), (of_b, 0))))
    assert found in (1_000_000, min(math.floor(e * 1_000_000), rules.E_MOST))
    assert (found >= rules.ALARMS_AT) == (e >= 1_000)


@settings(max_examples=150, deadline=None)
@given(split=st.integers(10, 90), of_a=st.integers(0, 300), of_b=st.integers(0, 300))
def test_the_bound_of_an_e_value_is_one(split: int, of_a: int, of_b: int) -> None:
    bound = rules._most_log_e(split, of_a, of_b)
    assert model.decimal(model.e_value(split, of_a, of_b)).ln() <= model.decimal(bound)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_several_strata_are_one_product_and_one_sum(data: st.DataObject) -> None:
    splits = data.draw(st.lists(st.integers(10, 90), min_size=2, max_size=4, unique=True))
    people = st.integers(2, 300)
    tables = []
    for _ in splits:
        n, m = data.draw(people), data.draw(people)
        a, b = data.draw(st.integers(0, n)), data.draw(st.integers(1, m))
        tables.append((a, n, b, m))
    parts = strata_of(
        *((split, (n, a), (m, b)) for split, (a, n, b, m) in zip(splits, tables, strict=True))
    )
    e = Fraction(1)
    for split, (a, _, b, _) in zip(splits, tables, strict=True):
        e *= model.e_value(split, a, b)
    expected = min(math.floor(e * 1_000_000), rules.E_MOST)
    assert rules.e_of_metric(parts, "response") == expected
    if any(0 < a + b < n + m for a, n, b, m in tables):
        statistic = model.cochran_mantel_haenszel(tables)
        assert rules.cochran_mantel_haenszel(parts, "response") == statistic
        z = formulas.stratified_z(tables)
        assert (z or 0) ** 2 == pytest.approx(float(statistic), abs=1e-9)


@given(n=st.integers(0, 400), over=st.integers(4_001, 20_000), data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_large_binomial_coefficient_is_that_of_the_library(
    n: int, over: int, data: st.DataObject
) -> None:
    for number in (n, over):
        k = data.draw(st.integers(0, number))
        assert binomial(number, k) == math.comb(number, k)


def test_a_binomial_coefficient_of_more_primes_than_are_multiplied_at_once() -> None:
    assert binomial(100_098, 40_049) == math.comb(100_098, 40_049)
