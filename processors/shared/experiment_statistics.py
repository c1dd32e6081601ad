"""The figures of an experiment that people read: rates, p-values, intervals. They are rounded
floating-point numbers and decide nothing: experiment_rules.py decides."""

from collections.abc import Mapping
from typing import Any

import msgspec

from processors.shared import experiment_formulas as formulas
from processors.shared import experiment_rules as rules
from processors.shared.experiment_counts import SUCCESSES, Strata, VariantCounts, strata, totals
from schemas.base.times import MomentUs
from schemas.campaigns.compiled_definition import Experiment
from schemas.internal.campaign_states import ExperimentRecord

PER_RESPONSE = "conversion_per_response"
"""Conversions among those who responded. It compares two groups that selected themselves, so
nothing is ever decided on it."""


class VariantResult(msgspec.Struct, frozen=True):
    """The counts and rates of one variant. Rates are shares from 0 to 1; None where nobody counts.

    `conversion_rate` is per response, `overall_rate` per reached person (C-17), `response_rate` per
    reached person (C-16), `response_rate_of_all` per assigned person, as the source's dashboard has
    it.
    """

    runs: int
    reached: int
    responses: int
    conversions: int
    opt_outs: int
    bounces: int
    response_rate: float | None = None
    conversion_rate: float | None = None
    overall_rate: float | None = None
    response_rate_of_all: float | None = None


class MetricResult(msgspec.Struct, frozen=True):
    """The comparison of the variants by one metric: response, conversion, or
    conversion_per_response. A number is None where it cannot be computed.

    `p_fixed` is valid for one look at a number of people that was fixed before; with several strata
    it is that of Cochran, Mantel and Haenszel, and `z` is its signed root. `p_always` is valid at
    every look; of the metric that is not decided on, it is that of the present e-value. The
    interval of the `ratio` of the rates belongs to the e-value. The `comparison_` figures are by an
    asymptotic method for the difference (arXiv 2103.06476), with one stratum only.
    """

    name: str
    rate_a: float | None = None
    rate_b: float | None = None
    difference: float | None = None
    z: float | None = None
    p_fixed: float | None = None
    e: float | None = None
    p_always: float | None = None
    comparison_p: float | None = None
    comparison_low: float | None = None
    comparison_high: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None


class RatioResult(msgspec.Struct, frozen=True):
    """The check of the sample ratio: which share of the reached people variant A should have, and
    which it has."""

    expected_share: float | None
    share: float | None
    p_fixed: float | None
    e: float
    is_alarm: bool


class ExperimentResult(msgspec.Struct, frozen=True):
    """All that is known of an experiment. `winner` is empty until it is decided, and for no winner.

    `leader` has the greater rate of the primary metric now. `winner_by_seed_rule` is who would be
    the winner by a p-value under 0.05 at this look, as usual dashboards do it. `lacks` is what a
    winner still needs: reached, responses, ratio_alarm, evidence or difference.
    """

    experiment_id: str
    primary_metric: str
    decide: str
    on_winner: str
    splits: tuple[int, ...]
    a: VariantResult
    b: VariantResult
    metrics: tuple[MetricResult, ...]
    ratio: RatioResult
    leader: str = ""
    winner: str = ""
    is_decided: bool = False
    decided_at: MomentUs | None = None
    winner_by_seed_rule: str = ""
    lacks: tuple[str, ...] = ()

    def metric(self, name: str) -> MetricResult:
        """The comparison by a metric. Raises LookupError if there is none of the name."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise LookupError(f"no metric {name}")


def experiment_result(
    experiment: Experiment, counts: Mapping[str, int], record: ExperimentRecord | None = None
) -> ExperimentResult:
    """The result of an experiment by the counts of its campaign over all partitions, and by what
    the campaign keeps of it."""
    parts = strata(counts, experiment.id)
    of_a, of_b = totals(parts)
    ratio = _ratio(parts, record)
    names = (*SUCCESSES, PER_RESPONSE)
    metrics = tuple(_metric(experiment, name, parts, record) for name in names)
    decision = record.decision if record is not None else None
    return ExperimentResult(
        experiment.id,
        experiment.primary_metric,
        experiment.decide,
        experiment.on_winner,
        tuple(part.split for part in parts),
        _variant(of_a),
        _variant(of_b),
        metrics,
        ratio,
        leader=rules.leader(parts, experiment.primary_metric),
        winner=decision.winner if decision is not None else "",
        is_decided=decision is not None,
        decided_at=decision.decided_at if decision is not None else None,
        winner_by_seed_rule=winner_by_seed_rule(parts, experiment.primary_metric),
        lacks=() if decision is not None else _lacks(experiment, parts, ratio),
    )


def as_values(result: ExperimentResult) -> dict[str, Any]:
    """A result as the values of a fact or as JSON. result_of_values reads them again."""
    values: dict[str, Any] = msgspec.to_builtins(result)
    return values


def result_of_values(values: Mapping[str, Any]) -> ExperimentResult:
    """The result that as_values was given. Raises msgspec.ValidationError if it is none."""
    return msgspec.convert(dict(values), ExperimentResult)


def winner_by_seed_rule(parts: Strata, metric: str) -> str:
    """Who would win by the rule that is asked at every look, which names a winner where there is
    none in up to 38 % of all experiments: enough people, and the pooled z-test with p < 0.05
    (S4-68)."""
    if not rules.is_large_enough(parts):
        return ""
    z = formulas.pooled_z(*_proportions(parts, metric))
    if z is None or formulas.p_of_z(z) >= 0.05:
        return ""
    return "A" if z > 0 else "B"


def _variant(of: VariantCounts) -> VariantResult:
    return VariantResult(
        *of,
        response_rate=_share(of.responses, of.reached),
        conversion_rate=_share(of.conversions, of.responses),
        overall_rate=_share(of.conversions, of.reached),
        response_rate_of_all=_share(of.responses, of.runs),
    )


def _metric(
    experiment: Experiment, name: str, parts: Strata, record: ExperimentRecord | None
) -> MetricResult:
    a, n, b, m = _proportions(parts, name)
    rate_a, rate_b = _share(a, n), _share(b, m)
    z = formulas.pooled_z(a, n, b, m)
    if len(parts) > 1:
        z = formulas.stratified_z([_table(part.a, part.b, name) for part in parts])
    if rate_a is None or rate_b is None:
        return MetricResult(name, rate_a, rate_b)
    result = MetricResult(
        name,
        rate_a,
        rate_b,
        difference=formulas.rounded(a / n - b / m),
        z=formulas.rounded(z),
        p_fixed=None if z is None else formulas.rounded(formulas.p_of_z(z)),
    )
    if name == PER_RESPONSE:
        return result
    return _with_always(result, experiment, parts, record)


def _with_always(
    result: MetricResult, experiment: Experiment, parts: Strata, record: ExperimentRecord | None
) -> MetricResult:
    """The comparison with the figures that hold at every look."""
    name = result.name
    shares = [(p.split, p.a.successes(name), p.b.successes(name)) for p in parts]
    e = formulas.exp(formulas.log_e(shares))
    greatest = e
    if record is not None and name == experiment.primary_metric:
        greatest = max(e, record.greatest_e / rules.MILLION)
    low, middle, high = formulas.ratio_interval(shares)
    further: dict[str, float | None] = {
        "e": e,
        "p_always": min(1.0, 1 / greatest) if greatest > 0 else 1.0,
        "ratio": middle,
        "ratio_low": low,
        "ratio_high": high,
    }
    if len(parts) == 1:
        asymptotic = formulas.asymptotic(*_proportions(parts, name))
        keys = ("comparison_p", "comparison_low", "comparison_high")
        further |= dict(zip(keys, asymptotic, strict=True))
    rounded = {key: formulas.rounded(value) for key, value in further.items()}
    return msgspec.structs.replace(result, **rounded)


def _ratio(parts: Strata, record: ExperimentRecord | None) -> RatioResult:
    of_a, of_b = totals(parts)
    reached = [(part.split, part.a.reached, part.b.reached) for part in parts]
    n = of_a.reached + of_b.reached
    e = formulas.exp(formulas.log_e(reached))
    was_alarm = record is not None and record.greatest_ratio_e >= rules.ALARMS_AT
    expected = sum(split * (a + b) for split, a, b in reached)
    statistic = formulas.chi_squared(reached)
    return RatioResult(
        expected_share=_share(expected, 100 * n),
        share=_share(of_a.reached, n),
        p_fixed=None if statistic is None else formulas.rounded(formulas.p_of_chi(statistic)),
        e=formulas.rounded(e) or 0.0,
        is_alarm=was_alarm
        or rules.is_off_ratio(parts)
        or rules.e_of_ratio(parts) >= rules.ALARMS_AT,
    )


def _lacks(experiment: Experiment, parts: Strata, ratio: RatioResult) -> tuple[str, ...]:
    of_a, of_b = totals(parts)
    metric = experiment.primary_metric
    leads = rules.leader(parts, metric)
    if experiment.decide == "at_end":
        has_evidence, is_clear = rules.differs_at_end(parts, metric), bool(leads)
    else:
        has_evidence = rules.e_of_metric(parts, metric) >= rules.WINS_AT
        is_clear = leads != "" and leads == rules.favoured(parts, metric)
    missing = {
        "reached": min(of_a.reached, of_b.reached) < rules.REACHED_LEAST,
        "responses": of_a.responses + of_b.responses < rules.RESPONSES_LEAST,
        "ratio_alarm": ratio.is_alarm,
        "evidence": not has_evidence,
        "difference": not is_clear,
    }
    return tuple(name for name, is_missing in missing.items() if is_missing)


def _proportions(parts: Strata, metric: str) -> tuple[int, int, int, int]:
    """Successes and people of A, then of B, over all strata."""
    return _table(*totals(parts), metric)


def _table(of_a: VariantCounts, of_b: VariantCounts, metric: str) -> tuple[int, int, int, int]:
    if metric == PER_RESPONSE:
        return of_a.conversions, of_a.responses, of_b.conversions, of_b.responses
    return of_a.successes(metric), of_a.reached, of_b.successes(metric), of_b.reached


def _share(count: int, of: int) -> float | None:
    return formulas.rounded(count / of) if of else None
