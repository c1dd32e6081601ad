"""What a person may be in an outreach campaign (S4-35)."""

CONTACT_TYPES = ("candidate", "hiring_manager", "decision_maker", "referral")
"""The first one is that of a person for whom none was stated."""
