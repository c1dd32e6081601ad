"""A new channel is a new row: one that the table does not have goes from a CSV line to a row."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def push(server: Any, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What becomes of a person with a device token; see tests/testing/push_channel.py."""
    directory: Path = tmp_path_factory.mktemp("push")
    command = [sys.executable, "-m", "tests.testing.push_channel", server.create(migrated)]
    run = subprocess.run(
        [*command, str(directory)], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def test_a_csv_line_is_checked_by_the_row_of_the_address(push: dict[str, Any]) -> None:
    assert push["bad"] == [2, "CONTACT_DEVICE_TOKEN_INVALID"]


def test_a_due_touch_is_a_command_on_the_topic_of_the_channel(push: dict[str, Any]) -> None:
    assert (push["topic"], push["on_topic"], push["recipient"]) == ("commands.push", 1, "tok-1")


def test_quiet_hours_hold(push: dict[str, Any]) -> None:
    assert push["at_night"] == 0
    assert ["touch.scheduled", "quiet_hours"] in push["facts"]


def test_an_opt_out_closes_the_channel(push: dict[str, Any]) -> None:
    assert push["opted_out"] == ["push"]
    assert ["enrollment.stopped", "opted_out_push"] in push["facts"]


def test_postgresql_has_the_address_and_the_state_of_the_channel(push: dict[str, Any]) -> None:
    assert push["rows"] == {
        "addresses": [["device_token", "tok-1"], ["email", "ann@example.com"]],
        "channel_state": [["push", 2, 1, 1, 1, True]],
    }


def test_a_simulation_sends_and_opens(push: dict[str, Any]) -> None:
    touches = push["simulated"]
    assert (touches["file"]["commanded"], touches["file"]["by_channel"]) == (2, {"push": 2})
    assert touches["made_up"]["by_channel"] == {"push": 6}
