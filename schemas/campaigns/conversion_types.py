"""What counts as a conversion of an outreach campaign, by the type of the campaign (S4-73…S4-75,
C-23)."""

_TALENT = ("phone_screen", "submission", "interview", "placement")
_BUSINESS = ("discovery_call", "meeting", "proposal", "deal")

CONVERSION_TYPES: dict[str, tuple[str, ...]] = {
    "talent_sourcing": _TALENT,
    "business_development": _BUSINESS,
    "mixed": (*_TALENT, *_BUSINESS),
}
"""The conversions of each campaign type."""
