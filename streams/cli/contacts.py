"""`touchstream contacts import`: contacts from a CSV file, enrolled in a campaign."""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from processors.shared.tenant_lookup import country_of
from schemas.base.field_types import ID_PATTERN
from schemas.base.times import MomentUs
from schemas.channels import ADDRESSES
from schemas.csv_import import (
    LINE_BYTES,
    ContactLine,
    ContactsFile,
    CsvColumn,
    CsvHeaderInvalid,
    DroppedCell,
    RejectedLine,
)
from schemas.internal.states import CampaignRecord
from schemas.public.events import model_of
from streams.cli.command_settings import connected_settings
from streams.cli.contact_columns import (
    Columns,
    Country,
    column_lines,
    column_rows,
    country_code,
    given_columns,
)
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.event_publisher import EventPublisher, build_event
from streams.cli.import_target import (
    ReadOptions,
    begin_hint,
    campaign_to_fill,
    options_of,
    options_without_campaign,
)
from streams.cli.import_warnings import (
    ImportWarning,
    WarningRule,
    call_columns_hint,
    warning_rule,
)
from streams.cli.input_lines import text_lines
from streams.cli.known_numbers import KnownNumbers
from streams.cli.options import Json, Tenant
from streams.cli.output import LimitedMessages, print_json, print_stderr, stderr_console
from streams.kafka.topics import layout_of

app = typer.Typer(
    no_args_is_help=True, help="Contacts: import, enroll and stop them, lift opt-outs and bounces."
)

SOURCE = "/touchstream/import"
_ContactEnrolled = model_of("contact.enrolled")


class ImportedLines:
    """Counts the good and bad lines, and reports the columns, the bad lines, the cells that are
    left out, and the lines that reach nobody. With `keep` it also keeps all of these.

    `rule` finds the lines that reach nobody; `note` is what is to be done after the import. With
    `hint` a file that looks like one of calls is reported as such.
    """

    def __init__(self, *, keep: bool, hint: bool = False) -> None:
        self.good = self.bad = self.cells_left_out = self.unreached = 0
        self.columns: Sequence[CsvColumn] = ()
        self.rejected: list[RejectedLine] = []
        self.dropped: list[DroppedCell] = []
        self.warnings: list[ImportWarning] = []
        self.rule: WarningRule | None = None
        self.note = ""
        self._keep, self._hint = keep, hint
        self._report = LimitedMessages()

    def begin(self, rule: WarningRule | None, campaign: CampaignRecord | None) -> None:
        """An import into a campaign, or none, that is not a dry run."""
        self.rule = rule
        if campaign is not None and (hint := begin_hint(campaign)):
            name, status = campaign.campaign_id, campaign.status
            self.note = f"{name} is {status}, and sends nothing yet{hint}"

    def set_columns(self, columns: Sequence[CsvColumn], header_line: int) -> None:
        self.columns = columns
        if not self._keep:
            print_stderr(f"columns, as named in line {header_line}:")
            for text in column_lines(columns):
                print_stderr(text)
            if self._hint and (hint := call_columns_hint(columns)) is not None:
                print_stderr(hint)

    def accept(self, line: ContactLine) -> None:
        """A good line, whose person may still not be reached."""
        self.good += 1
        if self.rule is None:
            return
        found = tuple(self.rule.warnings(line))
        self.unreached += bool(found)
        if self._keep:
            self.warnings += found
        for warning in found:
            text = f"line {warning.line}: {warning.code}: {warning.detail}"
            self._report(f"{text}; imported, but not {self.rule.never}")

    def reject(self, line: RejectedLine) -> None:
        self.bad += 1
        if self._keep:
            self.rejected.append(line)
        self._report(f"line {line.line}: {line.code}: {line.detail}")

    def drop(self, cell: DroppedCell) -> None:
        """A cell that is not imported; the rest of its line is."""
        self.cells_left_out += 1
        if self._keep:
            self.dropped.append(cell)
        self._report(
            f"line {cell.line}: {cell.code}: {cell.column}: {cell.detail}; left out, the rest of "
            "the line is read"
        )


IMPORT_HELP = f"""Import contacts from a CSV file, and enroll them in a campaign.

The first line names the columns: contact_id, {", ".join(ADDRESSES)} (at least one of these),
first_name, last_name, timezone, region, or these as Salesforce, HubSpot, Apollo, LinkedIn,
Mailchimp, Pipedrive and Outlook export them. Any other column becomes an attribute with the name of
its heading, also a whole name in one column. A title or notes may stand before the first line. The
use of each column is printed first.

Of several columns for one field, the first that is filled counts: mobile numbers before phone, then
numbers at work, at home and others; docs/campaigns.md lists all headings in their order. --column
names the columns to take instead, in their order.

A line without contact_id gets an id made from its address. A bad cell is left out, with a message,
if the line still has an id or an address. A bad line is reported with its number and code and is
not imported; the other lines are, and the exit code is 1. It is safe to run the import twice:
people imported before are not enrolled again. The tenant must exist, and the campaign be active, or
be an outreach campaign that is a draft or paused: else nothing is published.

For a campaign of calls the columns name, priority, scheduled_for and agent are about the call.
`touchstream contacts template` prints files to begin with. A whole name is split. The priority is a
whole number from -1000 to 1000; any other one is left out. The time is one of the campaign's time
zone, or has an offset. A line with an invalid time or agent, or with the number of another line, is
bad. An agent that the tenant's list does not have, and a kind of number that the tenant does not
call, are reported: these people are imported, but their calls are skipped. With --match-phones a
line without contact_id is the contact who has its number already; the states of all contacts are
read for this. `touchstream contacts stop` takes one person out again.

For an outreach campaign the columns contact_type, user_id, lead_id, company_name (or company) and
title (or job_title, position) become variables of the enrollment, for templates and PostgreSQL.
`touchstream contacts template outreach` prints a file to begin with. A line without contact_id is
the person with its user_id, else with its lead_id, else with its address. An id is taken as it is:
a user and a lead with the same id are one person. A line without any id needs an address of the
campaign's channels: email, linkedin_url, or either of both for a combined campaign; otherwise it is
bad, with the code of the invalid address or CONTACT_NO_ADDRESS. So is a line with an address that
another line has. A contact_type other than candidate, hiring_manager, decision_maker and referral
is left out; without one the person is a candidate.

Example: touchstream contacts import people.csv --tenant acme --campaign outreach
"""


@app.command("import", help=IMPORT_HELP)
def import_contacts(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False)],
    tenant: Tenant,
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="Enroll them in this campaign.")
    ] = None,
    batch: Annotated[
        str, typer.Option(help="A name for this import; a new name enrolls the same people again.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Validate only; needs no Kafka.")
    ] = False,
    calls: Annotated[
        bool, typer.Option("--calls", help="With --dry-run: a file of a campaign of calls.")
    ] = False,
    outreach: Annotated[
        bool, typer.Option("--outreach", help="With --dry-run: a file of an outreach campaign.")
    ] = False,
    match_phones: Annotated[
        bool,
        typer.Option(
            "--match-phones", help="A line without contact_id is the contact who has its number."
        ),
    ] = False,
    column: Columns = None,
    country: Country = None,
    json: Json = False,
) -> None:
    lines = ImportedLines(keep=json, hint=dry_run and not (calls or outreach))
    _check_ids(tenant, campaign)
    settings = None if dry_run else connected_settings()
    publisher, started_at = None, 0
    options = options_without_campaign(calls=calls, outreach=outreach)
    known: KnownNumbers | None = None
    if settings is not None:
        layout_of(settings)
        owner, found = campaign_to_fill(settings, tenant, campaign)
        options = options_of(owner, found, calls=calls, outreach=outreach)
        lines.begin(warning_rule(options, owner), found)
        if match_phones:
            known = KnownNumbers(settings, tenant, country_code(country) or country_of(owner))
        publisher = EventPublisher(settings)
        started_at = publisher.now()  # the ce_time of every event of this import
    given = given_columns(column, options.kind)
    options = options._replace(given=given, country=country_code(country))
    try:
        for contact in read_lines(file, tenant, lines, options):
            if publisher is not None:
                person = contact if known is None else known.with_known_id(contact)
                _send(publisher, person, started_at, campaign, batch)
            lines.accept(contact)
    except CsvHeaderInvalid as error:
        raise CommandError(f"{file}: {error}", EXIT_USAGE) from None
    finally:
        if publisher is not None:
            publisher.flush()
    _print_result(lines, dry_run=dry_run, as_json=json)
    if lines.bad:
        raise CommandError(f"{lines.bad} lines were bad", EXIT_NO)


def _check_ids(tenant: str, campaign: str | None) -> None:
    """Raises CommandError for an invalid id: it would be an error of every line, or be found only
    when Kafka has answered."""
    if re.fullmatch(ID_PATTERN, tenant) is None:
        rule = "must have up to 64 letters, digits and . _ - :, and begin with a letter or digit"
        raise CommandError(f"--tenant {tenant}: {rule}", EXIT_USAGE)
    if campaign is not None:
        build_event("contact.enrolled", tenant_id=tenant, contact_id="a", campaign_id=campaign)


def _print_result(lines: ImportedLines, *, dry_run: bool, as_json: bool) -> None:
    if lines.note:
        print_stderr(lines.note)
    if not as_json:
        count = lines.cells_left_out
        left_out = f", {count} cell{'s' * (count > 1)} left out" if count else ""
        never = "" if lines.rule is None else lines.rule.never
        not_reached = f", {lines.unreached} not {never} as it is now" if lines.unreached else ""
        good = f"{lines.good} {'valid' if dry_run else 'imported'}"
        print(f"{good}, {lines.bad} bad{left_out}{not_reached}")
        return
    print_json(
        {
            "imported": 0 if dry_run else lines.good,
            "valid": lines.good,
            "columns": column_rows(lines.columns),
            "bad": [line._asdict() for line in lines.rejected],
            "left_out": [cell._asdict() for cell in lines.dropped],
            "warnings": [warning._asdict() for warning in lines.warnings],
        }
    )


def _send(
    publisher: EventPublisher,
    contact: ContactLine,
    at: MomentUs,
    campaign: str | None,
    batch: str,
) -> None:
    """Publishes the contact, then its enrollment, which needs the contact's address. The event ids
    are made from the content, so the engine ignores the events of a second import."""
    event = contact.event
    publisher.send("contact.upserted", event, None, SOURCE, at)
    if campaign is not None:
        enrolled = _ContactEnrolled(
            tenant_id=event.tenant_id,
            contact_id=event.contact_id,
            campaign_id=campaign,
            variables=contact.item,
        )
        event_id = blake2b(f"{campaign}/{event.contact_id}/{batch}".encode(), digest_size=12)
        publisher.send("contact.enrolled", enrolled, event_id.hexdigest(), SOURCE, at)


def read_lines(
    file: Path, tenant: str, lines: ImportedLines, options: ReadOptions
) -> Iterator[ContactLine]:
    """The good lines of a file. Its columns, its bad lines and the cells that are left out are
    passed to `lines`. Raises CsvHeaderInvalid."""
    with file.open("rb") as stream, _bar(file) as bar:
        task = bar.add_task("importing", total=file.stat().st_size)
        contacts = ContactsFile(text_lines(stream, LINE_BYTES + 1), *options)
        lines.set_columns(contacts.columns, contacts.header_line)
        for line in contacts.contacts(tenant):
            if isinstance(line, RejectedLine):
                lines.reject(line)
            else:
                for cell in line.dropped:
                    lines.drop(cell)
                yield line
                if line.line % 1_000 == 0:
                    bar.update(task, completed=stream.tell())


def _bar(file: Path) -> Progress:
    """A progress bar on stderr, shown on a terminal only."""
    columns = (TextColumn(file.name), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    on_terminal = stderr_console.is_terminal
    return Progress(*columns, console=stderr_console, transient=True, disable=not on_terminal)
