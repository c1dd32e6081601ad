"""Orders to change the status of a campaign: refused, or carried out (C-8)."""

from processors.campaign import activation, completion, reports
from processors.campaign.broadcast import campaign_key, tenant_key
from processors.campaign.lifecycle import (
    STATUS_CHANGES,
    refuse,
    service_type_taken,
    set_status,
)
from processors.campaign.targets import are_met
from processors.fold.turn import Turn
from processors.shared.deduplication import add_if_new
from schemas.base.error_codes import CampaignCode
from schemas.campaigns.campaign_kinds import KINDS
from schemas.internal.messages import ChangeCampaign
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout


def change(turn: Turn, layout: Layout, message: ChangeCampaign) -> None:
    """Changes the status of a campaign, or refuses the action."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    if tenant is None or campaign is None:
        _refuse(turn, message, "TENANT_UNKNOWN" if tenant is None else "CAMPAIGN_UNKNOWN")
        return
    if not add_if_new(tenant.seen, message.cause):
        _refuse(turn, message, "EVENT_DUPLICATE")
        return
    becomes = STATUS_CHANGES[campaign.status].get(message.action)
    if becomes is None:
        already = message.action == "activated" and campaign.status == "active"
        _refuse(
            turn, message, CampaignCode.ALREADY_ACTIVE if already else "CAMPAIGN_STATUS_INVALID"
        )
    elif becomes == "active" and service_type_taken(tenant, campaign):
        _refuse(turn, message, "CAMPAIGN_SERVICE_TYPE_TAKEN")
    else:
        _carry_out(turn, layout, message, tenant, campaign, becomes)


def _carry_out(
    turn: Turn,
    layout: Layout,
    message: ChangeCampaign,
    tenant: TenantRecord,
    campaign: CampaignRecord,
    becomes: str,
) -> None:
    match becomes:
        case "active" if campaign.status == "draft" and KINDS[campaign.definition.kind].prepared:
            activation.begin(turn, layout, campaign, message)
        case "active" if are_met(campaign):  # nothing goes out in between
            reason = completion.TARGETS
            completion.complete(turn, layout, tenant, campaign, reason, message.cause)
        case "completed" if campaign.definition.decides_by_counts():
            completion.complete(turn, layout, tenant, campaign, completion.BY_ORDER, message.cause)
        case "archived":
            reports.archive(turn, layout, tenant, campaign, message.cause)
        case _:
            set_status(turn, layout, tenant, campaign, becomes, message.cause)


def _refuse(turn: Turn, message: ChangeCampaign, code: str) -> None:
    refuse(turn, message, message.action, message.cause, code)
