"""The three businesses of the demo and their campaigns, each made from a preset (S0-15).

Zones, limits and settings are chosen so that every rule is met by somebody: quiet hours in several
zones, a throttle that binds, a cool-down, a stricter region, a delay of its own for a service.
"""

from dataclasses import dataclass, field
from typing import Any

from schemas.base.times import DAY, MINUTE
from schemas.campaigns.presets import duplicate
from schemas.campaigns.yaml_document import parse_document

LONG, SHORT = 3 * DAY, 8 * DAY
"""How many days jobs come for a campaign: eleven days of touches fit behind, or four."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A duplicate of a preset; `jobs_for` is how long jobs come that enter it."""

    campaign_id: str
    name: str
    preset: str
    service_type: str | None
    jobs_for: int
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Business:
    """A tenant. `zones` are those of its customers, the first the most common."""

    tenant_id: str
    timezone: str
    zones: tuple[str, ...]
    regions: tuple[str, ...]
    services: tuple[str, ...]
    tenant: dict[str, Any]
    campaigns: tuple[Campaign, ...]


BUSINESSES = (
    Business(
        "lakeside-plumbing",
        "America/Chicago",
        ("America/Chicago", "America/Chicago", "America/New_York"),
        ("IL", "WI", "FL"),
        ("plumbing", "plumbing", "handyman"),
        {"quiet_hours": {"start": "21:00", "end": "08:00", "strict_regions": ["FL"]}},
        (
            Campaign("plumbing", "Plumbing reviews", "standard", "plumbing", LONG),
            Campaign(
                "everything", "All other jobs", "conservative", None, SHORT, {"cooldown_days": 30}
            ),
        ),
    ),
    Business(
        "thames-cleaning",
        "Europe/London",
        ("Europe/London", "Europe/London", "Europe/Paris"),
        ("England", "Wales"),
        ("cleaning", "cleaning", "painting", "other"),
        {},
        (
            Campaign("cleaning", "Cleaning reviews", "conservative", "cleaning", SHORT),
            Campaign("everything", "All other jobs", "standard", None, LONG),
        ),
    ),
    Business(
        "pacific-hvac",
        "America/Los_Angeles",
        ("America/Los_Angeles", "America/Phoenix", "Pacific/Honolulu"),
        ("CA", "AZ", "HI"),
        ("hvac", "hvac", "hvac", "electrical"),
        {"delay_hours_by_service": {"electrical": 12}},
        (
            Campaign("hvac", "Heating and cooling reviews", "aggressive", "hvac", LONG),
            Campaign("everything", "All other jobs", "conservative", None, SHORT),
        ),
    ),
)


def tenant_event(business: Business, customers: int) -> dict[str, Any]:
    """The business as the event `tenant.upserted` tells it.

    The throttle lets a day's touches through in some hours: it binds each morning, and all end.
    """
    per_hour = max(3, customers // len(BUSINESSES) // 40)
    limits = {"email": {"per_hour": per_hour}, "sms": {"per_hour": per_hour}}
    return {
        "tenant_id": business.tenant_id,
        "timezone": business.timezone,
        "limits": limits,
        **business.tenant,
    }


def definition(business: Business, campaign: Campaign, patience: int) -> dict[str, Any]:
    """The campaign's document: the duplicate, given templates and settings.

    In a lapse, hours pass while a command and its answer travel: `patience` (micros) is how long
    an answer may take.
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
    document["settings"] = {"answer_timeout_minutes": answer_minutes(patience), **campaign.settings}
    return document


def answer_minutes(patience: int) -> int:
    """As a campaign's setting: a day at least, a week at most."""
    return min(7 * DAY, max(DAY, patience)) // MINUTE


def campaign_of(business: Business, service_type: str) -> Campaign:
    """Where a job of that service goes: its own campaign first, else the one for all (F-10)."""
    special = [c for c in business.campaigns if c.service_type == service_type]
    return (special or [c for c in business.campaigns if c.service_type is None])[0]
