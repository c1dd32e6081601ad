"""`touchstream contacts` with files of people for outreach campaigns: what is published, into which
campaigns, and what is reported."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from schemas.internal import messages as m
from streams.cli.contact_templates import template_text
from tests.testing.builders import tenant
from tests.testing.command_line import Touchstream
from tests.testing.memory_reader import read_states_of
from tests.testing.outreach import OUTREACH, outreach_document
from tests.testing.outreach_desk import active_desk
from tests.testing.world import START, World

PEOPLE = """Email,First Name,Job Title,Company,User ID
john.doe@example.com,John,Engineer,TechCorp,
ada@,Ada,,,
,Bea,,,U-2
,Cleo,,,
John.Doe@example.com,Other,,,U-9
"""


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The events that imports publish for an outreach campaign, which is a draft."""
    world = World()
    world.append(tenant())
    world.settle()
    document = msgspec.json.encode(outreach_document())
    world.append(m.PublishCampaign("acme", OUTREACH, "c#1", START, document))
    world.settle()
    read_states_of(world, monkeypatch)
    events: list[tuple[str, Any]] = []
    publisher = Mock(now=lambda: world.now, send=lambda kind, data, *_: events.append((kind, data)))
    monkeypatch.setattr("streams.cli.contacts.EventPublisher", lambda _: publisher)
    return events


def written(directory: Path, text: str = PEOPLE) -> Path:
    file = directory / "people.csv"
    file.write_text(text)
    return file


def test_people_are_imported_into_a_draft(
    touchstream: Touchstream, published: list[tuple[str, Any]], tmp_path: Path
) -> None:
    order = ("contacts", "import", written(tmp_path), "--tenant", "acme", "--campaign", OUTREACH)
    result = touchstream(*order)
    assert (result.code, result.out) == (1, "2 imported, 3 bad, 1 not written to as it is now\n")
    assert "line 3: CONTACT_EMAIL_INVALID: Email:" in result.err
    assert (
        "line 4: CONTACT_NO_ADDRESS: no email, unless one is known of U-2; imported, but not"
        in (result.err)
    )
    assert "line 5: CONTACT_NO_ADDRESS: the campaign needs email, or the id of" in result.err
    assert "line 6: CONTACT_DUPLICATE: the same email as line 2" in result.err
    draft = f"{OUTREACH} is draft, and sends nothing yet: touchstream campaign activate {OUTREACH}"
    assert draft in result.err
    assert "Job Title: title" in result.err and "Company: company_name" in result.err
    people = [event for kind, event in published if kind == "contact.enrolled"]
    assert [(p.contact_id[:2], p.variables) for p in people] == [
        ("c-", {"company_name": "TechCorp", "title": "Engineer"}),
        ("U-", {"user_id": "U-2"}),
    ]


@pytest.mark.usefixtures("published")
def test_an_option_names_the_kind_of_the_campaign(touchstream: Touchstream, tmp_path: Path) -> None:
    order = ("contacts", "import", written(tmp_path), "--tenant", "acme", "--campaign", OUTREACH)
    assert "--calls: the campaign" in touchstream(*order, "--calls").err
    assert touchstream(*order, "--outreach").code == 1  # its bad lines


def test_a_file_of_outreach_is_validated_without_kafka(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    order = ("contacts", "import", written(tmp_path), "--tenant", "acme", "--dry-run")
    assert "Job Title: attribute job_title" in touchstream(*order).err
    result = touchstream(*order, "--outreach")
    assert (result.code, result.out) == (1, "2 valid, 3 bad\n")
    assert "Job Title: title" in result.err


def test_the_template_can_be_imported_as_it_is(touchstream: Touchstream, tmp_path: Path) -> None:
    file = written(tmp_path, template_text("outreach"))
    order = ("contacts", "import", file, "--tenant", "acme", "--dry-run", "--outreach")
    assert touchstream(*order).out == "3 valid, 0 bad\n"


def test_the_example_of_people_is_the_template(touchstream: Touchstream) -> None:
    assert Path("examples/talent.csv").read_text() == template_text("outreach")


def test_a_paused_campaign_takes_people_and_one_that_is_over_does_not(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk = active_desk("c-1").change("paused")
    read_states_of(desk, monkeypatch)
    publisher = Mock(now=lambda: desk.now)
    monkeypatch.setattr("streams.cli.contacts.EventPublisher", lambda _: publisher)
    file = written(tmp_path, template_text("outreach"))
    order = ("contacts", "import", file, "--tenant", "acme", "--campaign", OUTREACH)
    paused = touchstream(*order)
    assert (paused.code, f"{OUTREACH} is paused, and sends nothing yet" in paused.err) == (0, True)
    assert f"touchstream campaign resume {OUTREACH}" in paused.err
    publisher.send.reset_mock()
    desk.change("completed")
    over = touchstream(*order)
    assert (over.code, over.err) == (1, f"{OUTREACH} is completed and enrolls nobody\n")
    publisher.send.assert_not_called()
