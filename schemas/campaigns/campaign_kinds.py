"""What a kind of campaign may hold, and what it means where a document is silent; and what each
channel can do and tell (X-6).

There is one engine and one shape of definition: a kind is limits and defaults, nothing else.
"""

from typing import NamedTuple

from schemas.channels import channels_of_kind


class CampaignKind(NamedTuple):
    """A row of the table. Durations are in the units of the document."""

    channels: tuple[str, ...]
    max_steps: int
    anchors: tuple[str, ...]
    first_delay: bool
    """Whether a delay of nothing is a mistake (F-2)."""

    loops: bool
    serves_jobs: bool
    """Whether finished jobs enter by service type; else people are enrolled by hand (S2-13)."""

    on_reply: str
    max_errors: int | None
    retry_minutes: tuple[int, ...]
    reentry: str


KINDS = {
    "review": CampaignKind(
        channels=channels_of_kind("review"),
        max_steps=4,  # S1-9, C-1: a limit of the kind, not of the engine
        anchors=("previous_scheduled", "enrollment", "previous_executed", "trigger"),  # F-2
        first_delay=True,
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
        first_delay=False,
        loops=True,
        serves_jobs=False,
        on_reply="pause",  # F-14
        max_errors=3,  # C-39
        retry_minutes=(1, 5, 15),
        reentry="once",  # S2-1
    ),
}
"""The first of `anchors` is the usual one."""

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
"""What a step may be skipped for: what the person has done so far, on any channel, in this run; or
how they can be reached (S2-26)."""
