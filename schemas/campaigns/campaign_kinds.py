"""The kinds of campaigns: the limits and the defaults of each (X-6).

There is one engine and one form of definition; kinds differ in limits and defaults only.
"""

from typing import NamedTuple

from schemas.base.times import DAY, MINUTE
from schemas.campaigns.compiled_definition import Redial, RedialRule
from schemas.channels import channels_of_kind

USUAL_REDIAL = Redial(
    max_attempts=3,
    max_per_number_per_day=3,
    min_gap_us=60 * MINUTE,
    max_age_us=14 * DAY,
    outcomes={
        "busy": RedialRule((15 * MINUTE, 60 * MINUTE)),
        "no_answer": RedialRule((60 * MINUTE, 240 * MINUTE)),
        "voicemail": RedialRule((1_440 * MINUTE,)),
        "failed": RedialRule((5 * MINUTE,)),
        "unknown": RedialRule(),
        "rejected": RedialRule(),
        "invalid_number": RedialRule(suppress=True),
        "blocked": RedialRule(suppress=True),
        "provider_limit": RedialRule((1 * MINUTE,), counts=False),
    },
)
"""The preset `usual` of how a step calls again (S3-22)."""

ONE_CALL = Redial(max_age_us=USUAL_REDIAL.max_age_us, outcomes=USUAL_REDIAL.outcomes)
"""What a step of the kind `calls` does without `redial`: one call, and a further one only if the
provider had no capacity for it."""


class CampaignKind(NamedTuple):
    """One row of the table. Durations have the units of the document."""

    channels: tuple[str, ...]
    max_steps: int
    anchors: tuple[str, ...]
    delay_required: bool
    """Whether every step must have a delay above 0 (F-2)."""

    loops: bool
    serves_jobs: bool
    """Whether jobs start enrollments, by service type; otherwise people are enrolled by hand
    (S2-13)."""

    on_reply: str
    max_errors: int | None
    retry_minutes: tuple[int, ...]
    reentry: str
    completes_itself: bool = False
    """Whether a campaign is completed once no run of it is left (F-17)."""

    quiet: str = "tenant"
    """Which quiet hours hold if the document names none: the tenant's, or none."""

    expire_after_hours: int = 168
    """How long a request waits if the document does not state it."""

    redial: Redial | None = None
    """How a step calls again if the document has no `redial`. With None, such a call is sent when
    its sender states it."""

    status: str = "active"
    """The first status if the document names none."""

    on_conversion: str = "continue"
    prepared: bool = False
    """Whether people are added to a draft, and its activation reports everything that is missing
    (S4-21, S4-32)."""

    outreach: bool = False
    """Whether the document has the section `outreach`."""


KINDS = {
    "review": CampaignKind(
        channels=channels_of_kind("review"),
        max_steps=4,  # S1-9, C-1: a limit of the kind, not of the engine
        anchors=("previous_scheduled", "enrollment", "previous_executed", "trigger"),  # F-2
        delay_required=True,
        loops=False,  # its views show touches 1 to 4
        serves_jobs=True,
        on_reply="continue",
        max_errors=None,
        retry_minutes=(1, 5, 15),  # F-7
        reentry="after_end",
    ),
    "prospecting": CampaignKind(
        channels=channels_of_kind("prospecting"),
        max_steps=100,
        anchors=("previous_executed", "enrollment", "previous_scheduled", "trigger"),  # S2-23
        delay_required=False,
        loops=True,
        serves_jobs=False,
        on_reply="pause",  # F-14
        max_errors=3,  # C-39
        retry_minutes=(1, 5, 15),
        reentry="once",  # S2-1
    ),
    "calls": CampaignKind(
        channels=channels_of_kind("calls"),
        max_steps=100,
        anchors=("previous_executed", "enrollment", "previous_scheduled", "trigger"),
        delay_required=False,
        loops=False,  # so that it comes to an end by itself
        serves_jobs=False,
        on_reply="continue",
        max_errors=None,  # how often a person is called is a setting of the step
        retry_minutes=(1, 5, 15),
        reentry="once",
        completes_itself=True,
        quiet="none",  # its call hours hold in its own zone (F-16)
        expire_after_hours=8_760,  # a long list waits for its slots for weeks
        redial=ONE_CALL,
    ),
    "outreach": CampaignKind(
        channels=channels_of_kind("outreach"),
        max_steps=100,
        anchors=("previous_executed", "enrollment", "previous_scheduled", "trigger"),
        delay_required=False,
        loops=False,  # so that it comes to an end by itself
        serves_jobs=False,
        on_reply="pause",
        max_errors=3,
        retry_minutes=(1, 5, 15),
        reentry="once",  # C-18
        completes_itself=True,
        expire_after_hours=8_760,  # a long list waits for the limits of its sender for weeks
        status="draft",  # S4-8
        on_conversion="stop",
        prepared=True,
        outreach=True,
    ),
}
"""The kinds by name. The first of `anchors` is the default."""

CONDITIONS = (
    "already_replied",
    "linkedin_connected",
    "linkedin_not_connected",
    "delivered",
    "opened",
    "not_opened",
    "clicked",
    "not_clicked",
    "read",
    "converted",
    "no_address",
)
"""The conditions that can skip a step: what the person has done in this run on any channel, or
whether there is an address (S2-26)."""
