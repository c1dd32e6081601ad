"""Converts the data of events about campaigns, templates and tenants into messages of campaign-log.

A converter takes the validated data of an event, the cause (`source#id`), the moment at which the
event happened, and the event's type.
"""

from typing import Any

import msgspec

from processors.intake.contact_events import Convert
from schemas.base.times import HOUR, parse_clock
from schemas.base.zones import zone_country
from schemas.channels import PHONE
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms, TenantCallTerms
from schemas.public import admin_events
from schemas.public.events import EVENTS


def _campaign_published(
    data: admin_events.CampaignPublished, cause: str, at: int, _: str
) -> m.Message:
    document = msgspec.json.encode(data.definition)
    return m.PublishCampaign(data.tenant_id, data.campaign_id, cause, at, document)


def _campaign_changed(
    data: admin_events.CampaignChanged, cause: str, at: int, event_type: str
) -> m.Message:
    action = event_type.removeprefix("campaign.")
    return m.ChangeCampaign(data.tenant_id, data.campaign_id, action, cause, at)


def _campaign_migrated(
    data: admin_events.CampaignMigrated, cause: str, at: int, _: str
) -> m.Message:
    return m.MoveRuns(
        data.tenant_id,
        data.campaign_id,
        cause,
        at,
        data.from_version,
        {str(old): new for old, new in data.steps.items()},
    )


def _template_deleted(data: admin_events.TemplateDeleted, cause: str, at: int, _: str) -> m.Message:
    return m.DeleteTemplate(data.tenant_id, data.template_id, cause, at)


def _tenant_upserted(data: admin_events.TenantUpserted, cause: str, at: int, _: str) -> m.Message:
    quiet = data.quiet_hours
    strict = quiet.strict_start if quiet else None
    return m.UpsertTenant(
        data.tenant_id,
        cause,
        at,
        data.timezone,
        parse_clock(quiet.start) if quiet else None,
        parse_clock(quiet.end) if quiet else None,
        parse_clock(strict) if strict is not None else None,
        tuple(quiet.strict_regions) if quiet else (),
        {str(name): int(hours * HOUR) for name, hours in data.delay_hours_by_service.items()},
        {str(name): limit.per_hour for name, limit in data.limits.items()},
        _frequency_caps(data.frequency_caps),
        data.fence or 0,
        data.country or "",
        tuple(word.strip().upper() for word in data.opt_out_words),
        data.calling_hours,
        _call_terms(data),
        _more_limits(data.limits),
        data.opt_out_scope,
    )


def _call_terms(data: admin_events.TenantUpserted) -> TenantCallTerms | None:
    """The limits of a tenant's calls, with caller numbers in the canonical form."""
    calls = data.calls
    if calls is None:
        return None
    country = data.country or zone_country(data.timezone)
    numbers = {PHONE.canonical(text, country): slots for text, slots in calls.numbers.items()}
    return TenantCallTerms(
        calls.concurrent,
        calls.pool_concurrent,
        calls.agents,
        numbers,
        tuple(sorted({*calls.allow})),
    )


def _more_limits(limits: dict[str, admin_events.Hourly]) -> dict[str, LimitTerms]:
    """The limits of channels that are not for an hour."""
    found = {
        name: LimitTerms(
            per_day=limit.per_day,
            domain_per_hour=limit.domain_per_hour,
            domain_per_day=limit.domain_per_day,
        )
        for name, limit in limits.items()
    }
    return {name: terms for name, terms in found.items() if terms != LimitTerms()}


def _frequency_caps(caps: admin_events.FrequencyCaps | None) -> dict[str, int]:
    """The caps that are set, by name."""
    limits = {} if caps is None else {"per_day": caps.per_day, "per_week": caps.per_week}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _tenant_deleted(data: admin_events.TenantDeleted, cause: str, at: int, _: str) -> m.Message:
    return m.DeleteTenant(data.tenant_id, cause, at)


def _address_reopened(data: Any, cause: str, at: int, _: str) -> m.Message:
    reason = data.reason or ""
    return m.ReopenAddress(data.tenant_id, data.channel, data.address, reason, cause, at)


ADMIN_EVENTS: dict[str, Convert] = {
    "campaign.published": _campaign_published,
    "campaign.migrated": _campaign_migrated,
    "template.deleted": _template_deleted,
    "tenant.upserted": _tenant_upserted,
    "tenant.deleted": _tenant_deleted,
    "address.reopened": _address_reopened,
}
ADMIN_EVENTS |= {
    name: _campaign_changed for name in EVENTS if EVENTS[name].model is admin_events.CampaignChanged
}
"""The converter of each event type."""
