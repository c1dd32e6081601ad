"""Sweeps: one change of a campaign, applied to every contact that has an enrollment in it.

A sweep runs in batches of the campaign's own timer, all of them before the next record. So it may
span several transactions and is still one moment of the log.
"""

from itertools import islice

from processors.contact.context import Context
from processors.contact.experiment_runs import take_part
from processors.contact.pause_stop import freeze, stop, thaw
from processors.contact.profile import amend_due_times, amend_requests
from processors.contact.run_queries import live_runs
from processors.contact.settling import settle
from processors.contact.version_migration import move_run, renew_run
from processors.fold.turn import Turn
from processors.shared.tenant_lookup import campaign_key
from schemas.internal.enrollment import Enrollment
from schemas.internal.states import Contact, KnownCampaign, KnownTenant

SWEEP_BATCH = 500
"""Contacts that one firing of a sweep's timer looks at."""


def begin_sweep(turn: Turn, campaign: KnownCampaign, name: str, cause: str) -> None:
    """Begins a sweep at once. An earlier one is over by then: it ended before this record.

    `name` is `amend`, `move`, `freeze`, `thaw`, or the reason with which enrollments are stopped.
    """
    campaign.sweep, campaign.sweep_cause = name, cause
    campaign.sweep_cursor, campaign.sweep_at = b"", turn.now


def begin_amend_sweeps(turn: Turn, tenant: KnownTenant, cause: str) -> None:
    """Begins a sweep in each of the tenant's campaigns that amends what waits at dispatch
    (C-36)."""
    for campaign_id in sorted(set(tenant.campaigns.values())):
        campaign = turn.store.edit(campaign_key(tenant.tenant_id, campaign_id), KnownCampaign)
        assert campaign is not None, "a tenant names known campaigns only"
        begin_sweep(turn, campaign, "amend", cause)


def continue_sweep(turn: Turn, campaign: KnownCampaign) -> None:
    """Sweeps the next SWEEP_BATCH contacts in key order; after the last one the sweep ends."""
    prefix = f"{campaign.tenant_id}/".encode()
    needle = campaign.campaign_id.encode()
    keys = list(
        islice(turn.store.keys_containing(prefix, needle, campaign.sweep_cursor), SWEEP_BATCH)
    )
    assert campaign.sweep is not None
    for key in keys:
        contact = turn.store.read(key, Contact)
        if contact is not None and any(
            e.campaign_id == campaign.campaign_id for e in contact.enrollments
        ):
            _sweep_contact(turn, key, campaign)
    if len(keys) < SWEEP_BATCH:
        campaign.sweep, campaign.sweep_cursor = None, b""
    else:
        campaign.sweep_cursor = keys[-1]


def _sweep_contact(turn: Turn, key: bytes, campaign: KnownCampaign) -> None:
    contact = turn.store.edit(key, Contact)
    assert contact is not None and campaign.sweep is not None
    context = Context(turn, key, contact)
    if campaign.sweep in ("amend", "move"):
        for enrollment in live_runs(context, campaign.campaign_id):
            if not enrollment.touches and enrollment.version != campaign.version:
                renew_run(context, enrollment, campaign.version, campaign.sweep_cause)
    if campaign.sweep == "amend":
        take_part(context, campaign)
        amend_requests(context, campaign.campaign_id)
        amend_due_times(context, campaign.sweep_cause, campaign.campaign_id)
        return
    if campaign.sweep == "move":
        for enrollment in live_runs(context, campaign.campaign_id):
            if enrollment.version in _versions_to_move(campaign):
                move_run(
                    context, enrollment, campaign.version, campaign.move_steps, campaign.sweep_cause
                )
        take_part(context, campaign)
        amend_requests(context, campaign.campaign_id)
        settle(context)
        return
    for enrollment in live_runs(context, campaign.campaign_id):
        _apply_status(context, enrollment, campaign.sweep, campaign.sweep_cause)
    settle(context)
    contact.updated_at = turn.now


def _versions_to_move(campaign: KnownCampaign) -> set[int]:
    older = set(campaign.definitions) - {campaign.version}
    return older if campaign.move_from is None else older & {campaign.move_from}


def _apply_status(context: Context, enrollment: Enrollment, sweep: str, cause: str) -> None:
    if sweep == "freeze":
        freeze(context, enrollment, "campaign", cause)
    elif sweep == "thaw":
        thaw(context, enrollment, ("campaign",), cause)
    else:
        stop(context, enrollment, sweep, cause)
