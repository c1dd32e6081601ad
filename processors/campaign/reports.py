"""What follows the completion of a campaign: it settles, is reported, archived, and at last nothing
needs it any more (S4-25, S4-28, S4-29). The engine sends no mail: facts ask for it (S4-116)."""

from typing import Any

from processors.campaign import experiments
from processors.campaign.broadcast import emit_campaign_fact, tenant_key
from processors.campaign.dates import (
    ARCHIVE,
    REPORT,
    RETENTION,
    SETTLE,
    campaign_zone,
    day_text,
    first_day,
    last_day,
)
from processors.campaign.lifecycle import set_status
from processors.campaign.targets import progress, total
from processors.fold.turn import Turn
from schemas.base.times import MomentUs, format_rfc3339
from schemas.internal.count_names import FROZEN, LIVE, OUT, without_experiments
from schemas.internal.facts import FactKind
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout

PROVISIONAL, FINAL = "provisional", "final"
ARCHIVE_DUE = "archive_due"
"""The cause of an archival because the time after the completion is over."""

_GOING_ON = (LIVE, FROZEN, OUT)


def settle(turn: Turn, campaign: CampaignRecord) -> None:
    """Notes that a completed campaign has settled: no partition has a run that goes on, or a
    command that is out. The provisional report need not wait any longer then."""
    if campaign.status != "completed" or campaign.settled_at or campaign.awaited:
        return
    if any(total(campaign, name) for name in _GOING_ON):
        return
    campaign.settled_at = turn.now
    values = {"counts": plain_counts(campaign)}
    emit_campaign_fact(turn, FactKind.CAMPAIGN_SETTLED, campaign, None, None, values)
    if campaign.dates.pop(SETTLE, None) is not None:
        _report(turn, campaign, PROVISIONAL)


def fire(turn: Turn, layout: Layout, tenant: TenantRecord, campaign: CampaignRecord) -> None:
    """Does the first thing that is due after the completion."""
    name = min(campaign.dates, key=lambda each: campaign.dates[each])
    del campaign.dates[name]
    if name == SETTLE:
        _report(turn, campaign, PROVISIONAL)
    elif name == REPORT:
        _report_finally(turn, campaign)
    elif name == ARCHIVE:
        archive(turn, layout, tenant, campaign, ARCHIVE_DUE)
    elif name == RETENTION:
        emit_campaign_fact(turn, FactKind.CAMPAIGN_RETENTION_DUE, campaign, None, None, None)
        notify(turn, campaign, "campaign_retention_due", None)


def archive(
    turn: Turn, layout: Layout, tenant: TenantRecord, campaign: CampaignRecord, cause: str
) -> None:
    """Archives a campaign. Its report stays from then on, so it is final."""
    if REPORT in campaign.dates:
        _report_finally(turn, campaign)
    set_status(turn, layout, tenant, campaign, "archived", cause)


def notify(
    turn: Turn, campaign: CampaignRecord, template: str, cause: str | None, **values: Any
) -> None:
    """Asks for a message to the owner of a campaign, if it has one. `values` are further ones of
    the fact."""
    terms = campaign.definition.outreach
    if terms is not None:
        values = {"template": template, "owner_id": terms.owner_id, **values}
        emit_campaign_fact(turn, FactKind.OWNER_NOTIFIED, campaign, cause, template, values)


def plain_counts(campaign: CampaignRecord) -> dict[str, int]:
    """The counts of a campaign over all partitions, without those of its experiments."""
    return without_experiments(campaign.total_counts())


def _report_finally(turn: Turn, campaign: CampaignRecord) -> None:
    campaign.dates.pop(SETTLE, None)
    campaign.dates.pop(REPORT, None)
    experiments.close(turn, campaign)
    _report(turn, campaign, FINAL)


def _report(turn: Turn, campaign: CampaignRecord, reason: str) -> None:
    """Emits the report: everything that a page about the campaign needs."""
    tenant = turn.store.read(tenant_key(campaign.tenant_id), TenantRecord)
    assert tenant is not None, "a campaign has a tenant"
    values = report_values(tenant, campaign, reason)
    emit_campaign_fact(turn, FactKind.CAMPAIGN_REPORT, campaign, None, reason, values)
    notify(turn, campaign, "campaign_report", None, final=reason == FINAL)


def report_values(tenant: TenantRecord, campaign: CampaignRecord, reason: str) -> dict[str, Any]:
    """The values of a report, provisional or final: enough to write a page about the campaign."""
    definition, terms = campaign.definition, campaign.definition.outreach
    values: dict[str, Any] = {
        "name": definition.name,
        "kind": definition.kind,
        "timezone": campaign_zone(tenant, definition),
        "status": campaign.status,
        "final": reason == FINAL,
        "end_reason": campaign.end_reason,
        "first_day": day_text(first_day(campaign)),
        "last_day": day_text(last_day(campaign)),
        "started_at": _time(campaign.started_at),
        "ended_at": _time(campaign.ended_at),
        "settled_at": _time(campaign.settled_at),
        "counts": plain_counts(campaign),
        "experiments": experiments.report_values(campaign),
    }
    if terms is not None:
        values |= {
            "owner_id": terms.owner_id,
            "campaign_type": terms.campaign_type,
            "channel": terms.channel,
            "targets": {
                "contacts": terms.target_contacts,
                "response_rate": terms.target_response_rate,
                "conversions": terms.target_conversions,
                "completion_policy": terms.completion_policy,
            },
            "progress": [each._asdict() for each in progress(campaign)],
        }
    return values


def _time(at: MomentUs) -> str | None:
    return format_rfc3339(at) if at else None
