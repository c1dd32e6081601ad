"""`touchstream migrate` and `touchstream rebuild`: the tables in PostgreSQL."""

import sys
from typing import Annotated

import typer

from schemas.internal.topics import Topic
from sinks.migrate import migrate as apply_migrations
from sinks.projection import accept_cut as move_places
from sinks.projection import rebuild as empty_tables
from streams.base.settings import Settings
from streams.cli.command_settings import connected_settings, valid_settings
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.options import Json
from streams.cli.output import print_json
from streams.kafka.topic_extent import extents_of
from streams.kafka.topics import partition_counts


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
    without_history: Annotated[
        bool,
        typer.Option(
            "--without-history",
            help="Although a retention has cut the facts: the history before is lost.",
        ),
    ] = False,
    accept_cut: Annotated[
        bool,
        typer.Option(
            "--accept-cut",
            help="Empty nothing: go on behind facts that were deleted before they were projected.",
        ),
    ] = False,
) -> None:
    """Empty the projected tables; the running projectors fill them again from the logs.

    Facts that a retention has deleted are in PostgreSQL alone. So the tables are not emptied then,
    unless --without-history accepts the loss.

    Example: touchstream rebuild --yes
    """
    settings = connected_settings()
    dsn = settings.dsn()
    begins = _begins_of_facts(settings)
    if accept_cut:
        group = f"{settings.topic_prefix}projector"
        moved = move_places(dsn, group, Topic.FACTS, begins)
        for number in moved:
            print(f"facts[{number}]: goes on at offset {begins[number]:,}")
        if not moved:
            print("nothing to do: no place is before the beginning of its topic")
        return
    if begins and not without_history:
        lines = [
            f"facts[{number}]: log cut at offset {begin}: the history before is in PostgreSQL alone"
            for number, begin in sorted(begins.items())
        ]
        message = "\n".join([*lines, "To lose it: touchstream rebuild --without-history"])
        raise CommandError(message, EXIT_USAGE)
    if not yes:
        if not sys.stdin.isatty():
            message = "stdin is not a terminal, so nobody can confirm: use --yes"
            raise CommandError(message, EXIT_USAGE)
        if not typer.confirm("Empty all tables that dashboards read, until they are filled again?"):
            raise CommandError("nothing was changed", EXIT_NO)
    empty_tables(dsn)
    print("emptied; the projectors fill the tables again: touchstream status shows their lag")


def _begins_of_facts(settings: Settings) -> dict[int, int]:
    """The first offset of each partition of the facts that is cut."""
    name = settings.topic_prefix + Topic.FACTS
    numbers = range(partition_counts(settings).get(Topic.FACTS, 0))
    extents = extents_of(settings, [(name, number) for number in numbers])
    return {number: e.start_offset for (_, number), e in extents.items() if e.start_offset}
