"""Looks up in the states of the engine whether a bounce has closed an address."""

import msgspec

from processors.contact.closed_addresses import digests_of_bounced
from processors.dispatch.suppressions import is_closed_by_bounce, suppression_key
from processors.shared.address_keys import address_keys
from processors.shared.tenant_lookup import tenant_key
from schemas.internal.messages import account_key
from schemas.internal.states import (
    Contact,
    ContactState,
    DispatchState,
    KnownTenant,
    Suppression,
)
from schemas.internal.topics import Layout, Topic
from streams.base.partitioner import partition_of
from streams.base.settings import Settings
from streams.cli.stored_states import stored_states

_decode_contact_state = msgspec.msgpack.Decoder(ContactState).decode
_decode_dispatch_state = msgspec.msgpack.Decoder(DispatchState).decode


def has_bounced(
    settings: Settings, layout: Layout, tenant_id: str, channel: str, address: str
) -> bool | None:
    """Whether a bounce closes an address on a channel, or is known to a contact of the tenant. None
    if dispatch does not know the tenant.

    Reads the states of the tenant's account, and those of the contacts only if these have nothing.
    """
    account = account_key(tenant_id, channel)
    suppressed, known = suppression_key(tenant_id, channel, ""), tenant_key(tenant_id)
    states = stored_states(
        settings,
        Topic.DISPATCH_CHANGELOG,
        lambda key, _: key == known or key.startswith(suppressed),
        partition_of(account, layout.dispatch),
    )
    if known not in states:
        return None
    tenant = _decode_dispatch_state(states[known])
    assert isinstance(tenant, KnownTenant)
    for digest in address_keys(tenant, channel, address):
        key = suppression_key(tenant_id, channel, digest)
        suppression = _decode_dispatch_state(states[key]) if key in states else None
        if isinstance(suppression, Suppression) and is_closed_by_bounce(suppression):
            return True
    return _contact_has_bounced(settings, tenant_id, digests_of_bounced(tenant, channel, address))


def _contact_has_bounced(settings: Settings, tenant_id: str, digests: list[str]) -> bool:
    """Whether one of the tenant's contacts has one of the digests among its bounced addresses."""
    prefix, needles = f"{tenant_id}/".encode(), [digest.encode() for digest in digests]
    states = stored_states(
        settings,
        Topic.CONTACT_CHANGELOG,
        lambda key, value: key.startswith(prefix) and any(needle in value for needle in needles),
    )
    contacts = map(_decode_contact_state, states.values())
    return any(
        not contact.bounced.keys().isdisjoint(digests)
        for contact in contacts
        if isinstance(contact, Contact)
    )
