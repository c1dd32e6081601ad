"""What a command says and how it ends, without a broker."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from schemas.internal.facts import Fact, FactKind
from schemas.public.example_events import DEFINITION, sample
from streams.cli.errors import CommandError
from streams.cli.run import chosen_roles
from streams.runtime.role_process import ROLES
from tests.streams.cli.conftest import Touchstream

SECRET = "hunter2-very-secret"


def line(kind: str, **changes: object) -> str:
    event = {"specversion": "1.0", "type": kind, "id": "e-1", "source": "/test"}
    return json.dumps({**event, "data": {**sample(kind), **changes}})


def test_a_valid_definition_is_valid(touchstream: Touchstream) -> None:
    said = touchstream("campaign", "validate", "examples/reviews.yaml")
    assert said.code == 0
    assert "valid" in said.out


def test_every_problem_of_a_definition_is_told_with_code_and_place(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "campaign.json"
    steps = [{"id": "a", "channel": "pigeon", "delay_hours": 0}]
    file.write_text(json.dumps({**DEFINITION, "name": "", "steps": steps}))
    said = touchstream("campaign", "validate", file)
    assert said.code == 1
    assert "CAMPAIGN_NAME_REQUIRED at name" in said.err
    assert "CAMPAIGN_CHANNEL_UNKNOWN at steps[0].channel" in said.err
    assert "CAMPAIGN_DELAY_INVALID at steps[0].delay_hours" in said.err
    problems = touchstream("campaign", "validate", file, "--json").json()["problems"]
    assert {"CAMPAIGN_NAME_REQUIRED", "CAMPAIGN_CHANNEL_UNKNOWN"} <= {p["code"] for p in problems}


def test_a_preset_is_duplicated_into_a_valid_campaign(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "reviews.yaml"
    ids = ("--tenant", "acme", "--id", "reviews")
    assert touchstream("campaign", "duplicate", "standard", *ids, "--out", file).code == 0
    assert touchstream("campaign", "validate", file).code == 0
    again = touchstream("campaign", "duplicate", "standard", *ids, "--out", file)
    assert (again.code, "exists already" in again.err) == (2, True)
    assert touchstream("campaign", "duplicate", "fierce", *ids).code == 2
    listed = touchstream("campaign", "presets", "--json").json()
    assert [p["id"] for p in listed] == ["conservative", "standard", "aggressive"]


def test_bad_lines_are_told_by_number_and_the_good_ones_count(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    command = line("touch.due")
    lines = (line("job.completed"), "", "{oops", line("job.deleted", job_id=7), command)
    file.write_text("\n".join(lines) + "\n" + "x" * 3_000_000 + "\n" + line("contact.upserted"))
    said = touchstream("publish", file, "--dry-run", "--json")
    assert said.code == 1
    found = said.json()
    assert found["valid"] == 2
    assert [(bad["line"], bad["code"]) for bad in found["bad"]] == [
        (3, "NOT_CLOUDEVENT"),
        (4, "FIELD_INVALID"),
        (5, "EVENT_WRONG_TOPIC"),
        (6, "TOO_LARGE"),
    ]


def test_an_order_that_was_refused_is_neither_published_nor_bad(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fact = Fact(
        fact=FactKind.CAMPAIGN_REFUSED,
        at=datetime(2026, 3, 2, tzinfo=UTC),
        tenant_id="acme",
        reason="TENANT_UNKNOWN",
    )
    for name in ("settings", "layout_of", "Publisher"):
        monkeypatch.setattr(f"streams.cli.publish.{name}", Mock())
    answering = Mock(return_value=Mock(wait=Mock(return_value=fact)))
    monkeypatch.setattr("streams.cli.publish.AnswerReader", answering)
    file = tmp_path / "events.jsonl"
    file.write_text(line("campaign.published") + "\n" + line("job.completed") + "\n{oops\n")
    said = touchstream("publish", file)
    assert said.code == 1
    assert said.out == "1 published, 1 bad, 1 refused\n"
    assert "touchstream tenant set" in said.err
    found = touchstream("publish", file, "--json").json()
    assert (found["published"], found["valid"], found["types"]) == (1, 1, {"job.completed": 1})
    assert [(it["line"], it["code"]) for it in found["refused"]] == [(1, "TENANT_UNKNOWN")]
    assert [(it["line"], it["code"]) for it in found["bad"]] == [(3, "NOT_CLOUDEVENT")]


@pytest.mark.parametrize(
    ("name", "value", "arguments", "code"),
    [
        ("TOUCHSTREAM_SLOTS", SECRET, ("status",), 2),
        ("TOUCHSTREAM_COMMIT_INTERVAL_MS", SECRET, ("status",), 2),
        ("TOUCHSTREAM_CLOCK", SECRET, ("status",), 2),
        ("TOUCHSTREAM_KAFKA_NONSENSE", SECRET, ("status",), 2),
        ("TOUCHSTREAM_KAFKA_SECURITY_PROTOCOL", SECRET, ("status",), 2),
        ("TOUCHSTREAM_POSTGRES_DSN", SECRET, ("migrate",), 2),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    touchstream: Touchstream,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    monkeypatch.setenv("TOUCHSTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv(name, value)
    said = touchstream(*arguments)
    assert (said.code, name in said.err) == (code, True)
    assert SECRET not in said.out + said.err


def test_without_a_broker_named_the_answer_says_where_to_find_one(touchstream: Touchstream) -> None:
    said = touchstream("status")
    assert (said.code, "stack.env" in said.err) == (2, True)


def test_servers_that_do_not_answer_are_code_3_without_a_password(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.cli.output.BROKER_TIMEOUT_S", 0.5)
    monkeypatch.setenv("TOUCHSTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("TOUCHSTREAM_POSTGRES_DSN", f"postgresql://u:{SECRET}@127.0.0.1:1/x")
    for arguments in (("status",), ("migrate",), ("rebuild", "--yes"), ("dead-letters", "list")):
        said = touchstream(*arguments)
        assert said.code == 3, arguments
        assert "127.0.0.1" in said.err
        assert "Traceback" not in said.err
        assert SECRET not in said.out + said.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("campaign", "migrate", "x", "--tenant", "a b"),
        ("contacts", "import", "examples/people.csv", "--tenant", "a", "--campaign", "x y"),
        ("tenant", "set", "acme", "--timezone", "UTC", "--fence", "2099-01-01T00:00:00Z"),
    ],
)
def test_no_value_of_its_own_is_told_in_words(
    touchstream: Touchstream, wrong: tuple[str, ...]
) -> None:
    said = touchstream(*wrong)
    assert said.code == 2
    assert "Traceback" not in said.err
    assert "TOUCHSTREAM" not in said.err  # it is not asked who would have to be reached


def test_usage_errors_are_code_2_and_nobody_to_ask_is_no_consent(touchstream: Touchstream) -> None:
    assert touchstream("campaign", "validate", "no-such-file").code == 2
    assert touchstream("frobnicate").code == 2
    assert touchstream("dead-letters", "show", "here", "--json").code == 2


def test_a_role_named_twice_runs_once_and_all_is_all_wherever_it_stands() -> None:
    assert chosen_roles("intake, contact,intake") == ("intake", "contact")
    assert chosen_roles("intake,all") == chosen_roles("all") == ROLES
    with pytest.raises(CommandError, match="no such role: fish"):
        chosen_roles("all,fish")


COMMANDS = (
    ("up",),
    ("run",),
    ("topics",),
    ("migrate",),
    ("publish",),
    ("status",),
    ("why",),
    ("verify",),
    ("rebuild",),
    ("demo",),
    ("tenant", "set"),
    *(("campaign", verb) for verb in ("validate", "publish", "presets", "duplicate", "pause")),
    *(("dead-letters", verb) for verb in ("list", "show", "retry")),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_text_has_an_example(touchstream: Touchstream, command: tuple[str, ...]) -> None:
    said = touchstream(*command, "--help")
    assert said.code == 0
    words = " ".join(said.out.split())
    assert re.search(rf"Example: ([^:]* \| )?touchstream {' '.join(command)}\b", words)


def test_the_page_of_commands_is_made_of_their_help_texts() -> None:
    """`docs/cli.md` says in its first line how it is made."""
    made = subprocess.run(
        [sys.executable, "-m", "typer", "streams.cli", "utils", "docs", "--name", "touchstream"],
        capture_output=True,
        text=True,
        check=True,
    )
    _, _, page = Path("docs/cli.md").read_text("utf-8").partition("\n")
    assert page.strip() == made.stdout.strip()
