"""`touchstream contacts import`: contacts from a CSV file, enrolled in a campaign."""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from processors.campaign.broadcast import campaign_key, tenant_key
from schemas.base.field_types import ID_PATTERN
from schemas.base.times import MomentUs
from schemas.base.zones import zone_country
from schemas.campaigns.campaign_kinds import KINDS
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
from schemas.internal.states import CampaignRecord, TenantRecord
from schemas.public.events import model_of
from streams.base.settings import Settings
from streams.cli.call_warnings import CallWarning, call_columns_hint, call_warnings
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
from streams.cli.input_lines import text_lines
from streams.cli.known_numbers import KnownNumbers
from streams.cli.options import Json, Tenant
from streams.cli.output import LimitedMessages, print_json, print_stderr, stderr_console
from streams.cli.pool import read_pools
from streams.cli.stored_states import AdminStates, existing_tenant
from streams.kafka.topics import layout_of

app = typer.Typer(
    no_args_is_help=True, help="Contacts: import, enroll and stop them, lift opt-outs and bounces."
)

SOURCE = "/touchstream/import"
DRY_RUN_ZONE = "UTC"
"""The time zone of times without an offset where the campaign is not known."""

_ContactEnrolled = model_of("contact.enrolled")


class ImportedLines:
    """Counts the good and bad lines, and reports the columns, the bad lines, the cells that are
    left out, and the lines that lead to no call. With `keep` it also keeps all of these.

    `caller` is the tenant of an import of calls. With `hint` a file that looks like one of calls is
    reported as such.
    """

    def __init__(self, *, keep: bool, hint: bool = False) -> None:
        self.good = self.bad = self.cells_left_out = self.not_called = 0
        self.columns: Sequence[CsvColumn] = ()
        self.rejected: list[RejectedLine] = []
        self.dropped: list[DroppedCell] = []
        self.warnings: list[CallWarning] = []
        self.caller: TenantRecord | None = None
        self._keep, self._hint = keep, hint
        self._report = LimitedMessages()

    def set_columns(self, columns: Sequence[CsvColumn], header_line: int) -> None:
        self.columns = columns
        if not self._keep:
            print_stderr(f"columns, as named in line {header_line}:")
            for text in column_lines(columns):
                print_stderr(text)
            if self._hint and (hint := call_columns_hint(columns)) is not None:
                print_stderr(hint)

    def accept(self, line: ContactLine) -> None:
        """A good line. Of an import of calls its person may still not be called."""
        self.good += 1
        found = () if self.caller is None else tuple(call_warnings(line, self.caller))
        self.not_called += bool(found)
        if self._keep:
            self.warnings += found
        for warning in found:
            self._report(
                f"line {warning.line}: {warning.code}: {warning.detail}; imported, but not called"
            )

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
people imported before are not enrolled again. The tenant must exist, and the campaign be active:
else nothing is published.

For a campaign of calls the columns name, priority, scheduled_for and agent are about the call.
`touchstream contacts template` prints files to begin with. A whole name is split. The priority is a
whole number from -1000 to 1000; any other one is left out. The time is one of the campaign's time
zone, or has an offset. A line with an invalid time or agent, or with the number of another line, is
bad. An agent that the tenant's list does not have, and a kind of number that the tenant does not
call, are reported: these people are imported, but their calls are skipped. With --match-phones a
line without contact_id is the contact who has its number already; the states of all contacts are
read for this. `touchstream contacts stop` takes one person out again.

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
    lines = ImportedLines(keep=json, hint=dry_run and not calls)
    _check_ids(tenant, campaign)
    settings = None if dry_run else connected_settings()
    publisher, started_at, calls_zone = None, 0, DRY_RUN_ZONE if dry_run and calls else None
    known: KnownNumbers | None = None
    if settings is not None:
        layout_of(settings)
        owner, found = _require_active(settings, tenant, campaign)
        calls_zone = _calls_zone(owner, found)
        lines.caller = None if calls_zone is None else owner
        if calls and calls_zone is None:
            raise CommandError("--calls: the campaign of the import is no campaign of calls")
        if match_phones:
            known = KnownNumbers(settings, tenant, country_code(country) or _country(owner))
        publisher = EventPublisher(settings)
        started_at = publisher.now()  # the ce_time of every event of this import
    given = given_columns(column, calls=calls_zone is not None)
    options = ReadOptions(given, country_code(country), calls_zone)
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
    if not as_json:
        count = lines.cells_left_out
        left_out = f", {count} cell{'s' * (count > 1)} left out" if count else ""
        not_called = f", {lines.not_called} not called as it is now" if lines.not_called else ""
        good = f"{lines.good} {'valid' if dry_run else 'imported'}"
        print(f"{good}, {lines.bad} bad{left_out}{not_called}")
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


def _require_active(
    settings: Settings, tenant_id: str, campaign_id: str | None
) -> tuple[TenantRecord, CampaignRecord | None]:
    """The tenant and the campaign. Raises CommandError unless the tenant is there, and the campaign
    is active: the engine would decline every person."""
    keys = {tenant_key(tenant_id), campaign_key(tenant_id, campaign_id or "")}
    states = AdminStates(settings, keys)
    tenant = existing_tenant(states, tenant_id)
    if campaign_id is None:
        return tenant, None
    campaign = states.campaign(tenant_id, campaign_id)
    if campaign is None:
        raise CommandError(
            f"{tenant_id} has no campaign {campaign_id}: touchstream campaign publish FILE"
        )
    status = campaign.status
    if status != "active":
        verb = {"draft": "activate", "paused": "resume"}.get(status)
        command = f"touchstream campaign {verb} {campaign_id} --tenant {tenant_id}"
        hint = f": {command}" if verb else ""
        raise CommandError(f"{campaign_id} is {status} and enrolls nobody{hint}")
    _warn_about_pool(settings, campaign)
    return tenant, campaign


def _warn_about_pool(settings: Settings, campaign: CampaignRecord) -> None:
    """Names the call pool of a campaign that does not exist: its calls wait until it does."""
    calls = campaign.definition.settings.calls
    if calls is None or any(pool.pool_id == calls.pool_id for pool in read_pools(settings)):
        return
    print_stderr(
        f"warning: there is no call pool {calls.pool_id}, and all calls wait for it (pool_unknown):"
        f" touchstream pool set {calls.pool_id} --slots N"
    )


def _country(tenant: TenantRecord) -> str:
    return tenant.country or zone_country(tenant.timezone)


def _calls_zone(tenant: TenantRecord, campaign: CampaignRecord | None) -> str | None:
    """The time zone of a campaign of calls; None for another campaign, or none."""
    if campaign is None or KINDS[campaign.definition.kind].redial is None:
        return None
    return campaign.definition.settings.timezone or tenant.timezone


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


class ReadOptions(NamedTuple):
    """How a file is read: the columns that are named, the country of its phone numbers, and the
    time zone of a file of calls."""

    given: Sequence[tuple[str, str]] = ()
    country: str = ""
    calls_zone: str | None = None


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
