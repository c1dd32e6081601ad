"""The command line `touchstream`: one module for each command or group of commands."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from streams.cli import (
    call,
    campaign,
    campaign_list,
    campaign_migrate,
    campaign_report,
    campaign_show,
    contact_orders,
    contact_templates,
    contacts,
    database,
    dead_letters,
    demo,
    experiment,
    forecast,
    pool,
    publish,
    queue,
    rebuild_state,
    replay,
    run,
    sender,
    simulate,
    status,
    tenant,
    topics,
    up,
    verify,
    why,
)
from streams.cli.errors import EXIT_INTERRUPTED, command_error_of
from streams.cli.output import print_stderr

HELP = """Decides who is reached next, over which channel and when, exactly once.

Settings are TOUCHSTREAM_* variables; `touchstream up` writes them to DIR/stack.env.

Exit codes: 0 success; 1 negative result (invalid, different, nothing found); 2 used or set up
wrongly, which a repetition does not change; 3 not now: the logs are not at rest, something stands
still, or Kafka, PostgreSQL or the engine does not answer; 130 Ctrl-C.
"""
LOCAL, ENGINE = "On one machine", "The engine"
CONTENT, OPERATION = "Campaigns and events", "Inspect and repair"

app = typer.Typer(
    name="touchstream",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command(rich_help_panel=LOCAL)(demo.demo)
app.command(rich_help_panel=LOCAL)(up.up)
app.command(rich_help_panel=ENGINE)(run.run)
app.command(rich_help_panel=ENGINE)(topics.topics)
app.command(rich_help_panel=ENGINE)(database.migrate)
app.add_typer(tenant.app, name="tenant", rich_help_panel=CONTENT)
app.add_typer(sender.app, name="sender", rich_help_panel=CONTENT)
app.add_typer(pool.app, name="pool", rich_help_panel=CONTENT)
campaign.app.command("list")(campaign_list.list_campaigns)
campaign.app.command("show")(campaign_show.show)
campaign.app.command("report")(campaign_report.report)
campaign.app.command("migrate")(campaign_migrate.migrate)
app.add_typer(campaign.app, name="campaign", rich_help_panel=CONTENT)
app.add_typer(experiment.app, name="experiment", rich_help_panel=CONTENT)
contacts.app.command("resubscribe")(contact_orders.resubscribe)
contacts.app.command("reopen")(contact_orders.reopen)
contacts.app.command("stop")(contact_orders.stop)
contacts.app.command("template")(contact_templates.template)
app.add_typer(contacts.app, name="contacts", rich_help_panel=CONTENT)
app.command(rich_help_panel=CONTENT)(call.call)
app.command(rich_help_panel=CONTENT)(publish.publish)
app.command(rich_help_panel=CONTENT)(simulate.simulate)
app.command(rich_help_panel=OPERATION)(status.status)
app.command(rich_help_panel=OPERATION)(queue.queue)
app.command(rich_help_panel=OPERATION)(forecast.forecast)
app.command(rich_help_panel=OPERATION)(why.why)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=OPERATION)
app.command(rich_help_panel=OPERATION)(verify.verify)
app.command(rich_help_panel=OPERATION)(replay.replay)
app.command(rich_help_panel=OPERATION)(database.rebuild)
app.command(rich_help_panel=OPERATION)(rebuild_state.rebuild_state)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"touchstream {installed('touchstream')}")
        raise typer.Exit


def execute(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code. Prints an operational error as a message on
    stderr; raises any other exception, because it is a bug."""
    os.environ.setdefault("PGCONNECT_TIMEOUT", "10")
    try:
        app([*arguments])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        failure = command_error_of(error)
        if failure is None:
            raise
        print_stderr(failure.message)
        return failure.code
    return 0


def main() -> None:
    """The console script. Exits without the interpreter's finalization, in which the Kafka client
    can hang; all data is written by then."""
    code = execute(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
