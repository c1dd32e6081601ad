"""From the campaign processor's records to rows: campaigns, their steps, tenants. Pure."""

from typing import Any

import msgspec

from schemas.campaigns.definition import Definition
from schemas.internal.states import CampaignRecord, TenantRecord
from sinks.copy_values import Row, Rows, at, document


def campaign_rows(state: CampaignRecord, rows: Rows) -> None:
    """A campaign as its newest version says, and that version's steps."""
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
            document(_plain(definition)),
            document(sorted(state.known_by)),
            at(state.created_at),
            at(state.updated_at),
        )
    )
    step_rows(state.tenant_id, state.campaign_id, state.version, definition, rows)


def step_rows(
    tenant_id: str, campaign_id: str, version: int, definition: Definition, rows: Rows
) -> None:
    """The steps of one version."""
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
            step.delay / 1_000_000,
            step.anchor,
            None if step.wait_for is None else document(_plain(step.wait_for)),
            document(step.skip_when),
            None if step.window is None else document(_plain(step.window)),
        )
        for number, step in enumerate(definition.steps, 1)
    ]


def tenant_row(state: TenantRecord) -> Row:
    """A tenant."""
    return (
        state.tenant_id,
        state.status,
        state.timezone,
        None if state.quiet is None else document(_plain(state.quiet)),
        state.strict_start,
        document(state.strict_regions),
        document(state.delay_by_service),
        document(state.limits),
        document(state.services),
        document(state.templates_gone),
        at(state.created_at),
        at(state.updated_at),
        document(state.caps),
        at(state.fence),
    )


def _plain(value: Any) -> Any:
    """A struct with its fields named, all the way down: people read it here."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
