"""The campaign that people are imported for: whether it takes people now, and how its file is
read."""

from collections.abc import Sequence
from typing import NamedTuple

from processors.campaign.broadcast import campaign_key, tenant_key
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition
from schemas.channels import CHANNELS
from schemas.csv_import.file_kinds import CALLS, CONTACTS, OUTREACH, FileKind
from schemas.internal.states import CampaignRecord, TenantRecord
from streams.base.settings import Settings
from streams.cli.errors import CommandError
from streams.cli.output import print_stderr
from streams.cli.pool import read_pools
from streams.cli.stored_states import AdminStates, existing_tenant

DRY_RUN_ZONE = "UTC"
"""The time zone of times without an offset where the campaign is not known."""


class ReadOptions(NamedTuple):
    """How a file is read: the columns that are named, the country of its phone numbers, the time
    zone of a file of calls, and the addresses of which a person of an outreach campaign needs
    one."""

    given: Sequence[tuple[str, str]] = ()
    country: str = ""
    calls_zone: str | None = None
    outreach: Sequence[str] | None = None

    @property
    def kind(self) -> FileKind:
        """The kind of the file."""
        if self.calls_zone is not None:
            return CALLS
        return CONTACTS if self.outreach is None else OUTREACH


def options_without_campaign(*, calls: bool, outreach: bool) -> ReadOptions:
    """How the file of a dry run is read, whose campaign is not known: any address is enough."""
    return ReadOptions(
        calls_zone=DRY_RUN_ZONE if calls else None,
        outreach=outreach_addresses() if outreach else None,
    )


def options_of(
    tenant: TenantRecord, campaign: CampaignRecord | None, *, calls: bool, outreach: bool
) -> ReadOptions:
    """How the file of people for a campaign is read. Raises CommandError where an option names
    another kind of file than the campaign has."""
    options = _options_of(tenant, campaign)
    if calls and options.calls_zone is None:
        raise CommandError("--calls: the campaign of the import is no campaign of calls")
    if outreach and options.outreach is None:
        raise CommandError("--outreach: the campaign of the import is no outreach campaign")
    return options


def _options_of(tenant: TenantRecord, campaign: CampaignRecord | None) -> ReadOptions:
    if campaign is None:
        return ReadOptions()
    definition = campaign.definition
    if KINDS[definition.kind].redial is not None:
        return ReadOptions(calls_zone=definition.settings.timezone or tenant.timezone)
    return ReadOptions(outreach=outreach_addresses(definition) if definition.outreach else None)


def outreach_addresses(definition: Definition | None = None) -> tuple[str, ...]:
    """The addresses of which a person needs one: those of the channels of the steps, or without a
    campaign all of the kind's (C-19)."""
    if definition is None:
        channels = KINDS["outreach"].channels
    else:
        channels = tuple(step.channel for step in definition.steps)
    return tuple(dict.fromkeys(CHANNELS[name].address.name for name in channels))


def campaign_to_fill(
    settings: Settings, tenant_id: str, campaign_id: str | None
) -> tuple[TenantRecord, CampaignRecord | None]:
    """The tenant and the campaign. Raises CommandError unless the tenant is there, and the campaign
    takes people: the engine would decline every person."""
    keys = {tenant_key(tenant_id), campaign_key(tenant_id, campaign_id or "")}
    states = AdminStates(settings, keys)
    tenant = existing_tenant(states, tenant_id)
    if campaign_id is None:
        return tenant, None
    campaign = states.campaign(tenant_id, campaign_id)
    if campaign is None:
        raise CommandError(
            f"{tenant_id} has no campaign {campaign_id}: touchstream campaign publish FILE"
        )
    status, is_prepared = campaign.status, KINDS[campaign.definition.kind].prepared
    if status != "active" and not (is_prepared and status in ("draft", "paused")):
        hint = "" if is_prepared else begin_hint(campaign)
        raise CommandError(f"{campaign_id} is {status} and enrolls nobody{hint}")
    _warn_about_pool(settings, campaign)
    return tenant, campaign


def begin_hint(campaign: CampaignRecord) -> str:
    """The command with which a draft or paused campaign sends; empty for others."""
    verb = {"draft": "activate", "paused": "resume"}.get(campaign.status)
    ids = f"{campaign.campaign_id} --tenant {campaign.tenant_id}"
    return f": touchstream campaign {verb} {ids}" if verb else ""


def _warn_about_pool(settings: Settings, campaign: CampaignRecord) -> None:
    """Names the call pool of a campaign that does not exist: its calls wait until it does."""
    calls = campaign.definition.settings.calls
    if calls is None or any(pool.pool_id == calls.pool_id for pool in read_pools(settings)):
        return
    print_stderr(
        f"warning: there is no call pool {calls.pool_id}, and all calls wait for it (pool_unknown):"
        f" touchstream pool set {calls.pool_id} --slots N"
    )
