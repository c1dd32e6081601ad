"""Publishes definitions: validates them, gives them versions, and announces them to every partition
of contact-log, which acknowledges each version (S4, C-36)."""

from typing import Any

from processors.campaign import completion, experiments
from processors.campaign.activation import as_values, recommended
from processors.campaign.broadcast import (
    announce_to_contacts,
    campaign_key,
    emit_campaign_fact,
    tenant_key,
)
from processors.campaign.campaign_limits import announce_limits, caller_refusal, limits_of
from processors.campaign.dates import campaign_zone, end_at, first_day, plan_end
from processors.campaign.lifecycle import (
    drop_activation,
    occupy_service_type,
    service_type_taken,
    stamp_status,
)
from processors.fold.turn import Turn
from processors.shared.calendar_periods import day_of
from processors.shared.deduplication import add_if_new
from schemas.base.error_codes import MESSAGES, CampaignCode, Problem
from schemas.base.zones import ZONE_NAMES
from schemas.campaigns.campaign_days import past_days
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition, content_hash
from schemas.campaigns.definition import read_definition
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    SWEEP_RULES,
    CampaignAcknowledged,
    CampaignAnnounced,
    PublishCampaign,
)
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout

_KEPT = (
    *("counts", "last_started_at", "started_at", "ended_at", "first_day", "requests"),
    "activation",
)
"""The fields of a campaign's state that a new version leaves as they are."""

_START_DATE, _END_DATE = "settings.start_date", "settings.end_date"


def publish(turn: Turn, layout: Layout, message: PublishCampaign) -> None:
    """Publishes a document as the next version of its campaign, or refuses it with all its
    problems. A document without changes is no new version."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    if tenant is None or tenant.status != "active":
        _refuse(turn, message, "TENANT_UNKNOWN")
        return
    if not add_if_new(tenant.seen, message.cause):
        _refuse(turn, message, "EVENT_DUPLICATE")
        return
    definition = read_definition(
        message.document, tenant_id=message.tenant_id, campaign_id=message.campaign_id
    )
    if not isinstance(definition, Definition):
        _refuse(turn, message, "CAMPAIGN_INVALID", problems=as_values(definition))
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
    if before is not None and before.status in ("completed", "cancelled", "archived", "deleted"):
        _refuse(turn, message, f"CAMPAIGN_{before.status.upper()}")
        return
    refusal = _refusal(turn, tenant, definition, before)
    if refusal is not None:
        _refuse(turn, message, refusal[0], **refusal[1])
        return
    limits_before = limits_of(before.definition if before is not None else None)
    record = _record(turn, message, definition, before)
    plan_end(record, campaign_zone(tenant, definition))
    if record.status != "draft" and service_type_taken(tenant, record):
        _refuse(turn, message, "CAMPAIGN_SERVICE_TYPE_TAKEN")
        return
    turn.store.put(key, record)
    if not KINDS[definition.kind].prepared:  # it is not activated by the counts of its people
        drop_activation(turn, record)
    if definition.campaign_id not in tenant.campaigns:
        tenant.campaigns.append(definition.campaign_id)
    occupy_service_type(tenant, record)
    if before is not None and record.version == before.version:
        _emit_if_ready(turn, layout, record)
        return
    announced = CampaignAnnounced(
        tenant.tenant_id,
        record.campaign_id,
        record.version,
        record.status,
        definition,
        message.cause,
        SWEEP_RULES,
    )
    announce_to_contacts(turn, layout, tenant.tenant_id.encode(), announced)
    ids = (tenant.tenant_id, record.campaign_id)
    announce_limits(turn, layout, *ids, limits_before, limits_of(definition))
    strata = experiments.new_strata(definition, before)
    more = {"new_strata": strata} if strata else {}
    _emit_fact(turn, FactKind.CAMPAIGN_PUBLISHED, record, **more)
    experiments.switch_late(turn, layout, record, before)
    completion.complete_by_targets(turn, layout, tenant, record)


def _refusal(
    turn: Turn, tenant: TenantRecord, definition: Definition, before: CampaignRecord | None
) -> tuple[str, dict[str, Any]] | None:
    """The code and the values of the first reason against a valid definition, or None."""
    unknown = caller_refusal(tenant, definition)
    if unknown is not None:
        return unknown, {}
    if before is not None and _changes_kind(definition, before):
        return "CAMPAIGN_KIND_CHANGED", {}
    problems = _day_problems(turn, tenant, definition, before)
    if problems:
        return "CAMPAIGN_INVALID", {"problems": as_values(problems)}
    return experiments.experiment_refusal(turn, tenant, definition, before)


def _changes_kind(definition: Definition, before: CampaignRecord) -> bool:
    """Whether a campaign that has begun would become one of a kind that is prepared as a draft, or
    cease to be one."""
    if before.status == "draft" or definition.kind == before.definition.kind:
        return False
    return KINDS[definition.kind].prepared or KINDS[before.definition.kind].prepared


def _day_problems(
    turn: Turn, tenant: TenantRecord, definition: Definition, before: CampaignRecord | None
) -> list[Problem]:
    """The days that are over, a first day that is set after the draft, and a last day that is not
    after the first one (S4-16, S4-17, C-34). A day that was there before is no problem."""
    settings, zone_name = definition.settings, campaign_zone(tenant, definition)
    if zone_name not in ZONE_NAMES:  # stored by an older version: there are no days by it
        has_days = (settings.start_day, settings.end_day) != (None, None)
        message = "not an IANA time zone"
        problem = Problem(CampaignCode.TIMEZONE_UNKNOWN, "settings.timezone", message)
        return [problem] if has_days else []
    known = before.definition if before is not None else None
    found: dict[str, str] = {}
    for problem in past_days(definition, day_of(zone_name, turn.now), known):
        found[problem.place] = problem.message
    if known is None or settings.end_day != known.settings.end_day:
        ends_at = end_at(settings, zone_name)
        if ends_at is not None and ends_at <= turn.now:
            found.setdefault(_END_DATE, "End date cannot be in the past")
    if before is not None and before.status != "draft" and KINDS[definition.kind].prepared:
        first = first_day(before)
        same = known is not None and settings.start_day == known.settings.start_day
        if not same and (settings.start_day is None or settings.start_day != first):
            found[_START_DATE] = "Start date can be set only while the campaign is a draft"
        elif first is not None and settings.end_day is not None and settings.end_day <= first:
            found.setdefault(_END_DATE, MESSAGES[CampaignCode.INVALID_DATES])
    return [Problem(CampaignCode.INVALID_DATES, *each) for each in found.items()]


def _record(
    turn: Turn, message: PublishCampaign, definition: Definition, before: CampaignRecord | None
) -> CampaignRecord:
    """The campaign's state with the definition: the next version, or the current one where the
    definition is the same."""
    digest = content_hash(definition)
    same = before is not None and digest == before.definition_hash
    first = "draft" if KINDS[definition.kind].prepared else definition.status  # S4-21
    record = CampaignRecord(
        definition.tenant_id,
        definition.campaign_id,
        before.status if before else first,
        (before.version if same else before.version + 1) if before else 1,
        definition,
        digest,
        before.acknowledged_by if before is not None and same else [],
        before.created_at if before else turn.now,
        turn.now,
        message.cause,
    )
    if before is not None:
        for name in _KEPT:
            setattr(record, name, getattr(before, name))
        record.dates = dict(before.dates)
        record.experiments = experiments.keep_records(before)
    stamp_status(record, turn.now)
    return record


def acknowledged(turn: Turn, layout: Layout, message: CampaignAcknowledged) -> None:
    """Counts a partition that has a version. When all partitions have it, every new enrollment
    begins with it, and the campaign is ready."""
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    if campaign is None or message.version != campaign.version:
        return
    if message.partition not in campaign.acknowledged_by:
        campaign.acknowledged_by = sorted((*campaign.acknowledged_by, message.partition))
        _emit_if_ready(turn, layout, campaign)


def _emit_if_ready(turn: Turn, layout: Layout, campaign: CampaignRecord) -> None:
    if len(campaign.acknowledged_by) == layout.contact:
        _emit_fact(turn, FactKind.CAMPAIGN_READY, campaign)


def _emit_fact(turn: Turn, kind: FactKind, campaign: CampaignRecord, **more: Any) -> None:
    """Emits a fact about a campaign, with what it should have (S4-34), and the deleted templates
    that its steps name. The touches of these steps will not be sent (S1-42)."""
    tenant = turn.store.read(tenant_key(campaign.tenant_id), TenantRecord)
    deleted = set(tenant.templates_gone if tenant is not None else ())
    named = [step.template_id for step in campaign.definition.steps]
    gone = sorted({name for name in named if name is not None and name in deleted})
    values = {
        "status": campaign.status,
        **({"templates_gone": gone} if gone else {}),
        **recommended(campaign.definition),
        **more,
    }
    emit_campaign_fact(turn, kind, campaign, campaign.cause, None, values)


def _refuse(turn: Turn, message: PublishCampaign, code: str, **values: Any) -> None:
    turn.emit_fact(
        FactKind.CAMPAIGN_REFUSED,
        message.tenant_id,
        campaign_id=message.campaign_id,
        cause=message.cause,
        reason=code,
        values=values or None,
    )
