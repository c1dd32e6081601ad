"""The part of a summary about campaigns that decide by counts: how many people are reached a day,
when each target is met, when the campaign completes, and how its experiments go.

The counts are those by which the engine decides: `CampaignSummary` receives each report of them. A
simulation without such campaigns has no such part.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from processors.campaign import reports, targets
from processors.campaign.dates import campaign_zone, phase_of
from processors.shared.experiment_counts import strata
from schemas.base.times import HOUR, MomentUs
from schemas.base.zones import zone
from schemas.internal.count_names import (
    BOUNCES,
    CONVERSIONS,
    FROZEN,
    LIVE,
    OPT_OUTS,
    REACHED,
    RESPONSES,
    RUNS,
)
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import CommandDue, CommandRevoked, RunsCounted
from schemas.internal.states import CampaignRecord, TenantRecord
from streams.simulation.drawn_signals import DrawnSignal
from streams.simulation.engine import SimulationEngine
from streams.simulation.experiment_progress import ExperimentProgress
from streams.simulation.quantiles import SummaryRow, hours_since, optional_time
from streams.simulation.senders import CommandedTouch
from streams.simulation.simulated_events import SimulatedEvent

BY_DAY = (REACHED, RESPONSES, CONVERSIONS, OPT_OUTS, BOUNCES)
"""The counts that are shown by day."""

_TOTALS = (RUNS, *BY_DAY, LIVE, FROZEN)

_CampaignKey = tuple[str, str]


class CampaignSummary:
    """Collects the counts and the decisions of each campaign. It is a listener. Without
    `with_course` the experiments have no evidence by hour, which takes long to compute."""

    def __init__(self, *, with_course: bool = True) -> None:
        self._with_course = with_course
        self._campaigns: dict[_CampaignKey, _CampaignCourse] = {}
        self.refusals: list[Fact] = []
        """The refused activations."""

    # The listener's methods

    def on_facts(self, facts: list[Fact], now: int) -> None:
        """Keeps what is decided about campaigns."""
        for fact in facts:
            self.on_fact(fact, now)

    def on_fact(self, fact: Fact, now: int) -> None:
        """Keeps a decision about a campaign, which names no contact; other facts are ignored."""
        if fact.fact in _OF_CAMPAIGNS and fact.campaign_id is not None:
            self._course(fact.tenant_id, fact.campaign_id).on_fact(fact, now)
        elif is_refused_activation(fact):
            self.refusals.append(fact)

    def on_counts(self, counts: RunsCounted, campaign: CampaignRecord, now: int) -> None:
        """Takes over the counts of a campaign that decides by them."""
        if campaign.definition.decides_by_counts():
            course = self._course(counts.tenant_id, counts.campaign_id)
            course.on_counts(counts, campaign, now)

    def on_command(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """Commands are not counted here."""

    def on_event(self, touch: CommandedTouch, signal: DrawnSignal, event: SimulatedEvent) -> None:
        """Drawn events are not counted here."""

    def _course(self, tenant_id: str, campaign_id: str) -> "_CampaignCourse":
        return self._campaigns.setdefault((tenant_id, campaign_id), _CampaignCourse())

    # The result

    def to_dict(self, engine: SimulationEngine) -> SummaryRow:
        """Returns the part of the summary, if there is one."""
        parts: SummaryRow = {}
        if rows := self.rows(engine):
            parts["campaigns"] = rows
        if self.refusals:
            parts["not_activated"] = list(map(_refusal, self.refusals))
        return parts

    def rows(self, engine: SimulationEngine) -> list[SummaryRow]:
        """Returns one row for each campaign that decides by counts."""
        rows = []
        for (tenant_id, campaign_id), course in sorted(self._campaigns.items()):
            campaign = engine.campaign(tenant_id, campaign_id)
            tenant = engine.tenant(tenant_id)
            if campaign is not None and tenant is not None and course.is_counted:
                row = course.to_dict(campaign, tenant, engine.now, with_course=self._with_course)
                rows.append(row)
        return rows


_OF_CAMPAIGNS = frozenset(
    (
        FactKind.CAMPAIGN_STATUS_CHANGED,
        FactKind.CAMPAIGN_SETTLED,
        FactKind.EXPERIMENT_DECIDED,
        FactKind.EXPERIMENT_RATIO_ALARM,
        FactKind.EXPERIMENT_SWITCHED,
    )
)


def is_refused_activation(fact: Fact) -> bool:
    """Whether a fact states that a campaign was not activated, and why."""
    return fact.fact is FactKind.EVENT_REFUSED and (fact.values or {}).get("action") == "activated"


class _CampaignCourse:
    """What is kept of one campaign: its counts at the end of each hour, since when each target is
    met, and what was decided."""

    def __init__(self) -> None:
        self.is_counted = False
        self._at_hour: dict[int, dict[str, int]] = {}
        self._met_since: dict[str, int] = {}
        self._experiments: dict[str, ExperimentProgress] = {}
        self._active_since = self._settled_at = 0
        self._recommendations: list[dict[str, str]] = []

    def on_fact(self, fact: Fact, now: int) -> None:
        values = fact.values or {}
        if fact.fact is FactKind.CAMPAIGN_STATUS_CHANGED:
            if fact.reason == "active":
                self._active_since = self._active_since or now
                self._recommendations = values.get("recommendations", [])
        elif fact.fact is FactKind.CAMPAIGN_SETTLED:
            self._settled_at = now
        else:
            self._experiment(values["experiment_id"]).on_fact(fact, now)

    def on_counts(self, message: RunsCounted, before: CampaignRecord, now: int) -> None:
        """Takes over the counts of the only partition that a simulation has."""
        counts = {**message.counts}
        self.is_counted = True
        self._at_hour[now // HOUR] = counts
        campaign = replace(before, counts={message.partition: (message.seq, counts)})
        for each in targets.progress(campaign):  # a rate may be met and missed again
            if not each.is_reached:
                self._met_since.pop(each.name, None)
            else:
                self._met_since.setdefault(each.name, now)
        for _, experiment in campaign.definition.experiments():
            progress = self._experiment(experiment.id)
            record = before.experiments.get(experiment.id)
            parts = strata(counts, experiment.id)
            progress.on_counts(parts, experiment.primary_metric, record, now)

    def _experiment(self, experiment_id: str) -> ExperimentProgress:
        return self._experiments.setdefault(experiment_id, ExperimentProgress(experiment_id))

    # The result

    def to_dict(
        self, campaign: CampaignRecord, tenant: TenantRecord, now: int, *, with_course: bool
    ) -> SummaryRow:
        zone_name = campaign_zone(tenant, campaign.definition)
        since = self._active_since
        report = reports.report_values(tenant, campaign, reports.FINAL)
        return {
            "tenant_id": campaign.tenant_id,
            "campaign_id": campaign.campaign_id,
            "timezone": zone_name,
            "status": phase_of(campaign, zone_name, now),
            "active_since": optional_time(since),
            "ended_at": optional_time(campaign.ended_at),
            "end_reason": campaign.end_reason,
            "hours_to_end": hours_since(since, campaign.ended_at),
            "settled_at": optional_time(self._settled_at),
            "counts": {name: targets.total(campaign, name) for name in _TOTALS},
            "sent": {
                name.removeprefix(_SENT): number
                for name, number in report["counts"].items()
                if name.startswith(_SENT)
            },
            "targets": [
                {**each._asdict(), **self._met(each.name, since)}
                for each in targets.progress(campaign)
            ],
            "by_day": list(self._by_day(zone_name)),
            "experiments": [
                self._experiment(values["experiment_id"]).to_dict(
                    campaign.definition, values, self._at_hour if with_course else {}, since
                )
                for values in report["experiments"]
            ],
            "recommendations": self._recommendations,
        }

    def _met(self, name: str, since: MomentUs) -> SummaryRow:
        met = self._met_since.get(name, 0)
        return {"met_at": optional_time(met), "hours_to_meet": hours_since(since, met)}

    def _by_day(self, zone_name: str) -> Iterator[SummaryRow]:
        """Yields what every day of the campaign's zone has added to the counts."""
        at_day: dict[str, dict[str, int]] = {}
        for hour, counts in self._at_hour.items():
            at_day[_local_day(zone_name, hour)] = counts
        before: Mapping[str, int] = {}
        for day, counts in at_day.items():
            added = {name: counts.get(name, 0) - before.get(name, 0) for name in BY_DAY}
            before = counts
            if any(added.values()):
                yield {"day": day, **added}


_SENT = "sent_"


def _local_day(zone_name: str, hour: int) -> str:
    at = datetime.fromtimestamp(hour * HOUR // 1_000_000, UTC)
    return at.astimezone(zone(zone_name)).date().isoformat()


def _refusal(fact: Fact) -> SummaryRow:
    """The problems that kept a campaign from being activated."""
    unnamed = [{"code": fact.reason, "place": "", "message": ""}]
    return {
        "tenant_id": fact.tenant_id,
        "campaign_id": fact.campaign_id,
        "problems": (fact.values or {}).get("problems") or unnamed,
    }
