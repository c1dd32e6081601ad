"""How a campaign stands: its dates, counts and targets, what its completion waits for, its problems
and its experiments.

The view is a pure function of what the campaign processor has stored, by the rules with which that
processor decides.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from processors.campaign.activation import problems
from processors.campaign.dates import (
    campaign_zone,
    day_text,
    end_at,
    first_day,
    last_day,
    phase_of,
)
from processors.campaign.experiments import report_values
from processors.campaign.lifecycle import QUIET_US
from processors.campaign.targets import progress
from schemas.base.error_codes import CampaignCode, Problem
from schemas.base.times import MomentUs, format_rfc3339
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.recommendations import recommendations
from schemas.internal.count_names import (
    CONVERSIONS,
    FROZEN,
    LIVE,
    REACHED,
    RESPONSES,
    RUNS,
    without_experiments,
)
from schemas.internal.states import CampaignRecord, TenantRecord
from streams.base.rates import percent, percent_of_target
from streams.cli.campaign_waits import CampaignWaits

GOING = ("draft", "active", "paused")
"""The statuses in which a campaign can still complete."""

_STILL = (
    CampaignCode.NO_SENDER,
    CampaignCode.NO_TEMPLATE,
    CampaignCode.AB_MISSING_TEMPLATES,
    CampaignCode.NO_WINDOW,
)
"""What keeps steps from being sent also after the activation."""


class TargetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A target: contacts, response_rate or conversions. A rate is in percent; `actual` None is a
    rate of nobody. With `decides` the completion waits for it."""

    name: str
    actual: float | None
    target: float
    is_reached: bool
    decides: bool


class CompletionRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the rules by which a campaign completes itself: end_date, targets or all_processed.

    `at` is when the rule completes the campaign if nothing changes; None where that is not known.
    `runs`, `live` and `frozen` are of all_processed.
    """

    rule: str
    at: str | None = None
    runs: int | None = None
    live: int | None = None
    frozen: int | None = None
    quiet_seconds: int | None = None
    last_started_at: str | None = None
    targets: tuple[str, ...] = ()
    """The targets that are not reached yet."""


class CampaignView(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign stands at `as_of`, the stream time of the campaign processor. `dates` has what
    is to be done when, by name. Rates are in percent; None without data."""

    tenant_id: str
    campaign_id: str
    name: str
    kind: str
    version: int
    status: str
    phase: str
    end_reason: str | None
    as_of: str | None
    timezone: str
    first_day: str | None
    last_day: str | None
    started_at: str | None
    ended_at: str | None
    settled_at: str | None
    dates: dict[str, str]
    outreach: dict[str, Any] | None
    counts: dict[str, int]
    rates: dict[str, float | None]
    targets: list[TargetRow]
    completion: list[CompletionRule]
    activation_awaits: list[int] | None
    """The partitions of contact-log whose counts an order to activate waits for; None without such
    an order."""

    problems: list[dict[str, str]]
    waits: CampaignWaits
    """Why it sends less than it could, or nothing, as far as dispatch knows."""

    recommendations: list[dict[str, str]]
    experiments: list[dict[str, Any]]


def campaign_view(
    campaign: CampaignRecord,
    tenant: TenantRecord,
    channels: Collection[str],
    now: MomentUs,
    as_of: MomentUs | None,
    waits: CampaignWaits,
) -> CampaignView:
    """How a campaign stands at the moment `now`. `channels` are those that have a sender
    account."""
    definition = campaign.definition
    zone = campaign_zone(tenant, definition)
    counts = shown_counts(campaign)
    terms = definition.outreach
    return CampaignView(
        tenant_id=campaign.tenant_id,
        campaign_id=campaign.campaign_id,
        name=definition.name,
        kind=definition.kind,
        version=campaign.version,
        status=campaign.status,
        phase=phase_of(campaign, zone, now),
        end_reason=campaign.end_reason or None,
        as_of=_time(as_of),
        timezone=zone,
        first_day=day_text(first_day(campaign)),
        last_day=day_text(last_day(campaign)),
        started_at=_time(campaign.started_at),
        ended_at=_time(campaign.ended_at),
        settled_at=_time(campaign.settled_at),
        dates={name: format_rfc3339(at) for name, at in sorted(campaign.dates.items())},
        outreach=None if terms is None else msgspec.to_builtins(_named(terms)),
        counts=without_experiments(counts),
        rates=rates_of(counts),
        targets=target_rows(campaign),
        completion=[*_completion(campaign, zone, counts)],
        activation_awaits=None if campaign.activation is None else campaign.activation.awaited,
        problems=[each._asdict() for each in _problems(campaign, tenant, channels, now)],
        waits=waits,
        recommendations=[each._asdict() for each in recommendations(definition)],
        experiments=report_values(campaign),
    )


def shown_counts(campaign: CampaignRecord) -> dict[str, int]:
    """The counts over all partitions. Of people whom a campaign counts for a decision, a stage that
    nobody has come to has 0."""
    counts = campaign.total_counts()
    if RUNS not in counts or not campaign.definition.decides_by_counts():
        return counts
    return dict.fromkeys((REACHED, RESPONSES, CONVERSIONS), 0) | counts


def rates_of(counts: Mapping[str, int]) -> dict[str, float | None]:
    """The rates in percent: of responses and of conversions per reached person, of conversions per
    response, and of responses over all people (C-16, C-17). None where the denominator is 0."""
    get = counts.get
    return {
        "response_rate": percent(get(RESPONSES, 0), get(REACHED, 0)),
        "conversion_rate": percent(get(CONVERSIONS, 0), get(RESPONSES, 0)),
        "overall_rate": percent(get(CONVERSIONS, 0), get(REACHED, 0)),
        "response_rate_of_all": percent(get(RESPONSES, 0), get(RUNS, 0)),
    }


def target_rows(campaign: CampaignRecord) -> list[TargetRow]:
    """The targets of a campaign, with rates in percent."""
    counts = campaign.total_counts()
    rows = []
    for name, actual, target, is_reached, decides in progress(campaign):
        is_rate = name.endswith("_rate")
        rows.append(
            TargetRow(
                name=name,
                actual=response_rate_of_target(counts, target) if is_rate else actual,
                target=target / 100 if is_rate else target,
                is_reached=is_reached,
                decides=decides,
            )
        )
    return rows


def response_rate_of_target(counts: Mapping[str, int], target_hundredths: int) -> float | None:
    """The response rate in percent beside its target in hundredths of a percent."""
    responses, reached = counts.get(RESPONSES, 0), counts.get(REACHED, 0)
    return percent_of_target(responses, reached, target_hundredths)


def _named(terms: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in terms.__struct_fields__}


def _completion(
    campaign: CampaignRecord, zone: str, counts: dict[str, int]
) -> Iterator[CompletionRule]:
    """The rules that can complete the campaign, in the order in which they are asked."""
    definition = campaign.definition
    if campaign.status not in GOING or not KINDS[definition.kind].completes_itself:
        return
    end = end_at(definition.settings, zone)
    if end is not None:
        yield CompletionRule(rule="end_date", at=format_rfc3339(end))
    deciding = [each for each in progress(campaign) if each.decides]
    if deciding:
        open_ones = tuple(each.name for each in deciding if not each.is_reached)
        yield CompletionRule(rule="targets", targets=open_ones)
    yield CompletionRule(
        rule="all_processed",
        at=_time(campaign.complete_at),
        runs=counts.get(RUNS, 0),
        live=counts.get(LIVE, 0),
        frozen=counts.get(FROZEN, 0),
        quiet_seconds=QUIET_US // 1_000_000,
        last_started_at=_time(campaign.last_started_at),
    )


def _problems(
    campaign: CampaignRecord, tenant: TenantRecord, channels: Collection[str], now: MomentUs
) -> Iterable[Problem]:
    """What keeps a draft from being activated now, and an active campaign from sending."""
    if campaign.status not in GOING or not KINDS[campaign.definition.kind].prepared:
        return ()
    found = problems(tenant, campaign, channels, now)
    return found if campaign.status == "draft" else (p for p in found if p.code in _STILL)


def _time(at: MomentUs | None) -> str | None:
    return format_rfc3339(at) if at else None
