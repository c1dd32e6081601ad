"""Announcements to every partition, the keys of campaign and tenant states, facts about
campaigns, and refusals."""

from typing import Any

import msgspec

from processors.fold.turn import Turn
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    PLATFORM,
    SWEEP_RULES,
    DeleteTemplate,
    DeleteTenant,
    MoveRuns,
    RemoveSender,
    ReopenAddress,
    ReportComplaints,
    ReportUsage,
    TenantAnnounced,
    ThrottleSender,
    UpsertPool,
    UpsertSender,
    UpsertTenant,
)
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout, Topic

SenderOrder = UpsertSender | RemoveSender | ThrottleSender | ReportUsage | ReportComplaints
AdminOrder = (
    UpsertTenant
    | DeleteTenant
    | DeleteTemplate
    | MoveRuns
    | ReopenAddress
    | SenderOrder
    | UpsertPool
)


def tenant_key(tenant_id: str) -> bytes:
    """The key of a TenantRecord."""
    return b"t/" + tenant_id.encode()


def campaign_key(tenant_id: str, campaign_id: str) -> bytes:
    """The key of a CampaignRecord."""
    return f"c/{tenant_id}/{campaign_id}".encode()


def announce_to_contacts(turn: Turn, layout: Layout, key: bytes, message: msgspec.Struct) -> None:
    """Sends a message to every partition of contact-log."""
    for partition in range(layout.contact):
        turn.send(Topic.CONTACT_LOG, key, message, partition)


def announce_tenant(turn: Turn, layout: Layout, tenant: TenantRecord) -> None:
    """Sends a tenant's settings to every partition of contact-log and dispatch-log."""
    message = TenantAnnounced(
        tenant.tenant_id,
        tenant.status,
        tenant.timezone,
        tenant.quiet,
        tenant.strict_start,
        tenant.strict_regions,
        tenant.delay_by_service,
        tenant.limits,
        tenant.caps,
        tenant.fence,
        tenant.country,
        tenant.opt_out_words,
        tenant.calling_hours,
        tenant.calls,
        tenant.more_limits,
        tenant.opt_out_scope,
        SWEEP_RULES,
    )
    announce_to_all(turn, layout, tenant.tenant_id.encode(), message)


def announce_to_all(turn: Turn, layout: Layout, key: bytes, message: msgspec.Struct) -> None:
    """Sends a message to every partition of contact-log and of dispatch-log."""
    announce_to_contacts(turn, layout, key, message)
    announce_to_dispatch(turn, layout, key, message)


def announce_to_dispatch(turn: Turn, layout: Layout, key: bytes, message: msgspec.Struct) -> None:
    """Sends a message to every partition of dispatch-log."""
    for partition in range(layout.dispatch):
        turn.send(Topic.DISPATCH_LOG, key, message, partition)


def emit_campaign_fact(
    turn: Turn,
    kind: FactKind,
    campaign: CampaignRecord,
    cause: str | None,
    reason: str | None,
    values: dict[str, Any] | None,
) -> None:
    """Emits a fact about a campaign and its newest version."""
    turn.emit_fact(
        kind,
        campaign.tenant_id,
        campaign_id=campaign.campaign_id,
        version=campaign.version,
        cause=cause,
        reason=reason,
        values=values,
    )


def refuse(
    turn: Turn, message: AdminOrder, code: str, campaign_id: str | None = None, **values: str
) -> None:
    """Emits the fact that an order was refused, with a code and the stored name of the message."""
    turn.emit_fact(
        FactKind.EVENT_REFUSED,
        PLATFORM if isinstance(message, UpsertPool) else message.tenant_id,
        campaign_id=campaign_id,
        cause=message.cause,
        reason=code,
        values={"event": message.__struct_config__.tag, **values},
    )
