"""`touchstream why`: why something was sent, was not, or waits; and when it will be tried next."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer

from processors.fold.task import Record
from processors.why import Explanation, explain
from schemas.internal import facts
from schemas.internal.facts import Fact
from schemas.internal.states import Enrollment
from schemas.internal.topics import Topic
from sinks.contact_history_query import WhyQueries
from streams.audit.contact_history import recall
from streams.base.settings import Settings, load_settings
from streams.base.transport import Partition
from streams.cli.errors import NO, USAGE, CommandError
from streams.cli.output import Json, checked, print_json, progress, settings
from streams.cli.why_text import lines
from streams.kafka.reader import TopicReader
from streams.kafka.topics import layout_of
from streams.simulation.report_reader import NoReport, ReportReader

Progress = Callable[[str], None]


class Asked(NamedTuple):
    """Whom it is about, as far as that was said."""

    sought: str | None
    tenant_id: str | None
    contact_id: str | None


class Known(NamedTuple):
    """Who it is about, and everything that is known of them."""

    tenant_id: str
    contact_id: str
    facts: list[Fact]
    runs: list[Enrollment]


def why(
    sought: Annotated[
        str | None, typer.Argument(metavar="ID", help="An enrollment's or a command's.")
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="The tenant's id.")] = None,
    contact: Annotated[str | None, typer.Option("--contact", help="The contact's id.")] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="With --contact: this campaign alone.")
    ] = None,
    from_log: Annotated[
        bool, typer.Option("--from-log", help="Fold the logs again instead of asking PostgreSQL.")
    ] = False,
    simulated: Annotated[
        Path | None,
        typer.Option("--simulated", metavar="DIR", help="Ask what simulate --out has written."),
    ] = None,
    json: Json = False,
) -> None:
    """Say why something was sent, was not, or waits, and when it will be tried next.

    For each touch its gates in the order they are asked, each with what it was decided on; then
    everything that was decided. From PostgreSQL, or with --from-log from the logs, whose one
    partition is read from its beginning; an id alone is then looked for in the topic of facts. Or,
    with --simulated, from a report of touchstream simulate, as things stood at its end.

    Example: touchstream why --tenant acme --contact ann --campaign reviews
    """
    if sought is None and contact is None:
        raise CommandError(
            "of whom? An enrollment's or a command's id, or --tenant and --contact", USAGE
        )
    if campaign is not None and sought is not None:
        raise CommandError("an id says which campaign: --campaign goes with --contact", USAGE)
    if simulated is not None and from_log:
        raise CommandError("--from-log or --simulated, not both", USAGE)
    asked = Asked(sought, tenant, contact)
    if simulated is not None:
        known = _from_report(simulated, asked)
    else:
        known = _from_log(asked) if from_log else _from_postgres(asked)
    found = _explained(known, sought, campaign)
    if json:
        print_json(msgspec.to_builtins(found))
        return
    for line in lines(found):
        typer.echo(line)


def _explained(known: Known, sought: str | None, campaign: str | None) -> Explanation:
    """Narrowed to what was asked for. Raises Halt where there is nothing."""
    tenant_id, contact_id, told, runs = known
    if sought is None:
        found = explain(tenant_id, contact_id, told, runs, campaign_id=campaign)
        if not found.runs and not any(campaign in (None, f.campaign_id) for f in found.besides):
            where = ", ".join(sorted({run.campaign_id for run in runs})) or "none"
            what = f"nothing of {contact_id}{f' in {campaign}' if campaign else ''}"
            raise CommandError(f"{what}; campaigns of theirs: {where}", NO)
        return found
    if any(run.enrollment_id == sought for run in runs):
        return explain(tenant_id, contact_id, told, runs, enrollment_id=sought)
    about = next((f for f in told if f.command_id == sought and f.enrollment_id), None)
    if about is None:
        raise CommandError(
            f"{sought} is no enrollment and no command of {tenant_id}/{contact_id}", NO
        )
    if all(run.enrollment_id != about.enrollment_id for run in runs):
        raise CommandError(
            f"the enrollment of {sought} is on its way into the tables: ask again", NO
        )
    return explain(
        tenant_id,
        contact_id,
        told,
        runs,
        enrollment_id=about.enrollment_id,
        touch_number=about.touch_number,
    )


def _from_postgres(asked: Asked) -> Known:
    with WhyQueries(checked(load_settings()).dsn(), asked.tenant_id) as queries:
        whose = _whose(queries, asked)
        known = queries.known(*whose)
    return Known(*whose, known.facts, known.runs)


def _whose(queries: WhyQueries, asked: Asked) -> tuple[str, str]:
    if asked.sought is not None:
        found = queries.whose(asked.sought)
        if found is None or asked.contact_id not in (None, found.contact_id):
            raise CommandError(_unknown(f"the id {asked.sought}", asked), NO)
        return found.tenant_id, found.contact_id
    assert asked.contact_id is not None
    named = queries.named(asked.contact_id)
    if not named:
        raise CommandError(_unknown(f"the contact {asked.contact_id}", asked), NO)
    if len(named) > 1:
        raise CommandError(_of_many(asked.contact_id, [each.tenant_id for each in named]), USAGE)
    return named[0].tenant_id, named[0].contact_id


def _of_many(contact_id: str | None, tenants: Iterable[str]) -> str:
    return f"{contact_id} is a contact of {', '.join(tenants)}: add --tenant"


def _unknown(what: str, asked: Asked) -> str:
    whose = f" of {asked.tenant_id}" if asked.tenant_id is not None else ""
    return (
        f"PostgreSQL does not know {what}{whose}. What is new comes there a moment later:"
        " touchstream status says how far it is, --from-log asks the logs themselves"
    )


# from the logs


def _from_log(asked: Asked) -> Known:
    found = settings()
    layout = layout_of(found)
    with progress() as tell:
        whose = _named(found, asked, tell)
        told, runs = recall(*whose, layout, lambda place: _read(found, place, tell))
    if runs is None:
        raise CommandError(f"the logs do not know the contact {whose[1]} of {whose[0]}", NO)
    return Known(*whose, told, runs)


def _named(found: Settings, asked: Asked, tell: Progress) -> tuple[str, str]:
    """The contact; an id's is looked for in the facts."""
    if asked.tenant_id is not None and asked.contact_id is not None:
        return asked.tenant_id, asked.contact_id
    if asked.sought is None:
        raise CommandError("the logs are read by their keys: add --tenant", USAGE)
    needle = asked.sought.encode()
    with closing(TopicReader(found, Topic.FACTS)) as reader:
        read = 0
        for number, piece in reader.read():
            read += len(piece)
            tell(f"looking for the id: {read:,} facts, in partition {number}")
            for line in piece:
                if needle in line.record.value:
                    fact = facts.decode(line.record.value)
                    ids = (fact.enrollment_id, fact.command_id)
                    if asked.sought in ids and _matches(asked, fact) and fact.contact_id:
                        return fact.tenant_id, fact.contact_id
    raise CommandError(f"no fact knows the id {asked.sought}; looked at {read:,}", NO)


def _matches(asked: Asked, fact: Fact) -> bool:
    return asked.tenant_id in (None, fact.tenant_id) and asked.contact_id in (None, fact.contact_id)


def _read(found: Settings, place: Partition, tell: Progress) -> Iterator[Record]:
    """A partition from its begin to where it ends now."""
    with closing(TopicReader(found, place.topic, place.number)) as reader:
        end = reader.ends()[place.number]
        for _, piece in reader.read():
            for line in piece:
                yield line.record
            offset = piece[-1].record.offset + 1
            tell(f"{place.topic}[{place.number}]: read to {offset:,} of {end:,}")


# from a report


def _from_report(directory: Path, asked: Asked) -> Known:
    try:
        with progress() as tell:
            report = ReportReader(directory, tell)
            whose = _found(report, directory, asked)
            return Known(*whose, report.facts(whose), report.runs(whose))
    except NoReport as error:
        raise CommandError(str(error), USAGE) from None
    except OSError as error:
        raise CommandError(f"{directory}: {error.strerror}", USAGE) from None


def _found(report: ReportReader, directory: Path, asked: Asked) -> tuple[str, str]:
    if asked.sought is not None:
        person = report.whose(asked.sought)
        found = [] if person is None else [person]
    else:
        assert asked.contact_id is not None
        found = report.named(asked.contact_id)
    matching = [
        (tenant_id, contact_id)
        for tenant_id, contact_id in found
        if asked.tenant_id in (None, tenant_id) and asked.contact_id in (None, contact_id)
    ]
    if not matching:
        what = f"the id {asked.sought}" if asked.sought else f"the contact {asked.contact_id}"
        raise CommandError(f"{directory} does not know {what}", NO)
    if len(matching) > 1:
        raise CommandError(
            _of_many(asked.contact_id, [tenant_id for tenant_id, _ in matching]), USAGE
        )
    return matching[0]
