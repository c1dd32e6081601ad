"""What a campaign can do without and should have (S4-34): warnings for whoever publishes it."""

from collections.abc import Callable

from schemas.base.error_codes import CampaignCode, Problem
from schemas.campaigns.compiled_definition import Definition, OutreachTerms
from schemas.campaigns.outreach_terms import CAMPAIGN_TYPES, COMBINED


def _targeting(terms: OutreachTerms) -> bool:
    return bool(terms.target_locations or terms.target_skills or terms.target_company_sizes)


_OF_TERMS: tuple[tuple[str, Callable[[OutreachTerms], bool], str], ...] = (
    (
        "outreach.target_audience",
        lambda terms: bool(terms.target_audience),
        "recommended: whom the campaign is for, in words",
    ),
    (
        "outreach.target_contacts_count",
        lambda terms: terms.target_contacts is not None,
        "recommended: how many people are to be reached",
    ),
    (
        "outreach.target_response_rate",
        lambda terms: terms.target_response_rate is not None,
        "recommended: how many of a hundred people are to respond",
    ),
    (
        "outreach",
        _targeting,
        "recommended: one of target_locations, target_skills, target_company_sizes",
    ),
    (
        "outreach.target_skills",
        lambda terms: (
            bool(terms.target_skills)
            or terms.campaign_type != CAMPAIGN_TYPES[0]
            or not _targeting(terms)
        ),
        f"recommended for {CAMPAIGN_TYPES[0]}",  # S4-11
    ),
)
"""The place, whether the terms have it, and the message if they do not."""


def recommendations(definition: Definition) -> list[Problem]:
    """What an outreach campaign lacks of what is recommended; nothing for other kinds."""
    terms = definition.outreach
    if terms is None:
        return []
    missing = [(place, message) for place, is_there, message in _OF_TERMS if not is_there(terms)]
    if not definition.description:
        missing.insert(0, ("description", "recommended: objectives, strategy and notes"))
    if definition.settings.end_day is None:
        missing.append(("settings.end_date", "recommended: without it the campaign is ongoing"))
    used = sorted({step.channel for step in definition.steps})
    if terms.channel == COMBINED and len(used) == 1:
        message = f"all steps are by {used[0]}: the channel can be {used[0]}"
        missing.append(("outreach.channel", message))
    return [Problem(CampaignCode.RECOMMENDED, place, message) for place, message in missing]
