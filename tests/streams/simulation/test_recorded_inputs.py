"""What a simulation of recorded events reports: campaigns that are not published, senders that do
not answer, and recordings that are longer than a year."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.base.times import DAY, HOUR, format_rfc3339
from schemas.public.example_events import sample
from tests.testing.builders import step
from tests.testing.command_line import CommandResult, Touchstream
from tests.testing.simulation_harness import campaign
from tests.testing.world import START

WHO = {"tenant_id": "acme", "contact_id": "ann"}
DEFINITION = campaign(step("mail", hours=1), step("again", hours=48)).document


class Recording:
    """A file of recorded events."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "events.jsonl"
        self._lines: list[str] = []

    def add(self, kind: str, hours: float, **data: Any) -> "Recording":
        """Adds an event `hours` after the beginning; `data` are changes of the example."""
        envelope = {"specversion": "1.0", "type": kind, "id": f"e-{len(self._lines)}"}
        time = format_rfc3339(START + int(hours * HOUR))
        whole = {**envelope, "source": "/test", "time": time, "data": {**sample(kind), **data}}
        self._lines.append(json.dumps(whole) + "\n")
        return self

    def simulate(self, touchstream: Touchstream, *options: object) -> CommandResult:
        self.file.write_text("".join(self._lines))
        return touchstream("simulate", *options, "--events", self.file)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    file = tmp_path / "campaign.json"
    file.write_text(json.dumps(DEFINITION))
    return file


def published(**changes: object) -> dict[str, Any]:
    document = {**DEFINITION, "campaign_id": "c", **changes}
    return {"tenant_id": "acme", "campaign_id": "c", "definition": document}


def test_an_invalid_definition_is_refused_with_all_its_problems(
    recording: Recording, touchstream: Touchstream
) -> None:
    recording.add("tenant.upserted", 0, tenant_id="acme")
    steps = [{"id": "a", "channel": "pigeon", "template_id": "t"}]
    recording.add("campaign.published", 1, **published(name="", steps=steps))
    result = recording.simulate(touchstream)
    assert result.code == 1
    assert "acme/c: not published: CAMPAIGN_INVALID\n" in result.err
    assert "  CAMPAIGN_NAME_REQUIRED at name: " in result.err
    assert "  CAMPAIGN_CHANNEL_UNKNOWN at steps[0].channel: " in result.err
    (refused,) = recording.simulate(touchstream, "--json").json()["not_published"]
    codes = {problem["code"] for problem in refused["values"]["problems"]}
    assert {"CAMPAIGN_NAME_REQUIRED", "CAMPAIGN_CHANNEL_UNKNOWN"} <= codes


def test_a_campaign_of_an_unknown_tenant_is_refused_with_the_tenant(
    recording: Recording, touchstream: Touchstream
) -> None:
    result = recording.add("campaign.published", 0, **published()).simulate(touchstream)
    assert result.code == 1
    assert "acme/c: not published: TENANT_UNKNOWN: there is no tenant acme" in result.err
    assert "tenant.upserted" in result.err


def test_without_a_behaviour_a_note_tells_that_nobody_answers(
    recording: Recording, touchstream: Touchstream, definition: Path
) -> None:
    recording.add("contact.upserted", 0, **WHO)
    recording.add("contact.enrolled", 0, **WHO, campaign_id=DEFINITION["campaign_id"])
    silent = recording.simulate(touchstream, definition)
    assert silent.code == 0
    assert "note: without --behaviour nobody answers" in silent.err
    assert "no_answer" in silent.out
    answering = recording.simulate(
        touchstream, definition, "--behaviour", "examples/behaviour/usual.yaml"
    )
    assert (answering.code, answering.err) == (0, "")
    recording.add("touch.sent", 2, **WHO)
    partly = recording.simulate(touchstream, definition)
    assert "note: without --behaviour recorded events are the only answers" in partly.err


def test_a_recording_of_three_years_is_simulated_to_its_end(
    recording: Recording, touchstream: Touchstream, definition: Path
) -> None:
    for number, days in enumerate((0, 500, 1_000)):
        who = {**WHO, "contact_id": f"ann-{number}"}
        recording.add("contact.upserted", 24 * days, **who)
        campaign_id = DEFINITION["campaign_id"]
        recording.add("contact.enrolled", 24 * days, **who, campaign_id=campaign_id)
    usual = ("--behaviour", "examples/behaviour/usual.yaml", "--json")
    found = recording.simulate(touchstream, definition, *usual).json()
    assert found["runs"]["started"] == 3
    assert found["simulation"]["finished"]
    until = format_rfc3339(START + 501 * DAY)
    found = recording.simulate(touchstream, definition, *usual, "--until", until).json()
    assert found["runs"]["started"] == 2
    hours = recording.simulate(touchstream, definition, *usual, "--until", f"{501 * 24}h").json()
    assert hours["runs"]["started"] == 2
    late = format_rfc3339(START + 1_400 * DAY)
    result = recording.simulate(touchstream, definition, *usual, "--until", late)
    assert (result.code, "the last recorded event" in result.err) == (2, True)
