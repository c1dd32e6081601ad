"""What ends or pauses a campaign by itself: all of its runs have ended (F-17), or too many of its
calls fail."""

from processors.campaign.broadcast import campaign_key, tenant_key
from processors.campaign.lifecycle import completion_at, set_status, total
from processors.fold.turn import Turn
from schemas.campaigns.campaign_kinds import KINDS
from schemas.internal.messages import PauseByFailures, RunsCounted
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.internal.topics import Layout

FAILURE_RATE = "failure_rate"
"""The cause of a pause because too many calls fail."""

RUNS_ENDED = "runs_ended"
"""The cause of a completion because no run is left."""

_COUNTS = ("runs", "completed", "failed", "cancelled", "skipped")


def runs_counted(turn: Turn, message: RunsCounted) -> None:
    """Takes over the newest counts of a partition. An older report changes nothing."""
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    if campaign is None or not KINDS[campaign.definition.kind].completes_itself:
        return
    before = campaign.counts.get(message.partition)
    if before is not None and message.seq <= before[0]:
        return
    campaign.counts[message.partition] = (message.seq, message.counts)
    campaign.last_started_at = max(campaign.last_started_at, message.last_started_at)
    campaign.complete_at = completion_at(campaign)


def complete(turn: Turn, layout: Layout, campaign: CampaignRecord) -> None:
    """Completes a campaign whose timer fired: the timer is only there while no run is left."""
    campaign.complete_at = None
    tenant = turn.store.edit(tenant_key(campaign.tenant_id), TenantRecord)
    assert tenant is not None, "a campaign has a tenant"
    counts = {name: total(campaign, name) for name in _COUNTS}
    set_status(turn, layout, tenant, campaign, "completed", RUNS_ENDED, **counts)


def pause_by_failures(turn: Turn, layout: Layout, message: PauseByFailures) -> None:
    """Pauses an active campaign of whose latest calls too many have failed. A campaign that is not
    active stays as it is."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, CampaignRecord)
    if tenant is None or campaign is None or campaign.status != "active":
        return
    ends = {"ends": message.ends, "failed": message.failed}
    set_status(turn, layout, tenant, campaign, "paused", FAILURE_RATE, **ends)
