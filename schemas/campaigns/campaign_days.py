"""Days of a campaign that are over (S4-16). They are refused when a document is edited, and never
when a campaign is activated or goes on (C-34)."""

from schemas.base.error_codes import CampaignCode, Problem
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition


def past_days(
    definition: Definition, today: int, before: Definition | None = None
) -> list[Problem]:
    """The first and last day if they are over, of a campaign that is prepared as a draft.

    `today` is the day by the campaign's time zone, as days since 1970-01-01. A day that the version
    `before` had already is no problem, so that other fields can be edited later.
    """
    if not KINDS[definition.kind].prepared:
        return []
    days = definition.settings
    known = None if before is None else before.settings
    found: list[Problem] = []
    for field, day, earlier in (
        ("start_date", days.start_day, known and known.start_day),
        ("end_date", days.end_day, known and known.end_day),
    ):
        if day is not None and day < today and day != earlier:
            name = field.replace("_", " ").capitalize()
            message = f"{name} cannot be in the past"
            found.append(Problem(CampaignCode.INVALID_DATES, f"settings.{field}", message))
    return found
