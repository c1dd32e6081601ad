"""`touchstream forecast`: when a backlog clears, and which limit decides it."""

from typing import Any

import pytest

from processors.intake.sender_events import SENDER_EVENTS
from schemas.base.times import HOUR, SECOND, format_rfc3339, parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from streams.cli.sender import sender_event
from tests.testing.builders import job, publish, step, tenant
from tests.testing.command_line import Touchstream
from tests.testing.direct_calls import calling_tenant, request_call, world_that_calls
from tests.testing.memory_reader import read_states_of
from tests.testing.world import World

FORECAST = ("forecast", "--json")


def waiting(count: int, *accounts: dict[str, Any], **limits: Any) -> World:
    """A world in which so many e-mails wait for the limits of the tenant and its accounts."""
    world = World()
    world.append(tenant(**limits))
    world.settle()
    for number, account in enumerate(accounts):
        event = sender_event({"tenant": "acme", "channel": "email", **account})
        world.append(SENDER_EVENTS["sender.upserted"](event, f"s#{number}", world.now, ""))
    world.settle()
    world.append(publish(steps=[step(hours=0.01)], settings={"quiet_hours": "none"}))
    world.settle()
    people = [f"p-{number:03}" for number in range(count)]
    world.append(*(job(name, contact_id=name, at=world.now) for name in people))
    world.advance_hours(0.05)
    return world


def test_nothing_waits(touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch) -> None:
    read_states_of(World(), monkeypatch)
    assert touchstream("forecast").out == "nothing waits\n"
    assert touchstream(*FORECAST).json()["backlog"] == []


def test_the_tenants_own_limit_without_accounts(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = waiting(10, limits={"email": 4})
    read_states_of(world, monkeypatch)
    (row,) = touchstream(*FORECAST).json()["backlog"]
    assert (row["waiting"], row["sender_id"], row["campaign_id"]) == (6, "", "reviews")
    assert row["binds"] and sum(row["binds"].values()) == 6
    _expect_true(world, row)


def _expect_true(world: World, row: dict[str, Any]) -> None:
    """The last command goes at the time of the forecast, cut to the second."""
    commanded = world.facts(FactKind.TOUCH_COMMANDED)
    world.advance_hours(12)
    later = world.facts(FactKind.TOUCH_COMMANDED)[len(commanded) :]
    first = [fact for fact in later if (fact.values or {})["emission"] == 1]
    times = sorted(format_rfc3339(parse_rfc3339(f"{fact.at:%Y-%m-%dT%H:%M:%SZ}")) for fact in first)
    assert (times[0], times[-1]) == (row["first_at"], row["clears_at"])


def test_each_account_has_its_part(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = ({"sender_id": "a", "spacing": 600}, {"sender_id": "b", "spacing": 300})
    world = waiting(12, *accounts)
    read_states_of(world, monkeypatch)
    rows = touchstream(*FORECAST, "--tenant", "acme", "--channel", "email").json()["backlog"]
    assert [row["sender_id"] for row in rows] == ["a", "b"]
    assert rows[0]["waiting"] < rows[1]["waiting"]
    assert all([*row["binds"]] == ["sender_spacing"] for row in rows)
    text = touchstream("forecast").out
    assert "sender_spacing" in text and "p-0" not in text and "@" not in text


def test_other_tenants_and_channels_are_left_out(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_states_of(waiting(6, limits={"email": 2}), monkeypatch)
    assert touchstream(*FORECAST, "--tenant", "bolt").json()["backlog"] == []
    assert touchstream(*FORECAST, "--channel", "sms").json()["backlog"] == []
    wrong = touchstream("forecast", "--channel", "fax")
    assert (wrong.code, "--channel fax" in wrong.err) == (2, True), wrong


def test_touches_without_an_account_are_lost(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = waiting(3, {"sender_id": "a", "paused": True})
    read_states_of(world, monkeypatch)
    (row,) = touchstream(*FORECAST).json()["backlog"]
    assert (row["waiting"], row["clears_at"]) == (3, None)
    assert world.now < parse_rfc3339("2026-03-02T16:00:00Z") + HOUR


def test_the_table_fits_into_80_columns(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_states_of(waiting(6, limits={"email": 2}), monkeypatch)
    monkeypatch.setattr("streams.cli.output.terminal_width", lambda: 80)
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, touchstream("forecast").out.splitlines())) <= 80


def test_calls_are_estimated_for_a_length_by_the_rules_of_their_pool(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_that_calls(slots=2)
    world.append(calling_tenant(tenant_id="bolt", cause="t#2"))
    world.append(m.UpsertPool("calls", "p#1", world.now, 3))
    world.settle()
    for number in range(101, 109):
        request_call(world, number)
    request_call(world, 101, "bolt")
    read_states_of(world, monkeypatch)
    assert touchstream(*FORECAST).json()["backlog"] == []
    rows = touchstream(*FORECAST, "--call-seconds", 100).json()["backlog"]
    (acme,) = rows  # bolt has its slot already
    assert (acme["channel"], acme["sender_id"], acme["waiting"]) == ("voice", "calls", 6)
    assert acme["binds"] == {"call_slots_tenant": 6}
    first = parse_rfc3339("2026-03-02T15:00:00Z")
    assert parse_rfc3339(acme["clears_at"]) - first in range(299 * SECOND, 302 * SECOND)
    assert touchstream(*FORECAST, "--call-seconds", 100, "--tenant", "bolt").json() == {
        "now": format_rfc3339(world.now - world.now % SECOND),
        "backlog": [],
    }
    assert "call_slots_tenant" in touchstream("forecast", "--call-seconds", 100).out


def test_no_call_takes_its_slot_longer_than_it_may(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_that_calls(slots=1)
    for number in (101, 102):
        request_call(world, number)
    read_states_of(world, monkeypatch)
    day = 24 * 3_600
    (row,) = touchstream(*FORECAST, "--call-seconds", 30 * day).json()["backlog"]
    assert (row["waiting"], row["clears_at"]) == (1, "2026-03-02T15:17:45Z")
