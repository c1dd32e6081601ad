"""The lists of contacts that sweeps visit: who has had a run in a campaign, and to whom an address
belongs that bounced."""

import msgspec

_CONTACT_KEYS_FROM = b"\x01"
"""The keys of contacts begin with their tenant's id; those of all other states with a zero byte."""


class _Listed(msgspec.Struct, array_like=True, tag="Contact", gc=False):
    """The first fields of a stored Contact: those that decide in which lists it stands. A restore
    reads them of every contact, so the rest is not decoded."""

    profile: msgspec.Raw
    opted_out: msgspec.Raw
    bounced: dict[str, int]
    jobs: msgspec.Raw
    cycles: dict[str, int]


_decode = msgspec.msgpack.Decoder(_Listed).decode


def in_campaign(tenant_id: str, campaign_id: str) -> bytes:
    """The name of the list of contacts that have had a run in a campaign."""
    return f"c/{tenant_id}/{campaign_id}".encode()


def with_bounced(tenant_id: str, digest: str) -> bytes:
    """The name of the list of contacts to whom an address belongs that bounced."""
    return f"b/{tenant_id}/{digest}".encode()


def lists_of_contact(key: bytes, payload: bytes) -> list[bytes]:
    """The names of the lists in which a stored state of the contact processor stands."""
    if key < _CONTACT_KEYS_FROM:
        return []
    tenant_id = key.partition(b"/")[0].decode()
    contact = _decode(payload)
    lists = [in_campaign(tenant_id, campaign_id) for campaign_id in contact.cycles]
    lists += [with_bounced(tenant_id, digest) for digest in contact.bounced]
    return lists
