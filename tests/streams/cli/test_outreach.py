"""A sequence on a real engine: imported contacts, commands on several channels, and a migration."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from schemas.internal.topics import COMMAND_TOPICS, Topic
from streams.base.settings import load_settings
from streams.kafka.reader import TopicReader
from tests.testing.command_line import Touchstream, wait_until
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = pytest.mark.live

STEPS = """
campaign_id: outreach
name: Outreach
kind: prospecting
settings: {quiet_hours: none}
steps:
  - {id: request, channel: linkedin, action: send_connection_request, template_id: t,
     wait_for: connection_accepted}
  - {id: mail, channel: email, template_id: t, anchor: trigger}
  - {id: last, channel: whatsapp, template_id: t, delay_hours: 48}
"""


def commands(topic: Topic) -> list[dict[str, Any]]:
    """Every command on a command topic."""
    with closing(TopicReader(load_settings(), topic)) as reader:
        return [json.loads(x.value or b"{}") for _, entries in reader.read() for x in entries]


def rows(dsn: str, query: bytes, *parameters: object) -> list[Any]:
    """The rows that a query returns."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(query, parameters).fetchall()


def event_file(file: Path, kind: str, **data: object) -> Path:
    """A file with one event."""
    whole = {"specversion": "1.0", "type": kind, "id": f"{kind}-1", "source": "/test"}
    file.write_text(json.dumps({**whole, "data": {"tenant_id": "acme", **data}}) + "\n")
    return file


def _expect_import_refused(touchstream: Touchstream, reason: str) -> None:
    people = ("examples/people.csv", "--tenant", "acme", "--campaign", "outreach")
    result = touchstream("contacts", "import", *people)
    assert (result.code, reason in result.err) == (1, True), result


def test_people_from_a_file_go_through_a_sequence(
    engine: dict[str, str], touchstream: Touchstream, tmp_path: Path
) -> None:
    dsn = engine["TOUCHSTREAM_POSTGRES_DSN"]
    campaign = tmp_path / "outreach.yaml"
    campaign.write_text(STEPS)
    assert touchstream("tenant", "set", "acme", "--timezone", "UTC", "--per-day", 5).code == 0
    _expect_import_refused(touchstream, "acme has no campaign outreach")
    assert touchstream("campaign", "publish", campaign, "--tenant", "acme").code == 0
    assert touchstream("campaign", "pause", "outreach", "--tenant", "acme").code == 0
    _expect_import_refused(touchstream, "touchstream campaign resume outreach --tenant acme")
    assert touchstream("campaign", "resume", "outreach", "--tenant", "acme").code == 0

    _import_twice(touchstream, tmp_path / "people.csv")
    wait_until(lambda: len(commands(COMMAND_TOPICS["linkedin"])) == 2)  # Alan is not on LinkedIn
    ada = next(
        command
        for command in commands(COMMAND_TOPICS["linkedin"])
        if command["recipient"].endswith("/ada")
    )
    assert (ada["action"], ada["step_id"]) == ("send_connection_request", "request")
    (alan,) = commands(COMMAND_TOPICS["email"])
    assert alan["variables"]["company"] == "Bletchley"

    names = {name: ada[name] for name in ("contact_id", "command_id")}
    sent = event_file(tmp_path / "sent.jsonl", "touch.sent", **names)
    assert touchstream("publish", sent).code == 0
    state = b"""SELECT status, current_step FROM prospecting.campaign_prospect_execution_state
        WHERE prospect_id = %s"""
    wait_until(lambda: rows(dsn, state, ada["contact_id"]) == [("waiting_trigger", 1)])
    accepted = event_file(tmp_path / "accepted.jsonl", "connection.accepted", **names)
    assert touchstream("publish", accepted).code == 0
    wait_until(lambda: len(commands(COMMAND_TOPICS["email"])) == 2)
    replied = {"contact_id": alan["contact_id"], "channel": "email"}
    notes = event_file(tmp_path / "away.jsonl", "contact.replied", **replied, automatic=True)
    assert touchstream("publish", notes).code == 0

    campaign.write_text(STEPS.replace("id: last", "id: final"))
    result = touchstream("campaign", "publish", campaign, "--tenant", "acme")
    assert "version 2 is live" in result.out
    _migrate_to_version_2(touchstream)
    versions = b"SELECT DISTINCT version FROM touchstream.enrollments"
    wait_until(lambda: rows(dsn, versions) == [(2,)])
    verified = touchstream("verify", "--json", "--wait", WAIT_TIMEOUT_S)
    assert (verified.code, verified.json()["agrees"]) == (0, True), verified


def _import_twice(touchstream: Touchstream, people: Path) -> None:
    """Imports the example with a bad line added, twice: the second import enrolls nobody again."""
    people.write_bytes(Path("examples/people.csv").read_bytes() + b"Bad,Line,not an address,,,,\n")
    for _ in range(2):
        result = touchstream(
            "contacts", "import", people, "--tenant", "acme", "--campaign", "outreach"
        )
        assert (result.code, result.out.splitlines()[0]) == (1, "3 imported, 1 bad"), result
        assert "line 5: CONTACT_EMAIL_INVALID" in result.err


def _migrate_to_version_2(touchstream: Touchstream) -> None:
    migrate = ("campaign", "migrate", "outreach", "--tenant", "acme", "--map", "last=final")
    wait_until(lambda: touchstream(*migrate, "--dry-run").code == 0)  # version 2 is projected
    planned = touchstream(*migrate, "--dry-run", "--json")
    assert {(run["step"], run["becomes"]) for run in planned.json()} >= {("mail", "mail")}
    assert "runs; --json lists every one" in touchstream(*migrate, "--dry-run").out
    result = touchstream(*migrate)
    assert (result.code, "go on in version 2" in result.out) == (0, True), result
    unknown = touchstream(*migrate[:-1], "last=moon")
    assert (unknown.code, "CAMPAIGN_STEP_UNKNOWN" in unknown.err) == (1, True), unknown


def test_a_file_is_validated_without_kafka(touchstream: Touchstream, tmp_path: Path) -> None:
    result = touchstream(
        "contacts", "import", "examples/people.csv", "--tenant", "acme", "--dry-run", "--json"
    )
    found = result.json()
    assert (result.code, found.pop("columns")[-1]["becomes"]) == (0, "company")
    assert found == {"imported": 0, "valid": 3, "bad": [], "left_out": [], "warnings": []}
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"name,age\nAnn,7\n")
    result = touchstream("contacts", "import", empty, "--tenant", "acme", "--dry-run")
    assert (result.code, "must name the columns" in result.err) == (2, True), result


def test_an_invalid_map_is_refused(touchstream: Touchstream) -> None:
    result = touchstream(
        "campaign", "migrate", "c", "--tenant", "acme", "--map", "old", "--dry-run"
    )
    assert (result.code, "OLD=NEW" in result.err) == (2, True), result
