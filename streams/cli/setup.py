"""`touchstream topics`, `migrate`, `rebuild`, `verify`, `demo`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.internal.topics import Layout, Topic
from sinks.migrate import migrate as apply_migrations
from sinks.projection import rebuild as empty_tables
from streams.base.settings import load_settings
from streams.cli.errors import NO, USAGE, CommandError
from streams.cli.output import Json, checked, print_json, progress, settings
from streams.kafka import topics as broker


def _number(default: int) -> Any:
    return typer.Option(min=1, max=10_000, help=f"{default} if not given and not there yet.")


def topics(
    contact_partitions: Annotated[int | None, _number(Layout().contact)] = None,
    dispatch_partitions: Annotated[int | None, _number(Layout().dispatch)] = None,
    campaign_partitions: Annotated[int | None, _number(Layout().campaign)] = None,
    public_partitions: Annotated[int | None, _number(Layout().public)] = None,
    command_partitions: Annotated[int | None, _number(Layout().commands)] = None,
    facts_partitions: Annotated[int | None, _number(Layout().facts)] = None,
    replication: Annotated[
        int, typer.Option(min=-1, help="Copies of each; -1: the broker's default.")
    ] = -1,
    check: Annotated[bool, typer.Option("--check", help="Look only: exit 1 if not right.")] = False,
    json: Json = False,
) -> None:
    """Make the topics that are missing, and check those that are there.

    Choose the partitions of the logs with room to grow: a keyed log cannot be widened later.
    An option that names another number than a topic has is told, and nothing is made.

    Example: touchstream topics --contact-partitions 24 --dispatch-partitions 12 --replication 3
    """
    given = {
        "public": public_partitions,
        "contact": contact_partitions,
        "dispatch": dispatch_partitions,
        "campaign": campaign_partitions,
        "commands": command_partitions,
        "facts": facts_partitions,
    }
    asked = {name: number for name, number in given.items() if number is not None}
    found = settings()
    before = broker.numbers(found)
    wrong = broker.misnumbered(found, before, asked)
    made: list[str] = []
    present = [*before]
    if not check and not wrong:
        made = broker.create(found, broker.fitting(before, asked), replication)
        present = [*Topic]
    missing = [found.topic_prefix + t.value for t in Topic if t not in present]
    wrong += broker.mismatches(found, present) if present else []
    if json:
        print_json({"made": made, "missing": missing, "wrong": wrong})
    else:
        print(f"{len(made)} made, {len(present) - len(made)} there before, {len(missing)} missing")
    if missing or wrong:
        lines = [f"{name}: missing; make it: touchstream topics" for name in missing]
        raise CommandError("\n".join([*lines, *wrong]), NO)


def migrate(json: Json = False) -> None:
    """Bring PostgreSQL's tables to this version; a second time changes nothing.

    Example: touchstream migrate
    """
    applied = apply_migrations(checked(load_settings()).dsn())
    if json:
        print_json({"applied": applied})
    else:
        print("\n".join(applied) if applied else "nothing to do: the tables are of this version")


def rebuild(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Empty the projected tables and let the running projectors fill them again from the logs.

    Example: touchstream rebuild --yes
    """
    dsn = checked(load_settings()).dsn()
    if not yes:
        if not sys.stdin.isatty():
            raise CommandError("nobody to ask here: say --yes", USAGE)
        if not typer.confirm("Empty all tables that dashboards read, until they are filled again?"):
            raise CommandError("nothing was changed", NO)
    empty_tables(dsn)
    print("emptied; the projectors fill the tables again: touchstream status shows how far")


def verify(
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the stream to rest.")
    ] = 30,
    first: Annotated[int, typer.Option(min=1, help="Differences to tell at most.")] = 20,
    json: Json = False,
) -> None:
    """Fold all logs again and compare with states, commands, facts and PostgreSQL; exit 1 if any
    differ.

    Example: touchstream verify
    """
    from streams.audit.verify import verify as compare

    found = settings()
    found.dsn()
    with progress() as tell:
        report = compare(found, wait_s=wait, first=first, progress=tell)
    differences = [str(difference) for difference in report.differences]
    if json:
        print_json({"agrees": not differences, "differences": differences, "counts": report.counts})
    else:
        for name, count in report.counts.items():
            print(f"{count:>12,}  {name}")
        print("\n".join(differences) if differences else "all agree")
    if differences:
        raise CommandError(f"{len(differences)} differences (at most {first} are told)", NO)


def demo(
    customers: Annotated[int, typer.Option(min=1, help="How many people.")] = 2_000,
    seconds: Annotated[int, typer.Option(min=1, help="How long two weeks take.")] = 60,
    data: Annotated[
        Path | None, typer.Option(help="Keep everything here; else it is removed.")
    ] = None,
    json: Json = False,
) -> None:
    """Run three businesses through two weeks in a minute, on a stack of its own; exit 0 only if
    the recount agrees.

    Example: touchstream demo --customers 500 --seconds 30
    """
    from streams.demo import run

    raise typer.Exit(run(customers=customers, seconds=seconds, data=data, json=json))
