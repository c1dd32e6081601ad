"""The table of channels is complete, and what derives from it agrees with it."""

import ast
import re
from itertools import combinations
from math import dist
from pathlib import Path

import pytest
import yaml

from processors.contact import sequence
from schemas.base.channel_tables import NAME, text
from schemas.base.generated_part import generated_part
from schemas.campaigns.campaign_kinds import KINDS
from schemas.channels import (
    ADDRESSES,
    ANY_CHANNEL_SIGNALS,
    CHANNELS,
    SIGNALS,
    Address,
    Channel,
    actions,
    channel_of_signal,
)
from schemas.csv_import import CsvCode
from schemas.csv_import.headings import FIELDS, heading_key
from schemas.internal.topics import COMMAND_TOPICS, Topic
from streams.simulation import behaviour, report_figures

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


@pytest.mark.parametrize("signal", SIGNALS)
def test_the_engine_and_the_simulation_know_every_signal(signal: str) -> None:
    """A step that waits for a signal must be able to see it, and a simulation must bring it."""
    tree = ast.parse(Path(sequence.__file__).read_text("utf-8"))
    looked_up = {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    assert signal in looked_up
    assert signal in {*behaviour._SIGNAL_NAMES, *ANY_CHANNEL_SIGNALS, "call_outcome"}


def test_every_address_is_used_and_no_heading_stands_for_two() -> None:
    assert {row.address.name for row in CHANNELS.values()} == set(ADDRESSES)
    keys = [heading_key(heading) for headings in FIELDS.values() for heading in headings]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("row", ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_accepts_its_example_under_columns_that_a_file_can_have(row: Address) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,31}", row.name)
    assert row.clean(row.example) == row.example
    form = row.canonical(row.example, "US")
    assert (
        row.canonical(form, "US") == row.canonical(row.recipient(row.example, "US"), "US") == form
    )
    assert row.identity(row.example, "US")
    assert (row.clean(""), row.canonical("", ""), row.recipient("", "")) == ("", "", "")
    assert isinstance(row.headings, tuple)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", heading) for heading in row.headings)
    assert len(row.example) < row.characters_max <= 2_000
    made_up = [row.made_up(number) for number in (1, 2, 9_999_999)]
    assert [row.clean(text) for text in made_up] == made_up and len({*made_up}) == 3
    assert re.fullmatch(r"CONTACT_[A-Z_]+_INVALID", row.error_code)


def test_each_address_has_an_error_code_of_its_own() -> None:
    codes = [*CsvCode, *(row.error_code for row in ADDRESSES.values())]
    assert len(codes) == len(set(codes))


def test_what_came_later_stands_later() -> None:
    """Ids of people derive from the first address that is known, and facts list the channels in
    their order: neither may change for what is recorded."""
    assert [*ADDRESSES][:3] == ["email", "linkedin_url", "phone"]
    assert [*CHANNELS][:5] == ["email", "sms", "linkedin", "whatsapp", "voice"]


def test_colors_are_easy_to_distinguish() -> None:
    reserved = (report_figures._RED, report_figures._GREY)
    for one, other in combinations([*(row.color for row in CHANNELS.values()), *reserved], 2):
        assert dist(_rgb(one), _rgb(other)) > 60, (one, other)


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


def test_every_channel_is_shown_by_an_example() -> None:
    examples = [yaml.safe_load(path.read_text("utf-8")) for path in ROOT.glob("examples/*.yaml")]
    used = {step["channel"] for example in examples for step in example.get("steps", [])}
    assert used == set(CHANNELS)
    behaviour = yaml.safe_load((ROOT / "examples/behaviour/usual.yaml").read_text("utf-8"))
    assert set(behaviour) == set(CHANNELS)


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
