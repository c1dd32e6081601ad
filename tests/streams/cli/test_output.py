"""Output and exit codes of commands that need no broker."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import pytest
from rich.console import Console
from typer.core import TyperGroup
from typer.main import get_command

from schemas.internal.facts import Fact, FactKind
from schemas.public.example_events import DEFINITION, sample
from streams import cli
from streams.base.settings import load_settings
from streams.cli.errors import CommandError
from streams.cli.output import print_stderr
from streams.cli.run import chosen_roles
from streams.cli.up import _next_steps
from streams.runtime.role_process import ROLES
from tests.testing.command_line import Touchstream

SECRET = "hunter2-very-secret"


def line(kind: str, **changes: object) -> str:
    event = {"specversion": "1.0", "type": kind, "id": "e-1", "source": "/test"}
    return json.dumps({**event, "data": {**sample(kind), **changes}})


def test_one_step_is_no_plural(touchstream: Touchstream) -> None:
    result = touchstream("campaign", "validate", "examples/calls.yaml")
    assert result.out == "examples/calls.yaml: valid, calls campaign with 1 step\n"


def test_a_valid_definition_is_valid(touchstream: Touchstream) -> None:
    result = touchstream("campaign", "validate", "examples/reviews.yaml")
    assert result.code == 0
    assert "valid" in result.out


def test_every_problem_of_a_definition_is_reported_with_code_and_place(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "campaign.json"
    steps = [{"id": "a", "channel": "pigeon", "delay_hours": 0}]
    file.write_text(json.dumps({**DEFINITION, "name": "", "steps": steps}))
    result = touchstream("campaign", "validate", file)
    assert result.code == 1
    assert "CAMPAIGN_NAME_REQUIRED at name" in result.err
    assert "CAMPAIGN_CHANNEL_UNKNOWN at steps[0].channel" in result.err
    assert "CAMPAIGN_DELAY_INVALID at steps[0].delay_hours" in result.err
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


def test_bad_lines_are_reported_by_number_and_the_good_ones_are_counted(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    command = line("touch.due")
    lines = (line("job.completed"), "", "{oops", line("job.deleted", job_id=7), command)
    file.write_text("\n".join(lines) + "\n" + "x" * 3_000_000 + "\n" + line("contact.upserted"))
    result = touchstream("publish", file, "--dry-run", "--json")
    assert result.code == 1
    found = result.json()
    assert found["valid"] == 2
    assert [(bad["line"], bad["code"]) for bad in found["bad"]] == [
        (3, "NOT_CLOUDEVENT"),
        (4, "FIELD_INVALID"),
        (5, "EVENT_WRONG_TOPIC"),
        (6, "TOO_LARGE"),
    ]


def test_a_refused_event_counts_neither_as_published_nor_as_bad(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fact = Fact(
        fact=FactKind.CAMPAIGN_REFUSED,
        at=datetime(2026, 3, 2, tzinfo=UTC),
        tenant_id="acme",
        reason="TENANT_UNKNOWN",
    )
    for name in ("connected_settings", "layout_of", "EventPublisher"):
        monkeypatch.setattr(f"streams.cli.publish.{name}", Mock())
    answers = Mock(return_value=Mock(wait=Mock(return_value=fact)))
    monkeypatch.setattr("streams.cli.publish.AnswerReader", answers)
    file = tmp_path / "events.jsonl"
    file.write_text(line("campaign.published") + "\n" + line("job.completed") + "\n{oops\n")
    result = touchstream("publish", file)
    assert result.code == 1
    assert result.out == "1 published, 1 bad, 1 refused\n"
    assert "there is no tenant acme; to create it: touchstream tenant set acme" in result.err
    found = touchstream("publish", file, "--json").json()
    assert (found["published"], found["valid"], found["types"]) == (1, 1, {"job.completed": 1})
    assert [(bad["line"], bad["code"]) for bad in found["refused"]] == [(1, "TENANT_UNKNOWN")]
    assert [(bad["line"], bad["code"]) for bad in found["bad"]] == [(3, "NOT_CLOUDEVENT")]


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
def test_a_wrong_setting_is_named_without_its_value(
    touchstream: Touchstream,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    arguments: tuple[str, ...],
    code: int,
) -> None:
    monkeypatch.setenv("TOUCHSTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv(name, value)
    result = touchstream(*arguments)
    assert (result.code, name in result.err) == (code, True)
    assert SECRET not in result.out + result.err


def test_a_missing_broker_address_is_reported_with_the_file_that_has_one(
    touchstream: Touchstream,
) -> None:
    result = touchstream("status")
    assert (result.code, "stack.env" in result.err) == (2, True)


def test_servers_that_do_not_answer_end_with_code_3_and_no_password_is_printed(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.cli.command_settings.BROKER_TIMEOUT_S", 0.5)
    monkeypatch.setenv("TOUCHSTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("TOUCHSTREAM_POSTGRES_DSN", f"postgresql://u:{SECRET}@127.0.0.1:1/x")
    for arguments in (("status",), ("migrate",), ("rebuild", "--yes"), ("dead-letters", "list")):
        result = touchstream(*arguments)
        assert result.code == 3, arguments
        assert "127.0.0.1" in result.err
        assert "Traceback" not in result.err
        assert SECRET not in result.out + result.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("campaign", "migrate", "x", "--tenant", "a b"),
        ("contacts", "import", "examples/people.csv", "--tenant", "a", "--campaign", "x y"),
        ("tenant", "set", "acme", "--timezone", "UTC", "--fence", "2099-01-01T00:00:00Z"),
    ],
)
def test_an_invalid_value_is_refused_before_kafka_is_needed(
    touchstream: Touchstream, wrong: tuple[str, ...]
) -> None:
    result = touchstream(*wrong)
    assert result.code == 2
    assert "Traceback" not in result.err
    assert "TOUCHSTREAM" not in result.err  # no setting is asked for


def test_usage_errors_end_with_code_2(touchstream: Touchstream) -> None:
    assert touchstream("campaign", "validate", "no-such-file").code == 2
    assert touchstream("frobnicate").code == 2
    assert touchstream("dead-letters", "show", "here", "--json").code == 2


def test_what_up_prints_and_documents_is_so(touchstream: Touchstream) -> None:
    settings = load_settings({"TOUCHSTREAM_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    text = _next_steps(Path("here"), settings)
    assert max(map(len, text.splitlines())) <= 80
    joined = text.replace("\\\n   ", "")
    (produce,) = [line for line in joined.splitlines() if "kcat -P" in line]
    assert " -t jobs -l events.jsonl" in produce  # else the whole file is one record
    page = " ".join(touchstream("up", "--help").out.split())
    assert "Such a clock needs a directory that was created with --speed" in page
    assert "at --speed 1000 a sender must answer within 2 s" in page


def test_a_message_is_wrapped_at_spaces_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = f"warning: {'word ' * 20}end\n  second [line]"
    for is_terminal in (True, False):
        file = StringIO()
        console = Console(
            file=file,
            force_terminal=is_terminal,
            width=40,
            color_system=None,
            _environ={"TERM": "xterm"},
        )
        monkeypatch.setattr("streams.cli.output.stderr_console", console)
        print_stderr(text)
        lines = file.getvalue().splitlines()
        assert (max(map(len, lines)) <= 40) is is_terminal
        assert " ".join(file.getvalue().split()) == " ".join(text.split())
        assert lines[-1] == "  second [line]"


def test_a_role_named_twice_runs_once_and_all_includes_every_role() -> None:
    assert chosen_roles("intake, contact,intake") == ("intake", "contact")
    assert chosen_roles("intake,all") == chosen_roles("all") == ROLES
    with pytest.raises(CommandError, match="no such role: fish"):
        chosen_roles("all,fish")


def root_group() -> TyperGroup:
    """The group `touchstream` with all its commands."""
    group = get_command(cli.app)
    assert isinstance(group, TyperGroup)
    return group


def commands_of(group: TyperGroup) -> Iterator[tuple[str, ...]]:
    """Yields the words after `touchstream` of each command of a group and of the groups in it."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from ((name, *words) for words in commands_of(command))
        else:
            yield (name,)


TOP_LEVEL = root_group().commands
COMMANDS = sorted(commands_of(root_group()))


def test_the_commands_of_groups_are_checked_too() -> None:
    assert {("up",), ("campaign", "delete"), ("campaign", "migrate")} <= set(COMMANDS)
    assert ("campaign",) not in COMMANDS


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_text_has_an_example(touchstream: Touchstream, command: tuple[str, ...]) -> None:
    result = touchstream(*command, "--help")
    assert result.code == 0
    words = " ".join(result.out.split())
    assert re.search(rf"Example: ([^:]* \| )?touchstream {' '.join(command)}\b", words)


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_every_command_and_group_stands_in_a_panel_of_the_help_text(name: str) -> None:
    panels = (cli.LOCAL, cli.ENGINE, cli.CONTENT, cli.OPERATION)
    assert getattr(TOP_LEVEL[name], "rich_help_panel", None) in panels
