"""The requests of a campaign that is paused or over.

The sweep of a pause comes to each contact in its turn, so at a million contacts the last touches
are withdrawn some minutes later. Dispatch has the status at once, and sends nothing from then on. A
request that is to go waits in a queue of its campaign until its contact withdraws it, or the
campaign is active again. Calls wait where they are, because the calls of one queue are of one
campaign.
"""

from processors.dispatch import calls, queue
from processors.dispatch.waits import PACE_US
from processors.fold.turn import Turn
from processors.shared.campaign_gate import campaign_hold
from processors.shared.tenant_lookup import campaign_limits_key
from schemas.internal.messages import CampaignGateAnnounced
from schemas.internal.sender_states import KnownCampaignLimits, campaign_queue
from schemas.internal.states import Request

BURST = 500
"""So many requests are tried again in one step after a pause, the next ones in PACE_US."""


def gate_announced(turn: Turn, message: CampaignGateAnnounced) -> None:
    """Stores the status of a campaign. Once it is active, what has waited for that is tried
    again: a call in its queue, as after a change of limits, and any other request in bursts."""
    key = campaign_limits_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, KnownCampaignLimits)
    if campaign is None:
        campaign = KnownCampaignLimits(message.tenant_id, message.campaign_id)
        if message.status == campaign.status:
            return
        turn.store.put(key, campaign)
    campaign.status = message.status
    campaign.look_at = None
    if campaign_hold(campaign) is None:
        campaign.look_at = turn.now
        calls.look_again(turn, message.tenant_id)


def try_again(turn: Turn, campaign: KnownCampaignLimits) -> None:
    """Tries the next requests that have waited until the campaign is active."""
    campaign.look_at = None
    waiting = campaign_queue(campaign.tenant_id, campaign.campaign_id).encode()
    for _ in range(BURST):
        key = turn.store.first(waiting)
        if key is None:
            return
        request = turn.store.edit(key, Request)
        assert request is not None
        if request.touch.call is None:
            queue.line_up(turn, request)
        else:
            calls.submit(turn, request.touch, request)
    campaign.look_at = turn.now + PACE_US
