"""`touchstream call`: what is asked for, and what is reported of the call."""

from itertools import count
from typing import Any
from unittest.mock import Mock

import pytest

from processors.intake.call_events import CALL_EVENTS
from schemas.base.times import HOUR, parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.limit_terms import TenantCallTerms
from streams.cli.call import call_event
from streams.cli.errors import CommandError
from tests.testing.builders import tenant
from tests.testing.command_line import Touchstream
from tests.testing.world import START, World

PHONE = "+1 212 555 0101"
CALL = ("call", PHONE, "--tenant", "acme")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An engine that gets what the command publishes. It knows the tenant acme, with an agent."""
    world, numbers = World(), count(1)
    terms = TenantCallTerms(agents={"agent-7": 1}, numbers={"+12125550100": None})
    world.append(tenant(calls=terms, quiet_start=0, quiet_end=0))
    world.settle()

    def send(kind: str, event: Any, *_: object, **__: object) -> str:
        cause = f"cli#{next(numbers)}"
        world.append(CALL_EVENTS[kind](event, cause, world.now, kind))
        world.settle()
        world.advance_to(world.now + 100_000)
        return cause

    publisher = Mock(send=send, now=lambda: world.now)
    monkeypatch.setattr("streams.cli.call.EventPublisher", lambda _: publisher)
    reader = Mock(facts=lambda _: iter(world.facts()))
    monkeypatch.setattr("streams.cli.call.AnswerReader", lambda _: reader)
    for name in ("connected_settings", "layout_of"):
        monkeypatch.setattr(f"streams.cli.call.{name}", Mock())
    return world


def test_a_call_is_commanded(touchstream: Touchstream, world: World) -> None:
    result = touchstream(*CALL, "--name", "Ann Lee", "--agent", "agent-7", "--template", "script")
    assert (result.code, result.err) == (0, ""), (result, world.facts())
    (touch,) = world.commanded_touches()
    assert touch.command_id in result.out and "the call is commanded" in result.out
    assert touch.call is not None and touch.call.direct and touch.call.agent_id == "agent-7"
    assert "555" not in result.out and "Ann" not in result.out


@pytest.mark.usefixtures("world")
def test_a_second_call_to_a_person_is_declined_while_one_is_under_way(
    touchstream: Touchstream,
) -> None:
    assert touchstream(*CALL, "--template", "script").code == 0
    second = touchstream(*CALL, "--template", "script", "--json")
    assert second.code == 1 and "ENROLLMENT_ALREADY_ACTIVE: a direct call" in second.err, second
    assert second.json()["fact"] == "enrollment.declined"


def test_a_call_for_later_is_planned(touchstream: Touchstream, world: World) -> None:
    result = touchstream(*CALL, "--template", "script", "--at", "2026-03-02T18:00:00Z")
    assert (result.code, result.out) == (0, "the call is planned for 2026-03-02T18:00:00Z\n")
    assert not world.commanded_touches()
    world.advance_hours(4)
    assert world.commanded_touches()


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("call", "nobody", "--tenant", "acme"), "a number to call begins with +"),
        (("call", PHONE, "--tenant", "bolt"), "TENANT_UNKNOWN"),
        (
            (*CALL, "--template", "script", "--agent", "stranger"),
            "agent_unknown: the tenant's list has no such agent",
        ),
        ((*CALL, "--template", "script", "--from", "+12125550777"), "no such caller number"),
        (("call", "+19005550123", "--tenant", "acme", "--template", "script"), "does not call"),
        (("call", "+1 911", "--tenant", "acme", "--template", "script"), ""),
    ],
)
def test_a_call_that_is_not_placed_is_a_negative_result(
    touchstream: Touchstream, options: tuple[str, ...], reason: str
) -> None:
    result = touchstream(*options)
    assert result.code in (1, 2) and result.out == "", result
    assert reason in result.err


def test_without_an_answer_the_engine_is_missing(
    touchstream: Touchstream, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Mock(facts=lambda _: iter(()))
    monkeypatch.setattr("streams.cli.call.AnswerReader", lambda _: reader)
    result = touchstream(*CALL, "--timeout", 0.1)
    assert (result.code, "touchstream status" in result.err) == (3, True), result
    assert touchstream(*CALL, "--no-wait").code == 0
    assert world.now < START + HOUR


def test_every_option_has_its_field() -> None:
    event = call_event(
        "ann",
        "acme",
        phone=PHONE,
        name="Ann Lee",
        agent="agent-7",
        from_number="+12125550100",
        template="script",
        at="2026-06-01T10:00:00Z",
        priority=5,
        variable=["topic=renewal"],
    )
    assert (event.contact_id, event.phone, event.agent_id) == ("ann", PHONE, "agent-7")
    assert event.scheduled_for == parse_rfc3339("2026-06-01T10:00:00Z")
    assert (event.priority, event.variables) == (5, {"topic": "renewal"})
    number = call_event(PHONE, "acme")
    assert (number.contact_id, number.phone) == (None, PHONE)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"phone": "12"}, "--phone: "),
        ({"agent": ""}, "--agent: "),
        ({"priority": 1_001}, "--priority: must be "),
        ({"at": "tomorrow"}, "--at tomorrow: "),
        ({"variable": ["topic"]}, "--variable topic: must be NAME=VALUE"),
        ({"from_number": "12"}, "--from: "),
    ],
)
def test_a_wrong_value_is_refused_in_terms_of_its_option(
    options: dict[str, Any], part: str
) -> None:
    with pytest.raises(CommandError, match=part):
        call_event("ann", "acme", **options)
    with pytest.raises(CommandError, match="one number"):
        call_event(PHONE, "acme", phone=PHONE)


def test_a_message_of_a_call_needs_no_contact() -> None:
    message = CALL_EVENTS["call.requested"](call_event(PHONE, "acme"), "cli#1", START, "")
    assert isinstance(message, m.CallRequested) and message.contact_id.startswith("c-")
