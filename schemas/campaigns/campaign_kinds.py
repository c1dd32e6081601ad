"""The kinds of campaigns: the limits and the defaults of each (X-6).

There is one engine and one form of definition; kinds differ in limits and defaults only.
"""

from typing import NamedTuple

from schemas.channels import channels_of_kind


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
