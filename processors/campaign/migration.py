"""Orders to migrate enrollments of older versions of a campaign to the newest version (C-36)."""

from processors.campaign.broadcast import announce_to_contacts, campaign_key, refuse, tenant_key
from processors.fold.turn import Turn
from processors.shared.deduplication import add_if_new
from schemas.internal.facts import FactKind
from schemas.internal.messages import SWEEP_RULES, MoveRuns, RunsMoved
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout


def move_runs(turn: Turn, layout: Layout, message: MoveRuns) -> None:
    """Announces a migration to every partition of contact-log, or refuses the order."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    campaign = turn.store.read(campaign_key(message.tenant_id, message.campaign_id), CampaignRecord)
    if tenant is None or campaign is None:
        code = "TENANT_UNKNOWN" if tenant is None else "CAMPAIGN_UNKNOWN"
        refuse(turn, message, code, message.campaign_id)
        return
    refusal = _refusal(tenant, campaign, message)
    if refusal is not None:
        refuse(turn, message, refusal, message.campaign_id)
        return
    order = RunsMoved(
        message.tenant_id,
        message.campaign_id,
        campaign.version,
        message.from_version,
        message.steps,
        message.cause,
        SWEEP_RULES,
    )
    announce_to_contacts(turn, layout, message.tenant_id.encode(), order)
    turn.emit_fact(
        FactKind.CAMPAIGN_MIGRATED,
        message.tenant_id,
        campaign_id=message.campaign_id,
        version=campaign.version,
        cause=message.cause,
        values={"from_version": message.from_version, "steps": message.steps},
    )


def _refusal(tenant: TenantRecord, campaign: CampaignRecord, message: MoveRuns) -> str | None:
    """The code of the first reason against the order, or None."""
    if not add_if_new(tenant.seen, message.cause):
        return "EVENT_DUPLICATE"
    if campaign.status not in ("active", "paused"):
        return f"CAMPAIGN_{campaign.status.upper()}"
    if (message.from_version or 1) not in range(1, campaign.version + 1):
        return "CAMPAIGN_VERSION_UNKNOWN"
    named = set(filter(None, message.steps.values()))
    unknown = named - {step.id for step in campaign.definition.steps}
    return "CAMPAIGN_STEP_UNKNOWN" if unknown else None
