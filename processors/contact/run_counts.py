"""How many runs of a campaign stand how, in this partition: the campaign completes itself by these
numbers (S3-32…S3-36, F-17).

Every run of a call campaign is counted, by the status of its item, and counted anew whenever that
changes: also by a late end. Other counts are in result_counts.py. The campaign gets absolute
values, so nothing is lost by a repeat.
"""

from functools import lru_cache

from processors.contact.context import Context
from processors.fold.turn import Turn
from processors.shared.tenant_lookup import campaign_key
from schemas.base.times import SECOND
from schemas.campaigns.compiled_definition import DIRECT_CALLS
from schemas.internal.count_names import LIVE, RUNS
from schemas.internal.enrollment import CallItem, Enrollment
from schemas.internal.item_status import item_status
from schemas.internal.messages import RunsCounted
from schemas.internal.states import KnownCampaign, RunCount
from schemas.internal.topics import Topic

CHANGES_MAX = 64
"""So many changes are reported at once."""

REPORT_AFTER_US = 1 * SECOND
"""So long after the first change the rest is reported."""

_LIVE_ITEMS = ("queued", "processing")


@lru_cache(maxsize=1024)
def count_key(tenant_id: str, campaign_id: str) -> bytes:
    """The key of a RunCount."""
    return f"\x00n/{tenant_id}/{campaign_id}".encode()


def count_run(context: Context, run: Enrollment, item: CallItem) -> None:
    """Counts a run anew if the status of its item has changed."""
    status: str = item_status(run)
    if status in _LIVE_ITEMS:
        status = LIVE
    if status != item.counted:
        _count(context, run.campaign_id, item, status)


def _count(context: Context, campaign_id: str, item: CallItem, status: str) -> None:
    count = edit_count(context, campaign_id)
    counts = count.counts = dict(count.counts)
    if item.counted:
        counts[item.counted] -= 1
    else:
        counts[RUNS] = counts.get(RUNS, 0) + 1
        count.last_started_at = context.now
    counts[status] = counts.get(status, 0) + 1
    item.counted = status
    if campaign_id != DIRECT_CALLS:  # nobody waits for its end
        count.changes += 1
        plan_report(context.turn, count)


def plan_report(turn: Turn, count: RunCount) -> None:
    """Reports a change of the counts: at once with many others, else a little after the first."""
    if count.changes >= CHANGES_MAX:
        report(turn, count)
    elif count.report_at is None:
        count.report_at = turn.now + REPORT_AFTER_US


def report(turn: Turn, count: RunCount) -> None:
    """Reports the numbers of now to the campaign."""
    count.seq += 1
    count.changes, count.report_at = 0, None
    counts = dict(sorted(count.counts.items()))
    campaign = turn.store.read(campaign_key(count.tenant_id, count.campaign_id), KnownCampaign)
    message = RunsCounted(
        count.tenant_id,
        count.campaign_id,
        turn.partition,
        count.seq,
        counts,
        count.last_started_at,
        0 if campaign is None else campaign.version,
        count.answers,
    )
    turn.send(Topic.CAMPAIGN_LOG, count.tenant_id.encode(), message)


def answer_request(turn: Turn, tenant_id: str, campaign_id: str, request: int) -> None:
    """Reports the counts of a campaign at once: of what this partition has handled so far."""
    count = _edit(turn, tenant_id, campaign_id)
    count.answers = max(count.answers, request)
    report(turn, count)


def next_position(context: Context, campaign_id: str) -> int:
    """The position of the campaign's next item (S3-12): the present moment, or one more than the
    last position. So the items of all partitions are in the order of time, and those of one moment
    and partition in the order of the log."""
    count = edit_count(context, campaign_id)
    count.last_position = max(context.now, count.last_position + 1)
    return count.last_position


def edit_count(context: Context, campaign_id: str) -> RunCount:
    """The counts of a campaign in this partition, for change."""
    return _edit(context.turn, context.tenant_id, campaign_id)


def _edit(turn: Turn, tenant_id: str, campaign_id: str) -> RunCount:
    key, store = count_key(tenant_id, campaign_id), turn.store
    count = store.edit(key, RunCount)
    if count is None:
        count = RunCount(tenant_id, campaign_id)
        store.put(key, count)
    return count
