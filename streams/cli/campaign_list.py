"""`touchstream campaign list`: the campaigns of a tenant, newest first (S4-62, S4-108)."""

from typing import Annotated, Any

from typer import Option

from processors.campaign.dates import campaign_zone, phase_of
from schemas.base.times import MomentUs
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.outreach_terms import CAMPAIGN_TYPES
from schemas.internal.count_names import CONVERSIONS, REACHED, RESPONSES, RUNS
from schemas.internal.states import CampaignRecord, TenantRecord
from streams.cli.campaign_view import rates_of, shown_counts
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.options import Json, Tenant
from streams.cli.output import format_time, print_json, print_table
from streams.cli.stored_campaigns import read_campaigns
from streams.kafka.topics import layout_of

_HEADS = (
    *("campaign", "phase", "people#", "reached#", "responses#", "conversions#", "response rate#"),
    *("created", "kind", "type", "owner"),
)
_STATUSES = ("draft", "active", "paused", "completed", "cancelled", "archived", "deleted")


def list_campaigns(
    tenant: Tenant,
    status: Annotated[
        list[str] | None, Option("--status", help=f"One of {', '.join(_STATUSES)}. Repeatable.")
    ] = None,
    kind: Annotated[
        str | None, Option("--kind", help=f"Only of this kind: {', '.join(KINDS)}.")
    ] = None,
    campaign_type: Annotated[
        str | None, Option("--type", help=f"Only outreach of: {', '.join(CAMPAIGN_TYPES)}.")
    ] = None,
    owner: Annotated[str | None, Option("--owner", help="Only outreach of this owner.")] = None,
    oldest_first: Annotated[
        bool, Option("--oldest-first", help="Order by creation, oldest first.")
    ] = False,
    json: Json = False,
) -> None:
    """List the campaigns of a tenant, newest first, with how far their people got; without
    --status all but deleted ones.

    People are counted of campaigns of calls, of outreach, and of those with an experiment. `-` is
    no data.

    Example: touchstream campaign list --tenant acme --status active --type talent_sourcing
    """
    for option, given, known in (
        ("--status", status or [], _STATUSES),
        ("--kind", [kind] if kind else [], tuple(KINDS)),
        ("--type", [campaign_type] if campaign_type else [], CAMPAIGN_TYPES),
    ):
        for name in given:
            if name not in known:
                message = f"{option} {name}: must be one of {', '.join(known)}"
                raise CommandError(message, EXIT_USAGE)
    settings = connected_settings()
    now = settings.scaled_clock().now()
    stored = read_campaigns(settings, layout_of(settings), tenant)
    wanted = status or [name for name in _STATUSES if name != "deleted"]
    found = [
        campaign
        for campaign in stored.campaigns.values()
        if campaign.status in wanted
        and kind in (None, campaign.definition.kind)
        and _fits(campaign, campaign_type, owner)
    ]
    found.sort(key=lambda each: (each.created_at, each.campaign_id), reverse=not oldest_first)
    rows = [_row(campaign, stored.tenant, now) for campaign in found]
    if json:
        print_json({"as_of": format_time(stored.as_of), "campaigns": rows})
    elif rows:
        print_table(_HEADS, [_cells(row) for row in rows])
    else:
        print("no campaigns")


def _fits(campaign: CampaignRecord, campaign_type: str | None, owner: str | None) -> bool:
    terms = campaign.definition.outreach
    if terms is None:
        return campaign_type is None and owner is None
    return campaign_type in (None, terms.campaign_type) and owner in (None, terms.owner_id)


def _row(campaign: CampaignRecord, tenant: TenantRecord, now: MomentUs) -> dict[str, Any]:
    counts, terms = shown_counts(campaign), campaign.definition.outreach
    return {
        "campaign_id": campaign.campaign_id,
        "name": campaign.definition.name,
        "kind": campaign.definition.kind,
        "status": campaign.status,
        "phase": phase_of(campaign, campaign_zone(tenant, campaign.definition), now),
        "version": campaign.version,
        "campaign_type": None if terms is None else terms.campaign_type,
        "channel": None if terms is None else terms.channel,
        "owner_id": None if terms is None else terms.owner_id,
        "created_at": format_time(campaign.created_at),
        **{name: counts.get(name) for name in (RUNS, REACHED, RESPONSES, CONVERSIONS)},
        **rates_of(counts),
    }


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    counts = (row[name] for name in (RUNS, REACHED, RESPONSES, CONVERSIONS))
    rate = row["response_rate"]
    return (
        row["campaign_id"],
        row["phase"],
        *(None if count is None else f"{count:,}" for count in counts),
        None if rate is None else f"{rate:.2f} %",
        *(row[name] for name in ("created_at", "kind", "campaign_type", "owner_id")),
    )
