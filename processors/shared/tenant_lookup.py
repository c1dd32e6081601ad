"""What several processors look up: announced tenants, and the address that a channel needs."""

from functools import lru_cache

from schemas.base.zones import zone_country
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition
from schemas.channels import ADDRESSES, CHANNELS
from schemas.internal.contact_messages import OLD_ADDRESS_FIELDS
from schemas.internal.messages import TenantAnnounced
from schemas.internal.states import KnownTenant, TenantRecord

_NAMES = [*dict.fromkeys((*OLD_ADDRESS_FIELDS, *ADDRESSES))]

ADDRESS_OF = {
    name: row.address.name
    for name, row in sorted(CHANNELS.items(), key=lambda item: _NAMES.index(item[1].address.name))
}
"""The address that each channel needs, by its name in the profile (C-19).

An opt-out of all channels closes the addresses in this order, and recorded logs have it: channels
of one address stand together, the addresses of the oldest events first.
"""

ALL_SERVICES = "*"
"""The service type of a campaign that serves all service types."""


def service_of(definition: Definition) -> str:
    """The service type that a campaign occupies (C-4): the type it names, or ALL_SERVICES. A
    campaign without jobs has a value of its own, which starts with `#`."""
    if not KINDS[definition.kind].serves_jobs:
        return f"#{definition.campaign_id}"
    return definition.service_type or ALL_SERVICES


def country_of(tenant: KnownTenant | TenantRecord | None) -> str:
    """The country of a tenant, as ISO 3166-1 alpha-2: the one that it names, else that of its time
    zone; empty where neither is known."""
    if tenant is None:
        return ""
    return tenant.country or zone_country(tenant.timezone)


# The keys are cached, because nearly every record looks up its tenant and its campaign.


@lru_cache(maxsize=4096)
def tenant_key(tenant_id: str) -> bytes:
    """The key of a KnownTenant."""
    return b"\x00t/" + tenant_id.encode()


@lru_cache(maxsize=4096)
def campaign_key(tenant_id: str, campaign_id: str) -> bytes:
    """The key of a KnownCampaign."""
    return f"\x00c/{tenant_id}/{campaign_id}".encode()


@lru_cache(maxsize=4096)
def campaign_limits_key(tenant_id: str, campaign_id: str) -> bytes:
    """The key of a KnownCampaignLimits."""
    return f"\x00l/{tenant_id}/{campaign_id}".encode()


def known_tenant(message: TenantAnnounced, before: KnownTenant | None) -> KnownTenant:
    """The state of a tenant after an announcement. Campaigns and deleted templates, which the
    message does not name, are taken from the state before."""
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
        message.country,
        message.opt_out_words,
        message.calling_hours,
        message.calls,
        message.more_limits,
        message.opt_out_scope,
    )
