"""The breaker of a call campaign: it pauses when too many of its latest calls fail.

Only ends that show that something is wrong with the calls count as failures; a busy line or a call
that nobody answers is about the person.
"""

from processors.dispatch.call_limits import call_of
from processors.fold.turn import Turn
from schemas.base.call_outcomes import FAILURES
from schemas.base.times import SECOND
from schemas.internal.call_states import CallCampaign, call_campaign_key
from schemas.internal.messages import PauseByFailures, RequestTouch
from schemas.internal.topics import Topic

WINDOW_US = 120 * SECOND
ENDS_MIN = 10
FAILED_PERCENT = 50
_ENDS_KEPT = 100


def count_end(turn: Turn, touch: RequestTouch, outcome: str) -> None:
    """Counts the end of a call, and has the campaign paused if at least FAILED_PERCENT of its last
    calls, ENDS_MIN or more inside WINDOW_US, have failed."""
    call = call_of(touch)
    if not call.failure_rate:
        return
    key = call_campaign_key(touch.tenant_id, call.pool_id, touch.campaign_id)
    campaign = turn.store.edit(key, CallCampaign)
    if campaign is None:
        campaign = CallCampaign(touch.tenant_id, touch.campaign_id)
        turn.store.put(key, campaign)
    since = max(turn.now - WINDOW_US, campaign.tripped_at)
    ends = [end for end in campaign.ends if end[0] > since]
    ends = [*ends, (turn.now, outcome in FAILURES)][-_ENDS_KEPT:]
    failed = sum(is_failure for _, is_failure in ends)
    campaign.ends, campaign.forget_at = ends, turn.now + WINDOW_US
    if len(ends) < ENDS_MIN or failed * 100 < len(ends) * FAILED_PERCENT:
        return
    campaign.tripped_at = turn.now  # only later ends can pause it again
    turn.send(
        Topic.CAMPAIGN_LOG,
        touch.tenant_id.encode(),
        PauseByFailures(touch.tenant_id, touch.campaign_id, len(ends), failed),
    )
