"""The table of channels is complete, and what derives from it agrees with it."""

import re
from pathlib import Path

import pytest

from schemas.base.channel_tables import NAME, text
from schemas.base.generated_part import generated_part
from schemas.campaigns.campaign_kinds import KINDS
from schemas.channels import (
    ADDRESSES,
    ANY_CHANNEL_SIGNALS,
    CHANNELS,
    SIGNALS,
    Channel,
    actions,
    channel_of_signal,
)
from schemas.internal.topics import COMMAND_TOPICS, Topic

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("row", CHANNELS.values(), ids=CHANNELS)
def test_a_row_names_what_exists(row: Channel) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,31}", row.name)
    assert ADDRESSES[row.address.name] is row.address
    assert row.kinds and set(row.kinds) <= set(KINDS)
    assert row.actions and all(row.actions.values())
    assert {s for signals in row.actions.values() for s in signals} <= set(SIGNALS)
    assert re.fullmatch(r"#[0-9a-f]{6}", row.color)


def test_every_signal_comes_from_somewhere() -> None:
    used = {signal for signals in actions().values() for signal in signals}
    assert used | set(ANY_CHANNEL_SIGNALS) == set(SIGNALS)


def test_every_address_is_used_and_no_heading_stands_for_two() -> None:
    assert {row.address.name for row in CHANNELS.values()} == set(ADDRESSES)
    headings = [heading for row in ADDRESSES.values() for heading in (row.name, *row.headings)]
    assert len(headings) == len(set(headings))


def test_colors_are_different() -> None:
    assert len({row.color for row in CHANNELS.values()}) == len(CHANNELS)


def test_every_channel_has_a_command_topic() -> None:
    assert {name: topic.value for name, topic in COMMAND_TOPICS.items()} == {
        name: f"commands.{name}" for name in CHANNELS
    }
    assert set(COMMAND_TOPICS.values()) < set(Topic)


def test_one_channel_connects_people() -> None:
    assert channel_of_signal("connection_accepted") == "linkedin"


def test_the_documents_show_the_table() -> None:
    page = (ROOT / "docs/campaigns.md").read_text("utf-8")
    assert generated_part(page, NAME) == text()
