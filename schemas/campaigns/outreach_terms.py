"""Reads the section `outreach` of a campaign document (S4-4…S4-18)."""

from typing import Any

from schemas.base.error_codes import MESSAGES, CampaignCode
from schemas.campaigns.campaign_kinds import CampaignKind
from schemas.campaigns.compiled_definition import OutreachTerms, Step
from schemas.campaigns.validation import Check
from schemas.channels import channels_of_kind

CAMPAIGN_TYPES = ("talent_sourcing", "business_development", "mixed")  # S4-4
OUTREACH_CHANNELS = channels_of_kind("outreach")
COMBINED = "combined"
"""The channel of a campaign that uses all of OUTREACH_CHANNELS (S4-6)."""

COMPLETION_POLICIES = ("contacts_and_rate", "contacts_only")  # C-5
COMPANY_SIZES = ("1-10", "11-50", "51-200", "201-500", "501-1000", "1001-5000", "5001+")  # S4-12
AUDIENCE_CHARACTERS = 500  # S4-9
LOCATIONS_MAX, LOCATION_CHARACTERS = 50, 100  # S4-10
SKILLS_MAX, SKILL_CHARACTERS = 30, 50  # S4-11
CONTACTS_MAX, CONVERSIONS_MAX = 100_000, 10_000  # S4-13

_OUTREACH = (
    "campaign_type",
    "channel",
    "channel_preference",
    "owner_id",
    "created_by",
    "target_audience",
    "target_locations",
    "target_skills",
    "target_company_sizes",
    "target_contacts_count",
    "target_response_rate",
    "target_conversion_count",
    "completion_policy",
)
_INVALID = CampaignCode.OUTREACH_INVALID
_TARGET = CampaignCode.TARGET_INVALID
_PLACE = "outreach"


def read_outreach(
    check: Check, root: dict[str, Any], kind: str, rules: CampaignKind
) -> OutreachTerms | None:
    """The terms of an outreach campaign; None for every other kind, which has no such section."""
    value = root.get(_PLACE)
    if not rules.outreach:
        if value is not None:
            check.report(_INVALID, _PLACE, f"a {kind} campaign has no such section")
        return None
    row = check.mapping({} if value is None else value, _PLACE, _OUTREACH, _INVALID)
    return OutreachTerms("") if row is None else _terms(check, row)


def _terms(check: Check, row: dict[str, Any]) -> OutreachTerms:
    owner_id, created_by = _people(check, row)
    channel = check.choice(
        row,
        "channel",
        _PLACE,
        (*OUTREACH_CHANNELS, COMBINED),
        default=OUTREACH_CHANNELS[0],
        code=_INVALID,
    )
    return OutreachTerms(
        owner_id=owner_id,
        campaign_type=check.choice(
            row, "campaign_type", _PLACE, CAMPAIGN_TYPES, default=CAMPAIGN_TYPES[0], code=_INVALID
        ),
        channel=channel,
        channel_preference=_preference(check, row, channel),
        created_by=created_by,
        target_audience=check.text(row, "target_audience", AUDIENCE_CHARACTERS, _INVALID, _PLACE)
        or "",
        target_locations=check.texts(
            row, "target_locations", LOCATIONS_MAX, LOCATION_CHARACTERS, _INVALID, _PLACE
        ),
        target_skills=check.texts(
            row, "target_skills", SKILLS_MAX, SKILL_CHARACTERS, _INVALID, _PLACE
        ),
        target_company_sizes=_company_sizes(check, row),
        target_contacts=check.number(
            row, "target_contacts_count", _PLACE, 1, CONTACTS_MAX, _TARGET, None
        ),
        target_response_rate=check.hundredths(
            row, "target_response_rate", _PLACE, 0, 100, _TARGET, None
        ),
        target_conversions=check.number(
            row, "target_conversion_count", _PLACE, 1, CONVERSIONS_MAX, _TARGET, None
        ),
        completion_policy=check.choice(
            row,
            "completion_policy",
            _PLACE,
            COMPLETION_POLICIES,
            default=COMPLETION_POLICIES[0],
            code=_INVALID,
        ),
    )


def _people(check: Check, row: dict[str, Any]) -> tuple[str, str]:
    """The owner and the creator. A campaign without an owner is its creator's (S4-18)."""
    owner_id = check.entity_id(row, "owner_id", _INVALID, _PLACE)
    created_by = check.entity_id(row, "created_by", _INVALID, _PLACE)
    if owner_id is None and row.get("owner_id") is None and created_by is None:
        code = CampaignCode.OWNER_REQUIRED
        check.report(code, f"{_PLACE}.owner_id", MESSAGES[code])
    return owner_id or created_by or "", created_by or ""


def _preference(check: Check, row: dict[str, Any], channel: str) -> tuple[str, ...]:
    """The channels from the most to the least preferred one; empty if all steps are for all people
    (S4-7)."""
    value = row.get("channel_preference")
    if value is None:
        return ()
    place = f"{_PLACE}.channel_preference"
    if channel != COMBINED:
        check.report(_INVALID, place, f"only with channel: {COMBINED}")
        return ()
    names = [name for name in value if name in OUTREACH_CHANNELS] if isinstance(value, list) else []
    if sorted(names) != sorted(OUTREACH_CHANNELS) or len(names) != len(value):
        check.report(_INVALID, place, "a list with each of " + ", ".join(OUTREACH_CHANNELS))
        return ()
    return tuple(names)


def _company_sizes(check: Check, row: dict[str, Any]) -> tuple[str, ...]:
    """The company sizes, in the order of the table and each once."""
    field = "target_company_sizes"
    value = row.get(field)
    names = [] if value is None else value if isinstance(value, list) else [None]
    if len(names) > 100 or not all(name in COMPANY_SIZES for name in names):
        check.report(_INVALID, f"{_PLACE}.{field}", "a list of " + ", ".join(COMPANY_SIZES))
        return ()
    return tuple(size for size in COMPANY_SIZES if size in names)


def check_outreach_channels(
    check: Check, terms: OutreachTerms | None, steps: tuple[Step, ...]
) -> None:
    """Reports steps by another channel than that of the campaign (S4-6), and a preferred channel
    without a step: its people would get nothing."""
    if terms is None:
        return
    if terms.channel != COMBINED:
        for index, step in enumerate(steps):
            if step.channel in OUTREACH_CHANNELS and step.channel != terms.channel:
                message = f"outreach.channel is {terms.channel}, not {COMBINED}"
                check.report(CampaignCode.CHANNEL_NOT_SUPPORTED, f"steps[{index}].channel", message)
    used = {step.channel for step in steps}
    for name in terms.channel_preference:
        if name not in used:
            message = f"no step is by {name}: people with this channel would get nothing"
            check.report(_INVALID, f"{_PLACE}.channel_preference", message)
