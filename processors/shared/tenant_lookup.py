"""What every processor knows alike: tenants as announced, and how a channel reaches a person."""

from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition
from schemas.channels import CHANNELS
from schemas.internal.messages import TenantAnnounced
from schemas.internal.states import KnownTenant

ADDRESS_OF = {name: row.address.name for name, row in CHANNELS.items()}
"""The address that each channel needs, by its name in the profile (C-19)."""


ALL_SERVICES = "*"


def service_of(definition: Definition) -> str:
    """What a campaign occupies of its tenant's: a service type, all of them, or where no job enters
    itself (C-4)."""
    if not KINDS[definition.kind].serves_jobs:
        return f"#{definition.campaign_id}"
    return definition.service_type or ALL_SERVICES


def tenant_key(tenant_id: str) -> bytes:
    """Where a task keeps what it knows of a tenant."""
    return b"\x00t/" + tenant_id.encode()


def campaign_key(tenant_id: str, campaign_id: str) -> bytes:
    """Where a task keeps what it knows of a campaign."""
    return f"\x00c/{tenant_id}/{campaign_id}".encode()


def known_tenant(message: TenantAnnounced, before: KnownTenant | None) -> KnownTenant:
    """The tenant's settings as of now; which campaign serves what stays as known."""
    return KnownTenant(
        message.tenant_id,
        message.status,
        message.timezone,
        message.quiet,
        message.strict_start,
        message.strict_regions,
        message.delay_by_service,
        message.limits,
        dict(before.campaigns) if before else {},
        list(before.templates_gone) if before else [],
        message.caps,
        message.fence,
    )
