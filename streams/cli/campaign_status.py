"""Reads the status of a campaign from the changelog of the campaign processor."""

from contextlib import closing

import msgspec

from processors.campaign.broadcast import campaign_key
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import CampaignRecord, CampaignState
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.kafka.reader import TopicReader

_decode = msgspec.msgpack.Decoder(CampaignState).decode


def campaign_status(settings: Settings, tenant_id: str, campaign_id: str) -> str | None:
    """The status that was committed last; None if the campaign does not exist."""
    key = campaign_key(tenant_id, campaign_id)
    status = None
    with closing(TopicReader(settings, Topic.CAMPAIGN_CHANGELOG)) as reader:
        for _, lines in reader.read():
            for line in lines:
                if line.record.key == key and line.value is not None:
                    state = _decode(payload_of(line.value))
                    assert isinstance(state, CampaignRecord)
                    status = state.status
    return status
