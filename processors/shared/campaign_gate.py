"""The gate of a campaign at dispatch: closed while the campaign is paused, and for good when it is
over (S4-22, C-8)."""

from schemas.internal.sender_states import KnownCampaignLimits

HOLDS = {
    status: f"campaign_{status}"
    for status in ("paused", "completed", "cancelled", "archived", "deleted")
}
"""The reason of a wait for the campaign, by the status in which nothing of it is sent."""


def campaign_hold(campaign: KnownCampaignLimits | None) -> str | None:
    """The reason why nothing of a campaign is sent now; None where its touches may go."""
    return None if campaign is None else HOLDS.get(campaign.status)
