"""`touchstream migrate` and `touchstream rebuild`: the tables in PostgreSQL."""

import sys
from typing import Annotated

import typer

from sinks.migrate import migrate as apply_migrations
from sinks.projection import rebuild as empty_tables
from streams.cli.command_settings import valid_settings
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.options import Json
from streams.cli.output import print_json


def migrate(json: Json = False) -> None:
    """Create PostgreSQL's tables, or bring them to this version; a second run changes nothing.

    Example: touchstream migrate
    """
    applied = apply_migrations(valid_settings().dsn())
    if json:
        print_json({"applied": applied})
    else:
        print("\n".join(applied) if applied else "nothing to do: the tables have this version")


def rebuild(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Empty the projected tables; the running projectors fill them again from the logs.

    Example: touchstream rebuild --yes
    """
    dsn = valid_settings().dsn()
    if not yes:
        if not sys.stdin.isatty():
            message = "stdin is not a terminal, so nobody can confirm: use --yes"
            raise CommandError(message, EXIT_USAGE)
        if not typer.confirm("Empty all tables that dashboards read, until they are filled again?"):
            raise CommandError("nothing was changed", EXIT_NO)
    empty_tables(dsn)
    print("emptied; the projectors fill the tables again: touchstream status shows their lag")
