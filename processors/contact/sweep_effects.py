"""What a sweep does to one contact: one change of a campaign, applied to the person's run in it."""

from processors.contact.context import Context
from processors.contact.experiment_runs import take_part
from processors.contact.pause_stop import freeze, stop, thaw
from processors.contact.profile import amend_due_times, amend_requests
from processors.contact.run_queries import live_runs
from processors.contact.settling import settle
from processors.contact.version_migration import move_run, renew_run
from schemas.internal.enrollment import Enrollment
from schemas.internal.known_states import Sweep
from schemas.internal.states import KnownCampaign

AMEND, MOVE, FREEZE, THAW = "amend", "move", "freeze", "thaw"
"""The names of sweeps. Every other name is the reason with which enrollments are stopped."""


def apply_sweep(context: Context, campaign: KnownCampaign, sweep: Sweep) -> None:
    """Applies a sweep to a contact with an enrollment in the campaign."""
    if sweep.name in (AMEND, MOVE):
        for enrollment in live_runs(context, campaign.campaign_id):
            if not enrollment.touches and enrollment.version != campaign.version:
                renew_run(context, enrollment, campaign.version, sweep.cause)
    if sweep.name == AMEND:
        take_part(context, campaign)
        amend_requests(context, campaign.campaign_id)
        amend_due_times(context, sweep.cause, campaign.campaign_id)
        return
    if sweep.name == MOVE:
        versions = _versions_to_move(campaign, sweep)
        for enrollment in live_runs(context, campaign.campaign_id):
            if enrollment.version in versions:
                move_run(context, enrollment, sweep.version, sweep.move_steps, sweep.cause)
        take_part(context, campaign)
        amend_requests(context, campaign.campaign_id)
        settle(context)
        return
    for enrollment in live_runs(context, campaign.campaign_id):
        _apply_status(context, enrollment, sweep.name, sweep.cause)
    settle(context)
    context.contact.updated_at = max(context.now, context.contact.updated_at)


def _versions_to_move(campaign: KnownCampaign, sweep: Sweep) -> set[int]:
    """The versions whose runs move: older ones than that of the sweep."""
    older = {version for version in campaign.definitions if version < sweep.version}
    return older if sweep.move_from is None else older & {sweep.move_from}


def _apply_status(context: Context, enrollment: Enrollment, name: str, cause: str) -> None:
    if name == FREEZE:
        freeze(context, enrollment, "campaign", cause)
    elif name == THAW:
        thaw(context, enrollment, ("campaign",), cause)
    else:
        stop(context, enrollment, name, cause)
