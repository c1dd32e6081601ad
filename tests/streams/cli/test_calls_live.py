"""The commands of calls and sender accounts against the real engine."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.base.ids import derived_contact_id
from tests.testing.command_line import Touchstream, wait_until
from tests.testing.live_explanations import explained_by_both
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = pytest.mark.live

CAMPAIGN = """
campaign_id: renewals
name: Renewals
kind: calls
status: active
settings:
  calls: {slots: 1}
steps:
  - {id: call, channel: voice, template_id: script, redial: usual}
"""
ANN = derived_contact_id("phone", "12125550142")
PEOPLE = """phone,name,priority
+1 212 555 0142,Ann Lee,50
+1 212 555 0143,Ben Ortiz,
+1 212 555 0144,,high
"""


def queue(touchstream: Touchstream, *options: str) -> dict[str, Any]:
    result = touchstream("queue", "--json", "--tenant", "acme", *options)
    assert result.code == 0, result
    found: dict[str, Any] = result.json()
    return found


def called(touchstream: Touchstream) -> list[str]:
    """The people who are called now."""
    return [call["contact_id"] for call in queue(touchstream)["calls"]]


def report(touchstream: Touchstream, file: Path, kind: str, **data: object) -> None:
    """Publishes what a dialler reports."""
    whole = {"specversion": "1.0", "type": kind, "id": f"{kind}-{data}", "source": "/dialler"}
    file.write_text(json.dumps({**whole, "data": {"tenant_id": "acme", **data}}) + "\n")
    result = touchstream("publish", file)
    assert result.code == 0, result


def test_people_are_called_in_turn_and_every_command_shows_it(
    engine: dict[str, str], touchstream: Touchstream, tmp_path: Path
) -> None:
    assert engine
    calls = ("--calls-at-once", 5, "--agent", "agent-7", "--quiet", "00:00-00:00")
    result = touchstream("tenant", "set", "acme", "--timezone", "UTC", *calls)
    assert result.code == 0, result
    _set_pool(touchstream)
    file = tmp_path / "renewals.yaml"
    file.write_text(CAMPAIGN)
    result = touchstream("campaign", "publish", file, "--tenant", "acme")
    assert (result.code, "is live (active)" in result.out) == (0, True), result
    _import(touchstream, tmp_path / "people.csv")

    wait_until(lambda: len(queue(touchstream)["calls"]) == 1)
    wait_until(lambda: sum(row["waiting"] for row in queue(touchstream)["waiting"]) == 2)
    (call,) = queue(touchstream)["calls"]
    (row,) = queue(touchstream, "--campaign", "renewals")["waiting"]
    # The last person is of another partition than Ann, and may come first. Ann goes before all who
    # wait.
    priority = 100 if call["contact_id"] == ANN else 50
    assert (row["reason"], row["priority"]) == ("call_slots_campaign", priority)
    assert touchstream("queue").code == 0

    why = touchstream("why", call["command_id"], "--from-log")
    assert (why.code, "slot    of calls" in why.out) == (0, True), why
    ids = {"contact_id": call["contact_id"], "command_id": call["command_id"]}
    ended = {"outcome": "completed", "seconds": 42, "call_id": "CA-1"}
    report(touchstream, tmp_path / "ended.jsonl", "call.ended", **ids, **ended)
    wait_until(lambda: called(touchstream) == [row["first_contact_id"]])

    _expect_the_same_from_postgres(touchstream, call["command_id"])
    _call_directly(touchstream)
    last = queue(touchstream, "--campaign", "renewals")["waiting"][0]["first_contact_id"]
    stop = ("contacts", "stop", "--tenant", "acme", "--contact", last)
    stopped = touchstream(*stop, "--campaign", "renewals")
    assert (stopped.code, "nothing runs in renewals" in stopped.out) == (0, True), stopped
    again = touchstream(*stop, "--campaign", "renewals")
    assert (again.code, "ENROLLMENT_NONE" in again.err) == (1, True), again
    cancelled = touchstream("campaign", "cancel", "renewals", "--tenant", "acme")
    assert (cancelled.code, cancelled.out) == (0, "renewals of acme: cancelled\n"), cancelled


def _expect_the_same_from_postgres(touchstream: Touchstream, command_id: str) -> None:
    """The explanation of an ended call has its slot and its limits, whatever it is read from."""
    (touch,) = explained_by_both(touchstream, command_id)["runs"][0]["touches"]
    (slot,) = touch["slots"]
    assert (slot["state"], slot["outcome"], slot["seconds"]) == ("freed", "answered", 42)
    gates = {gate["name"]: gate for gate in touch["gates"]}
    assert gates["slots"]["values"]["limits"]["call_slots_tenant"] == {"used": 0, "limit": 5}


def _set_pool(touchstream: Touchstream) -> None:
    result = touchstream("pool", "set", "calls", "--slots", 4, "--weight", "acme=2")
    assert (result.code, result.out) == (
        0,
        "calls: saved, 4 slots, weights acme=2, reserved none\n",
    ), result
    (pool,) = touchstream("pool", "show", "--json").json()
    assert (pool["slots"], pool["weights"]) == (4, {"acme": 2})


def _import(touchstream: Touchstream, people: Path) -> None:
    people.write_text(PEOPLE)
    order = ("contacts", "import", people, "--tenant", "acme", "--campaign", "renewals")
    result = touchstream(*order)
    assert (result.code, result.out) == (0, "3 imported, 0 bad, 1 cell left out\n"), result
    assert "CALL_PRIORITY_INVALID" in result.err


def _call_directly(touchstream: Touchstream) -> None:
    order = ("call", "+1 212 555 0199", "--tenant", "acme", "--template", "script")
    result = touchstream(*order, "--agent", "agent-7", "--timeout", WAIT_TIMEOUT_S)
    assert (result.code, "the call is commanded" in result.out) == (0, True), result
    unknown = touchstream(*order, "--agent", "stranger", "--timeout", WAIT_TIMEOUT_S)
    assert unknown.code == 1, unknown


def test_accounts_are_set_listed_forecast_and_removed(
    engine: dict[str, str], touchstream: Touchstream, tmp_path: Path
) -> None:
    assert engine
    assert touchstream("tenant", "set", "acme", "--timezone", "UTC").code == 0
    order = ("sender", "set", "ann", "--tenant", "acme", "--channel", "email")
    result = touchstream(*order, "--spacing", 600, "--per-day", 50)
    assert (result.code, "ann of acme: saved" in result.out) == (0, True), result
    (account,) = touchstream("sender", "list", "--tenant", "acme", "--json").json()
    assert (account["sender_id"], account["state"]) == ("ann", "active")

    file = tmp_path / "hello.yaml"
    step = "  - {id: mail, channel: email, template_id: t}\n"
    head = "campaign_id: hello\nname: Hello\nkind: prospecting\nsettings: {quiet_hours: none}\n"
    file.write_text(f"{head}steps:\n{step}")
    assert touchstream("campaign", "publish", file, "--tenant", "acme").code == 0
    people = tmp_path / "people.csv"
    people.write_text("email\n" + "".join(f"p{number}@example.com\n" for number in range(4)))
    enroll = ("contacts", "import", people, "--tenant", "acme", "--campaign", "hello")
    assert touchstream(*enroll).code == 0

    def backlog() -> list[dict[str, Any]]:
        result = touchstream("forecast", "--tenant", "acme", "--json")
        assert result.code == 0, result
        return list(result.json()["backlog"])

    wait_until(lambda: sum(row["waiting"] for row in backlog()) == 3)
    (row,) = backlog()
    assert (row["sender_id"], [*row["binds"]]) == ("ann", ["sender_spacing"])
    removed = touchstream("sender", "remove", "ann", "--tenant", "acme")
    assert (removed.code, "removed" in removed.out) == (0, True), removed
    (account,) = touchstream("sender", "list", "--tenant", "acme", "--json").json()
    assert account["state"].startswith("removed")
    unknown = touchstream("sender", "remove", "bob", "--tenant", "acme")
    assert unknown.code == 1, unknown
