"""The table of channels: one row holds everything that differs between channels (X-6).

Everything else derives from these rows: the values that public events accept, the command topics,
the columns of a CSV import, the address that a touch needs, quiet hours, what a step may wait for,
the simulation, and the pages that show a channel. docs/extending.md lists what a new row needs.
"""

import re
from collections.abc import Callable
from typing import NamedTuple


class Address(NamedTuple):
    """One way to address a person; several channels may share it (C-19)."""

    name: str
    """Its key in `addresses` of events and states, and its column in a CSV file."""

    example: str
    """One valid address, for documents and tests."""

    made_up: Callable[[int], str]
    """The address of the person with this number in a simulation; it matches."""

    headings: tuple[str, ...]
    """Other headings that a CSV file may use for the column, in lower case with underscores."""

    characters_max: int
    matches: Callable[[str], object]
    """Whether a text of a CSV file is such an address: None if it is not."""

    canonical: Callable[[str], str]
    """One form for all spellings of an address: equal forms are one address."""

    error_code: str
    """Reported for a line of a CSV file whose address does not match."""


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _last_part(url: str) -> str:
    return url.lower().rstrip("/").rpartition("/")[2]


EMAIL = Address(
    name="email",
    example="ann@example.com",
    made_up=lambda number: f"p-{number:07}@people.example",
    headings=("e_mail", "email_address", "mail"),
    characters_max=320,
    matches=re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\".]+", re.ASCII).fullmatch,
    canonical=str.lower,
    error_code="CONTACT_EMAIL_INVALID",  # S4-99
)
LINKEDIN_URL = Address(
    name="linkedin_url",
    example="https://linkedin.com/in/ann-lee",
    made_up=lambda number: f"https://linkedin.com/in/p-{number:07}",
    headings=("linkedin", "linkedin_profile"),
    characters_max=2_000,
    matches=re.compile(
        r"https?://(www\.)?linkedin\.com/in/[a-zA-Z0-9\-]+/?", re.ASCII | re.IGNORECASE
    ).fullmatch,  # S4-38
    canonical=_last_part,
    error_code="CONTACT_LINKEDIN_INVALID",
)
PHONE = Address(
    name="phone",
    example="+1 212 555 0100",
    made_up=lambda number: f"+1555{number:07}",
    headings=("phone_number", "mobile"),
    characters_max=320,
    matches=re.compile(r"\+?[0-9][0-9 ()./-]{4,30}", re.ASCII).fullmatch,
    canonical=_digits,
    error_code="CONTACT_PHONE_INVALID",
)

ADDRESSES: dict[str, Address] = {row.name: row for row in (EMAIL, LINKEDIN_URL, PHONE)}
"""By name. A person without an id is identified by the first of these that is known (C-18)."""


class Channel(NamedTuple):
    """One row of the table."""

    name: str
    address: Address
    actions: dict[str, tuple[str, ...]]
    """What a step may do on this channel, and the signals that each action can bring. The first
    action is the default."""

    quiet_hours: bool
    """Whether quiet hours hold (C-33)."""

    kinds: tuple[str, ...]
    """The kinds of campaign that may use the channel (schemas/campaigns/campaign_kinds.py)."""

    color: str
    """In plots, as #rrggbb. Color-blind readers must be able to distinguish all channels."""


ALL_CHANNELS = "all"
"""In an opt-out: every channel (F-8)."""

CHANNELS: dict[str, Channel] = {
    row.name: row
    for row in (
        Channel(
            name="email",
            address=EMAIL,
            actions={"send_message": ("delivered", "open", "click", "reply")},
            quiet_hours=True,
            kinds=("review", "prospecting"),
            color="#0072b2",
        ),
        Channel(
            name="sms",
            address=PHONE,
            actions={"send_message": ("delivered", "click", "reply")},
            quiet_hours=True,
            kinds=("review", "prospecting"),
            color="#e69f00",
        ),
        Channel(
            name="linkedin",
            address=LINKEDIN_URL,
            actions={
                "send_message": ("reply",),  # LinkedIn reports no opens (S4-49)
                "send_connection_request": ("connection_accepted", "reply"),
            },
            quiet_hours=False,  # a message there wakes nobody (C-33)
            kinds=("prospecting",),
            color="#56b4e9",
        ),
        Channel(
            name="whatsapp",
            address=PHONE,
            actions={"send_message": ("delivered", "read", "click", "reply")},
            quiet_hours=True,
            kinds=("prospecting",),
            color="#009e73",
        ),
        Channel(
            name="voice",
            address=PHONE,
            actions={"place_call": ("call_outcome",)},
            quiet_hours=True,
            kinds=("prospecting",),
            color="#cc79a7",
        ),
    )
}
"""By name, in the order in which documents, tables and plots show them.

A new channel comes last: recorded facts list the channels in this order.
"""

SIGNALS = (
    "connection_accepted",
    "reply",
    "open",
    "click",
    "delivered",
    "read",
    "conversion",
    "call_outcome",
)
"""What a step may wait for. A row above names the signals of its actions."""

ANY_CHANNEL_SIGNALS = ("conversion",)
"""Signals that do not come from a channel: a step may wait for them after every action."""


def channels_of_kind(kind: str) -> tuple[str, ...]:
    """The names of the channels that a kind of campaign may use."""
    return tuple(name for name, row in CHANNELS.items() if kind in row.kinds)


def signals_of_channel(name: str) -> frozenset[str]:
    """The signals of a channel, over all its actions."""
    return frozenset(signal for signals in CHANNELS[name].actions.values() for signal in signals)


def actions() -> dict[tuple[str, str], tuple[str, ...]]:
    """The signals of each channel and action."""
    return {
        (name, action): signals
        for name, row in CHANNELS.items()
        for action, signals in row.actions.items()
    }


def channel_of_signal(signal: str) -> str:
    """The one channel that has `signal`; ValueError where several have it or none."""
    (name,) = (name for name in CHANNELS if signal in signals_of_channel(name))
    return name
