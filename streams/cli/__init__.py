"""The one command, `touchstream`: what each part of it promises stands in its help."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from streams.cli import (
    campaign,
    campaign_migrate,
    contacts,
    dead_letters,
    replay,
    run,
    setup,
    simulate,
    status,
    up,
    why,
)
from streams.cli import publish as publishing
from streams.cli.errors import INTERRUPTED, explain
from streams.cli.output import print_stderr

HELP = """Decides who is reached next, over which channel and when: exactly once, from a log.

Settings are TOUCHSTREAM_* variables; `touchstream up` writes them to DIR/stack.env.

Exit codes: 0 done; 1 the answer is no (invalid, different, nothing found); 2 used or set up
wrongly; 3 Kafka, PostgreSQL or the engine does not answer; 130 Ctrl-C.
"""
LOCAL, ENGINE, WORDS, LOOK = "On one machine", "The engine", "Campaigns and events", "Look and mend"

app = typer.Typer(
    name="touchstream",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command(rich_help_panel=LOCAL)(setup.demo)
app.command(rich_help_panel=LOCAL)(up.up)
app.command(rich_help_panel=ENGINE)(run.run)
app.command(rich_help_panel=ENGINE)(setup.topics)
app.command(rich_help_panel=ENGINE)(setup.migrate)
app.add_typer(campaign.tenants, name="tenant", rich_help_panel=WORDS)
campaign.app.command("migrate")(campaign_migrate.migrate)
app.add_typer(campaign.app, name="campaign", rich_help_panel=WORDS)
app.add_typer(contacts.app, name="contacts", rich_help_panel=WORDS)
app.command(rich_help_panel=WORDS)(publishing.publish)
app.command(rich_help_panel=WORDS)(simulate.simulate)
app.command(rich_help_panel=LOOK)(status.status)
app.command(rich_help_panel=LOOK)(why.why)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=LOOK)
app.command(rich_help_panel=LOOK)(setup.verify)
app.command(rich_help_panel=LOOK)(replay.replay)
app.command(rich_help_panel=LOOK)(setup.rebuild)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"touchstream {installed('touchstream')}")
        raise typer.Exit


def execute(arguments: Sequence[str]) -> int:
    """One command; its exit code. An operational error is told in words, a bug by its traceback."""
    os.environ.setdefault("PGCONNECT_TIMEOUT", "10")
    try:
        app([*arguments])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        meaning = explain(error)
        if meaning is None:
            raise
        print_stderr(meaning.message)
        return meaning.code
    return 0


def main() -> None:
    """The console script. It does not wait for the interpreter to take itself apart: the Kafka
    client can hang there, and everything worth keeping is kept by now."""
    code = execute(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
