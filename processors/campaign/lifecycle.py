"""The status of a campaign: which changes are allowed (C-8, C-28), and how they are announced."""

from typing import Any

from processors.campaign.broadcast import announce_to_contacts, campaign_key, tenant_key
from processors.campaign.campaign_limits import NO_LIMITS, announce_limits, limits_of
from processors.fold.turn import Turn
from processors.shared.deduplication import add_if_new
from processors.shared.tenant_lookup import service_of
from schemas.base.times import MINUTE, DurationUs, MomentUs
from schemas.campaigns.campaign_kinds import KINDS
from schemas.internal.facts import FactKind
from schemas.internal.messages import ChangeCampaign, StatusAnnounced
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


def change(turn: Turn, layout: Layout, message: ChangeCampaign) -> None:
    """Changes the status of a campaign, or refuses the action."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    if tenant is None or campaign is None:
        refuse(turn, message, "TENANT_UNKNOWN" if tenant is None else "CAMPAIGN_UNKNOWN")
        return
    if not add_if_new(tenant.seen, message.cause):
        refuse(turn, message, "EVENT_DUPLICATE")
        return
    becomes = STATUS_CHANGES[campaign.status].get(message.action)
    if becomes is None:
        already = message.action == "activated" and campaign.status == "active"
        refuse(turn, message, "CAMPAIGN_ALREADY_ACTIVE" if already else "CAMPAIGN_STATUS_INVALID")
    elif becomes == "active" and service_type_taken(tenant, campaign):
        refuse(turn, message, "CAMPAIGN_SERVICE_TYPE_TAKEN")
    else:
        set_status(turn, layout, tenant, campaign, becomes, message.cause)


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
    occupy_service_type(tenant, campaign)
    announce_to_contacts(
        turn,
        layout,
        tenant.tenant_id.encode(),
        StatusAnnounced(tenant.tenant_id, campaign.campaign_id, status, cause),
    )
    turn.emit_fact(
        FactKind.CAMPAIGN_STATUS_CHANGED,
        tenant.tenant_id,
        campaign_id=campaign.campaign_id,
        version=campaign.version,
        cause=cause,
        reason=status,
        values={"before": before, **values},
    )
    if status == "deleted":
        ids = (campaign.tenant_id, campaign.campaign_id)
        announce_limits(turn, layout, *ids, limits_of(campaign.definition), NO_LIMITS)


def stamp_status(campaign: CampaignRecord, now: MomentUs) -> None:
    """Keeps when a campaign first became active and when it ended, and when it completes by itself.
    Logs of older versions have none of the kinds that complete by themselves: their states stay
    what they were."""
    if not KINDS[campaign.definition.kind].completes_itself:
        return
    if campaign.status == "active" and not campaign.started_at:
        campaign.started_at = now
    if campaign.status in ("completed", "cancelled"):
        campaign.ended_at = now
    campaign.complete_at = completion_at(campaign)


def completion_at(campaign: CampaignRecord) -> MomentUs | None:
    """When an active campaign completes by itself: none of its runs is left, and no further one has
    begun for a while (F-17). None while it has a run, or has had none."""
    if campaign.status != "active":
        return None
    if total(campaign, "live") > 0 or total(campaign, "runs") == 0:
        return None
    return campaign.last_started_at + QUIET_US


def total(campaign: CampaignRecord, name: str) -> int:
    """A count of runs over all partitions of contact-log."""
    return sum(counts.get(name, 0) for _, counts in campaign.counts.values())


def occupy_service_type(tenant: TenantRecord, campaign: CampaignRecord) -> None:
    """Lets an active or paused campaign occupy its service type, and any other leave it (C-4)."""
    for name in [n for n, served in tenant.services.items() if served == campaign.campaign_id]:
        del tenant.services[name]
    if campaign.status in ("active", "paused"):
        tenant.services[service_of(campaign.definition)] = campaign.campaign_id


def refuse(turn: Turn, message: ChangeCampaign, code: str) -> None:
    """Emits the fact that an action was refused, with a code."""
    turn.emit_fact(
        FactKind.EVENT_REFUSED,
        message.tenant_id,
        campaign_id=message.campaign_id,
        cause=message.cause,
        reason=code,
        values={"action": message.action},
    )
