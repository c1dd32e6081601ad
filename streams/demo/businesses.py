"""The three businesses of the demo and their campaigns, each made from a preset (S0-15).

Zones, limits and settings are chosen so that every rule applies to some customers: quiet hours in
several zones, a limit that holds touches back, a cool-down, a stricter region, a delay of one
service.
"""

from dataclasses import dataclass, field
from typing import Any

from schemas.base.times import DAY, MINUTE
from schemas.campaigns.presets import duplicate
from schemas.campaigns.yaml_document import parse_document

THREE_DAYS, EIGHT_DAYS = 3 * DAY, 8 * DAY
"""How long jobs come for a campaign, so that eleven or four days of touches fit behind them."""


@dataclass(frozen=True, slots=True)
class DemoCampaign:
    """A duplicate of a preset. Jobs that enter it come during the first `jobs_for_us`."""

    campaign_id: str
    name: str
    preset: str
    service_type: str | None
    jobs_for_us: int
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DemoBusiness:
    """A tenant. `zones` are the time zones of its customers, as often as they occur."""

    tenant_id: str
    timezone: str
    zones: tuple[str, ...]
    regions: tuple[str, ...]
    services: tuple[str, ...]
    tenant: dict[str, Any]
    campaigns: tuple[DemoCampaign, ...]


BUSINESSES = (
    DemoBusiness(
        "lakeside-plumbing",
        "America/Chicago",
        ("America/Chicago", "America/Chicago", "America/New_York"),
        ("IL", "WI", "FL"),
        ("plumbing", "plumbing", "handyman"),
        {"quiet_hours": {"start": "21:00", "end": "08:00", "strict_regions": ["FL"]}},
        (
            DemoCampaign("plumbing", "Plumbing reviews", "standard", "plumbing", THREE_DAYS),
            DemoCampaign(
                "everything",
                "All other jobs",
                "conservative",
                None,
                EIGHT_DAYS,
                {"cooldown_days": 30},
            ),
        ),
    ),
    DemoBusiness(
        "thames-cleaning",
        "Europe/London",
        ("Europe/London", "Europe/London", "Europe/Paris"),
        ("England", "Wales"),
        ("cleaning", "cleaning", "painting", "other"),
        {},
        (
            DemoCampaign(
                "cleaning",
                "Cleaning reviews",
                "conservative",
                "cleaning",
                EIGHT_DAYS,
            ),
            DemoCampaign("everything", "All other jobs", "standard", None, THREE_DAYS),
        ),
    ),
    DemoBusiness(
        "pacific-hvac",
        "America/Los_Angeles",
        ("America/Los_Angeles", "America/Phoenix", "Pacific/Honolulu"),
        ("CA", "AZ", "HI"),
        ("hvac", "hvac", "hvac", "electrical"),
        {"delay_hours_by_service": {"electrical": 12}},
        (
            DemoCampaign(
                "hvac",
                "Heating and cooling reviews",
                "aggressive",
                "hvac",
                THREE_DAYS,
            ),
            DemoCampaign("everything", "All other jobs", "conservative", None, EIGHT_DAYS),
        ),
    ),
)


def tenant_event(business: DemoBusiness, customers: int) -> dict[str, Any]:
    """Returns the data of the event `tenant.upserted` of the business.

    The limits let the touches of a day through within some hours: they hold touches back each
    morning, and all touches end within the demo.
    """
    per_hour = max(3, customers // len(BUSINESSES) // 40)
    limits = {"email": {"per_hour": per_hour}, "sms": {"per_hour": per_hour}}
    return {
        "tenant_id": business.tenant_id,
        "timezone": business.timezone,
        "limits": limits,
        **business.tenant,
    }


def campaign_document(
    business: DemoBusiness, campaign: DemoCampaign, answer_timeout_us: int
) -> dict[str, Any]:
    """Returns the definition of the campaign: the duplicate of the preset with templates and
    settings.

    `answer_timeout_us` counts by the fast clock of the demo: hours pass there between a command and
    its answer.
    """
    text = duplicate(
        campaign.preset,
        business.tenant_id,
        campaign.campaign_id,
        campaign.name,
        campaign.service_type,
    )
    document: dict[str, Any] = parse_document(text)
    for number, step in enumerate(document["steps"], start=1):
        step["template_id"] = f"{campaign.campaign_id}-{number}"
    document["settings"] = {
        "answer_timeout_minutes": answer_timeout_minutes(answer_timeout_us),
        **campaign.settings,
    }
    return document


def answer_timeout_minutes(answer_timeout_us: int) -> int:
    """Returns the value of the campaign setting: a day at least, a week at most."""
    return min(7 * DAY, max(DAY, answer_timeout_us)) // MINUTE


def campaign_of(business: DemoBusiness, service_type: str) -> DemoCampaign:
    """Returns the campaign of a job: the one for its service, or else the one for all services
    (F-10)."""
    for_service = [c for c in business.campaigns if c.service_type == service_type]
    return (for_service or [c for c in business.campaigns if c.service_type is None])[0]
