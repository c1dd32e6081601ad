"""A definition is published: validated, versioned, and told to every partition, which answers
(S4, C-36)."""

from typing import Any

from processors.campaign.broadcast import campaign_key, refuse, tell_contacts, tenant_key
from processors.campaign.lifecycle import serve, taken
from processors.fold.turn import Turn
from processors.shared.deduplication import first_time
from schemas.campaigns.compiled_definition import Definition, content_hash
from schemas.campaigns.definition import read_definition
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    CampaignAcknowledged,
    CampaignAnnounced,
    MoveRuns,
    PublishCampaign,
    RunsMoved,
)
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout


def publish(turn: Turn, layout: Layout, message: PublishCampaign) -> None:
    """The next version of a campaign, or all that is wrong with the document; the same again is
    no version."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    if tenant is None or tenant.status != "active":
        _refuse(turn, message, "TENANT_UNKNOWN")
        return
    if not first_time(tenant.seen, message.cause):
        _refuse(turn, message, "EVENT_DUPLICATE")
        return
    definition = read_definition(
        message.document, tenant_id=message.tenant_id, campaign_id=message.campaign_id
    )
    if not isinstance(definition, Definition):
        problems = [
            {"code": problem.code, "place": problem.place, "message": problem.message}
            for problem in definition
        ]
        _refuse(turn, message, "CAMPAIGN_INVALID", problems=problems)
    else:
        _publish_valid(turn, layout, message, tenant, definition)


def _publish_valid(
    turn: Turn,
    layout: Layout,
    message: PublishCampaign,
    tenant: TenantRecord,
    definition: Definition,
) -> None:
    key = campaign_key(tenant.tenant_id, definition.campaign_id)
    before = turn.store.edit(key, CampaignRecord)
    if before is not None and before.status in ("completed", "archived", "deleted"):
        _refuse(turn, message, f"CAMPAIGN_{before.status.upper()}")
        return
    fresh = _record(turn, message, definition, before)
    if fresh.status != "draft" and taken(tenant, fresh):
        _refuse(turn, message, "CAMPAIGN_SERVICE_TYPE_TAKEN")
        return
    turn.store.put(key, fresh)
    if definition.campaign_id not in tenant.campaigns:
        tenant.campaigns.append(definition.campaign_id)
    serve(tenant, fresh)
    if before is not None and fresh.version == before.version:
        _say_ready(turn, layout, fresh)
        return
    announced = CampaignAnnounced(
        tenant.tenant_id,
        fresh.campaign_id,
        fresh.version,
        fresh.status,
        definition,
        message.cause,
    )
    tell_contacts(turn, layout, tenant.tenant_id.encode(), announced)
    _emit_fact(turn, FactKind.CAMPAIGN_PUBLISHED, fresh)


def _record(
    turn: Turn, message: PublishCampaign, definition: Definition, before: CampaignRecord | None
) -> CampaignRecord:
    """The campaign with this definition: its next version, or the same one where nothing has
    changed."""
    digest = content_hash(definition)
    same = before is not None and digest == before.definition_hash
    return CampaignRecord(
        definition.tenant_id,
        definition.campaign_id,
        before.status if before else definition.status,
        (before.version if same else before.version + 1) if before else 1,
        definition,
        digest,
        before.acknowledged_by if before is not None and same else [],
        before.created_at if before else turn.now,
        turn.now,
        message.cause,
    )


def move_runs(turn: Turn, layout: Layout, message: MoveRuns) -> None:
    """Runs of older versions go on in the newest."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    campaign = turn.store.read(campaign_key(message.tenant_id, message.campaign_id), CampaignRecord)
    if tenant is None or campaign is None:
        code = "TENANT_UNKNOWN" if tenant is None else "CAMPAIGN_UNKNOWN"
        refuse(turn, message, code, message.campaign_id)
        return
    refusal = _why_not(tenant, campaign, message)
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
    )
    tell_contacts(turn, layout, message.tenant_id.encode(), order)
    turn.emit_fact(
        FactKind.CAMPAIGN_MIGRATED,
        message.tenant_id,
        campaign_id=message.campaign_id,
        version=campaign.version,
        cause=message.cause,
        values={"from_version": message.from_version, "steps": message.steps},
    )


def _why_not(tenant: TenantRecord, campaign: CampaignRecord, message: MoveRuns) -> str | None:
    """An order comes once, for a campaign that goes on, and names only steps that it has."""
    if not first_time(tenant.seen, message.cause):
        return "EVENT_DUPLICATE"
    if campaign.status not in ("active", "paused"):
        return f"CAMPAIGN_{campaign.status.upper()}"
    if (message.from_version or 1) not in range(1, campaign.version + 1):
        return "CAMPAIGN_VERSION_UNKNOWN"
    named = set(filter(None, message.steps.values()))
    strange = named - {step.id for step in campaign.definition.steps}
    return "CAMPAIGN_STEP_UNKNOWN" if strange else None


def known(turn: Turn, layout: Layout, message: CampaignAcknowledged) -> None:
    """A partition has the version; once all have it, the next job meets it wherever it goes."""
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    if campaign is None or message.version != campaign.version:
        return
    if message.partition not in campaign.acknowledged_by:
        campaign.acknowledged_by = sorted((*campaign.acknowledged_by, message.partition))
        _say_ready(turn, layout, campaign)


def _say_ready(turn: Turn, layout: Layout, campaign: CampaignRecord) -> None:
    if len(campaign.acknowledged_by) == layout.contact:
        _emit_fact(turn, FactKind.CAMPAIGN_READY, campaign)


def _emit_fact(turn: Turn, kind: FactKind, campaign: CampaignRecord) -> None:
    """With the templates it names that were deleted: their touches will not be sent (S1-42)."""
    tenant = turn.store.read(tenant_key(campaign.tenant_id), TenantRecord)
    deleted = set(tenant.templates_gone if tenant is not None else ())
    named = [step.template_id for step in campaign.definition.steps]
    gone = sorted({name for name in named if name is not None and name in deleted})
    turn.emit_fact(
        kind,
        campaign.tenant_id,
        campaign_id=campaign.campaign_id,
        version=campaign.version,
        cause=campaign.cause,
        values={"status": campaign.status} | ({"templates_gone": gone} if gone else {}),
    )


def _refuse(turn: Turn, message: PublishCampaign, code: str, **values: Any) -> None:
    turn.emit_fact(
        FactKind.CAMPAIGN_REFUSED,
        message.tenant_id,
        campaign_id=message.campaign_id,
        cause=message.cause,
        reason=code,
        values=values or None,
    )
