"""A campaign's status: which changes there are (C-8, C-28), and how each is made known."""

from processors.campaign.broadcast import campaign_key, tell_contacts, tenant_key
from processors.fold.turn import Turn
from processors.shared.deduplication import first_time
from processors.shared.tenant_lookup import service_of
from schemas.internal.facts import FactKind
from schemas.internal.messages import ChangeCampaign, StatusAnnounced
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout

CAMPAIGN: dict[str, dict[str, str]] = {
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
"""What a status becomes on an action; a missing pair is refused with a code."""


def change(turn: Turn, layout: Layout, message: ChangeCampaign) -> None:
    """The action, if the table has it."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    if tenant is None or campaign is None:
        refuse(turn, message, "TENANT_UNKNOWN" if tenant is None else "CAMPAIGN_UNKNOWN")
        return
    if not first_time(tenant.seen, message.cause):
        refuse(turn, message, "EVENT_DUPLICATE")
        return
    becomes = CAMPAIGN[campaign.status].get(message.action)
    if becomes is None:
        already = message.action == "activated" and campaign.status == "active"
        refuse(turn, message, "CAMPAIGN_ALREADY_ACTIVE" if already else "CAMPAIGN_STATUS_INVALID")
    elif becomes == "active" and taken(tenant, campaign):
        refuse(turn, message, "CAMPAIGN_SERVICE_TYPE_TAKEN")
    else:
        set_status(turn, layout, tenant, campaign, becomes, message.cause)


def taken(tenant: TenantRecord, campaign: CampaignRecord) -> bool:
    """Whether another campaign serves this one's service type (S1-5, C-4: all services is one
    value)."""
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
    """The campaign has a status, serves its service type or no longer, and every partition hears
    of it."""
    before, campaign.status = campaign.status, status
    campaign.updated_at = turn.now
    serve(tenant, campaign)
    tell_contacts(
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


def serve(tenant: TenantRecord, campaign: CampaignRecord) -> None:
    """An active or paused campaign occupies its service type; any other leaves it (C-4)."""
    for name in [n for n, served in tenant.services.items() if served == campaign.campaign_id]:
        del tenant.services[name]
    if campaign.status in ("active", "paused"):
        tenant.services[service_of(campaign.definition)] = campaign.campaign_id


def refuse(turn: Turn, message: ChangeCampaign, code: str) -> None:
    """The action is not done, and why."""
    turn.emit_fact(
        FactKind.EVENT_REFUSED,
        message.tenant_id,
        campaign_id=message.campaign_id,
        cause=message.cause,
        reason=code,
        values={"action": message.action},
    )
