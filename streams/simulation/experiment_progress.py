"""How an experiment goes in a simulation: when it is decided and by whom, what the usual rule of
dashboards would have named, and the evidence over time."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from processors.shared.experiment_counts import Strata, totals
from processors.shared.experiment_rules import MILLION
from processors.shared.experiment_statistics import experiment_result, winner_by_seed_rule
from schemas.base.times import HOUR, MomentUs, format_rfc3339
from schemas.campaigns.compiled_definition import Definition, Experiment
from schemas.internal.campaign_states import ExperimentRecord
from schemas.internal.facts import Fact, FactKind
from streams.simulation.quantiles import SummaryRow, hours_since, optional_time

POINTS_MAX = 200
"""Points of the course of an experiment: each costs some milliseconds to compute."""


class ExperimentProgress:
    """One experiment of a campaign."""

    def __init__(self, experiment_id: str) -> None:
        self.experiment_id = experiment_id
        self._decision: Fact | None = None
        self._decided_at = self._switched_at = self._named_at = 0
        self._alarms: list[str] = []
        self._named = ""
        self._reached_when_named = 0
        self._greatest_at: dict[int, int] = {}
        """The greatest e-value in millionths by hour, as the engine has it."""

    def on_fact(self, fact: Fact, now: int) -> None:
        """Keeps the decision, the switch to the winner and the alarms."""
        match fact.fact:
            case FactKind.EXPERIMENT_DECIDED:
                self._decision, self._decided_at = fact, now
            case FactKind.EXPERIMENT_SWITCHED:
                self._switched_at = now
            case FactKind.EXPERIMENT_RATIO_ALARM:
                self._alarms.append(fact.reason or "")

    def on_counts(
        self, parts: Strata, metric: str, record: ExperimentRecord | None, now: int
    ) -> None:
        """Asks the usual rule, until it has named a winner. `record` is what the engine keeps."""
        if record is not None:
            self._greatest_at[now // HOUR] = record.greatest_e
        if not self._named and (named := winner_by_seed_rule(parts, metric)):
            of_a, of_b = totals(parts)
            self._named, self._named_at = named, now
            self._reached_when_named = of_a.reached + of_b.reached

    def to_dict(
        self,
        definition: Definition,
        values: SummaryRow,
        at_hour: Mapping[int, Mapping[str, int]],
        since: MomentUs,
    ) -> SummaryRow:
        """Returns the result, `values`, with when and how it was decided. `at_hour` has the counts
        of the campaign at the end of each hour; `since` is when it became active."""
        experiment = _experiment_of(definition, self.experiment_id)
        decided = {} if self._decision is None else self._decision.values or {}
        row = {**values, "decided_by": decided.get("decided_by", ""), "alarms": self._alarms}
        row["decided_at"] = optional_time(self._decided_at)
        row["hours_to_decision"] = hours_since(since, self._decided_at)
        row["reached_when_decided"] = (
            decided["a"]["reached"] + decided["b"]["reached"] if decided else None
        )
        row["switched_at"] = optional_time(self._switched_at)
        row["seed_rule"] = {
            "first_winner": self._named,
            "at": optional_time(self._named_at),
            "hours": hours_since(since, self._named_at),
            "reached": self._reached_when_named or None,
            "winner_at_the_end": values["winner_by_seed_rule"],
        }
        row["course"] = [] if experiment is None else list(self._course(experiment, at_hour))
        return row

    def _course(
        self, experiment: Experiment, at_hour: Mapping[int, Mapping[str, int]]
    ) -> Iterator[SummaryRow]:
        """Yields the rates and the evidence at some hours at which the counts have changed."""
        greatest = 0.0
        for hour in _spread(_changed(experiment, at_hour)):
            result = experiment_result(experiment, at_hour[hour])
            metric = result.metric(experiment.primary_metric)
            known = self._greatest_at.get(hour, 0) / MILLION
            greatest = max(greatest, metric.e or 0.0, known)
            yield {
                "hour": format_rfc3339(hour * HOUR),
                "reached": result.a.reached + result.b.reached,
                "rate_a": metric.rate_a,
                "rate_b": metric.rate_b,
                "p_fixed": metric.p_fixed,
                "p_always": round(min(1.0, 1 / greatest), 6) if greatest else 1.0,
            }


def _experiment_of(definition: Definition, experiment_id: str) -> Experiment | None:
    return next((each for _, each in definition.experiments() if each.id == experiment_id), None)


def _changed(experiment: Experiment, at_hour: Mapping[int, Mapping[str, int]]) -> list[int]:
    """The hours after which the counts of an experiment are other ones than before."""
    found: list[int] = []
    before: list[int] = []
    for hour, counts in at_hour.items():
        own = [n for name, n in counts.items() if name.startswith(f"{experiment.id}/")]
        if own != before:
            found.append(hour)
        before = own
    return found


def _spread(hours: Sequence[int]) -> list[int]:
    """POINTS_MAX of the hours, evenly, with the last one."""
    every = -(-len(hours) // POINTS_MAX) or 1
    return sorted({*islice(hours, 0, None, every), *hours[-1:]})
