"""The limits and callers that a campaign names: announced to dispatch, and checked against those of
its tenant (C-38)."""

from processors.campaign.broadcast import announce_to_dispatch
from processors.fold.turn import Turn
from processors.shared.caller_lists import has_agent, has_number
from processors.shared.tenant_lookup import country_of
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.messages import CampaignLimitsAnnounced
from schemas.internal.states import TenantRecord
from schemas.internal.topics import Layout

NO_LIMITS: tuple[int | None, ...] = (None, None, None)


def limits_of(definition: Definition | None) -> tuple[int | None, ...]:
    """The limits of a campaign: a day's commands, a day's first touches, calls at a time."""
    if definition is None:
        return NO_LIMITS
    settings = definition.settings
    slots = None if settings.calls is None else settings.calls.slots
    return settings.per_day, settings.max_new_per_day, slots


def announce_limits(
    turn: Turn,
    layout: Layout,
    tenant_id: str,
    campaign_id: str,
    before: tuple[int | None, ...],
    limits: tuple[int | None, ...],
) -> None:
    """Sends the limits of a campaign to every partition of dispatch-log, if they have changed."""
    if limits != before:
        message = CampaignLimitsAnnounced(tenant_id, campaign_id, *limits)
        announce_to_dispatch(turn, layout, tenant_id.encode(), message)


def caller_refusal(tenant: TenantRecord, definition: Definition) -> str | None:
    """The code if a campaign names an agent or a caller number that its tenant does not have."""
    calls = definition.settings.calls
    if calls is None:
        return None
    if not has_agent(tenant.calls, calls.agent_id):
        return "CAMPAIGN_AGENT_UNKNOWN"
    has_it = has_number(tenant.calls, calls.from_number, country_of(tenant))
    return None if has_it else "CAMPAIGN_NUMBER_UNKNOWN"
