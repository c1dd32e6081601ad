"""The AsyncAPI document and the files in examples/ agree with the code."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.base.times import DAY
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import read_definition
from schemas.channels import CHANNELS
from schemas.internal.topics import COMMANDS, PUBLIC_IN, Topic
from schemas.public.asyncapi import document, text
from schemas.public.codec import Decoder
from schemas.public.events import EVENTS

ROOT = Path(__file__).parents[3]


def test_the_committed_document_is_up_to_date() -> None:
    committed = (ROOT / "docs" / "asyncapi.yaml").read_text("utf-8")
    assert committed == text(), "run: python -m schemas.public.asyncapi > docs/asyncapi.yaml"


def test_the_document_has_every_event_and_every_public_topic() -> None:
    whole = document()
    messages = whole["components"]["messages"]
    assert {message["name"] for message in messages.values()} == {*EVENTS, "fact"}
    addresses = {channel["address"] for channel in whole["channels"].values()}
    assert addresses == {*PUBLIC_IN, *COMMANDS, Topic.FACTS}


def test_a_message_lists_the_fields_that_are_dropped_if_they_are_invalid() -> None:
    messages = document()["components"]["messages"]
    assert "customer.phone" in messages["job_completed"]["x-dropped-if-invalid"]
    assert messages["touch_failed"]["x-dropped-if-invalid"] == ["permanent", "detail"]
    assert "x-dropped-if-invalid" not in messages["tenant_upserted"]


def test_every_reference_of_the_document_resolves() -> None:
    whole = yaml.safe_load(text())
    for reference in references(whole):
        target = whole
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_the_command_topics_show_the_duties_of_senders_and_the_length_of_texts() -> None:
    channels = yaml.safe_load(text())["channels"]
    for name, row in CHANNELS.items():
        channel = channels[f"commands_{name}"]
        assert "command_id" in channel["description"]
        assert ("place_by" in channel["description"]) is row.by_pool
        assert channel.get("x-text-characters", {}) == row.text_characters
        assert channel.get("x-text-tokens", False) is row.text_tokens
    assert channels["commands_linkedin"]["x-text-characters"] == {
        "send_connection_request": 300,
        "send_inmail": 1_900,
    }


def references(value: Any) -> list[str]:
    match value:
        case {"$ref": str(reference)}:
            return [reference]
        case dict():
            return [reference for item in value.values() for reference in references(item)]
        case list():
            return [reference for item in value for reference in references(item)]
    return []


EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
DEFINITIONS = [path for path in EXAMPLES if path.name != "setup.yaml"]
"""All but the tenants, pools and accounts of a simulation."""


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda p: p.name)
def test_an_example_definition_is_valid(path: Path) -> None:
    assert isinstance(read_definition(path.read_bytes()), Definition)


def test_every_example_event_is_valid() -> None:
    events = [Decoder().decode([], line) for line in example_lines()]
    assert len({(event.source, event.id) for event in events}) == len(events)
    published = [event.data.definition for event in events if event.type == "campaign.published"]
    assert published == [yaml.safe_load((ROOT / "examples" / "reviews.yaml").read_text("utf-8"))]


def test_the_example_jobs_are_from_today_so_that_they_start_enrollments() -> None:
    events = [Decoder().decode([], line) for line in example_lines()]
    jobs = [event for event in events if event.type == "job.completed"]
    now = time.time_ns() // 1_000
    assert len(jobs) == 2
    for job in jobs:
        assert now - DAY < job.data.completed_at <= (job.time or 0) <= now


def example_lines() -> list[bytes]:
    """The output lines of examples/events.py, run with the standard library only."""
    command = [sys.executable, "-I", "-S", str(ROOT / "examples" / "events.py")]
    return subprocess.run(command, capture_output=True, check=True).stdout.splitlines()
