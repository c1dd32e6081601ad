"""The status of a campaign: which changes there are (C-8, C-28), and how they are announced."""

from typing import Any

from processors.campaign.broadcast import (
    announce_to_contacts,
    announce_to_dispatch,
    emit_campaign_fact,
)
from processors.campaign.campaign_limits import NO_LIMITS, announce_limits, limits_of
from processors.campaign.dates import campaign_zone, plan_dates
from processors.campaign.targets import total
from processors.fold.turn import Turn
from processors.shared.tenant_lookup import service_of
from schemas.base.times import MINUTE, DurationUs, MomentUs
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.count_names import FROZEN, LIVE, RUNS
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    SWEEP_RULES,
    CampaignGateAnnounced,
    ChangeCampaign,
    StatusAnnounced,
)
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout

STATUS_CHANGES: dict[str, dict[str, str]] = {
    "draft": {"activated": "active", "cancelled": "cancelled", "deleted": "deleted"},
    "active": {
        "paused": "paused",
        "completed": "completed",
        "cancelled": "cancelled",
        "deleted": "deleted",
    },
    "paused": {
        "resumed": "active",
        "activated": "active",
        "completed": "completed",
        "cancelled": "cancelled",
        "deleted": "deleted",
    },
    "completed": {"archived": "archived", "deleted": "deleted"},
    "cancelled": {"archived": "archived", "deleted": "deleted"},
    "archived": {"deleted": "deleted"},
    "deleted": {},
}
"""The next status, by the current status and the action. A missing pair is refused."""

QUIET_US: DurationUs = 15 * MINUTE
"""A campaign completes by itself only if no run has begun for so long: an import that is still
under way enrolls further people."""


def service_type_taken(tenant: TenantRecord, campaign: CampaignRecord) -> bool:
    """Whether another campaign occupies the campaign's service type (S1-5, C-4)."""
    service = service_of(campaign.definition)
    return tenant.services.get(service, campaign.campaign_id) != campaign.campaign_id


def set_status(
    turn: Turn,
    layout: Layout,
    tenant: TenantRecord,
    campaign: CampaignRecord,
    status: str,
    cause: str,
    **values: Any,
) -> None:
    """Sets the status, occupies or leaves the service type, and announces the status. `values` are
    further ones of the fact."""
    before, campaign.status = campaign.status, status
    campaign.updated_at = turn.now
    stamp_status(campaign, turn.now)
    plan_dates(campaign, campaign_zone(tenant, campaign.definition))
    drop_activation(turn, campaign)
    occupy_service_type(tenant, campaign)
    key, ids = tenant.tenant_id.encode(), (tenant.tenant_id, campaign.campaign_id)
    announced = StatusAnnounced(*ids, status, cause, SWEEP_RULES)
    announce_to_contacts(turn, layout, key, announced)
    announce_to_dispatch(turn, layout, key, CampaignGateAnnounced(*ids, status))
    kind, values = FactKind.CAMPAIGN_STATUS_CHANGED, {"before": before, **values}
    emit_campaign_fact(turn, kind, campaign, cause, status, values)
    if status == "deleted":
        announce_limits(turn, layout, *ids, limits_of(campaign.definition), NO_LIMITS)


def is_counted(definition: Definition) -> bool:
    """Whether the partitions of contact-log count the runs of a campaign: because it completes by
    itself, or decides by counts."""
    return KINDS[definition.kind].completes_itself or definition.decides_by_counts()


def stamp_status(campaign: CampaignRecord, now: MomentUs) -> None:
    """Keeps when a counted campaign first became active and when it ended, and when it completes by
    itself. Logs of older versions have none of these: their states stay what they were."""
    if not is_counted(campaign.definition):
        return
    if campaign.status == "active" and not campaign.started_at:
        campaign.started_at = now
    if campaign.status in ("completed", "cancelled"):
        campaign.ended_at = now
    campaign.complete_at = completion_at(campaign)


def completion_at(campaign: CampaignRecord) -> MomentUs | None:
    """When an active campaign is complete because all of its people are processed: no run goes on
    or is held, and no further one has begun for a while (C-7, F-17). None while it has such a run,
    or has had none."""
    if campaign.status != "active" or not KINDS[campaign.definition.kind].completes_itself:
        return None
    if total(campaign, LIVE) + total(campaign, FROZEN) > 0 or total(campaign, RUNS) == 0:
        return None
    return campaign.last_started_at + QUIET_US


def drop_activation(turn: Turn, campaign: CampaignRecord) -> None:
    """Refuses the orders to activate a campaign that are not decided yet, because another order has
    given it another status."""
    pending, campaign.activation = campaign.activation, None
    if pending is not None:
        for cause in (pending.cause, *pending.further):
            refuse(turn, campaign, "activated", cause, f"CAMPAIGN_{campaign.status.upper()}")


def occupy_service_type(tenant: TenantRecord, campaign: CampaignRecord) -> None:
    """Lets an active or paused campaign occupy its service type, and any other leave it (C-4)."""
    for name in [n for n, served in tenant.services.items() if served == campaign.campaign_id]:
        del tenant.services[name]
    if campaign.status in ("active", "paused"):
        tenant.services[service_of(campaign.definition)] = campaign.campaign_id


def refuse(
    turn: Turn,
    ids: CampaignRecord | ChangeCampaign,
    action: str,
    cause: str,
    code: str,
    **values: Any,
) -> None:
    """Emits the fact that an action on a campaign was refused, with a code."""
    turn.emit_fact(
        FactKind.EVENT_REFUSED,
        ids.tenant_id,
        campaign_id=ids.campaign_id,
        cause=cause,
        reason=code,
        values={"action": action, **values},
    )
