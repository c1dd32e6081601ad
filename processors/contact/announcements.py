"""What the campaign processor announces to a partition of contact-log: tenants, versions and
statuses of campaigns, deleted templates."""

from processors.contact.campaign_sweeps import begin_amend_sweeps, begin_sweep
from processors.contact.sweep_effects import AMEND, FREEZE, MOVE, THAW
from processors.fold.turn import Turn
from processors.shared.tenant_lookup import campaign_key, known_tenant, service_of, tenant_key
from schemas.internal.messages import (
    CampaignAcknowledged,
    CampaignAnnounced,
    RunsMoved,
    StatusAnnounced,
    TemplateGone,
    TenantAnnounced,
    WinnerAcknowledged,
    WinnerAnnounced,
)
from schemas.internal.states import KnownCampaign, KnownTenant
from schemas.internal.topics import Topic


def tenant_announced(turn: Turn, message: TenantAnnounced) -> None:
    """Replaces the tenant's settings. New quiet hours and other agents or numbers amend what waits
    at dispatch (C-36)."""
    key = tenant_key(message.tenant_id)
    before = turn.store.read(key, KnownTenant)
    tenant = known_tenant(message, before)
    turn.store.put(key, tenant)
    if before is not None and _amending(tenant) != _amending(before):
        begin_amend_sweeps(turn, tenant, message.tenant_id, message.rules)


def _amending(tenant: KnownTenant) -> tuple[object, ...]:
    """The settings that decide what waits at dispatch, and until when. The limits of agents and
    numbers are not among them: those are dispatch's."""
    calls = tenant.calls
    lists = None if calls is None else (set(calls.agents), set(calls.numbers), calls.allow)
    return (
        tenant.timezone,
        tenant.quiet,
        tenant.strict_start,
        tenant.strict_regions,
        tenant.country,
        tenant.calling_hours,
        lists,
    )


def campaign_announced(turn: Turn, message: CampaignAnnounced) -> None:
    """Adds a version of a campaign, and reports to the campaign processor that this partition has
    it."""
    key = campaign_key(message.tenant_id, message.campaign_id)
    campaign = turn.store.edit(key, KnownCampaign)
    is_new = campaign is None
    if campaign is None:
        campaign = KnownCampaign(
            message.tenant_id, message.campaign_id, message.status, message.version, {}
        )
        turn.store.put(key, campaign)
    campaign.definitions[message.version] = message.definition
    campaign.version = message.version
    service = service_of(message.definition)
    _serve_jobs(turn, message.tenant_id, message.campaign_id, service, message.status)
    if message.rules < 1 or not is_new:
        # Templates are the newest version's, also for runs that stay with theirs.
        name = MOVE if message.definition.settings.on_edit == "follow" else AMEND
        begin_sweep(turn, campaign, name, message.cause, message.rules)
        _change_status(turn, campaign, message)
    known = CampaignAcknowledged(
        message.tenant_id, message.campaign_id, message.version, turn.partition
    )
    turn.send(Topic.CAMPAIGN_LOG, message.tenant_id.encode(), known)


def status_announced(turn: Turn, message: StatusAnnounced) -> None:
    """Changes a campaign's status: `paused` pauses its enrollments, `active` resumes them, a final
    status stops them."""
    campaign = turn.store.edit(campaign_key(message.tenant_id, message.campaign_id), KnownCampaign)
    assert campaign is not None, "a status follows its campaign's first version"
    service = service_of(campaign.definitions[campaign.version])
    _serve_jobs(turn, message.tenant_id, message.campaign_id, service, message.status)
    _change_status(turn, campaign, message)


def runs_moved(turn: Turn, message: RunsMoved) -> None:
    """Moves the enrollments of older versions to the newest one."""
    campaign = turn.store.edit(campaign_key(message.tenant_id, message.campaign_id), KnownCampaign)
    assert campaign is not None, "an order follows its campaign's first version"
    move = (message.from_version, message.steps)
    begin_sweep(turn, campaign, MOVE, message.cause, message.rules, *move)


def winner_announced(turn: Turn, message: WinnerAnnounced) -> None:
    """Gives the winner's template to whoever has not been sent the step of the experiment, and
    reports to the campaign processor that this partition does so from now on."""
    campaign = turn.store.edit(campaign_key(message.tenant_id, message.campaign_id), KnownCampaign)
    assert campaign is not None, "a winner follows its campaign's first version"
    if campaign.winners.get(message.experiment_id) != message.variant:
        campaign.winners = {**campaign.winners, message.experiment_id: message.variant}
        begin_sweep(turn, campaign, AMEND, message.cause, message.rules)
    known = WinnerAcknowledged(
        message.tenant_id, message.campaign_id, message.experiment_id, turn.partition
    )
    turn.send(Topic.CAMPAIGN_LOG, message.tenant_id.encode(), known)


def template_gone(turn: Turn, message: TemplateGone) -> None:
    """Remembers a deleted template. Touches that need it stay scheduled and are skipped when due
    (S1-42, S0-17)."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), KnownTenant)
    if tenant is None or message.template_id in tenant.templates_gone:
        return
    tenant.templates_gone.append(message.template_id)
    begin_amend_sweeps(turn, tenant, message.cause, message.rules)


def _serve_jobs(turn: Turn, tenant_id: str, campaign_id: str, service: str, status: str) -> None:
    """Sets which service type's jobs enter the campaign: those of `service` while it is active or
    paused, else none (C-4, F-10)."""
    tenant = turn.store.edit(tenant_key(tenant_id), KnownTenant)
    assert tenant is not None, "a tenant is announced before its campaigns"
    for name in [name for name, served in tenant.campaigns.items() if served == campaign_id]:
        del tenant.campaigns[name]
    if status in ("active", "paused"):
        tenant.campaigns[service] = campaign_id


def _change_status(
    turn: Turn, campaign: KnownCampaign, message: CampaignAnnounced | StatusAnnounced
) -> None:
    status = message.status
    before, campaign.status = campaign.status, status
    if status == before:
        return
    name = {"paused": FREEZE, "active": THAW}.get(status, f"campaign_{status}")
    begin_sweep(turn, campaign, name, message.cause, message.rules)
