"""`touchstream queue`: slots in use, who is next, and what the others wait for."""

import pytest

from processors.intake.sender_events import SENDER_EVENTS
from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.limit_terms import TenantCallTerms
from schemas.internal.topics import Topic
from streams.cli.event_publisher import build_event
from streams.cli.output import format_time
from streams.cli.sender import sender_event
from tests.testing.builders import job, publish, step, tenant
from tests.testing.command_line import Touchstream
from tests.testing.direct_calls import calling_tenant, request_call
from tests.testing.memory_reader import read_states_of
from tests.testing.world import World

QUEUE = ("queue", "--json")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Two tenants in the default pool: acme with one call at a time and an agent, bolt with two."""
    world = World()
    acme = TenantCallTerms(slots=1, agents={"agent-7": 1}, numbers={"+12125550100": 3})
    world.append(calling_tenant(calls=acme), calling_tenant(tenant_id="bolt", cause="t#2"))
    world.settle()
    read_states_of(world, monkeypatch)
    return world


def test_nothing_waits_in_an_empty_engine(touchstream: Touchstream, world: World) -> None:
    result = touchstream(*QUEUE)
    assert (result.code, result.json()["waiting"], result.json()["calls"]) == (0, [], [])
    text = touchstream("queue").out
    assert "Calls under way: none" in text and "Waiting: none" in text
    assert world.commanded_touches() == []


def test_slots_in_use_have_a_limit_and_an_end(touchstream: Touchstream, world: World) -> None:
    request_call(world, 101, agent_id="agent-7", from_number="+12125550100")
    view = touchstream(*QUEUE).json()
    (call,) = view["calls"]
    assert (call["state"], call["contact_id"], call["agent_id"]) == ("placing", "p-101", "agent-7")
    used = {(row["scope"], row["name"]): (row["used"], row["limit"]) for row in view["slots"]}
    assert used == {
        ("pool", "calls"): (1, 10),
        ("tenant", "acme"): (1, 1),
        ("campaign", "direct-calls"): (1, None),
        ("agent", "agent-7"): (1, 1),
        ("number", "+12125550100"): (1, 3),
    }
    assert {row["frees_at"] for row in view["slots"]} == {call["until"]}


def test_those_that_wait_for_the_same_have_one_row(touchstream: Touchstream, world: World) -> None:
    for number in (101, 102, 103):
        request_call(world, number)
    (row,) = touchstream(*QUEUE).json()["waiting"]
    assert (row["waiting"], row["reason"], row["first_contact_id"]) == (
        2,
        "call_slots_tenant",
        "p-102",
    )
    (call,) = touchstream(*QUEUE).json()["calls"]
    assert row["until"] == call["until"] and row["turn"] == 1
    assert row["limits"]["call_slots_tenant"] == {"used": 1, "limit": 1}
    text = touchstream("queue").out
    assert "call_slots_tenant" in text and "tenant 1/1" in text and "pool 1/10" in text
    assert "Ann" not in text and "2125550102" not in text


def test_only_what_is_of_a_tenant_or_campaign_is_shown(
    touchstream: Touchstream, world: World
) -> None:
    for number in (101, 102, 103):
        request_call(world, number)
        request_call(world, number, "bolt")
    view = touchstream(*QUEUE, "--tenant", "bolt").json()
    assert {row["tenant_id"] for row in (*view["calls"], *view["waiting"])} == {"bolt"}
    assert {row["tenant_id"] for row in view["slots"]} == {"bolt", None}
    assert len(view["calls"]) == 2
    none = touchstream(*QUEUE, "--campaign", "other").json()
    assert (none["calls"], none["waiting"]) == ([], [])


def test_a_full_pool_holds_the_others_in_their_turn(touchstream: Touchstream, world: World) -> None:
    world.append(m.UpsertPool("calls", "p#1", world.now, 1))
    world.settle()
    empty = touchstream(*QUEUE).json()["slots"]
    assert [(row["name"], row["used"], row["frees_at"]) for row in empty] == [("calls", 0, None)]
    for number in (101, 102):
        request_call(world, number)
        request_call(world, number, "bolt")
    view = touchstream(*QUEUE).json()
    pools = [row for row in view["slots"] if row["scope"] == "pool"]
    assert [(row["name"], row["used"], row["limit"]) for row in pools] == [("calls", 1, 1)]
    rows = view["waiting"]
    assert [(row["turn"], row["reason"]) for row in rows if row["tenant_id"] == "bolt"] == [
        (1, "call_slots_pool")
    ]
    assert sum(row["waiting"] for row in rows) == 3


def test_messages_that_wait_are_shown_by_channel(touchstream: Touchstream, world: World) -> None:
    world.append(tenant(limits={"email": 1}, at=world.now + 1, cause="t#3"))
    world.settle()
    world.append(publish(steps=[step(hours=0.01)], settings={"quiet_hours": "none"}))
    world.settle()
    for name in "abc":
        world.append(job(name, contact_id=name, at=world.now))
    world.advance_hours(0.1)
    (row,) = touchstream(*QUEUE).json()["waiting"]
    assert (row["channel"], row["pool_id"], row["waiting"]) == ("email", None, 2)
    assert row["reason"] == "throttled" and row["until"] is not None


def test_what_waits_of_a_paused_campaign_has_that_reason_before_the_pause_has_reached_anybody(
    touchstream: Touchstream, world: World
) -> None:
    world.append(tenant(limits={"email": 1}, at=world.now + 1, cause="t#3"))
    world.append(publish(steps=[step(hours=0.01)], settings={"quiet_hours": "none"}))
    world.settle()
    for name in "abc":
        world.append(job(name, contact_id=name, at=world.now))
    world.advance_hours(0.1)
    world.append(m.ChangeCampaign("acme", "reviews", "paused", "c#9", world.now))
    world.run_worker("campaign")
    world.run_worker("dispatch")
    (row,) = touchstream(*QUEUE).json()["waiting"]
    assert (row["waiting"], row["reason"], row["until"]) == (2, "campaign_paused", None)
    (expected,) = touchstream("forecast", "--json").json()["backlog"]
    assert (expected["waiting"], expected["binds"]) == (2, {"campaign_paused": 2})


def test_calls_of_a_paused_campaign_have_that_reason(
    touchstream: Touchstream, world: World
) -> None:
    for number in (101, 102, 103):
        request_call(world, number)
    (call,) = touchstream(*QUEUE).json()["calls"]
    gate = m.CampaignGateAnnounced("acme", call["campaign_id"], "paused")
    for partition in range(world.layout.dispatch):
        world.broker.append(Topic.DISPATCH_LOG, b"acme", m.encode(gate), partition=partition)
    world.settle()
    (row,) = touchstream(*QUEUE).json()["waiting"]
    assert (row["waiting"], row["reason"]) == (2, "campaign_paused")
    (expected,) = touchstream("forecast", "--json", "--call-seconds", 120).json()["backlog"]
    assert (expected["waiting"], expected["binds"]) == (2, {"campaign_paused": 2})


def test_what_holds_messages_is_what_holds_them_now(touchstream: Touchstream, world: World) -> None:
    event = sender_event({"tenant": "acme", "channel": "email", "sender_id": "a", "spacing": 60})
    world.append(SENDER_EVENTS["sender.upserted"](event, "s#1", world.now, ""))
    world.append(publish(steps=[step(hours=0.01)], settings={"quiet_hours": "none"}))
    world.settle()
    for name in "abcd":
        world.append(job(name, contact_id=name, at=world.now))
    world.advance_hours(0.02)
    (row,) = touchstream(*QUEUE).json()["waiting"]
    assert (row["waiting"], row["reason"], row["sender_id"]) == (3, "sender_spacing", "a")
    closed = build_event(
        "sender.throttled",
        tenant_id="acme",
        channel="email",
        sender_id="a",
        until=world.now + 2 * HOUR,
        occurred_at=world.now,
    )
    world.append(SENDER_EVENTS["sender.throttled"](closed, "s#2", world.now, ""))
    world.advance_to(world.now + HOUR // 10)
    (row,) = touchstream(*QUEUE).json()["waiting"]
    assert (row["waiting"], row["reason"]) == (3, "sender_throttled")
    assert row["until"] > (format_time(world.now) or "") and "sender_spacing" in row["limits"]
    assert "sender_throttled" in touchstream("queue").out


def test_the_tables_fit_into_80_columns(
    touchstream: Touchstream, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(101, 105):
        request_call(world, number, agent_id="agent-7")
        request_call(world, number, "bolt")
    monkeypatch.setattr("streams.cli.output.terminal_width", lambda: 80)
    monkeypatch.setenv("COLUMNS", "80")
    result = touchstream("queue", "--rows", 2)
    assert max(map(len, result.out.splitlines())) <= 80
    assert "rows more" in result.err


def test_the_limit_of_a_campaigns_day_is_what_its_calls_wait_for(
    touchstream: Touchstream, world: World
) -> None:
    world.append(
        publish(
            campaign_id="renewals",
            kind="calls",
            settings={"per_day": 1, "quiet_hours": "none"},
            steps=[{"id": "call", "channel": "voice", "template_id": "script"}],
        )
    )
    world.append(calling_tenant(calls=TenantCallTerms(slots=5), at=world.now + 1, cause="t#9"))
    world.settle()
    for number in (101, 102, 103):
        person = m.Person(phone=f"+1212555{number:04}")
        names = ("acme", f"p-{number}")
        world.append(m.ContactUpserted(*names, f"c#{number}", world.now, person))
        world.append(m.ContactEnrolled(*names, f"e#{number}", world.now, "renewals"))
    world.advance_to(world.now + 500_000)
    (row,) = touchstream(*QUEUE, "--campaign", "renewals").json()["waiting"]
    assert (row["waiting"], row["reason"]) == (2, "campaign_day")
    assert row["until"] == "2026-03-03T15:00:00Z"
    assert row["limits"]["campaign_day"]["used"] == 1


def test_people_who_wait_at_their_contact_are_counted_by_reason(
    touchstream: Touchstream, world: World
) -> None:
    world.append(
        publish(
            campaign_id="renewals",
            kind="calls",
            settings={
                "calls": {"days": ["tue"], "first_call_time": "09:00", "last_call_time": "17:00"}
            },
            steps=[{"id": "call", "channel": "voice", "template_id": "script"}],
        )
    )
    world.settle()
    for number in (101, 102, 103):
        person = m.Person(phone=f"+1212555{number:04}")
        names = ("acme", f"p-{number}")
        world.append(m.ContactUpserted(*names, f"c#{number}", world.now, person))
        world.append(m.ContactEnrolled(*names, f"e#{number}", world.now, "renewals"))
    later = world.now + 3 * HOUR
    request_call(world, 104, scheduled_for=later)
    world.append(m.ContactPaused("acme", "p-103", "p#1", world.now))
    world.settle()
    rows = touchstream(*QUEUE, "--tenant", "acme").json()["waiting_at_contact"]
    found = [
        (row["campaign_id"], row["reason"], row["waiting"], row["first_contact_id"], row["until"])
        for row in rows
    ]
    assert found == [
        ("direct-calls", "scheduled_for", 1, "p-104", format_time(later)),
        ("renewals", "call_hours", 2, "p-101", "2026-03-03T15:00:00Z"),
        ("renewals", "person_paused", 1, "p-103", None),
    ]
    text = touchstream("queue", "--tenant", "acme", "--campaign", "renewals").out
    assert "Waiting: none" in text and "Waiting at their contact:" in text
    assert "call_hours" in text and "scheduled_for" not in text


def test_people_at_their_contact_are_counted_for_one_tenant_only(
    touchstream: Touchstream, world: World
) -> None:
    request_call(world, 101)
    result = touchstream("queue")
    assert "with --tenant also" in result.err and "at their contact" not in result.out
    assert touchstream(*QUEUE).json()["waiting_at_contact"] is None
    result = touchstream("queue", "--tenant", "acme")
    assert "Waiting at their contact: none" in result.out, result
