"""The status of a campaign: which changes are allowed (C-8, C-28), and how they are announced."""

from processors.campaign.broadcast import announce_to_contacts, campaign_key, tenant_key
from processors.fold.turn import Turn
from processors.shared.deduplication import add_if_new
from processors.shared.tenant_lookup import service_of
from schemas.internal.facts import FactKind
from schemas.internal.messages import ChangeCampaign, StatusAnnounced
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout

STATUS_CHANGES: dict[str, dict[str, str]] = {
    "draft": {"activated": "active", "deleted": "deleted"},
    "active": {"paused": "paused", "completed": "completed", "deleted": "deleted"},
    "paused": {
        "resumed": "active",
        "activated": "active",
        "completed": "completed",
        "deleted": "deleted",
    },
    "completed": {"archived": "archived", "deleted": "deleted"},
    "archived": {"deleted": "deleted"},
    "deleted": {},
}
"""The next status, by the current status and the action. A missing pair is refused."""


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
) -> None:
    """Sets the status, occupies or leaves the service type, and announces the status."""
    before, campaign.status = campaign.status, status
    campaign.updated_at = turn.now
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
        values={"before": before},
    )


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
