"""Rows of campaigns, steps and tenants, computed from states by pure functions."""

from typing import Any

import msgspec

from schemas.campaigns.compiled_definition import Definition
from schemas.internal.states import CampaignRecord, TenantRecord
from sinks.copy_values import Row, Rows, jsonb, timestamptz


def campaign_rows(state: CampaignRecord, rows: Rows) -> None:
    """Adds the row of a campaign and the rows of its newest version's steps."""
    definition = state.definition
    rows["campaigns"].append(
        (
            state.tenant_id,
            state.campaign_id,
            state.status,
            state.version,
            definition.name,
            definition.kind,
            definition.service_type,
            jsonb(_plain(definition)),
            jsonb(sorted(state.acknowledged_by)),
            timestamptz(state.created_at),
            timestamptz(state.updated_at),
        )
    )
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
            None if step.wait_for is None else jsonb(_plain(step.wait_for)),
            jsonb(step.skip_when),
            None if step.window is None else jsonb(_plain(step.window)),
        )
        for number, step in enumerate(definition.steps, 1)
    ]


def tenant_row(state: TenantRecord) -> Row:
    """The row of a tenant."""
    return (
        state.tenant_id,
        state.status,
        state.timezone,
        None if state.quiet is None else jsonb(_plain(state.quiet)),
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
    )


def _plain(value: Any) -> Any:
    """The value with structs, also nested ones, as objects with named fields."""
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        return {stored: _plain(getattr(value, name)) for name, stored in names}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
