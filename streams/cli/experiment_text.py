"""The result of an experiment as text for people: its numbers as tables, its meaning in
sentences."""

from collections.abc import Iterator, Sequence

from processors.shared.experiment_statistics import ExperimentResult, MetricResult, VariantResult
from streams.base.text_table import EMPTY

DECIDES_BY = {
    "sequential": "It may be looked at at any time: p_always holds at every look.",
    "at_end": "It has one look: at the completion, or at a number of people that was fixed before.",
}

LACKS = {
    "reached": "100 people reached by each variant",
    "responses": "30 responses of both together",
    "ratio_alarm": "people split as they were assigned: the sample ratio is off",
    "difference": "a variant that leads",
}
"""What a winner still needs, by the names of ExperimentResult.lacks; `evidence` has numbers."""

SEED_RULE = (
    "The usual rule, p_fixed under 0.05 at this look, would name {}. Asked again and again, it"
    " names a winner in 16 to 38 % of all tests without a difference, so it decides nothing."
)

METRICS = {
    "response": "response",
    "conversion": "conversion",
    "conversion_per_response": "conversion per response",
}
"""The metrics, with the words for them."""

VARIANT_HEADS = ("", "A#", "B#", "A - B#")
METRIC_HEADS = ("metric", "z#", "p_fixed#", "p_always#", "A / B#", "from#", "to#")


def source_lines(result: ExperimentResult) -> Iterator[str]:
    """The three lines with which the source shows a test (S4-71, N-12): a rate of conversions is
    per response."""
    for name, of in (("A", result.a), ("B", result.b)):
        mark = " ✓ WINNER" if result.winner == name else ""
        rates = f"{_rate(of.response_rate)} response rate, {_rate(of.conversion_rate)} conversion"
        yield f"Variant {name}: {rates} rate{mark}"
    response, per_response = result.metric("response"), result.metric("conversion_per_response")
    p = "-" if response.p_fixed is None else f"{response.p_fixed:.3f}"
    yield (
        f"Difference: {_points(response.difference)} response rate, "
        f"{_points(per_response.difference)} conversion rate (p = {p})"
    )


def variant_rows(result: ExperimentResult) -> list[tuple[object, ...]]:
    """The counts and rates of both variants, as rows of VARIANT_HEADS."""
    rows: list[tuple[object, ...]] = [
        (word, f"{getattr(result.a, name):,}", f"{getattr(result.b, name):,}", None)
        for name, word in (
            ("runs", "assigned"),
            ("reached", "reached"),
            ("responses", "responses"),
            ("conversions", "conversions"),
            ("opt_outs", "opt-outs"),
            ("bounces", "bounces"),
        )
    ]
    for name, word in (
        ("response_rate", "responses per reached"),
        ("conversion_rate", "conversions per response"),
        ("overall_rate", "conversions per reached"),
        ("response_rate_of_all", "responses per assigned"),
    ):
        rows.append((word, *_shares(result.a, result.b, name)))
    return rows


def metric_rows(result: ExperimentResult) -> list[tuple[object, ...]]:
    """The comparison by each metric, as rows of METRIC_HEADS. The one that decides has a star."""
    return [_metric_row(metric, result.primary_metric) for metric in result.metrics]


def sentences(result: ExperimentResult, decided_at: str | None) -> Iterator[str]:
    """What the numbers mean. `decided_at` is the time of the decision as text."""
    metric = METRICS[result.primary_metric]
    yield f"Decided by {metric} per reached person. {DECIDES_BY.get(result.decide, '')}".rstrip()
    if result.is_decided:
        who = f"{result.winner} wins" if result.winner else "no winner"
        yield f"Decided {decided_at} for good: {who}. Later numbers are shown and change nothing."
    else:
        yield f"Not decided: {_leader(result)}. A winner still needs {_lacking(result)}."
    if len(result.splits) > 1:
        splits = ", ".join(f"{split}/{100 - split}" for split in result.splits)
        yield (
            f"The split was changed ({splits}): each is a stratum of its own, and p_fixed is that"
            " of Cochran, Mantel and Haenszel."
        )
    yield _ratio(result)
    yield SEED_RULE.format(result.winner_by_seed_rule or "nobody")
    yield "A conversion per response compares groups that selected themselves: it decides nothing."


def short_line(result: ExperimentResult) -> str:
    """How an experiment stands, on one line."""
    if result.is_decided:
        return f"decided: {result.winner} wins" if result.winner else "decided: no winner"
    return f"not decided, {_leader(result)}"


def _leader(result: ExperimentResult) -> str:
    return f"{result.leader} leads" if result.leader else "neither leads"


def _lacking(result: ExperimentResult) -> str:
    needs = [LACKS.get(name) or _evidence(result) for name in result.lacks]
    return "; ".join(needs) or "the next count"


def _evidence(result: ExperimentResult) -> str:
    metric = result.metric(result.primary_metric)
    if result.decide == "at_end":
        return f"p_fixed under 0.05 at its look (now {_p(metric.p_fixed) or EMPTY})"
    e = EMPTY if metric.e is None else f"{metric.e:.3g}"
    p_always = _p(metric.p_always) or EMPTY
    return f"p_always of 0.05 at most (now {p_always}, e = {e} of 20)"


def _ratio(result: ExperimentResult) -> str:
    ratio = result.ratio
    if ratio.share is None or ratio.expected_share is None:
        return "Sample ratio: nobody has been reached."
    shares = f"{100 * ratio.share:.2f} % of the reached got A, {100 * ratio.expected_share:.2f} %"
    figures = f"p = {_p(ratio.p_fixed) or EMPTY}, e = {ratio.e:.3g}"
    if ratio.is_alarm:
        return (
            f"SAMPLE RATIO ALARM: {shares} were expected ({figures}). Something sends the variants"
            " unequally, so the numbers cannot be compared and no winner is named."
        )
    return f"Sample ratio: {shares} were expected ({figures}): no alarm."


def _metric_row(metric: MetricResult, primary: str) -> tuple[object, ...]:
    name = METRICS[metric.name] + (" *" if metric.name == primary else "")
    figures = (metric.z, metric.p_fixed, metric.p_always)
    ratios = (metric.ratio, metric.ratio_low, metric.ratio_high)
    z = None if figures[0] is None else f"{figures[0]:.3f}"
    return (name, z, *map(_p, figures[1:]), *(None if r is None else f"{r:.3f}" for r in ratios))


def _shares(a: VariantResult, b: VariantResult, name: str) -> Sequence[object]:
    of_a, of_b = getattr(a, name), getattr(b, name)
    both = of_a is not None and of_b is not None
    shown = [None if rate is None else f"{100 * rate:.2f} %" for rate in (of_a, of_b)]
    return (*shown, f"{100 * (of_a - of_b):+.2f} points" if both else None)


def _rate(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _points(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:+.1f} points"


def _p(p: float | None) -> str | None:
    """A p-value with three digits that count."""
    if p is None:
        return None
    return f"{p:.3g}" if p >= 0.0001 else f"{p:.1e}"
