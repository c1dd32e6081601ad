"""`touchstream contacts` looks into the states of the engine before it publishes anything."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from schemas.internal import messages as m
from tests.testing.builders import answer_fields, job, step, tenant, world_with_campaign
from tests.testing.command_line import Touchstream
from tests.testing.memory_reader import read_states_of
from tests.testing.world import World

ADDRESS = "ann@example.com"


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands in for the publisher, which most tests must not make."""
    publisher = Mock(side_effect=AssertionError("something is published"))
    for module in ("request_reply", "contacts"):
        monkeypatch.setattr(f"streams.cli.{module}.EventPublisher", publisher)
    for name in ("layout_of", "AnswerReader"):
        monkeypatch.setattr(f"streams.cli.request_reply.{name}", Mock())
    return publisher


def reopen(touchstream: Touchstream, address: str, *options: str, channel: str = "email") -> str:
    """What the command prints about an address that nothing closes."""
    order = ("contacts", "reopen", "--tenant", "acme", "--channel", channel, "--address", address)
    result = touchstream(*order, *options)
    assert result.code == 0, result
    return result.out


def world_with_answer(answer: type[m.Message], **fields: object) -> World:
    """The e-mail to Ann was sent, and then answered; a value of None leaves a field out."""
    world = world_with_campaign(steps=[step(hours=0.5)], settings={"quiet_hours": "none"})
    world.append(job())
    world.advance_hours(1)
    touch = world.commanded_touches()[0]
    world.append(m.TouchSent(**answer_fields(touch, world)))
    values = {**answer_fields(touch, world, "b"), **fields}
    world.append(answer(**{name: v for name, v in values.items() if v is not None}))
    world.settle()
    return world


@pytest.mark.parametrize("address", ["new@example.com", " NEW@example.com "])
@pytest.mark.usefixtures("publisher")
def test_an_address_that_no_bounce_closes_is_stated_at_once(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    read_states_of(world_with_campaign(), monkeypatch)
    assert "no bounce closes this address to email" in reopen(touchstream, address)
    assert '"not_closed"' in reopen(touchstream, address, "--json")


@pytest.mark.parametrize("address", [ADDRESS, "Ann@Example.com "])
def test_a_bounced_address_is_opened(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, publisher: Mock, address: str
) -> None:
    read_states_of(world_with_answer(m.TouchBounced, bounce_type="hard"), monkeypatch)
    publisher.side_effect = ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        reopen(touchstream, address)
    publisher.side_effect = AssertionError
    assert "no bounce" in reopen(touchstream, "other@example.com")


@pytest.mark.usefixtures("publisher")
def test_an_address_that_an_opt_out_closes_has_nothing_to_be_opened(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_with_answer(m.ContactUnsubscribed, channel="email", command_id=None)
    read_states_of(world, monkeypatch)
    assert "no bounce closes this address" in reopen(touchstream, ADDRESS)


def test_an_unknown_tenant_and_an_order_that_does_not_wait_are_for_the_engine(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, publisher: Mock
) -> None:
    read_states_of(World(), monkeypatch)
    publisher.side_effect = ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        reopen(touchstream, ADDRESS)
    read_states_of(world_with_campaign(), monkeypatch)
    with pytest.raises(ZeroDivisionError):
        reopen(touchstream, ADDRESS, "--no-wait")


@pytest.mark.usefixtures("publisher")
@pytest.mark.parametrize("options", [(), ("--campaign", "reviews")])
def test_an_import_for_a_tenant_that_does_not_exist_publishes_nothing(
    touchstream: Touchstream,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: tuple[str, ...],
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email\nann@example.com\n")
    world = World()
    read_states_of(world, monkeypatch)
    order = ("contacts", "import", file, "--tenant", "acme", *options)
    result = touchstream(*order)
    assert (result.code, result.out) == (1, "")
    assert "no tenant acme; to create it: touchstream tenant set acme --timezone" in result.err
    world.append(tenant())
    world.settle()
    world.append(m.DeleteTenant("acme", "t#2", world.now + 1))
    world.settle()
    result = touchstream(*order)
    assert (result.code, "the tenant acme is deleted" in result.err) == (1, True), result


@pytest.mark.usefixtures("publisher")
def test_an_import_into_a_campaign_that_enrolls_nobody_publishes_nothing(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email\nann@example.com\n")
    read_states_of(world_with_campaign(status="draft"), monkeypatch)
    order = ("contacts", "import", file, "--tenant", "acme", "--campaign")
    missing = touchstream(*order, "other")
    assert (missing.code, "acme has no campaign other" in missing.err) == (1, True), missing
    draft = touchstream(*order, "reviews")
    assert (draft.code, "campaign activate reviews" in draft.err) == (1, True), draft
