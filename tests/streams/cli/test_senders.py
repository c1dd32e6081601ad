"""`touchstream sender` and `touchstream pool`: what becomes of the options, and what is printed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from processors.intake.sender_events import SENDER_EVENTS
from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from streams.cli.errors import CommandError
from streams.cli.sender import sender_event
from streams.cli.sender_accounts import terms_of_event
from tests.testing.builders import tenant
from tests.testing.command_line import Touchstream
from tests.testing.memory_reader import PublishedOrders, answer_orders, read_states_of
from tests.testing.world import World

SET = ("sender", "set", "ann@acme.com", "--tenant", "acme", "--channel")
EVERY_OPTION = (
    *("email", "--per-hour", 90, "--per-day", 400, "--per-week", 1_500, "--per-month", 4_000),
    *("--calendar", "day", "--spacing", 45, "--jitter", 15, "--domain-per-hour", 20),
    *("--domain-per-day", 60, "--action-limit", "send_message:per_day=300", "--window"),
    *("09:00-17:30", "--day", "mon", "--day", "tue", "--timezone", "Europe/Berlin"),
    *("--first-weekday", "sun", "--warm-up", "5:2:50", "--day-jitter", 10),
    *("--max-new-per-day", 40, "--lag", 60, "--premium", "--paused", "--on-gone", "hold"),
)


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> PublishedOrders:
    return answer_orders(monkeypatch)


def fact(kind: FactKind, **fields: Any) -> Fact:
    return Fact(fact=kind, at=datetime(2026, 3, 2, tzinfo=UTC), tenant_id="acme", **fields)


def test_every_option_has_its_field(touchstream: Touchstream, orders: PublishedOrders) -> None:
    orders.answer = fact(FactKind.SENDER_UPDATED)
    result = touchstream(*SET, *EVERY_OPTION)
    assert (result.code, result.err) == (0, ""), result
    assert orders.last().model_dump(mode="json", exclude_none=True) == {
        "tenant_id": "acme",
        "sender_id": "ann@acme.com",
        "channel": "email",
        "limits": {
            "per_hour": 90,
            "per_day": 400,
            "per_week": 1_500,
            "per_month": 4_000,
            "spacing_seconds": 45,
            "jitter_seconds": 15,
            "calendar": ["day"],
            "domain_per_hour": 20,
            "domain_per_day": 60,
        },
        "window": {"start": "09:00", "end": "17:30"},
        "timezone": "Europe/Berlin",
        "days": ["mon", "tue"],
        "actions": {"send_message": {"per_day": 300, "calendar": []}},
        "warm_up": {"start": 5, "step": 2, "target": 50},
        "day_jitter_percent": 10,
        "premium": True,
        "paused": True,
        "lag_seconds": 60,
        "max_new_per_day": 40,
        "first_weekday": "sun",
        "on_gone": "hold",
    }
    for shown in ("400*", "45+15", "09:00-17:30", "mon tue", "warm-up 5:2:50", "40 new a day"):
        assert shown in result.out


def test_what_holds_is_printed_with_the_defaults_of_the_channel(
    touchstream: Touchstream, orders: PublishedOrders
) -> None:
    orders.answer = fact(FactKind.SENDER_UPDATED)
    result = touchstream(*SET, "email", "--json")
    account = result.json()["account"]
    assert result.json()["fact"] == "sender.updated"
    limits = account["limits"]["any"]
    assert (limits["per_hour"], limits["per_day"], limits["spacing_seconds"]) == (200, 1_000, 30)
    linkedin = touchstream(*SET, "linkedin", "--json").json()["account"]["limits"]
    assert linkedin["send_connection_request"]["per_week"] == 100
    assert linkedin["send_inmail"]["per_month"] == 50
    premium = touchstream(*SET, "linkedin", "--premium", "--json").json()["account"]["limits"]
    assert premium["send_inmail"]["per_month"] is None
    unanswered = touchstream(*SET, "email", "--no-wait")
    assert (unanswered.code, "without waiting" in unanswered.err) == (0, True)
    assert "200" in unanswered.out


def test_a_refused_account_is_not_printed(
    touchstream: Touchstream, orders: PublishedOrders
) -> None:
    orders.answer = fact(FactKind.EVENT_REFUSED, reason="TENANT_UNKNOWN")
    result = touchstream(*SET, "email")
    assert (result.code, result.out) == (1, ""), result
    assert "there is no tenant acme" in result.err


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("fax",), "--channel: "),
        (("email", "--per-hour", 0), "--per-hour: "),
        (("email", "--per-hour", -1), "--per-hour: "),
        (("email", "--per-day", 2_000_000), "--per-day: "),
        (("email", "--spacing", 0), "--spacing: "),
        (("email", "--calendar", "year"), "--calendar: "),
        (("email", "--day", "someday"), "--day: "),
        (("email", "--window", "9-17"), "--window: "),
        (("email", "--window", "nine"), "--window nine: must be HH:MM-HH:MM"),
        (("email", "--timezone", "Mars/Base"), "--timezone: "),
        (("email", "--first-weekday", "x"), "--first-weekday: "),
        (("email", "--warm-up", "5:2"), "--warm-up 5:2: must be START:STEP:TARGET"),
        (("email", "--warm-up", "5:2:many"), "--warm-up: many is not a number"),
        (("email", "--warm-up", "0:2:50"), "--warm-up: "),
        (("email", "--day-jitter", 101), "--day-jitter: "),
        (("email", "--max-new-per-day", 0), "--max-new-per-day: "),
        (("email", "--lag", 100_000), "--lag: "),
        (("email", "--on-gone", "burn"), "--on-gone: "),
        (("email", "--action-limit", "per_day=3"), "must be ACTION:LIMIT=N"),
        (("email", "--action-limit", "send_message:per_day=x"), "x is not a number"),
        (("email", "--action-limit", "fly:per_day=3"), "--action-limit"),
    ],
)
def test_a_wrong_value_is_refused_in_terms_of_its_option(
    touchstream: Touchstream, options: tuple[object, ...], part: str
) -> None:
    result = touchstream(*SET, *options)
    assert (result.code, part in result.err) == (2, True), result


def test_an_account_is_removed(touchstream: Touchstream, orders: PublishedOrders) -> None:
    orders.answer = fact(FactKind.SENDER_REMOVED)
    result = touchstream("sender", "remove", "ann@acme.com", "--tenant", "acme")
    assert (result.code, result.out) == (0, "ann@acme.com of acme: removed\n")
    assert orders.events[-1][0] == "sender.removed"


def test_a_paused_account_is_shown_as_such(
    touchstream: Touchstream, orders: PublishedOrders
) -> None:
    orders.answer = fact(FactKind.SENDER_UPDATED)
    assert "paused" in touchstream(*SET, "email", "--paused").out
    assert "paused" not in touchstream(*SET, "email").out


def test_a_pool_is_set(touchstream: Touchstream, orders: PublishedOrders) -> None:
    orders.answer = fact(FactKind.POOL_UPDATED)
    options = ("--slots", 40, "--weight", "acme=3", "--reserve", "bolt=2")
    result = touchstream("pool", "set", "calls", *options)
    assert (result.code, result.out) == (
        0,
        "calls: saved, 40 slots, weights acme=3, reserved bolt=2\n",
    ), result
    event = orders.last()
    assert (event.tenant_id, event.slots) == ("*", 40)
    assert (event.weights, event.reserved) == ({"acme": 3}, {"bolt": 2})


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("calls", "--slots", 0), "--slots: "),
        (("calls", "--slots", 1_001), "--slots: "),
        (("a/b", "--slots", 1), "ID: "),
        (("calls", "--slots", 1, "--weight", "acme=0"), "--weight acme: "),
        (("calls", "--slots", 1, "--reserve", "acme"), "must be NAME=VALUE"),
        (("calls", "--slots", 3, "--reserve", "acme=4"), "--reserve: 4 slots of 3"),
    ],
)
def test_a_wrong_pool_is_refused(
    touchstream: Touchstream, options: tuple[object, ...], part: str
) -> None:
    result = touchstream("pool", "set", *options)
    assert (result.code, part in result.err) == (2, True), result


def test_terms_of_an_event_need_no_engine() -> None:
    event = sender_event({"tenant": "acme", "sender_id": "a", "channel": "sms"})
    assert terms_of_event(event).sender_id == "a"
    with pytest.raises(CommandError, match="--tenant: "):
        sender_event({"tenant": "a/b", "sender_id": "a", "channel": "sms"})


def upsert(world: World, *options: Any) -> None:
    """An account of acme as its event would set it."""
    event = sender_event({"tenant": "acme", **dict(zip(options[::2], options[1::2], strict=True))})
    world.append(SENDER_EVENTS["sender.upserted"](event, f"s#{world.now}", world.now, ""))
    world.settle()
    world.now += 1_000_000


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    world.append(tenant(), tenant(tenant_id="bolt", cause="t#2"))
    world.settle()
    upsert(world, "sender_id", "ann", "channel", "email", "window", "09:00-17:00", "per_day", 400)
    upsert(world, "sender_id", "bob", "channel", "linkedin", "paused", True)
    upsert(world, "sender_id", "old", "channel", "email")
    world.append(m.RemoveSender("acme", "old", "s#old", world.now))
    world.settle()
    read_states_of(world, monkeypatch)
    return world


@pytest.mark.usefixtures("stored")
def test_the_accounts_of_a_tenant_are_listed(touchstream: Touchstream) -> None:
    listed = touchstream("sender", "list", "--tenant", "acme", "--json").json()
    assert [(row["sender_id"], row["state"].split()[0]) for row in listed] == [
        ("ann", "active"),
        ("old", "removed"),
        ("bob", "paused"),
    ]
    text = touchstream("sender", "list", "--tenant", "acme").out
    assert "09:00-17:00" in text and "send_connection_request" in text
    assert touchstream("sender", "list", "--tenant", "bolt", "--json").json() == []


def test_an_account_is_listed_with_its_closed_hours_and_limits(
    touchstream: Touchstream, stored: World
) -> None:
    stored.advance_hours(12)
    (ann, *_) = touchstream("sender", "list", "--tenant", "acme", "--json").json()
    assert ann["state"] == "sender_window until 2026-03-03T15:00:00Z"
    assert "sender_window until" in touchstream("sender", "list", "--tenant", "acme").out
    stored.advance_hours(14)
    stored.append(m.ReportUsage("acme", "ann", "s#used", stored.now, "", stored.now, 400))
    stored.settle()
    (ann, *_) = touchstream("sender", "list", "--tenant", "acme", "--json").json()
    assert ann["state"].startswith("sender_day until 2026-03-04T17:0"), ann


@pytest.mark.usefixtures("stored")
def test_accounts_of_an_unknown_tenant_are_not_listed(touchstream: Touchstream) -> None:
    result = touchstream("sender", "list", "--tenant", "nosuch")
    assert (result.code, "there is no tenant nosuch" in result.err) == (1, True), result


def test_a_throttled_account_is_listed_with_its_end(
    touchstream: Touchstream, stored: World
) -> None:
    order = m.ThrottleSender("acme", "ann", "s#slow", stored.now, until=stored.now + HOUR)
    stored.append(order)
    stored.settle()
    (state, *_) = touchstream("sender", "list", "--tenant", "acme", "--json").json()
    assert state["state"].startswith("throttled until 2026-03-02T16:0")


def test_the_pools_are_shown_with_the_one_that_is_always_there(
    touchstream: Touchstream, stored: World
) -> None:
    (pool,) = touchstream("pool", "show", "--json").json()
    assert (pool["pool_id"], pool["slots"], pool["updated_at"]) == ("calls", 10, None)
    stored.append(m.UpsertPool("night", "p#1", stored.now, 4, {"acme": 3}, {"bolt": 1}))
    stored.settle()
    default, night = touchstream("pool", "show", "--json").json()
    assert default == pool
    assert (night["slots"], night["weights"], night["reserved"]) == (4, {"acme": 3}, {"bolt": 1})
    text = touchstream("pool", "show").out
    assert "night" in text and "never set" in text


@pytest.mark.usefixtures("stored")
def test_the_accounts_fit_into_80_columns(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("streams.cli.output.terminal_width", lambda: 80)
    text = touchstream("sender", "list", "--tenant", "acme").out
    assert max(map(len, text.splitlines())) <= 80
    assert "send_connection_request" in text and "09:00-17:00" in text


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("CAMPAIGN_STATUS_INVALID", "only a paused one resumed"),
        ("CAMPAIGN_UNKNOWN", "acme has no such campaign"),
    ],
)
def test_a_refused_change_of_a_campaign_has_its_reason_in_words(
    touchstream: Touchstream, orders: PublishedOrders, reason: str, hint: str
) -> None:
    orders.answer = fact(FactKind.EVENT_REFUSED, reason=reason)
    result = touchstream("campaign", "pause", "renewals", "--tenant", "acme")
    assert (result.code, reason in result.err, hint in result.err) == (1, True, True), result


def test_complaints_that_name_nobody_are_reported(
    touchstream: Touchstream, orders: PublishedOrders
) -> None:
    orders.answer = fact(FactKind.SENDER_COMPLAINTS_REPORTED)
    order = ("sender", "complaints", "ann@acme.com", "--tenant", "acme")
    counts = ("--delivered", 2000, "--complaints", 3, "--at", "2026-03-01T00:00:00Z")
    result = touchstream(*order, *counts)
    assert (result.code, result.out) == (0, "ann@acme.com of acme: 3 complaints counted\n"), result
    assert orders.last().model_dump(mode="json") == {
        "tenant_id": "acme",
        "sender_id": "ann@acme.com",
        "delivered": 2000,
        "complaints": 3,
        "at": "2026-03-01T00:00:00Z",
    }
    bad = touchstream(*order, "--delivered", -1, "--complaints", 3)
    assert (bad.code, "delivered" in bad.err) == (2, True), bad
