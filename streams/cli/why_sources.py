"""The facts and enrollments of one contact, from PostgreSQL, from the logs, or from the report of a
simulation."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from processors.fold.task import Record
from schemas.internal import facts
from schemas.internal.enrollment import Enrollment
from schemas.internal.facts import Fact
from schemas.internal.topics import Topic
from sinks.contact_history_query import ContactHistoryQueries
from streams.audit.contact_history import fold_contact_history
from streams.base.settings import Settings
from streams.base.transport import Partition
from streams.cli.command_settings import connected_settings, valid_settings
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.output import progress
from streams.kafka.reader import TopicReader
from streams.kafka.topics import layout_of
from streams.simulation.report_reader import NoReport, ReportReader

ShowProgress = Callable[[str], None]


class ContactQuery(NamedTuple):
    """The ids that the person has given. `sought_id` is that of an enrollment or a command; either
    it or `contact_id` is given."""

    sought_id: str | None
    tenant_id: str | None
    contact_id: str | None

    def matches(self, tenant_id: str, contact_id: str | None) -> bool:
        """Whether a contact is of the tenant and is the contact, as far as they are given."""
        tenants, contacts = (None, tenant_id), (None, contact_id)
        return self.tenant_id in tenants and self.contact_id in contacts

    def __str__(self) -> str:
        return f"the id {self.sought_id}" if self.sought_id else f"the contact {self.contact_id}"


class FoundContact(NamedTuple):
    """One contact with all its facts and enrollments."""

    tenant_id: str
    contact_id: str
    facts: list[Fact]
    enrollments: list[Enrollment]


def _ambiguous(contact_id: str | None, tenants: Iterable[str]) -> CommandError:
    message = f"{contact_id} is a contact of {', '.join(tenants)}: add --tenant"
    return CommandError(message, EXIT_USAGE)


# from PostgreSQL


def from_postgres(query: ContactQuery) -> FoundContact:
    """The contact as PostgreSQL has it. Raises CommandError where it is not found."""
    with ContactHistoryQueries(valid_settings().dsn(), query.tenant_id) as queries:
        contact = _find_in_postgres(queries, query)
        history = queries.history(*contact)
    return FoundContact(*contact, history.facts, history.runs)


def _find_in_postgres(queries: ContactHistoryQueries, query: ContactQuery) -> tuple[str, str]:
    """The tenant id and contact id."""
    if query.sought_id is not None:
        owner = queries.owner(query.sought_id)
        if owner is None or query.contact_id not in (None, owner.contact_id):
            raise _not_in_postgres(query)
        return owner.tenant_id, owner.contact_id
    assert query.contact_id is not None
    contacts = queries.contacts(query.contact_id)
    if not contacts:
        raise _not_in_postgres(query)
    if len(contacts) > 1:
        raise _ambiguous(query.contact_id, [contact.tenant_id for contact in contacts])
    return contacts[0].tenant_id, contacts[0].contact_id


def _not_in_postgres(query: ContactQuery) -> CommandError:
    of_tenant = f" of {query.tenant_id}" if query.tenant_id is not None else ""
    return CommandError(
        f"PostgreSQL does not have {query}{of_tenant}. New data arrives there a moment later:"
        " touchstream status shows the projector's lag; --from-log reads the logs themselves",
        EXIT_NO,
    )


# from the logs


def from_logs(query: ContactQuery) -> FoundContact:
    """The contact as the logs have it, folded again. Raises CommandError where it is not found."""
    settings = connected_settings()
    layout = layout_of(settings)
    with progress() as show_progress:
        contact = _find_in_facts(settings, query, show_progress)
        read = _partition_reader(settings, show_progress)
        history, enrollments = fold_contact_history(*contact, layout, read)
    if enrollments is None:
        tenant_id, contact_id = contact
        raise CommandError(f"the logs do not have the contact {contact_id} of {tenant_id}", EXIT_NO)
    return FoundContact(*contact, history, enrollments)


def _find_in_facts(
    settings: Settings, query: ContactQuery, show_progress: ShowProgress
) -> tuple[str, str]:
    """The tenant id and contact id; for an enrollment's or command's id, from the first fact that
    has it."""
    if query.tenant_id is not None and query.contact_id is not None:
        return query.tenant_id, query.contact_id
    if query.sought_id is None:
        message = "the logs can only be searched by tenant and contact: add --tenant"
        raise CommandError(message, EXIT_USAGE)
    needle = query.sought_id.encode()
    with closing(TopicReader(settings, Topic.FACTS)) as reader:
        read = 0
        for number, lines in reader.read():
            read += len(lines)
            show_progress(f"searching for the id: {read:,} facts, in partition {number}")
            for line in lines:
                if needle in line.record.value:
                    fact = facts.decode(line.record.value)
                    if (
                        query.sought_id in (fact.enrollment_id, fact.command_id)
                        and query.matches(fact.tenant_id, fact.contact_id)
                        and fact.contact_id
                    ):
                        return fact.tenant_id, fact.contact_id
    raise CommandError(f"none of {read:,} facts has the id {query.sought_id}", EXIT_NO)


def _partition_reader(
    settings: Settings, show_progress: ShowProgress
) -> Callable[[Partition], Iterator[Record]]:
    """A function that reads a partition from its beginning to its present end."""

    def read(partition: Partition) -> Iterator[Record]:
        with closing(TopicReader(settings, partition.topic, partition.number)) as reader:
            end = reader.ends()[partition.number]
            for _, lines in reader.read():
                for line in lines:
                    yield line.record
                offset = lines[-1].record.offset + 1
                name = f"{partition.topic}[{partition.number}]"
                show_progress(f"{name}: read to {offset:,} of {end:,}")

    return read


# from the report of a simulation


def from_report(directory: Path, query: ContactQuery) -> FoundContact:
    """The contact as a simulation has left it. Raises CommandError where it is not found, and for
    a directory that is not a report."""
    try:
        with progress() as show_progress:
            report = ReportReader(directory, show_progress)
            contact = _find_in_report(report, directory, query)
            return FoundContact(*contact, report.facts(contact), report.enrollments(contact))
    except NoReport as error:
        raise CommandError(str(error), EXIT_USAGE) from None
    except OSError as error:
        raise CommandError(f"{directory}: {error.strerror}", EXIT_USAGE) from None


def _find_in_report(report: ReportReader, directory: Path, query: ContactQuery) -> tuple[str, str]:
    """The tenant id and contact id."""
    if query.sought_id is not None:
        owner = report.find_owner(query.sought_id)
        candidates = [] if owner is None else [owner]
    else:
        assert query.contact_id is not None
        candidates = report.find_contacts(query.contact_id)
    matching = [contact for contact in candidates if query.matches(*contact)]
    if not matching:
        raise CommandError(f"{directory} does not have {query}", EXIT_NO)
    if len(matching) > 1:
        raise _ambiguous(query.contact_id, [tenant_id for tenant_id, _ in matching])
    return matching[0]
