"""The report of a campaign as sections of sentences, tables and bars, which Markdown and HTML show
alike (S4-28).

All numbers come from the values of the fact campaign.report, so the report can be written from that
fact alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from processors.shared.experiment_statistics import ExperimentResult, result_of_values
from schemas.base.times import format_rfc3339
from schemas.internal.count_names import (
    CONVERSIONS,
    FROZEN,
    IMPLIED_RESPONSES,
    LIVE,
    OUT,
    REACHED,
    RESPONSES,
    RUNS,
    ended_by,
    sent_by,
)
from streams.base.rates import percent
from streams.cli.campaign_text import COUNTS, END_REASONS, RATES, TARGETS, count_word
from streams.cli.campaign_view import rates_of, response_rate_of_target
from streams.cli.experiment_text import (
    METRIC_HEADS,
    VARIANT_HEADS,
    metric_rows,
    sentences,
    short_line,
    source_lines,
    variant_rows,
)
from streams.cli.zoned_times import local_time

ENDED, SENT = ended_by(""), sent_by("")
"""How the names of counts by reason and by channel begin."""

Values = Mapping[str, Any]
"""The values of a fact campaign.report."""

BANDS = (
    (5, "poor"),
    (10, "below average"),
    (20, "average"),
    (30, "good"),
    (None, "excellent"),
)
"""What a response rate below a number of percent is called; a rate on an edge belongs to the better
side (S4-59)."""


class Bar(NamedTuple):
    """A bar of a chart: `value` of `whole`."""

    label: str
    value: float
    whole: float
    text: str


class ReportTable(NamedTuple):
    """A table; a column whose head ends with # holds numbers."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


class ReportSection(NamedTuple):
    """A part of the report. `lines` are shown one below the other, `sentences` as a text."""

    heading: str
    lines: Sequence[str] = ()
    tables: Sequence[ReportTable] = ()
    bars: Sequence[Bar] = ()
    sentences: Sequence[str] = ()
    experiment: ExperimentResult | None = None


def report_sections(values: Values) -> Iterator[ReportSection]:
    """The sections in the order of the page."""
    yield _outcome(values)
    if values.get("progress"):
        yield _targets(values)
    if values["counts"]:
        yield _rates(values)
        yield _ends(values)
    yield from map(_experiment, values.get("experiments", ()))


def response_band(rate: float | None) -> str | None:
    """What a response rate in percent is called; None without data (S4-59)."""
    if rate is None:
        return None
    return next(name for most, name in BANDS if most is None or rate < most)


def _outcome(values: Values) -> ReportSection:
    zone = values["timezone"]
    reason = END_REASONS.get(values.get("end_reason") or "", values.get("end_reason"))
    rows = [
        ("type", values.get("campaign_type")),
        ("channel", values.get("channel")),
        ("owner", values.get("owner_id")),
        ("status", values["status"] + (f", by {reason}" if reason else "")),
        ("first day", values.get("first_day")),
        ("last day", values.get("last_day")),
        ("active since", local_time(values.get("started_at"), zone)),
        ("completed", local_time(values.get("ended_at"), zone)),
        ("settled", local_time(values.get("settled_at"), zone)),
        ("time zone", zone),
    ]
    shown = [row for row in rows if row[1] is not None]
    return ReportSection("The campaign", tables=[ReportTable(("", ""), shown)])


def _targets(values: Values) -> ReportSection:
    rows, bars = [], []
    for row in values["progress"]:
        is_rate = row["name"].endswith("_rate")
        actual, target = row["actual"], row["target"] / 100 if is_rate else row["target"]
        if is_rate:
            actual = response_rate_of_target(values["counts"], row["target"])
        name = TARGETS.get(row["name"], row["name"])
        share = None if actual is None else 100 * actual / target
        state = "reached" if row["is_reached"] else "not reached"
        decides = "yes" if row["decides"] else "no"
        amounts = (_amount(actual, is_rate), _amount(target, is_rate))
        rows.append((name, *amounts, _share(share), state, decides))
        bars.append(Bar(name, share or 0.0, 100, _share(share) or "no data"))
    heads = ("target", "actual#", "target#", "progress#", "", "completes the campaign")
    return ReportSection("Targets", tables=[ReportTable(heads, rows)], bars=bars)


def _rates(values: Values) -> ReportSection:
    counts: Mapping[str, int] = values["counts"]
    rates = rates_of(counts)
    people = counts.get(RUNS, 0)
    stages = {
        RUNS: "enrolled",
        REACHED: "reached",
        RESPONSES: "responded",
        CONVERSIONS: "converted",
    }
    bars = [
        Bar(word, counts.get(name, 0), people, f"{counts.get(name, 0):,}")
        for name, word in stages.items()
    ]
    rows = [(word, _share(rates[name]) or "no data") for name, word in RATES.items()]
    kept = {REACHED: 0, RESPONSES: 0, CONVERSIONS: 0, **counts}
    texts = []
    band = response_band(rates["response_rate"])
    if band is not None:
        texts.append(f"The response rate is {band}.")
    implied = counts.get(IMPLIED_RESPONSES, 0)
    if implied:
        texts.append(
            f"{implied:,} conversions came without a response, so conversions per response"
        )
        texts.append("compare more people than have responded.")
    tables = [ReportTable(("rate", "percent#"), rows), ReportTable(("", "people#"), _kept(kept))]
    return ReportSection("How far people got", tables=tables, bars=bars, sentences=texts)


def _kept(counts: Mapping[str, int]) -> list[tuple[object, ...]]:
    return [
        (COUNTS[name], f"{counts.get(name, 0):,}")
        for name in COUNTS
        if name in counts and name not in (LIVE, FROZEN, OUT)
    ]


def _ends(values: Values) -> ReportSection:
    counts: Mapping[str, int] = values["counts"]
    ends = {name: n for name, n in counts.items() if name.startswith(ENDED) and n}
    ranked = sorted(ends.items(), key=lambda each: (-each[1], each[0]))
    whole = counts.get(RUNS, 0)
    rows: list[tuple[object, ...]] = [
        (_word(name, ENDED), f"{n:,}", _share(percent(n, whole))) for name, n in ranked
    ]
    going = [
        (count_word(name, values["status"]), f"{counts[name]:,}", None)
        for name in (LIVE, FROZEN, OUT)
        if counts.get(name)
    ]
    sends = [
        (_word(name, SENT), f"{n:,}") for name, n in sorted(counts.items()) if name.startswith(SENT)
    ]
    tables = [ReportTable(("run ended", "people#", "of enrolled#"), [*rows, *going])]
    if sends:
        tables.append(ReportTable(("sent by", "messages#"), sends))
    bars = [Bar(_word(name, ENDED), n, whole, f"{n:,}") for name, n in ranked]
    return ReportSection("How runs ended, and what was sent", tables=tables, bars=bars)


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).replace("_", " ")


def _experiment(values: Values) -> ReportSection:
    result = result_of_values(values)
    decided = None if result.decided_at is None else format_rfc3339(result.decided_at)
    tables = [
        ReportTable(VARIANT_HEADS, variant_rows(result)),
        ReportTable(METRIC_HEADS, metric_rows(result)),
    ]
    keys = {"A": "template_a", "B": "template_b"}
    names = [
        f"{name} is the template {values[key]}." for name, key in keys.items() if key in values
    ]
    return ReportSection(
        f"Experiment {result.experiment_id}: {short_line(result)}",
        lines=[*source_lines(result)],
        tables=tables,
        sentences=[*names, *sentences(result, decided)],
        experiment=result,
    )


def _amount(value: float | None, is_rate: bool) -> str:
    if value is None:
        return "no data"
    return f"{value:.2f} %" if is_rate else f"{value:,}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f} %"
