"""The same simulation under many seeds: how the moments of completion and of decisions spread, and
how often which variant wins.

Only what people do and what senders answer is drawn anew. The people are the same, so each is in
the same variant under every seed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil
from typing import NamedTuple

from streams.simulation.campaign_summary import CampaignSummary
from streams.simulation.quantiles import SummaryRow
from streams.simulation.run import OnDeadLetter, SimulationProgress, ignore
from streams.simulation.scenario import Scenario

SEEDS_MAX = 10_000

POINTS = 16
"""Points of a curve of how many seeds have decided."""

NO_WINNER = "none"
_NAMES = ("A", "B", NO_WINNER)

OnSeed = Callable[[int], None]
"""Receives the number of simulations that have ended, after each of them."""


class SeedOutcomes(NamedTuple):
    """A row for each seed and campaign, and the drafts that were not activated under the first
    seed: they are refused under every one."""

    rows: list[SummaryRow]
    not_activated: list[SummaryRow]


class NothingCounted(ValueError):
    """No campaign of the scenario decides by counts, so there is nothing to compare."""


def simulate_seeds(
    scenario: Scenario,
    seeds: Iterable[int],
    progress: SimulationProgress = ignore,
    *,
    on_seed: OnSeed = ignore,
    on_dead_letter: OnDeadLetter = ignore,
) -> SeedOutcomes:
    """Runs the scenario once for each seed. Raises NothingCounted."""
    assert scenario.senders is not None, "without senders nothing is drawn"
    outcomes = SeedOutcomes([], [])
    for number, seed in enumerate(seeds, 1):
        summary = CampaignSummary(with_course=False)
        one = scenario._replace(senders=scenario.senders.fresh_copy(seed))
        ended = one.run([summary], progress, on_dead_letter=on_dead_letter)
        parts = summary.to_dict(ended.engine)
        if "campaigns" not in parts and "not_activated" not in parts:
            raise NothingCounted
        if number == 1:
            outcomes.not_activated.extend(parts.get("not_activated", ()))
        began = (row for row in parts.get("campaigns", ()) if row["status"] != "draft")
        outcomes.rows.extend({"seed": seed, **_outcome(campaign)} for campaign in began)
        on_seed(number)
    return outcomes


def _outcome(campaign: SummaryRow) -> SummaryRow:
    """What one campaign has come to under one seed."""
    names = ("tenant_id", "campaign_id", "status", "end_reason", "ended_at", "hours_to_end")
    return {
        **{name: campaign[name] for name in names},
        **{name: campaign["counts"][name] for name in ("reached", "responses", "conversions")},
        "hours_to_targets": {row["name"]: row["hours_to_meet"] for row in campaign["targets"]},
        "days": len([day for day in campaign["by_day"] if day["reached"]]),
        "experiments": list(map(_decision, campaign["experiments"])),
    }


def _decision(row: SummaryRow) -> SummaryRow:
    metric = next(each for each in row["metrics"] if each["name"] == row["primary_metric"])
    has_won = bool(row["winner"])
    return {
        "experiment_id": row["experiment_id"],
        "winner": row["winner"] or NO_WINNER,
        "decided_at": row["decided_at"] if has_won else None,
        "hours_to_decision": row["hours_to_decision"] if has_won else None,
        "reached_when_decided": row["reached_when_decided"] if has_won else None,
        "p_always": metric["p_always"],
        "usual_rule_first": row["seed_rule"]["first_winner"] or NO_WINNER,
        "usual_rule_hours": row["seed_rule"]["hours"],
        "usual_rule_reached": row["seed_rule"]["reached"],
        "usual_rule_at_the_end": row["seed_rule"]["winner_at_the_end"] or NO_WINNER,
    }


# The spread


def spread_of(rows: Sequence[SummaryRow]) -> list[SummaryRow]:
    """Returns how the outcomes of each campaign spread over the seeds."""
    campaigns: dict[tuple[str, str], list[SummaryRow]] = {}
    for row in rows:
        campaigns.setdefault((row["tenant_id"], row["campaign_id"]), []).append(row)
    return [_spread(key, group) for key, group in campaigns.items()]


def _spread(key: tuple[str, str], rows: Sequence[SummaryRow]) -> SummaryRow:
    ended = [row for row in rows if row["end_reason"]]
    reasons = Counter(row["end_reason"] for row in ended)
    targets = dict.fromkeys(name for row in rows for name in row["hours_to_targets"])
    experiments: dict[str, list[SummaryRow]] = {}
    for row in rows:
        for each in row["experiments"]:
            experiments.setdefault(each["experiment_id"], []).append(each)
    return {
        "tenant_id": key[0],
        "campaign_id": key[1],
        "seeds": len(rows),
        "completed": len(ended),
        "end_reasons": dict(sorted(reasons.items())),
        "hours_to_end": five_numbers(row["hours_to_end"] for row in ended),
        "days": five_numbers(row["days"] for row in rows),
        "reached": five_numbers(row["reached"] for row in rows),
        "responses": five_numbers(row["responses"] for row in rows),
        "conversions": five_numbers(row["conversions"] for row in rows),
        "hours_to_targets": {
            name: five_numbers(row["hours_to_targets"].get(name) for row in rows)
            for name in targets
        },
        "experiments": [_decisions(name, group) for name, group in experiments.items()],
    }


def _decisions(experiment_id: str, rows: Sequence[SummaryRow]) -> SummaryRow:
    def shares(field: str) -> dict[str, int]:
        counts = Counter(row[field] for row in rows)
        return {name: counts[name] for name in _NAMES}

    return {
        "experiment_id": experiment_id,
        "winners": shares("winner"),
        "usual_rule_first": shares("usual_rule_first"),
        "usual_rule_at_the_end": shares("usual_rule_at_the_end"),
        "hours_to_decision": five_numbers(row["hours_to_decision"] for row in rows),
        "reached_when_decided": five_numbers(row["reached_when_decided"] for row in rows),
        "decided_by_reached": list(_cumulative(rows, "reached_when_decided", "usual_rule_reached")),
        "decided_by_hours": list(_cumulative(rows, "hours_to_decision", "usual_rule_hours")),
    }


def _cumulative(rows: Sequence[SummaryRow], field: str, usual: str) -> Iterator[SummaryRow]:
    """Yields, for some numbers of hours or of reached people up to the greatest one, how many seeds
    have decided by then, and how many the usual rule would have."""
    decided = [row for row in rows if row[field] is not None]
    named = [row[usual] for row in rows if row[usual] is not None]
    most = max([*(row[field] for row in decided), *named], default=0)
    for part in range(1, POINTS + 1) if most else ():
        by = ceil(most * part / POINTS)
        winners = [row["winner"] for row in decided if row[field] <= by]
        counts = {"A": winners.count("A"), "B": winners.count("B")}
        yield {"by": by, **counts, "usual_rule": sum(number <= by for number in named)}


_RANKS = {"least": 0, "one_of_ten": 0.1, "median": 0.5, "nine_of_ten": 0.9, "most": 1}


def five_numbers(values: Iterable[float | None]) -> SummaryRow | None:
    """Returns least, the first of ten parts, median, the ninth of ten parts and greatest of the
    values that there are, with their number; None if there are none."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    last = len(known) - 1
    return {"seeds": len(known), **{n: known[round(last * rank)] for n, rank in _RANKS.items()}}
