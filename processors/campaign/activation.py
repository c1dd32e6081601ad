"""The activation of a draft that is prepared: it waits until every partition of contact-log has
counted its people, and is refused with everything that is missing (S4-21, S4-32, S4-93…S4-97)."""

from collections.abc import Collection, Iterator
from typing import Any

from msgspec.structs import replace

from processors.campaign.broadcast import announce_to_contacts
from processors.campaign.dates import campaign_zone, day_text, end_at, first_day
from processors.campaign.lifecycle import refuse, set_status
from processors.campaign.senders import sender_key
from processors.campaign.targets import total
from processors.fold.turn import Turn
from processors.shared.calendar_periods import day_of
from schemas.base.error_codes import MESSAGES, CampaignCode, Problem
from schemas.base.times import MomentUs
from schemas.base.zones import ZONE_NAMES
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.local_problems import local_problems
from schemas.campaigns.recommendations import recommendations
from schemas.channels import CHANNELS
from schemas.internal.campaign_states import Activation
from schemas.internal.count_names import FROZEN, LIVE, RUNS
from schemas.internal.messages import ChangeCampaign, CountsRequested
from schemas.internal.states import CampaignRecord, SenderRecord, TenantRecord
from schemas.internal.topics import Layout

FURTHER_MAX = 100
"""So many further orders wait together with the first one."""


def begin(turn: Turn, layout: Layout, campaign: CampaignRecord, message: ChangeCampaign) -> None:
    """Asks every partition of contact-log how many people the campaign has. A further order while
    the first one waits gets the answer of the first one."""
    pending = campaign.activation
    if pending is not None and len(pending.further) == FURTHER_MAX:
        refuse(turn, campaign, message.action, message.cause, CampaignCode.ALREADY_ACTIVE)
        return
    if pending is not None:
        pending.further.append(message.cause)
        return
    request = request_counts(turn, layout, campaign)
    awaited = list(range(layout.contact))
    campaign.activation = Activation(message.cause, message.at, request, awaited, [])


def request_counts(turn: Turn, layout: Layout, campaign: CampaignRecord) -> int:
    """Asks every partition of contact-log for the counts of a campaign; the number of the
    request."""
    campaign.requests += 1
    message = CountsRequested(campaign.tenant_id, campaign.campaign_id, campaign.requests)
    announce_to_contacts(turn, layout, campaign.tenant_id.encode(), message)
    return campaign.requests


def decide(turn: Turn, layout: Layout, tenant: TenantRecord, campaign: CampaignRecord) -> None:
    """Activates a campaign whose people are counted, or refuses that with all problems."""
    pending, campaign.activation = campaign.activation, None
    assert pending is not None, "only an order that waits is decided"
    found = list(problems(tenant, campaign, _channels(turn, tenant), turn.now))
    if found:
        codes = {problem.code for problem in found}
        code = codes.pop() if len(codes) == 1 else "CAMPAIGN_INVALID"
        for cause in (pending.cause, *pending.further):
            refuse(turn, campaign, "activated", cause, code, problems=as_values(found))
        return
    if campaign.definition.settings.start_day is None:
        zone_name = campaign_zone(tenant, campaign.definition)
        campaign.first_day = day_of(zone_name, turn.now)  # S4-16
    values: dict[str, Any] = {"contacts": total(campaign, RUNS)}
    values["first_day"] = day_text(first_day(campaign))
    values |= recommended(campaign.definition)
    set_status(turn, layout, tenant, campaign, "active", pending.cause, **values)
    for cause in pending.further:
        refuse(turn, campaign, "activated", cause, CampaignCode.ALREADY_ACTIVE)


def recommended(definition: Definition) -> dict[str, Any]:
    """What a campaign should have and lacks, as values of a fact (S4-34)."""
    found = recommendations(definition)
    return {"recommendations": as_values(found)} if found else {}


def as_values(problems: list[Problem]) -> list[dict[str, str]]:
    """Problems as values of a fact."""
    return [problem._asdict() for problem in problems]


def problems(
    tenant: TenantRecord, campaign: CampaignRecord, channels: Collection[str], now: MomentUs
) -> Iterator[Problem]:
    """Everything that keeps a draft from being activated. `channels` are those that have a sender
    account."""
    definition = campaign.definition
    if total(campaign, LIVE) + total(campaign, FROZEN) == 0:  # or all of them have opted out
        yield _problem(CampaignCode.NO_CONTACTS, "contacts")
    zone_name = campaign_zone(tenant, definition)
    if zone_name not in ZONE_NAMES:
        yield Problem(CampaignCode.TIMEZONE_UNKNOWN, "settings.timezone", "not an IANA time zone")
        return
    first = definition.settings.start_day
    if first is None:
        first = day_of(zone_name, now)
    yield from _date_problems(definition, zone_name, first, now)
    yield from _template_problems(tenant, definition)
    yield from _sender_problems(definition, channels)
    quiet = None if tenant.quiet is None else (tenant.quiet.start, tenant.quiet.end)
    started = replace(definition, settings=replace(definition.settings, start_day=first))
    yield from local_problems(started, quiet)


def _problem(code: CampaignCode, place: str) -> Problem:
    return Problem(code, place, MESSAGES[code])


def _date_problems(
    definition: Definition, zone_name: str, first: int, now: MomentUs
) -> Iterator[Problem]:
    """The last day is at least one day after the first one (S4-17), and not over."""
    settings = definition.settings
    ends_at = end_at(settings, zone_name)
    if settings.end_day is None or ends_at is None:
        return
    if settings.end_day <= first or ends_at <= now:
        yield _problem(CampaignCode.INVALID_DATES, "settings.end_date")


def _template_problems(tenant: TenantRecord, definition: Definition) -> Iterator[Problem]:
    """The templates of steps and of variants that were deleted."""
    gone = set(tenant.templates_gone)
    for index, step in enumerate(definition.steps):
        if step.template_id in gone:
            message = f"the template {step.template_id} was deleted"
            yield Problem(CampaignCode.NO_TEMPLATE, f"steps[{index}].template_id", message)
        tested = step.experiment
        if tested is not None and gone & {tested.template_a, tested.template_b}:
            yield _problem(CampaignCode.AB_MISSING_TEMPLATES, f"steps[{index}].experiment")


def _channels(turn: Turn, tenant: TenantRecord) -> set[str]:
    """The channels that have a sender account."""
    records = (
        turn.store.read(sender_key(tenant.tenant_id, sender_id), SenderRecord)
        for sender_id in tenant.senders
    )
    return {record.channel for record in records if record is not None}


def _sender_problems(definition: Definition, channels: Collection[str]) -> Iterator[Problem]:
    """The channels of steps for which the tenant has no sender account."""
    known = {*channels}
    for index, step in enumerate(definition.steps):
        if step.channel not in known and not CHANNELS[step.channel].by_pool:
            known.add(step.channel)
            message = f"no sender account sends by {step.channel}"
            yield Problem(CampaignCode.NO_SENDER, f"steps[{index}].channel", message)
