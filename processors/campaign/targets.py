"""The targets of a campaign of outreach, and whether they complete it: by whole numbers only (C-5,
S4-13…S4-15)."""

from typing import NamedTuple

from schemas.internal.count_names import CONVERSIONS, REACHED, RESPONSES
from schemas.internal.states import CampaignRecord

CONTACTS_ONLY = "contacts_only"
HUNDREDTHS = 10_000
"""So many hundredths of a percent are the whole."""


class TargetProgress(NamedTuple):
    """How far a campaign is to one of its targets: contacts, response_rate or conversions. A rate
    is in hundredths of a percent, rounded down; `actual` None is a rate of nobody (C-16)."""

    name: str
    actual: int | None
    target: int
    is_reached: bool
    decides: bool
    """Whether the completion waits for this target."""


def total(campaign: CampaignRecord, name: str) -> int:
    """A count of runs over all partitions of contact-log."""
    return sum(counts.get(name, 0) for _, counts in campaign.counts.values())


def progress(campaign: CampaignRecord) -> list[TargetProgress]:
    """How far a campaign is to each of its targets.

    The campaign completes by the contacts, and under the policy contacts_and_rate also by the
    response rate, if it has a target (C-5). A number of conversions is a test of success only
    (S4-15).
    """
    terms = campaign.definition.outreach
    if terms is None:
        return []
    reached, responses = total(campaign, REACHED), total(campaign, RESPONSES)
    by_contacts = terms.target_contacts is not None
    rows: list[TargetProgress] = []
    if terms.target_contacts is not None:
        is_reached = reached >= terms.target_contacts
        rows.append(
            TargetProgress("contacts", reached, terms.target_contacts, is_reached, decides=True)
        )
    if terms.target_response_rate is not None:
        rate = responses * HUNDREDTHS // reached if reached else None
        is_reached = (
            bool(reached) and responses * HUNDREDTHS >= terms.target_response_rate * reached
        )
        decides = by_contacts and terms.completion_policy != CONTACTS_ONLY
        rows.append(
            TargetProgress("response_rate", rate, terms.target_response_rate, is_reached, decides)
        )
    if terms.target_conversions is not None:
        conversions = total(campaign, CONVERSIONS)
        is_reached = conversions >= terms.target_conversions
        rows.append(
            TargetProgress(
                "conversions", conversions, terms.target_conversions, is_reached, decides=False
            )
        )
    return rows


def are_met(campaign: CampaignRecord) -> bool:
    """Whether the targets complete the campaign."""
    deciding = [each.is_reached for each in progress(campaign) if each.decides]
    return bool(deciding) and all(deciding)
