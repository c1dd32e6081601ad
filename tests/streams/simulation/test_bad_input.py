"""Problems of the inputs of a simulation are reported with their places."""

import json
from pathlib import Path
from typing import Any

import pytest

from processors.contact import ContactProcessor
from processors.fold.task import Record
from processors.fold.turn import Turn
from schemas.base.times import HOUR, format_rfc3339
from schemas.public.example_events import sample
from streams.cli.rejected_inputs import RejectedInputs
from streams.cli.simulate_inputs import (
    MadeUpPeople,
    SimulationFiles,
    TenantOptions,
    TimeSpan,
    build_scenario,
)
from tests.testing.builders import step
from tests.testing.command_line import Touchstream
from tests.testing.simulation_harness import campaign
from tests.testing.world import START

OUTREACH = "examples/outreach.yaml"


def event(number: int, kind: str, hours: float = 0, **data: Any) -> str:
    """One line of a file of recorded events."""
    envelope = {"specversion": "1.0", "type": kind, "id": f"e-{number}", "source": "/test"}
    time = format_rfc3339(START + int(hours * HOUR))
    return json.dumps({**envelope, "time": time, "data": {**sample(kind), **data}})


def test_a_definition_is_validated_as_for_publishing(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "campaign.json"
    steps = [{"id": "a", "channel": "pigeon"}]
    file.write_text(json.dumps({**campaign(step("a")).document, "name": "", "steps": steps}))
    result = touchstream("simulate", file, "--people", 1)
    assert result.code == 1
    assert "CAMPAIGN_NAME_REQUIRED at name" in result.err
    assert "CAMPAIGN_CHANNEL_UNKNOWN at steps[0].channel" in result.err


def test_all_problems_of_a_behaviour_model_are_reported(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "behaviour.yaml"
    file.write_text(
        "email:\n  opened: {probability: 1.2}\n  clicked: {probability: 0.1, after_minutes: -1}\n"
    )
    result = touchstream("simulate", OUTREACH, "--people", 1, "--behaviour", file)
    assert result.code == 1
    assert "email.opened.probability" in result.err
    assert "email.clicked.after_minutes" in result.err


def test_bad_lines_of_events_are_reported_and_the_others_are_used(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    tenant_upserted = event(1, "tenant.upserted", tenant_id="acme", fence=None)
    unknown_type = event(9, "contact.upserted").replace("contact.upserted", "contact.upserted.v9")
    who = {"tenant_id": "acme", "contact_id": "ann"}
    contact_enrolled = event(2, "contact.enrolled", 2, **who, campaign_id="trial", variables=None)
    contact_upserted = event(3, "contact.upserted", 1, **who, email="ann@example.com")
    file.write_text(
        "\n".join(
            (
                tenant_upserted,
                "{oops",
                unknown_type,
                "",
                contact_enrolled,
                contact_upserted,
                contact_upserted,
            )
        )
        + "\n"
    )
    definition = tmp_path / "campaign.json"
    definition.write_text(json.dumps(campaign(step("mail")).document))
    result = touchstream("simulate", definition, "--events", file, "--json")
    assert result.code == 1
    output = result.json()
    assert [(bad["line"], bad["code"]) for bad in output["bad"]] == [
        (2, "NOT_CLOUDEVENT"),
        (3, "EVENT_VERSION_UNKNOWN"),
    ]
    assert output["touches"]["commanded"] >= 1
    assert output["simulation"]["recorded_events"] == 4


def test_recorded_events_alone_are_simulated(touchstream: Touchstream, tmp_path: Path) -> None:
    """Tenant and campaign come from the recording; it has no answers, so the touch fails."""
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
    result = touchstream("simulate", "--events", file, "--json")
    assert result.code == 0
    output = result.json()
    assert output["runs"]["started"] == 1
    assert output["not_sent"][0]["reason"] == "no_answer"


def test_bad_lines_of_people_are_reported_and_the_others_are_used(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "email,timezone,phone\nann@example.com,Europe/Berlin\nbob\nben@example.com,Mars/X,1,2\n"
        "cem@example.com,Mars/X\n"
    )
    result = touchstream("simulate", OUTREACH, "--population", file, "--json")
    assert result.code == 1
    output = result.json()
    assert [(bad["line"], bad["code"]) for bad in output["bad"]] == [
        (3, "CONTACT_EMAIL_INVALID"),
        (4, "CSV_COLUMNS"),
    ]
    assert [(cell["line"], cell["column"]) for cell in output["left_out"]] == [(5, "timezone")]
    assert "line 5: CONTACT_FIELD_INVALID: timezone: " in result.err
    assert output["simulation"]["people"] == 2


def test_people_without_addresses_are_simulated_and_not_reached(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("contact_id\nann\nbob\n")
    output = touchstream("simulate", OUTREACH, "--population", file, "--json").json()
    assert output["touches"]["commanded"] == 0
    assert {row["reason"] for row in output["not_sent"]} >= {"no_address"}


def test_an_event_that_cannot_be_folded_is_reported_once(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event fails on both sides of a comparison and is reported once."""
    apply = ContactProcessor.apply

    def failing_apply(self: ContactProcessor, turn: Turn, record: Record) -> None:
        apply(self, turn, record)
        if b"/test#e-8" in record.value:
            raise ValueError("no")

    monkeypatch.setattr(ContactProcessor, "apply", failing_apply)
    events, definition = tmp_path / "events.jsonl", tmp_path / "campaign.json"
    definition.write_text(json.dumps(campaign(step("mail"), step("two", hours=5)).document))
    who = {"tenant_id": "acme", "contact_id": "p-0000001"}
    events.write_text(event(8, "contact.stopped", 1, **who, campaign_id=None))
    arguments = ("simulate", definition, "--events", events, "--people", 3, "--json")
    result = touchstream(*arguments, "--against", definition)
    assert result.code == 1
    output = result.json()
    bad = {"event": "/test#e-8", "code": "FOLD_FAILED", "detail": "ValueError: no"}
    assert output["bad"] == [bad]
    assert output["runs"]["stopped"] == {}
    assert output["against"]["touches"]["same"] == 6


def test_progress_is_reported_while_large_files_are_read(tmp_path: Path) -> None:
    people, definition, events = (tmp_path / name for name in ("p.csv", "c.json", "e.jsonl"))
    people.write_text("contact_id\n" + "".join(f"c{number}\n" for number in range(2_100)))
    definition.write_text(json.dumps(campaign(step("mail")).document))
    events.write_text("".join(event(n, "contact.upserted") + "\n" for n in range(1_100)))
    files = SimulationFiles([definition], people, str(events), None, None)
    output: list[str] = []
    build_scenario(
        files,
        MadeUpPeople(None, "", None),
        TenantOptions(),
        None,
        0,
        TimeSpan(None, None),
        RejectedInputs(),
        output.append,
    )
    assert output == ["1,000 events read", "1,000 people read", "2,000 people read"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "nothing to simulate"),
        (("--people", 1), "nothing to simulate"),
        ((OUTREACH, "--people", 1, "--zones", "Mars/Crater"), "Mars/Crater"),
        ((OUTREACH, "--people", 1, "--zones", "UTC,EST"), "EST: not one time zone: give an IANA"),
        ((OUTREACH, "--people", 1, "--population", "examples/people.csv"), "not both"),
        ((OUTREACH, "--people", 1, "--start", "yesterday"), "yesterday"),
        ((OUTREACH, "--people", 1, "--until", "1999-01-01T00:00:00Z"), "1999"),
        ((OUTREACH, "--people", 1, "--until", "2030-01-01T00:00:00Z"), "within a year"),
        ((OUTREACH, "--people", 1, "--timezone", "Mars/Crater"), "timezone"),
        ((OUTREACH, "--people", 1, "--per-hour", "email"), "NAME=VALUE"),
        ((OUTREACH, "--events", "no/such/file"), "No such file"),
        ((OUTREACH, "--events", "x", "--from-topics"), "not both"),
        ((OUTREACH, "--people", 1, "--since", "2026-01-01"), "go with --from-topics"),
        ((OUTREACH, "--from-topics", "--before", "noon"), "noon"),
        ((OUTREACH, "--from-topics"), "TOUCHSTREAM_BOOTSTRAP_SERVERS"),
        ((OUTREACH, "--people", 0), "--people"),
    ],
)
def test_wrong_usage_is_code_2_with_the_reason(
    touchstream: Touchstream, arguments: tuple[Any, ...], expected: str
) -> None:
    result = touchstream("simulate", *arguments)
    assert result.code == 2
    assert expected in result.err
    assert "Traceback" not in result.err


def test_an_unreachable_kafka_is_code_3(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("streams.cli.command_settings.BROKER_TIMEOUT_S", 0.5)
    result = touchstream("simulate", OUTREACH, "--from-topics")
    assert (result.code, "127.0.0.1:1 does not answer" in result.err) == (3, True)
