"""Sweeps: one change of a campaign, applied to every contact that has an enrollment in it.

An announcement of today begins a sweep that goes on bit by bit, between the records of other
contacts (paced_sweeps.py). One of an older version begins a sweep in batches of the campaign's own
timer, all of them before the next record. Both are one moment of the log.
"""

from collections.abc import Mapping

from processors.contact.contact_lists import in_campaign
from processors.contact.context import Context
from processors.contact.paced_sweeps import begin_paced, is_sweeping
from processors.contact.sweep_effects import AMEND, MOVE, apply_sweep
from processors.fold.turn import Turn
from processors.shared.tenant_lookup import campaign_key
from schemas.internal.known_states import Sweep
from schemas.internal.states import Contact, KnownCampaign, KnownTenant

SWEEP_BATCH = 500
"""Contacts that one firing of a sweep's timer looks at."""


def begin_sweep(
    turn: Turn,
    campaign: KnownCampaign,
    name: str,
    cause: str,
    rules: int,
    move_from: int | None = None,
    move_steps: Mapping[str, str | None] | None = None,
) -> None:
    """Begins a sweep by the `rules` of its announcement. `name` is `amend`, `move`, `freeze`,
    `thaw`, or the reason with which enrollments are stopped.

    A sweep at once replaces an earlier one of the campaign, which was over before this record or
    has failed.
    """
    campaign.sweep_cause = cause
    if rules > 0 or is_sweeping(turn, campaign):
        campaign.sweep = None
        begin_paced(turn, campaign, name, cause, move_from, move_steps)
        return
    campaign.sweep, campaign.sweep_cursor, campaign.sweep_at = name, b"", turn.now
    if name == MOVE:
        campaign.move_from, campaign.move_steps = move_from, dict(move_steps or {})


def begin_amend_sweeps(turn: Turn, tenant: KnownTenant, cause: str, rules: int) -> None:
    """Begins a sweep in each of the tenant's campaigns that amends what waits at dispatch
    (C-36)."""
    for campaign_id in sorted(set(tenant.campaigns.values())):
        campaign = turn.store.edit(campaign_key(tenant.tenant_id, campaign_id), KnownCampaign)
        assert campaign is not None, "a tenant names known campaigns only"
        begin_sweep(turn, campaign, AMEND, cause, rules)


def continue_sweep(turn: Turn, campaign: KnownCampaign) -> None:
    """Sweeps the next SWEEP_BATCH contacts in key order; after the last one the sweep ends."""
    tenant_id, campaign_id, name = campaign.tenant_id, campaign.campaign_id, campaign.sweep
    assert name is not None
    sweep = Sweep(
        0,
        tenant_id,
        campaign_id,
        name,
        campaign.sweep_cause,
        turn.now,
        version=campaign.version,
        move_from=campaign.move_from,
        move_steps=campaign.move_steps,
    )
    visited = 0
    for key in turn.store.listed(in_campaign(tenant_id, campaign_id), campaign.sweep_cursor):
        contact = turn.store.read(key, Contact)
        if contact is None or all(e.campaign_id != campaign_id for e in contact.enrollments):
            continue
        contact = turn.store.edit(key, Contact)
        assert contact is not None
        apply_sweep(Context(turn, key, contact), campaign, sweep)
        visited += 1
        if visited == SWEEP_BATCH:
            campaign.sweep_cursor = key
            break
    else:
        campaign.sweep, campaign.sweep_cursor = None, b""
    turn.visited += visited
