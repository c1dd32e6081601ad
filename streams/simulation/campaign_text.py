"""The text of a summary about campaigns that decide by counts: targets, people reached a day, and
experiments; nothing without them."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from schemas.internal.count_names import REACHED, RESPONSES
from streams.base.rates import percent_of_target
from streams.simulation.quantiles import SummaryRow
from streams.simulation.text_tables import bar, short_hour, titled_table, wrapped

DAYS_MAX = 31
_BAR_AT = 64
"""The width of the columns before the bars of days, with the gap: a day and five heads."""
_RATE = "response_rate"
_END_REASONS = {
    "end_date": "its end date",
    "targets": "its targets",
    "all_processed": "all people being processed",
    "by_order": "order",
}
_LACKS = {
    "reached": "100 people of each variant must be reached",
    "responses": "30 people must respond",
    "ratio_alarm": "the people are split otherwise than they were assigned",
    "evidence": "the evidence is not enough",
    "difference": "the variants do not differ",
}


def campaign_lines(summary: SummaryRow, width: int) -> Iterator[Text]:
    """Yields the tables of each campaign, and why others were not activated."""
    yield from refused_lines(summary, width)
    for campaign in summary.get("campaigns", ()):
        yield from _campaign(campaign, width)


def refused_lines(summary: SummaryRow, width: int) -> Iterator[Text]:
    """Yields why drafts were not activated."""
    for refusal in summary.get("not_activated", ()):
        yield from _not_activated(refusal, width)


def _not_activated(refusal: SummaryRow, width: int) -> Iterator[Text]:
    heads = ("code", "place", "problem")
    rows = ([row["code"], row["place"], row["message"]] for row in refusal["problems"])
    yield from titled_table(f"{refusal['campaign_id']} was not activated", heads, rows, width)


def _campaign(campaign: SummaryRow, width: int) -> Iterator[Text]:
    yield Text()
    yield from (Text(line.plain, style="bold") for line in wrapped([headline(campaign)], width))
    for row in campaign["recommendations"]:
        yield from wrapped([f"{row['place']}: {row['message']}"], width)
    if campaign["targets"]:
        heads = ("target", "wanted#", "got#", "met after, h#", "completes")
        rows = (_target(row, campaign["counts"]) for row in campaign["targets"])
        yield from titled_table("Targets", heads, rows, width)
    if campaign["by_day"]:
        title = f"Reached by day ({campaign['timezone']})"
        yield from titled_table(title, *_days(campaign["by_day"], width), width)
    for experiment in campaign["experiments"]:
        yield from _experiment(experiment, width)


def headline(campaign: SummaryRow) -> str:
    """How the campaign has ended, or how it stands."""
    name, hours = campaign["campaign_id"], campaign["hours_to_end"]
    if hours is None or not campaign["end_reason"]:
        counts = campaign["counts"]
        going, held = counts["live"], counts["frozen"]
        open_runs = f"{going:,} runs go on, {held:,} are paused"
        if campaign["status"] == "draft":
            open_runs = f"{held:,} people wait for the activation"
        return f"{name} is {campaign['status']} at the end of the simulation: {open_runs}"
    by = _END_REASONS.get(campaign["end_reason"], campaign["end_reason"])
    ended = short_hour(campaign["ended_at"])
    return f"{name} completes by {by} after {in_days(hours)}, {ended} UTC"


def in_days(hours: float) -> str:
    """A duration in hours, or in days and hours from two days on."""
    if hours < 48:
        return f"{hours:.1f} h"
    days, rest = divmod(round(hours), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def _target(row: SummaryRow, counts: SummaryRow) -> Sequence[object]:
    if row["name"] == _RATE:
        responses, reached = counts.get(RESPONSES, 0), counts.get(REACHED, 0)
        actual = _percent(percent_of_target(responses, reached, row["target"]))
        target = _percent(row["target"] / 100)
    else:
        actual, target = _number(row["actual"]), _number(row["target"])
    name = row["name"].replace("_", " ")
    met = "-" if row["hours_to_meet"] is None else f"{row['hours_to_meet']:.1f}"
    return name, target, actual, met, "yes" if row["decides"] else "no"


def _percent(percent: float | None) -> str:
    return "-" if percent is None else f"{percent:.2f} %"


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _days(
    rows: Sequence[SummaryRow], width: int
) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    heads = ("day", "reached#", "responses#", "conversions#", "opt-outs#", "bounces#", "")
    most = max(row["reached"] for row in rows)
    names = ("reached", "responses", "conversions", "opt_outs", "bounces")
    return heads, (
        (row["day"], *(row[name] for name in names), bar(row["reached"], most, width - _BAR_AT))
        for row in rows[:DAYS_MAX]
    )


# Experiments


def _experiment(row: SummaryRow, width: int) -> Iterator[Text]:
    heads = ["variant", "template", "people#", "reached#", "responses#", "rate#"]
    heads += ["conversions#", "rate#"]
    title = f"Experiment {row['experiment_id']}, decided by {row['primary_metric']}"
    yield from titled_table(title, heads, (_variant(row, name) for name in "ab"), width)
    yield from wrapped([decision_text(row), seed_rule_text(row)], width)


def _variant(row: SummaryRow, name: str) -> Sequence[object]:
    of = row[name]
    return (
        name.upper(),
        row[f"template_{name}"],
        of["runs"],
        of["reached"],
        of["responses"],
        share(of["response_rate"]),
        of["conversions"],
        share(of["overall_rate"]),
    )


def share(value: float | None) -> str:
    """A share as a percentage."""
    return "-" if value is None else f"{100 * value:.1f} %"


def decision_text(row: SummaryRow) -> str:
    """How an experiment is decided, or what it lacks."""
    metric = next(each for each in row["metrics"] if each["name"] == row["primary_metric"])
    p_always = metric["p_always"]
    evidence = "" if p_always is None else f" (p_always {p_always:.4f})"
    if not row["is_decided"]:
        lacks = "; ".join(_LACKS.get(name, name) for name in row["lacks"])
        return f"Not decided: {lacks}{evidence}"
    hours, reached = row["hours_to_decision"], row["reached_when_decided"]
    when = f"after {in_days(hours)} with {reached:,} reached" if hours is not None else ""
    if not row["winner"]:
        return f"No winner; decided {when}{evidence}"
    switched = "; the rest gets its template" if row["switched_at"] else ""
    return f"{row['winner']} wins; decided {when}{switched}"


def seed_rule_text(row: SummaryRow) -> str:
    """What the rule of usual dashboards would have named if it is asked at every look."""
    rule = row["seed_rule"]
    if not rule["first_winner"]:
        return "The usual rule (p < 0.05 at any look) would have named nobody"
    end = rule["winner_at_the_end"]
    at_the_end = "the same" if end == rule["first_winner"] else end or "nobody"
    when = "" if rule["hours"] is None else f" after {in_days(rule['hours'])}"
    return (
        f"The usual rule (p < 0.05 at any look) would have named {rule['first_winner']}{when} with "
        f"{rule['reached']:,} reached; at the end {at_the_end}"
    )
