"""`touchstream contacts` with files of calls: templates, and what is published."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from schemas.internal import messages as m
from schemas.internal.limit_terms import TenantCallTerms
from streams.cli.contact_templates import template_text
from tests.testing.builders import publish, tenant, world_with_campaign
from tests.testing.command_line import Touchstream
from tests.testing.memory_reader import read_states_of

BASIC = "phone,name\n+1 212 555 0101,Mara Olsen\n+1 212 555 0102,Ivo Brandt\n"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The events that an import publishes for a campaign of calls."""
    world = world_with_campaign(
        campaign_id="renewals",
        kind="calls",
        settings={"timezone": "Europe/Berlin"},
        steps=[{"id": "call", "channel": "voice", "template_id": "script"}],
    )
    world.append(tenant(calls=TenantCallTerms(agents={"agent-7": 1}), at=world.now, cause="t#2"))
    script = {"id": "call", "channel": "voice", "template_id": "script"}
    lost = {"campaign_id": "lost", "kind": "calls", "settings": {"calls": {"pool": "none"}}}
    world.append(publish(**lost, steps=[script]))
    for name, phone in (("ann", "(212) 555-0142"), ("ben", "+1 212-555-0143"), ("old", "")):
        person = m.Person(email=f"{name}@example.com", phone=phone)
        world.append(m.ContactUpserted("acme", name, f"c#{name}", world.now, person))
    world.settle()
    read_states_of(world, monkeypatch)
    events: list[tuple[str, Any]] = []
    publisher = Mock(now=lambda: world.now, send=lambda kind, data, *_: events.append((kind, data)))
    monkeypatch.setattr("streams.cli.contacts.EventPublisher", lambda _: publisher)
    return events


def written(directory: Path, text: str) -> Path:
    file = directory / "calls.csv"
    file.write_text(text)
    return file


def test_an_import_enrolls_with_the_variables_of_the_call(
    touchstream: Touchstream, published: list[tuple[str, Any]], tmp_path: Path
) -> None:
    file = written(
        tmp_path,
        "phone,name,priority,scheduled_for,agent\n"
        "+12125550101,Mara Olsen,50,2026-06-01 10:30,agent-7\n"
        "+12125550102,Ivo,many,,\n"
        "+12125550101,Mara again,,,\n"
        "+12125550103,Lea,,never,\n",
    )
    order = ("contacts", "import", file, "--tenant", "acme", "--campaign", "renewals")
    result = touchstream(*order)
    assert (result.code, result.out) == (1, "2 imported, 2 bad, 1 cell left out\n"), result
    assert "line 3: CALL_PRIORITY_INVALID: priority: must be a whole number" in result.err
    assert "line 4: CONTACT_DUPLICATE" in result.err and "line 5: CALL_TIME_INVALID" in result.err
    kinds = [kind for kind, _ in published]
    assert kinds == ["contact.upserted", "contact.enrolled"] * 2
    mara, ivo = (event for kind, event in published if kind == "contact.enrolled")
    assert mara.variables == {
        "priority": "50",
        "scheduled_for": "2026-06-01T08:30:00Z",
        "agent": "agent-7",
    }
    assert ivo.variables is None


def test_a_file_of_calls_is_validated_without_kafka(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = written(tmp_path, "phone,priority\n+12125550101,high\n")
    order = ("contacts", "import", file, "--tenant", "acme", "--dry-run")
    assert touchstream(*order).out == "1 valid, 0 bad\n"
    assert "attribute priority" in touchstream(*order).err
    assert touchstream(*order, "--calls").out == "1 valid, 0 bad, 1 cell left out\n"
    assert "priority is an attribute here; for a campaign of calls add --calls" in (
        touchstream(*order).err
    )
    assert "add --calls" not in touchstream(*order, "--calls").err
    named = touchstream(*order, "--calls", "--column", "priority=Scheduled For")
    assert (named.code, "CALL_TIME_INVALID" in named.err) == (1, True), named


def test_only_columns_about_calls_beside_numbers_are_a_file_of_calls(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    for text in ("phone,name\n+12125550101,Mara\n", "email,priority\nann@example.com,5\n"):
        order = ("contacts", "import", written(tmp_path, text), "--tenant", "acme", "--dry-run")
        assert "--calls" not in touchstream(*order).err


def test_people_who_will_not_be_called_are_imported_with_a_warning(
    touchstream: Touchstream, published: list[tuple[str, Any]], tmp_path: Path
) -> None:
    file = written(
        tmp_path,
        "phone,agent\n+12125550101,agent-7\n+12125550102,agent-404\n"
        "+19005550123,agent-404\n+12125550103,\n",
    )
    order = ("contacts", "import", file, "--tenant", "acme", "--campaign", "renewals")
    result = touchstream(*order)
    assert (result.code, result.out) == (0, "4 imported, 0 bad, 2 not called as it is now\n")
    assert "line 3: agent_unknown: agent: the list of acme has no agent agent-404" in result.err
    assert "line 4: number_not_allowed: phone: acme does not call premium rate numbers" in (
        result.err
    )
    assert "900555" not in result.err
    assert len(published) == 8
    warnings = touchstream(*order, "--json").json()["warnings"]
    assert [(row["line"], row["code"]) for row in warnings] == [
        (3, "agent_unknown"),
        (4, "agent_unknown"),
        (4, "number_not_allowed"),
    ]


def test_a_campaign_without_its_call_pool_is_reported(
    touchstream: Touchstream, published: list[tuple[str, Any]], tmp_path: Path
) -> None:
    file = written(tmp_path, BASIC)
    order = ("contacts", "import", file, "--tenant", "acme", "--campaign")
    assert "there is no call pool" not in touchstream(*order, "renewals").err
    result = touchstream(*order, "lost")
    assert (result.code, "there is no call pool none" in result.err) == (0, True), result
    assert len(published) == 8


def test_a_number_is_matched_to_the_contact_who_has_it(
    touchstream: Touchstream, published: list[tuple[str, Any]], tmp_path: Path
) -> None:
    file = written(
        tmp_path,
        "contact_id,phone\n,+12125550142\n,(212) 555-0143\neve,212 555 0144\n,+12125550145\n",
    )
    order = ("contacts", "import", file, "--tenant", "acme", "--campaign", "renewals")
    assert touchstream(*order, "--match-phones").code == 0
    ids = [event.contact_id for kind, event in published if kind == "contact.enrolled"]
    assert ids[:3] == ["ann", "ben", "eve"] and ids[3].startswith("c-")
    assert [e.contact_id for k, e in published if k == "contact.upserted"] == ids
    published.clear()
    assert touchstream(*order).code == 0
    assert all(event.contact_id[:2] in ("c-", "ev") for _, event in published)


@pytest.mark.usefixtures("published")
def test_calls_goes_with_a_campaign_of_calls(touchstream: Touchstream, tmp_path: Path) -> None:
    order = ("contacts", "import", written(tmp_path, BASIC), "--tenant", "acme", "--calls")
    result = touchstream(*order)
    assert (result.code, "--calls" in result.err) == (1, True), result


@pytest.mark.parametrize("name", ["basic", "advanced"])
def test_a_template_can_be_imported_as_it_is(
    touchstream: Touchstream, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "new.csv"
    result = touchstream("contacts", "template", name, "--out", file)
    assert (result.code, file.read_text()) == (0, touchstream("contacts", "template", name).out)
    order = ("contacts", "import", file, "--tenant", "acme", "--dry-run", "--calls")
    assert touchstream(*order).out == "3 valid, 0 bad\n"
    again = touchstream("contacts", "template", name, "--out", file)
    assert (again.code, "exists already" in again.err) == (2, True), again


def test_an_unknown_template_is_refused(touchstream: Touchstream) -> None:
    result = touchstream("contacts", "template", "full")
    assert (result.code, "one of basic, advanced" in result.err) == (2, True), result


@pytest.mark.parametrize("name", ["basic", "advanced"])
def test_the_examples_are_the_templates(name: str) -> None:
    assert template_text(name) == Path(f"examples/calls-{name}.csv").read_text()
