"""What ends or pauses a campaign by itself: its end date, its targets, all of its people processed
(C-5…C-7, F-17), or too many of its calls fail.

The counts come from the partitions of contact-log as absolute values, so loss and repeats of
reports change nothing.
"""

from collections.abc import Callable
from typing import Any

from processors.campaign import activation, experiments, reports
from processors.campaign.activation import request_counts
from processors.campaign.broadcast import campaign_key, tenant_key
from processors.campaign.dates import END, campaign_zone, day_text, last_day
from processors.campaign.lifecycle import completion_at, is_counted, set_status
from processors.campaign.targets import are_met, total
from processors.fold.turn import Turn
from processors.shared.calendar_periods import day_of
from schemas.campaigns.campaign_kinds import KINDS
from schemas.internal.messages import PauseByFailures, RunsCounted
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout

END_DATE, TARGETS, ALL_PROCESSED, BY_ORDER = "end_date", "targets", "all_processed", "by_order"
"""Why a campaign completes, in the order in which they are asked; then the order of its owner."""

FAILURE_RATE = "failure_rate"
"""The cause of a pause because too many calls fail."""

RUNS_ENDED = "runs_ended"
"""The cause of the completion of a campaign of calls because no run is left."""

_COUNTS = ("runs", "completed", "failed", "cancelled", "skipped")
_EVALUATED = ("active", "paused", "completed")
_FROZEN = ("archived", "deleted")
"""The statuses in which the counts of a campaign never change again, so that they agree with its
final report."""


def runs_counted(turn: Turn, layout: Layout, message: RunsCounted) -> None:
    """Takes over the newest counts of a partition, and decides by them. An older report changes
    nothing, and neither does one of a campaign that was archived or deleted."""
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    if campaign is None or not is_counted(campaign.definition):
        return
    decides = campaign.definition.decides_by_counts()
    if decides and campaign.status in _FROZEN:
        return
    before = campaign.counts.get(message.partition)
    if before is not None and message.seq <= before[0]:
        return
    campaign.counts[message.partition] = (message.seq, message.counts)
    campaign.last_started_at = max(campaign.last_started_at, message.last_started_at)
    campaign.complete_at = completion_at(campaign)
    if decides:
        _decide(turn, layout, campaign, message)


def _decide(turn: Turn, layout: Layout, campaign: CampaignRecord, message: RunsCounted) -> None:
    """Decides what can be decided by the counts of now."""
    tenant = turn.store.edit(tenant_key(campaign.tenant_id), TenantRecord)
    assert tenant is not None, "a campaign has a tenant"
    pending = campaign.activation
    if pending is not None and message.answers >= pending.request:
        pending.awaited = [each for each in pending.awaited if each != message.partition]
        if not pending.awaited:
            activation.decide(turn, layout, tenant, campaign)
    if message.answers >= campaign.requests:
        campaign.awaited = [each for each in campaign.awaited if each != message.partition]
    if campaign.status in _EVALUATED:
        _evaluate(turn, layout, campaign, experiments.evaluate)
    complete_by_targets(turn, layout, tenant, campaign)
    reports.settle(turn, campaign)


def _evaluate(
    turn: Turn,
    layout: Layout,
    campaign: CampaignRecord,
    look: Callable[[Turn, Layout, CampaignRecord], None],
) -> None:
    """Looks at the experiments, and asks for a message to the owner for each that is decided."""
    before = {each.experiment_id for each in campaign.experiments.values() if each.decision}
    look(turn, layout, campaign)
    for name, record in campaign.experiments.items():
        if record.decision is not None and name not in before:
            values = {"experiment_id": name, "winner": record.decision.winner}
            reports.notify(turn, campaign, "experiment_decided", experiments.DECIDED, **values)


def complete_by_targets(
    turn: Turn, layout: Layout, tenant: TenantRecord, campaign: CampaignRecord
) -> None:
    """Completes an active campaign that has reached its targets."""
    if campaign.status == "active" and are_met(campaign):
        complete(turn, layout, tenant, campaign, TARGETS, TARGETS)


def fire(turn: Turn, layout: Layout, campaign: CampaignRecord) -> None:
    """Does the first thing that is due of a campaign."""
    tenant = turn.store.edit(tenant_key(campaign.tenant_id), TenantRecord)
    assert tenant is not None, "a campaign has a tenant"
    if campaign.dates.get(END, turn.now + 1) <= turn.now:
        complete(turn, layout, tenant, campaign, END_DATE, END_DATE)
    elif campaign.complete_at is not None and campaign.complete_at <= turn.now:
        counted = campaign.definition.decides_by_counts()
        cause = ALL_PROCESSED if counted else RUNS_ENDED
        complete(turn, layout, tenant, campaign, ALL_PROCESSED, cause)
    else:
        reports.fire(turn, layout, tenant, campaign)


def complete(
    turn: Turn,
    layout: Layout,
    tenant: TenantRecord,
    campaign: CampaignRecord,
    reason: str,
    cause: str,
) -> None:
    """Completes a campaign: its runs stop, and what is out gets its answers. It is settled when the
    runs that every partition of contact-log has counted from then on have ended."""
    campaign.complete_at = None
    definition = campaign.definition
    if not definition.decides_by_counts():
        values: dict[str, Any] = {}
        if KINDS[definition.kind].completes_itself:
            values |= {name: total(campaign, name) for name in _COUNTS}
        if reason == END_DATE:
            campaign.end_reason = values["end_reason"] = reason
        set_status(turn, layout, tenant, campaign, "completed", cause, **values)
        return
    _evaluate(turn, layout, campaign, experiments.evaluate_at_completion)
    campaign.end_reason = reason
    if definition.outreach is not None and definition.settings.end_day is None:
        campaign.last_day = day_of(campaign_zone(tenant, definition), turn.now)  # C-7
    values = {"end_reason": reason, "last_day": day_text(last_day(campaign))}
    values["counts"] = reports.plain_counts(campaign)
    set_status(turn, layout, tenant, campaign, "completed", cause, **values)
    request_counts(turn, layout, campaign)
    campaign.awaited = list(range(layout.contact))
    reports.notify(turn, campaign, "campaign_completed", cause)


def pause_by_failures(turn: Turn, layout: Layout, message: PauseByFailures) -> None:
    """Pauses an active campaign of whose latest calls too many have failed. A campaign that is not
    active stays as it is."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    if tenant is None or campaign is None or campaign.status != "active":
        return
    ends = {"ends": message.ends, "failed": message.failed}
    set_status(turn, layout, tenant, campaign, "paused", FAILURE_RATE, **ends)
