"""The table of channels: one row holds everything that differs between channels (X-6).

Everything else derives from these rows: the values that public events accept, the command topics,
the columns of a CSV import, the address that a touch needs, quiet hours, what a step may wait for,
the simulation, and the pages that show a channel. docs/extending.md lists what a new row needs.
"""

from collections.abc import Callable
from typing import NamedTuple

from schemas.addresses import email, linkedin, phone
from schemas.addresses.places import Place, nowhere, place_of_number


class Address(NamedTuple):
    """One way to address a person; several channels may share it (C-19)."""

    name: str
    """Its key in `addresses` of events and states, and its column in a CSV file."""

    example: str
    """One valid address, for documents and tests."""

    made_up: Callable[[int], str]
    """The address of the person with this number in a simulation; it is valid."""

    headings: tuple[str, ...]
    """Other headings that a CSV file may use for the column, in lower case with underscores. If a
    line fills several columns, the first in this order counts. `name` is before all, unless it
    stands among them."""

    characters_max: int
    clean: Callable[[str], str]
    """The text as it is stored: trimmed, and the empty text for itself. Raises ValueError, with a
    reason that does not repeat the text, if it is not exactly one such address. This is the rule of
    every entrance: events, CSV files, orders about an address (S4-99)."""

    forms: Callable[[str, str], tuple[str, str]]
    """The canonical form of a text, and the form that commands carry; see the methods below. The
    second argument is the tenant's country, as ISO 3166-1 alpha-2, or empty."""

    error_code: str
    """Reported for a line of a CSV file whose address is refused."""

    place: Callable[[str, str], Place] = nowhere
    """The country and the time zones of an address, with the tenant's country as above."""

    not_in_ids: str = ""
    """How the canonical form begins and the ids of people do not, which derive from it: the first
    ids derived from a form without it."""

    def canonical(self, text: str, country: str) -> str:
        """One form for all spellings of an address: equal forms are one address. Accepts any text;
        the form of a form is the form itself."""
        return self.forms(text, country)[0]

    def recipient(self, text: str, country: str) -> str:
        """The address as commands carry it; empty if the text is no such address."""
        return self.forms(text, country)[1]

    def identity(self, text: str, country: str) -> str:
        """What the id of a person without an id derives from (C-18)."""
        return self.forms(text, country)[0].removeprefix(self.not_in_ids)


EMAIL = Address(
    name="email",
    example="ann@example.com",
    made_up=lambda number: f"p-{number:07}@people.example",
    headings=(
        *("email_address", "mail", "primary_email", "contact_email", "email_value"),
        *("email_work", "work_email", "business_email", "secondary_email", "tertiary_email"),
        *("email_home", "home_email", "personal_email", "email_other", "other_email"),
    ),
    characters_max=320,
    clean=email.clean,
    forms=email.forms,
    error_code="CONTACT_EMAIL_INVALID",  # S4-99
)
LINKEDIN_URL = Address(
    name="linkedin_url",
    example="https://linkedin.com/in/ann-lee",
    made_up=lambda number: f"https://linkedin.com/in/p-{number:07}",
    headings=("linkedin", "linkedin_profile", "linkedin_profile_url", "linkedin_bio"),
    characters_max=2_000,
    clean=linkedin.clean,
    forms=linkedin.forms,
    error_code="CONTACT_LINKEDIN_INVALID",
)
PHONE = Address(
    name="phone",
    example="+1 212 555 0100",
    made_up=lambda number: f"+1555{number:07}",
    headings=(
        *("mobile", "mobile_phone", "phone_mobile", "cell", "cell_phone", "phone_cell"),
        *("whatsapp_phone", "phone", "phone_number", "telephone", "tel"),
        *("primary_phone", "phone_primary", "main_phone", "phone_main", "contact_phone"),
        *("phone_value", "work_direct_phone", "direct_phone", "work_phone", "phone_work"),
        *("business_phone", "phone_business", "office_phone", "phone_office", "home_phone"),
        *("phone_home", "other_phone", "phone_other", "car_phone"),
    ),
    characters_max=320,
    clean=phone.clean,
    forms=phone.forms,
    error_code="CONTACT_PHONE_INVALID",
    place=place_of_number,
    not_in_ids="+",
)

ADDRESSES: dict[str, Address] = {row.name: row for row in (EMAIL, LINKEDIN_URL, PHONE)}
"""By name. A person without an id is identified by the first of these that is known (C-18)."""


class SenderDefaults(NamedTuple):
    """How much one sender account may send where its owner states nothing else (S4-78…91), in any
    hour, 24 hours, 7 days and 30 days, and the least time between two commands."""

    per_hour: int | None = None
    per_day: int | None = None
    per_week: int | None = None
    per_month: int | None = None
    spacing_seconds: int | None = None
    premium_per_month: bool = False
    """Whether a premium account has no limit for a month (S4-87)."""


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

    calling_hours: bool = False
    """Whether the hours of the law for calls and texts hold (schemas/base/regions.yaml)."""

    by_pool: bool = False
    """Whether every command takes a slot of a call pool (C-38)."""

    opt_out_by_click: bool = False
    """Whether every message offers an opt-out by one click (S4-83)."""

    opt_out_by_text: bool = False
    """Whether a word such as STOP, as a whole message, is an opt-out
    (schemas/base/opt_out_words.py)."""

    sender_defaults: dict[str, SenderDefaults] = {}  # noqa: RUF012
    """The limits of a sender account for each action that is counted by itself; the empty name is
    for all other actions together (C-38)."""

    on_sender_gone: str = "rotate"
    """What becomes of the people whom a removed account has written to: another account writes on,
    or their touches are held."""

    text_characters: dict[str, int] = {}  # noqa: RUF012
    """How long the text of an action may be (S4-89)."""

    text_tokens: bool = False
    """Whether every text must have a token, which stands for a value of the person (S4-90)."""


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
            kinds=("review", "prospecting", "outreach"),
            color="#0072b2",
            opt_out_by_click=True,
            sender_defaults={"": SenderDefaults(200, 1_000, spacing_seconds=30)},
        ),
        Channel(
            name="sms",
            address=PHONE,
            actions={"send_message": ("delivered", "click", "reply")},
            quiet_hours=True,
            kinds=("review", "prospecting"),
            color="#e69f00",
            opt_out_by_text=True,
            calling_hours=True,
        ),
        Channel(
            name="linkedin",
            address=LINKEDIN_URL,
            actions={
                "send_message": ("reply",),  # LinkedIn reports no opens (S4-49)
                "send_connection_request": ("connection_accepted", "reply"),
                "send_inmail": ("reply",),
            },
            quiet_hours=False,  # a message there wakes nobody (C-33)
            kinds=("prospecting", "outreach"),
            color="#56b4e9",
            sender_defaults={
                "": SenderDefaults(spacing_seconds=15 * 60),
                "send_connection_request": SenderDefaults(per_week=100),
                "send_inmail": SenderDefaults(
                    per_month=50, spacing_seconds=15 * 60, premium_per_month=True
                ),
            },
            on_sender_gone="hold",
            text_characters={"send_connection_request": 300, "send_inmail": 1_900},
            text_tokens=True,
        ),
        Channel(
            name="whatsapp",
            address=PHONE,
            actions={"send_message": ("delivered", "read", "click", "reply")},
            quiet_hours=True,
            kinds=("prospecting",),
            color="#009e73",
            opt_out_by_text=True,
        ),
        Channel(
            name="voice",
            address=PHONE,
            actions={"place_call": ("call_outcome",)},
            quiet_hours=True,
            kinds=("prospecting", "calls"),
            color="#cc79a7",
            calling_hours=True,
            by_pool=True,
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
