"""The dates of a campaign by the clock of its zone: when it ends, and what is to be done at which
moment after its completion (C-6, C-34, S4-16, S4-29).

All of it is a function of the campaign's state, its zone and the present moment.
"""

from datetime import date, timedelta

from processors.shared.calendar_periods import day_of, first_moment
from processors.shared.tenant_lookup import country_of
from schemas.base.times import DAY, HOUR, DurationUs, MomentUs
from schemas.base.zone_repair import zones_meant
from schemas.campaigns.compiled_definition import CampaignSettings, Definition
from schemas.internal.states import CampaignRecord, TenantRecord

END, SETTLE, REPORT, ARCHIVE, RETENTION = "end", "settle", "report", "archive", "retention"
"""The names in `CampaignRecord.dates`: the end date; the provisional report, if commands are still
out then; the final report; the archival; and the reminder that nothing needs the campaign any more.
"""

SETTLE_US: DurationUs = 24 * HOUR
ARCHIVE_US: DurationUs = 90 * DAY
RETENTION_US: DurationUs = 2 * 365 * DAY

_EPOCH = date(1970, 1, 1)


def campaign_zone(tenant: TenantRecord, definition: Definition) -> str:
    """The zone by whose clock a campaign goes: its own, else the tenant's."""
    if definition.settings.timezone:
        return definition.settings.timezone
    return zones_meant(tenant.timezone, "", "", country_of(tenant))[0]


def end_at(settings: CampaignSettings, zone_name: str) -> MomentUs | None:
    """The moment at which a campaign ends by its end date: the first one of the next day, or, with
    the mode literal, of the day itself (C-6). None without an end date."""
    if settings.end_day is None:
        return None
    return first_moment(zone_name, settings.end_day + (settings.end_mode == "inclusive"))


def first_day(campaign: CampaignRecord) -> int | None:
    """The first day of a campaign: that of its definition, else that of its activation (S4-16)."""
    day = campaign.definition.settings.start_day
    return campaign.first_day if day is None else day


def last_day(campaign: CampaignRecord) -> int | None:
    """The last day of a campaign: that of its definition, else that of its completion (C-7)."""
    day = campaign.definition.settings.end_day
    return campaign.last_day if day is None else day


def day_text(day: int | None) -> str | None:
    """A day as `2026-03-02`."""
    return None if day is None else (_EPOCH + timedelta(days=day)).isoformat()


def phase_of(campaign: CampaignRecord, zone_name: str, now: MomentUs) -> str:
    """How a campaign stands: its status, but `armed` while it is active and its first day is ahead
    (C-34), and `settling` or `settled` after its completion."""
    if campaign.status == "active":
        day = first_day(campaign)
        ahead = day is not None and day_of(zone_name, now) < day
        return "armed" if ahead else "active"
    if campaign.status == "completed" and campaign.definition.decides_by_counts():
        return "settled" if campaign.settled_at else "settling"
    return campaign.status


def plan_dates(campaign: CampaignRecord, zone_name: str) -> None:
    """Sets what is to be done at which moment, after the status has changed."""
    settings = campaign.definition.settings
    campaign.dates = {}
    match campaign.status:
        case "active" | "paused":
            plan_end(campaign, zone_name)
        case "completed" if campaign.definition.decides_by_counts():
            campaign.dates[SETTLE] = campaign.ended_at + SETTLE_US
            campaign.dates[REPORT] = campaign.ended_at + settings.attribution_window_us
            if campaign.definition.outreach is not None:
                campaign.dates[ARCHIVE] = campaign.ended_at + ARCHIVE_US
        case "archived" if campaign.definition.outreach is not None:
            campaign.dates[RETENTION] = campaign.updated_at + RETENTION_US


def plan_end(campaign: CampaignRecord, zone_name: str) -> None:
    """Sets when a campaign ends by its end date, after the status, the definition or the zone has
    changed. A paused campaign ends too."""
    end = end_at(campaign.definition.settings, zone_name)
    if end is not None and campaign.status in ("active", "paused"):
        campaign.dates[END] = end
    else:
        campaign.dates.pop(END, None)
