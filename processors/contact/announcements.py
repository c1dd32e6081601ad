"""What a partition knows of tenants and campaigns, as announced; and sweeps over a campaign's
contacts.

A sweep reaches every enrollment of a campaign when it is paused, resumed or ended. It runs in steps
of the campaign's own timer, all before the next record, so it may span transactions and is still
one moment of the log.
"""

from itertools import islice

from processors.contact.context import Context
from processors.contact.pause_stop import freeze, live, stop, thaw
from processors.contact.profile import amend
from processors.contact.replies_conversions import settle
from processors.contact.version_migration import move
from processors.fold.turn import Turn
from processors.shared.tenant_lookup import campaign_key, known_tenant, service_of, tenant_key
from schemas.internal.messages import (
    CampaignAcknowledged,
    CampaignAnnounced,
    RunsMoved,
    StatusAnnounced,
    TemplateGone,
    TenantAnnounced,
)
from schemas.internal.states import Contact, Enrollment, KnownCampaign, KnownTenant
from schemas.internal.topics import Topic

SWEEP_STEP = 500
"""Contacts looked at in one firing of a sweep."""


def tenant_announced(turn: Turn, message: TenantAnnounced) -> None:
    """The tenant's settings as of now; which campaign serves what stays as known."""
    key = tenant_key(message.tenant_id)
    before = turn.store.look(key, KnownTenant)
    fresh = known_tenant(message, before)
    turn.store.put(key, fresh)
    if before is not None and _hours(fresh) != _hours(before):
        _amend_all(turn, fresh, message.tenant_id)


def _hours(tenant: KnownTenant) -> tuple[object, ...]:
    return tenant.timezone, tenant.quiet, tenant.strict_start, tenant.strict_regions


def _amend_all(turn: Turn, tenant: KnownTenant, cause: str) -> None:
    """What waits at dispatch for any of the tenant's campaigns is told anew (C-36)."""
    for campaign_id in sorted(set(tenant.campaigns.values())):
        campaign = turn.store.edit(campaign_key(tenant.tenant_id, campaign_id), KnownCampaign)
        assert campaign is not None, "a tenant names known campaigns only"
        _begin_sweep(turn, campaign, "amend", cause)


def campaign_announced(turn: Turn, message: CampaignAnnounced) -> None:
    """A version more; the campaign processor hears that this partition has it."""
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, KnownCampaign)
    if campaign is None:
        campaign = KnownCampaign(
            message.tenant_id, message.campaign_id, message.status, message.version, {}
        )
        turn.store.put(key, campaign)
    campaign.definitions[message.version] = message.definition
    campaign.version = message.version
    service = service_of(message.definition)
    _serve(turn, message.tenant_id, message.campaign_id, service, message.status)
    if message.definition.settings.on_edit == "follow":
        campaign.move_from, campaign.move_steps = None, {}
        _begin_sweep(turn, campaign, "move", message.cause)
    else:
        _begin_sweep(turn, campaign, "amend", message.cause)  # templates are the newest version's
    _change_status(turn, campaign, message.status, message.cause)
    known = CampaignAcknowledged(
        message.tenant_id, message.campaign_id, message.version, turn.partition
    )
    turn.send(Topic.CAMPAIGN_LOG, message.tenant_id.encode(), known)


def status_announced(turn: Turn, message: StatusAnnounced) -> None:
    """Paused freezes, resumed thaws, anything final stops every enrollment of the campaign."""
    campaign = turn.store.edit(campaign_key(message.tenant_id, message.campaign_id), KnownCampaign)
    assert campaign is not None, "a status follows its campaign's first version"
    service = service_of(campaign.definitions[campaign.version])
    _serve(turn, message.tenant_id, message.campaign_id, service, message.status)
    _change_status(turn, campaign, message.status, message.cause)


def runs_moved(turn: Turn, message: RunsMoved) -> None:
    """The runs of older versions go on in the newest."""
    campaign = turn.store.edit(campaign_key(message.tenant_id, message.campaign_id), KnownCampaign)
    assert campaign is not None, "an order follows its campaign's first version"
    campaign.move_from, campaign.move_steps = message.from_version, message.steps
    _begin_sweep(turn, campaign, "move", message.cause)


def template_gone(turn: Turn, message: TemplateGone) -> None:
    """The template is sent no more; its touches stay and are skipped for want of one (S1-42,
    S0-17)."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), KnownTenant)
    if tenant is None or message.template_id in tenant.templates_gone:
        return
    tenant.templates_gone.append(message.template_id)
    _amend_all(turn, tenant, message.cause)


def _serve(turn: Turn, tenant_id: str, campaign_id: str, service: str, status: str) -> None:
    """Which campaign a service type's jobs enter: only one that is active or paused (C-4, F-10)."""
    tenant = turn.store.edit(tenant_key(tenant_id), KnownTenant)
    assert tenant is not None, "a tenant is announced before its campaigns"
    for name in [name for name, served in tenant.campaigns.items() if served == campaign_id]:
        del tenant.campaigns[name]
    if status in ("active", "paused"):
        tenant.campaigns[service] = campaign_id


def _change_status(turn: Turn, campaign: KnownCampaign, status: str, cause: str) -> None:
    before, campaign.status = campaign.status, status
    if status == before:
        return
    names = {"paused": "freeze", "active": "thaw"}
    _begin_sweep(turn, campaign, names.get(status, f"campaign_{status}"), cause)


def _begin_sweep(turn: Turn, campaign: KnownCampaign, name: str, cause: str) -> None:
    """At once, before the next record: a sweep that was begun is over by then."""
    campaign.sweep, campaign.sweep_cause = name, cause
    campaign.sweep_cursor, campaign.sweep_at = b"", turn.now


def sweep(turn: Turn, campaign: KnownCampaign) -> None:
    """The next contacts of the campaign, in key order; done when there are none left."""
    prefix = f"{campaign.tenant_id}/".encode()
    needle = campaign.campaign_id.encode()
    keys = list(islice(turn.store.holders(prefix, needle, campaign.sweep_cursor), SWEEP_STEP))
    assert campaign.sweep is not None
    for key in keys:
        person = turn.store.look(key, Contact)
        if person is not None and any(
            e.campaign_id == campaign.campaign_id for e in person.enrollments
        ):
            _sweep_one(turn, key, campaign)
    if len(keys) < SWEEP_STEP:
        campaign.sweep, campaign.sweep_cursor = None, b""
    else:
        campaign.sweep_cursor = keys[-1]


def _sweep_one(turn: Turn, key: bytes, campaign: KnownCampaign) -> None:
    contact = turn.store.edit(key, Contact)
    assert contact is not None and campaign.sweep is not None
    context = Context(turn, key, contact)
    if campaign.sweep == "amend":
        amend(context, campaign.campaign_id)
        return
    if campaign.sweep == "move":
        for enrollment in live(context, campaign.campaign_id):
            if enrollment.version in _moving(campaign):
                move(
                    context, enrollment, campaign.version, campaign.move_steps, campaign.sweep_cause
                )
        amend(context, campaign.campaign_id)
        settle(context)
        return
    for enrollment in live(context, campaign.campaign_id):
        _reach(context, enrollment, campaign.sweep, campaign.sweep_cause)
    settle(context)
    contact.updated_at = turn.now


def _moving(campaign: KnownCampaign) -> set[int]:
    """The versions whose runs move."""
    older = set(campaign.definitions) - {campaign.version}
    return older if campaign.move_from is None else older & {campaign.move_from}


def _reach(context: Context, enrollment: Enrollment, sweep_of: str, cause: str) -> None:
    if sweep_of == "freeze":
        freeze(context, enrollment, "campaign", cause)
    elif sweep_of == "thaw":
        thaw(context, enrollment, ("campaign",), cause)
    else:
        stop(context, enrollment, sweep_of, cause)
