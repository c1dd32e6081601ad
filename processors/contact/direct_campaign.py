"""The campaign of direct calls, which every tenant has: it is in the code and never announced
(F-16)."""

from functools import lru_cache

from schemas.campaigns.campaign_kinds import KINDS, ONE_CALL
from schemas.campaigns.compiled_definition import (
    DIRECT_CALLS,
    CallSettings,
    CampaignSettings,
    Definition,
    Step,
)
from schemas.channels import CHANNELS
from schemas.internal.states import KnownCampaign

DIRECT_TEMPLATE = "direct-call"
"""The template of a direct call that was requested without one."""

_KIND = "calls"
_CHANNEL = next(name for name in KINDS[_KIND].channels if CHANNELS[name].by_pool)

_STEP = Step(
    id="call",
    channel=_CHANNEL,
    delay_us=0,
    anchor="enrollment",
    template_id=DIRECT_TEMPLATE,
    action=next(iter(CHANNELS[_CHANNEL].actions)),
    redial=ONE_CALL,
)
_SETTINGS = CampaignSettings(
    quiet="none",  # somebody asks for the call, and the law's hours hold all the same
    reentry="after_end",
    calls=CallSettings(failure_rate=False),  # nobody could resume it
)


@lru_cache(maxsize=1024)
def direct_calls(tenant_id: str) -> KnownCampaign:
    """The campaign as a partition would know it from an announcement; for reading only."""
    definition = Definition(tenant_id, DIRECT_CALLS, "Direct calls", (_STEP,), _SETTINGS, _KIND)
    return KnownCampaign(tenant_id, DIRECT_CALLS, "active", 1, {1: definition})
