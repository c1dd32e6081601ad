"""Whatever is wrong with what a simulation is given is told in words, with its place."""

import json
from pathlib import Path
from typing import Any

import pytest

from processors.contact import ContactProcessor
from processors.fold.task import Record
from processors.fold.turn import Turn
from schemas.base.times import HOUR, format_rfc3339
from schemas.public.example_events import sample
from streams.cli import simulate_inputs
from tests.streams.cli.conftest import Touchstream
from tests.testing.simulation_harness import campaign, step
from tests.testing.world import START

OUTREACH = "examples/outreach.yaml"


def event(number: int, kind: str, hours: float = 0, **data: Any) -> str:
    """One line of a file of events."""
    envelope = {"specversion": "1.0", "type": kind, "id": f"e-{number}", "source": "/test"}
    time = format_rfc3339(START + int(hours * HOUR))
    return json.dumps({**envelope, "time": time, "data": {**sample(kind), **data}})


def test_a_definition_is_checked_as_publish_does(touchstream: Touchstream, tmp_path: Path) -> None:
    file = tmp_path / "campaign.json"
    steps = [{"id": "a", "channel": "pigeon"}]
    file.write_text(json.dumps({**campaign(step("a")).document, "name": "", "steps": steps}))
    said = touchstream("simulate", file, "--people", 1)
    assert said.code == 1
    assert "CAMPAIGN_NAME_REQUIRED at name" in said.err
    assert "CAMPAIGN_CHANNEL_UNKNOWN at steps[0].channel" in said.err


def test_a_behaviour_model_is_told_all_that_is_wrong(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "behaviour.yaml"
    file.write_text(
        "email:\n  opened: {probability: 1.2}\n  clicked: {probability: 0.1, after_minutes: -1}\n"
    )
    said = touchstream("simulate", OUTREACH, "--people", 1, "--behaviour", file)
    assert said.code == 1
    assert "email.opened.probability" in said.err
    assert "email.clicked.after_minutes" in said.err


def test_bad_lines_of_events_are_told_and_the_good_ones_go_on(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    tenant = event(1, "tenant.upserted", tenant_id="acme", fence=None)
    unknown = event(9, "contact.upserted").replace("contact.upserted", "contact.upserted.v9")
    who = {"tenant_id": "acme", "contact_id": "ann"}
    enrolled = event(2, "contact.enrolled", 2, **who, campaign_id="trial", variables=None)
    known = event(3, "contact.upserted", 1, **who, email="ann@example.com")
    file.write_text("\n".join((tenant, "{oops", unknown, "", enrolled, known, known)) + "\n")
    definition = tmp_path / "campaign.json"
    definition.write_text(json.dumps(campaign(step("mail")).document))
    said = touchstream("simulate", definition, "--events", file, "--json")
    assert said.code == 1
    told = said.json()
    assert [(bad["line"], bad["code"]) for bad in told["bad"]] == [
        (2, "NOT_CLOUDEVENT"),
        (3, "EVENT_VERSION_UNKNOWN"),
    ]
    assert told["touches"]["commanded"] >= 1
    assert told["simulation"]["recorded_events"] == 4


def test_events_alone_are_folded_as_they_are_recorded(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    """Their own campaign and tenant, and the answers that were recorded, if any."""
    file = tmp_path / "events.jsonl"
    document = campaign(step("mail")).document
    file.write_text(
        "\n".join(
            (
                event(1, "tenant.upserted", tenant_id="acme", fence=None),
                event(
                    2,
                    "campaign.published",
                    tenant_id="acme",
                    campaign_id="trial",
                    definition=document,
                ),
                event(
                    3,
                    "contact.upserted",
                    1,
                    tenant_id="acme",
                    contact_id="ann",
                    email="ann@example.com",
                ),
                event(
                    4,
                    "contact.enrolled",
                    2,
                    tenant_id="acme",
                    contact_id="ann",
                    campaign_id="trial",
                    variables=None,
                ),
            )
        )
    )
    said = touchstream("simulate", "--events", file, "--json")
    assert said.code == 0
    told = said.json()
    assert told["runs"]["started"] == 1
    assert told["not_sent"][0]["reason"] == "no_answer"


def test_bad_people_are_told_by_line_and_the_others_go_on(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,timezone\nann@example.com,Europe/Berlin\nbob\nben@example.com,Mars/X\n")
    said = touchstream("simulate", OUTREACH, "--population", file, "--json")
    assert said.code == 1
    told = said.json()
    assert [(bad["line"], bad["code"]) for bad in told["bad"]] == [
        (3, "CSV_COLUMNS"),
        (4, "CONTACT_FIELD_INVALID"),
    ]
    assert told["simulation"]["people"] == 1


def test_people_without_zone_and_address_are_simulated_and_it_shows(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("contact_id\nann\nbob\n")
    told = touchstream("simulate", OUTREACH, "--population", file, "--json").json()
    assert told["touches"]["commanded"] == 0
    assert {row["reason"] for row in told["not_sent"]} >= {"no_address"}


def test_an_event_that_cannot_be_folded_is_told_once_and_the_others_go_on(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On both sides of a comparison."""
    apply = ContactProcessor.apply

    def choke(self: ContactProcessor, turn: Turn, record: Record) -> None:
        apply(self, turn, record)
        if b"/test#e-8" in record.value:
            raise ValueError("no")

    monkeypatch.setattr(ContactProcessor, "apply", choke)
    events, definition = tmp_path / "events.jsonl", tmp_path / "campaign.json"
    definition.write_text(json.dumps(campaign(step("mail"), step("two", hours=5)).document))
    who = {"tenant_id": "acme", "contact_id": "p-0000001"}
    events.write_text(event(8, "contact.stopped", 1, **who, campaign_id=None))
    usual = ("simulate", definition, "--events", events, "--people", 3, "--json")
    said = touchstream(*usual, "--against", definition)
    assert said.code == 1
    told = said.json()
    bad = {"event": "/test#e-8", "code": "FOLD_FAILED", "detail": "ValueError: no"}
    assert told["bad"] == [bad]
    assert told["runs"]["stopped"] == {}
    assert told["against"]["touches"]["same"] == 6


def test_how_much_of_large_files_is_read_is_told_meanwhile(tmp_path: Path) -> None:
    people, definition, events = (tmp_path / name for name in ("p.csv", "c.json", "e.jsonl"))
    people.write_text("contact_id\n" + "".join(f"c{number}\n" for number in range(2_100)))
    definition.write_text(json.dumps(campaign(step("mail")).document))
    events.write_text("".join(event(n, "contact.upserted") + "\n" for n in range(1_100)))
    files = simulate_inputs.SimulationFiles([definition], people, str(events), None, None)
    told: list[str] = []
    nobody, options = (
        simulate_inputs.MadeUpPeople(None, "", None),
        dict.fromkeys(("timezone", "per_hour")),
    )
    simulate_inputs.scenario_of(
        files, nobody, options, None, 0, (None, None), simulate_inputs.RejectedInputs(), told.append
    )
    assert told == ["1,000 events read", "1,000 people read", "2,000 people read"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "nothing to simulate"),
        (("--people", 1), "nothing to simulate"),
        ((OUTREACH, "--people", 1, "--zones", "Mars/Crater"), "Mars/Crater"),
        ((OUTREACH, "--people", 1, "--population", "examples/people.csv"), "not both"),
        ((OUTREACH, "--people", 1, "--start", "yesterday"), "yesterday"),
        ((OUTREACH, "--people", 1, "--until", "1999-01-01T00:00:00Z"), "1999"),
        ((OUTREACH, "--people", 1, "--until", "2030-01-01T00:00:00Z"), "within a year"),
        ((OUTREACH, "--people", 1, "--timezone", "Mars/Crater"), "timezone"),
        ((OUTREACH, "--people", 1, "--per-hour", "email"), "NAME=VALUE"),
        ((OUTREACH, "--events", "no/such/file"), "No such file"),
        ((OUTREACH, "--events", "x", "--from-topics"), "not both"),
        ((OUTREACH, "--people", 1, "--since", "2026-01-01"), "times of --from-topics"),
        ((OUTREACH, "--from-topics", "--before", "noon"), "noon"),
        ((OUTREACH, "--from-topics"), "TOUCHSTREAM_BOOTSTRAP_SERVERS"),
        ((OUTREACH, "--people", 0), "--people"),
    ],
)
def test_wrong_use_is_code_2_and_says_why(
    touchstream: Touchstream, arguments: tuple[Any, ...], word: str
) -> None:
    said = touchstream("simulate", *arguments)
    assert said.code == 2
    assert word in said.err
    assert "Traceback" not in said.err


def test_a_kafka_that_does_not_answer_is_code_3(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("streams.cli.output.BROKER_TIMEOUT_S", 0.5)
    said = touchstream("simulate", OUTREACH, "--from-topics")
    assert (said.code, "127.0.0.1:1 does not answer" in said.err) == (3, True)
