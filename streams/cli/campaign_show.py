"""`touchstream campaign show`: how a campaign stands, and what its completion waits for."""

import msgspec

from schemas.base.times import MINUTE
from streams.cli.campaign_text import campaign_lines
from streams.cli.campaign_view import GOING, campaign_view
from streams.cli.campaign_waits import CampaignWaits, read_waits
from streams.cli.command_settings import connected_settings
from streams.cli.options import CampaignId, Json, Tenant
from streams.cli.output import print_indented, print_json
from streams.cli.stored_campaigns import read_campaigns
from streams.kafka.topics import layout_of


def show(campaign_id: CampaignId, tenant: Tenant, json: Json = False) -> None:
    """Show how a campaign stands: its dates, its targets, what its completion waits for, its counts
    and rates, its problems, and its experiments in short.

    What keeps it from sending is shown too: accounts of its channels that are paused, closed or
    removed, and what its touches wait for at dispatch; `touchstream queue` shows who.

    The source is what the campaign processor has committed and decides by, with the stream time up
    to which that is. Counts come from the people's side at most a second of stream time later. A
    campaign is `armed` while it is active and its first day is ahead, `settling` while it is
    completed and commands are out, then `settled`. Dates are by the clock of the campaign's zone.

    Example: touchstream campaign show java-nyc-q1 --tenant acme
    """
    settings = connected_settings()
    clock = settings.scaled_clock()
    now = clock.now()
    layout = layout_of(settings)
    stored = read_campaigns(settings, layout, tenant, campaign_id)
    campaign = stored.campaign(campaign_id)
    waits = CampaignWaits()
    if campaign.status in GOING:
        waits = read_waits(settings, layout, campaign.definition, now)
    view = campaign_view(campaign, stored.tenant, stored.channels, now, stored.as_of, waits)
    if json:
        print_json(msgspec.to_builtins(view))
        return
    print_indented(campaign_lines(view, now, int(MINUTE * clock.speed)))
