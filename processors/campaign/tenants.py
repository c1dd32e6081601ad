"""Tenants: their settings, their deletion, and the templates they delete (S1-38, S1-42, F-6, F-10,
F-11)."""

from processors.campaign.broadcast import (
    announce_tenant,
    announce_to_all,
    announce_to_contacts,
    campaign_key,
    refuse,
    tenant_key,
)
from processors.campaign.dates import campaign_zone, plan_end
from processors.campaign.lifecycle import set_status
from processors.campaign.senders import announce_new_zone, remove_all
from processors.fold.turn import Turn
from schemas.base.regions import regions_named
from schemas.base.zones import zone_country
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    SWEEP_RULES,
    AddressReopened,
    DeleteTemplate,
    DeleteTenant,
    ReopenAddress,
    TemplateGone,
    UpsertTenant,
    Window,
)
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout

QUIET_START, QUIET_END, STRICT_START = 21 * 60, 8 * 60, 20 * 60
"""The default quiet hours in minutes of the day: 21:00 to 08:00, and from 20:00 in strict regions
(F-6)."""


def upsert(turn: Turn, layout: Layout, message: UpsertTenant) -> None:
    """Stores and announces a tenant's settings, or refuses them where a later event came before, or
    the tenant is deleted."""
    key = tenant_key(message.tenant_id)
    tenant = turn.store.edit(key, TenantRecord)
    if tenant is not None and tenant.status != "active":
        refuse(turn, message, "TENANT_DELETED")
        return
    if tenant is not None and message.at < tenant.reported_at:
        refuse(turn, message, "TENANT_UPDATE_STALE")
        return
    record = _record(turn, message, tenant)
    turn.store.put(key, record)
    announce_tenant(turn, layout, record)
    if tenant is not None and tenant.timezone != record.timezone:
        announce_new_zone(turn, record, message.cause)
    if tenant is not None and _clock_of(tenant) != _clock_of(record):
        _plan_ends(turn, record)
    unknown = _unknown_regions(message)
    values = {"strict_regions_unknown": unknown} if unknown else None
    turn.emit_fact(FactKind.TENANT_UPDATED, message.tenant_id, cause=message.cause, values=values)


def _clock_of(tenant: TenantRecord) -> tuple[str, str]:
    """What decides by which clock a tenant's campaigns go: a short name of a zone is one of its
    country."""
    return tenant.timezone, tenant.country


def _plan_ends(turn: Turn, tenant: TenantRecord) -> None:
    """Plans the end dates of campaigns anew, after the tenant's zone has changed (C-6). Those with
    a zone of their own stay as they are."""
    for campaign_id in tenant.campaigns:
        key = campaign_key(tenant.tenant_id, campaign_id)
        known = turn.store.read(key, CampaignRecord)
        if known is None or known.definition.settings.end_day is None:
            continue
        campaign = turn.store.edit(key, CampaignRecord)
        if campaign is not None:
            plan_end(campaign, campaign_zone(tenant, campaign.definition))


def _unknown_regions(message: UpsertTenant) -> list[int]:
    """The places, from 1, of the strict regions that are none of the tenant's country: those of
    other countries, names of its own, or mistyped ones."""
    country = message.country or zone_country(message.timezone)
    numbered = enumerate(message.strict_regions, 1)
    return [number for number, region in numbered if not regions_named(region, country)]


def _record(turn: Turn, message: UpsertTenant, before: TenantRecord | None) -> TenantRecord:
    start = QUIET_START if message.quiet_start is None else message.quiet_start
    end = QUIET_END if message.quiet_end is None else message.quiet_end
    return TenantRecord(
        message.tenant_id,
        "active",
        message.timezone,
        Window(message.timezone, start, end, "tenant"),
        STRICT_START if message.strict_start is None else message.strict_start,
        message.strict_regions,
        message.delay_by_service,
        message.limits,
        before.campaigns if before else [],
        before.services if before else {},
        before.templates_gone if before else [],
        before.created_at if before else turn.now,
        turn.now,
        message.at,
        before.seen if before else [],
        message.caps,
        message.fence,
        message.country,
        message.opt_out_words,
        message.calling_hours,
        message.calls,
        message.more_limits,
        before.senders if before else [],
        message.opt_out_scope,
    )


def delete(turn: Turn, layout: Layout, message: DeleteTenant) -> None:
    """Deletes a tenant with its campaigns and sender accounts (S1-38). Its history is kept
    (C-32)."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    if tenant is None or tenant.status != "active":
        refuse(turn, message, "TENANT_UNKNOWN" if tenant is None else "TENANT_DELETED")
        return
    for campaign_id in tenant.campaigns:
        campaign = turn.store.edit(campaign_key(tenant.tenant_id, campaign_id), CampaignRecord)
        if campaign is not None and campaign.status != "deleted":
            set_status(turn, layout, tenant, campaign, "deleted", message.cause)
    remove_all(turn, tenant, message)
    tenant.status = "deleted"
    tenant.updated_at = turn.now
    announce_tenant(turn, layout, tenant)
    turn.emit_fact(FactKind.TENANT_DELETED, message.tenant_id, cause=message.cause)


def reopen_address(turn: Turn, layout: Layout, message: ReopenAddress) -> None:
    """Announces that an address may be used again, to the contacts and to dispatch."""
    tenant = turn.store.read(tenant_key(message.tenant_id), TenantRecord)
    if tenant is None or tenant.status != "active":
        refuse(turn, message, "TENANT_UNKNOWN" if tenant is None else "TENANT_DELETED")
        return
    names = (message.tenant_id, message.channel, message.address, message.reason, message.cause)
    announce_to_all(turn, layout, message.tenant_id.encode(), AddressReopened(*names))


def delete_template(turn: Turn, layout: Layout, message: DeleteTemplate) -> None:
    """Records and announces a deleted template. Touches that need it are skipped (S1-42, S0-17)."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    if tenant is None:
        refuse(turn, message, "TENANT_UNKNOWN")
        return
    if message.template_id in tenant.templates_gone:
        return
    tenant.templates_gone.append(message.template_id)
    tenant.updated_at = turn.now
    gone = TemplateGone(message.tenant_id, message.template_id, message.cause, SWEEP_RULES)
    announce_to_contacts(turn, layout, message.tenant_id.encode(), gone)
    turn.emit_fact(
        FactKind.TEMPLATE_DELETED,
        message.tenant_id,
        cause=message.cause,
        values={"template_id": message.template_id},
    )
