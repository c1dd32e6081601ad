"""Campaigns as the campaign processor has stored them, with its stream time: what it decides by.

All of a tenant is in one partition of campaign-log, so only that partition of the changelog is
read.
"""

from typing import NamedTuple

import msgspec

from processors.campaign.broadcast import campaign_key, tenant_key
from processors.campaign.senders import sender_key
from schemas.base.times import MomentUs
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import (
    POSITION_KEY,
    CampaignRecord,
    CampaignState,
    SenderRecord,
    TaskPosition,
    TenantRecord,
)
from schemas.internal.topics import Layout, Topic
from streams.base.partitioner import partition_of
from streams.base.settings import Settings
from streams.cli.errors import CommandError
from streams.cli.stored_states import stored_values

_decode = msgspec.msgpack.Decoder(CampaignState | TaskPosition).decode


class StoredCampaigns(NamedTuple):
    """A tenant with its campaigns by id, at the stream time `as_of`; None before the first commit.
    `channels` are those that have a sender account."""

    tenant: TenantRecord
    campaigns: dict[str, CampaignRecord]
    channels: frozenset[str]
    as_of: MomentUs | None

    def campaign(self, campaign_id: str) -> CampaignRecord:
        """A campaign. Raises CommandError if it was never published."""
        if campaign_id not in self.campaigns:
            tenant_id = self.tenant.tenant_id
            raise CommandError(
                f"{tenant_id} has no campaign {campaign_id}: touchstream campaign publish FILE"
            )
        return self.campaigns[campaign_id]


def read_campaigns(
    settings: Settings, layout: Layout, tenant_id: str, campaign_id: str | None = None
) -> StoredCampaigns:
    """The campaigns of a tenant, or the one with an id. Raises CommandError if the tenant was never
    created."""
    of_tenant, of_senders = tenant_key(tenant_id), sender_key(tenant_id, "")
    prefix = campaign_key(tenant_id, "")
    only = None if campaign_id is None else campaign_key(tenant_id, campaign_id)

    def is_wanted(key: bytes, _: bytes) -> bool:
        if key in (of_tenant, POSITION_KEY) or key.startswith(of_senders):
            return True
        return key.startswith(prefix) if only is None else key == only

    number = partition_of(tenant_id.encode(), layout.partitions(Topic.CAMPAIGN_LOG))
    values = stored_values(settings, Topic.CAMPAIGN_CHANGELOG, is_wanted, number)
    states = {key: _decode(payload_of(value)) for key, value in values.items()}
    tenant, position = states.get(of_tenant), states.get(POSITION_KEY)
    if not isinstance(tenant, TenantRecord):
        command = f"touchstream tenant set {tenant_id} --timezone ZONE"
        raise CommandError(f"there is no tenant {tenant_id}; to create it: {command}")
    campaigns = [state for state in states.values() if isinstance(state, CampaignRecord)]
    senders = [state for state in states.values() if isinstance(state, SenderRecord)]
    as_of = position.stream_time if isinstance(position, TaskPosition) else None
    return StoredCampaigns(
        tenant,
        {campaign.campaign_id: campaign for campaign in campaigns},
        frozenset(sender.channel for sender in senders if not sender.removed_at),
        as_of,
    )
