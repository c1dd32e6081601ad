"""How the campaign processor reaches every partition, and where it keeps what."""

import msgspec

from processors.fold.turn import Turn
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    DeleteTemplate,
    DeleteTenant,
    MoveRuns,
    TenantAnnounced,
    UpsertTenant,
)
from schemas.internal.states import TenantRecord
from schemas.internal.topics import Layout, Topic

Order = UpsertTenant | DeleteTenant | DeleteTemplate | MoveRuns


def tenant_key(tenant_id: str) -> bytes:
    """Where a tenant stands."""
    return b"t/" + tenant_id.encode()


def campaign_key(tenant_id: str, campaign_id: str) -> bytes:
    """Where a campaign stands."""
    return f"c/{tenant_id}/{campaign_id}".encode()


def tell_contacts(turn: Turn, layout: Layout, key: bytes, message: msgspec.Struct) -> None:
    """To every partition of contact-log."""
    for partition in range(layout.contact):
        turn.send(Topic.CONTACT_LOG, key, message, partition)


def tell_tenant(turn: Turn, layout: Layout, tenant: TenantRecord) -> None:
    """A tenant's settings as they are now, to contacts and dispatch."""
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
    )
    key = tenant.tenant_id.encode()
    tell_contacts(turn, layout, key, message)
    for partition in range(layout.dispatch):
        turn.send(Topic.DISPATCH_LOG, key, message, partition)


def refuse(turn: Turn, message: Order, code: str, campaign_id: str | None = None) -> None:
    """An order is not carried out, and why."""
    turn.emit_fact(
        FactKind.EVENT_REFUSED,
        message.tenant_id,
        campaign_id=campaign_id,
        cause=message.cause,
        reason=code,
        values={"event": type(message).__name__},
    )
