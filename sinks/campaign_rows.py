"""Rows of campaigns, steps and tenants, computed from states by pure functions."""

from schemas.campaigns.compiled_definition import Definition
from schemas.internal.limit_terms import TenantCallTerms
from schemas.internal.states import CampaignRecord, TenantRecord
from sinks.copy_values import Row, Rows, date_of_day, jsonb, named, time_of, timestamptz
from sinks.outreach_rows import experiments_json, outreach_campaign_row, total_counts
from sinks.sender_rows import limits_of

_APPENDED = frozenset(
    (
        *("calls", "timezone", "start_day", "per_day", "max_new_per_day", "redial"),
        *("outreach", "experiment", "end_day", "end_mode", "in_flight", "on_conversion"),
        *("attribution", "attribution_window_us", "soft_bounces"),
    )
)
"""Settings of later versions, which stored documents of campaigns without them do not name."""

_USUAL_CALLS = TenantCallTerms()


def campaign_rows(state: CampaignRecord, rows: Rows) -> None:
    """Adds the row of a campaign and the rows of its newest version's steps."""
    definition, settings = state.definition, state.definition.settings
    calls = settings.calls
    hours = calls.hours if calls else None
    rows["campaigns"].append(
        (
            state.tenant_id,
            state.campaign_id,
            state.status,
            state.version,
            definition.name,
            definition.kind,
            definition.service_type,
            jsonb(named(definition, _APPENDED)),
            jsonb(sorted(state.acknowledged_by)),
            timestamptz(state.created_at),
            timestamptz(state.updated_at),
            timestamptz(state.started_at),
            timestamptz(state.ended_at),
            calls.agent_id if calls else None,
            calls.pool_id if calls else None,
            calls.slots if calls else None,
            settings.timezone or None,
            date_of_day(settings.start_day),
            time_of(hours.start if hours else None),
            time_of(hours.end if hours else None),
            hours.days if hours else None,
            date_of_day(settings.end_day),
            date_of_day(state.first_day),
            date_of_day(state.last_day),
            state.end_reason or None,
            jsonb(state.dates) if state.dates else None,
            jsonb(total_counts(state)) if definition.decides_by_counts() else None,
            experiments_json(state),
        )
    )
    if definition.outreach is not None and state.status != "deleted":
        rows["outreach_campaigns"].append(outreach_campaign_row(state, definition.outreach))
    step_rows(state.tenant_id, state.campaign_id, state.version, definition, rows)


def step_rows(
    tenant_id: str, campaign_id: str, version: int, definition: Definition, rows: Rows
) -> None:
    """Adds the rows of the steps of one version of a campaign."""
    rows["steps"] += [
        (
            tenant_id,
            campaign_id,
            version,
            step.id,
            number,
            step.channel,
            step.action,
            step.template_id,
            step.delay_us / 1_000_000,
            step.anchor,
            None if step.wait_for is None else jsonb(named(step.wait_for)),
            jsonb(step.skip_when),
            None if step.window is None else jsonb(named(step.window)),
            None if step.experiment is None else jsonb(named(step.experiment)),
        )
        for number, step in enumerate(definition.steps, 1)
    ]


def tenant_row(state: TenantRecord) -> Row:
    """The row of a tenant."""
    calls = state.calls or _USUAL_CALLS
    return (
        state.tenant_id,
        state.status,
        state.timezone,
        None if state.quiet is None else jsonb(named(state.quiet)),
        state.strict_start,
        jsonb(state.strict_regions),
        jsonb(state.delay_by_service),
        jsonb(state.limits),
        jsonb(state.services),
        jsonb(state.templates_gone),
        timestamptz(state.created_at),
        timestamptz(state.updated_at),
        jsonb(state.caps),
        timestamptz(state.fence),
        state.country or None,
        jsonb(state.opt_out_words),
        state.calling_hours,
        calls.slots,
        calls.pool_slots,
        jsonb(calls.agents),
        jsonb(calls.numbers),
        jsonb(calls.allow),
        jsonb({channel: limits_of(each) for channel, each in state.more_limits.items()}),
    )
