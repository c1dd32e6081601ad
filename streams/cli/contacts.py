"""`touchstream contacts …`: people from a file into a campaign."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from schemas.csv_import import (
    LINE_BYTES,
    ContactLine,
    CsvHeaderInvalid,
    RejectedLine,
    read_contacts,
)
from schemas.public.events import model_of
from streams.base.settings import Settings
from streams.cli.campaign import event_of
from streams.cli.campaign_status import campaign_status
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.event_publisher import Publisher
from streams.cli.output import (
    Json,
    LimitedMessages,
    Tenant,
    bounded_lines,
    print_json,
    settings,
    stderr_console,
)
from streams.kafka.topics import layout_of

app = typer.Typer(no_args_is_help=True, help="People: import them into a campaign.")

SOURCE = "/touchstream/import"
_Enrolled = model_of("contact.enrolled")


class Count:
    """What became of the lines; the bad ones are kept only for whoever asks for all of them."""

    def __init__(self, *, keep: bool) -> None:
        self.good = self.bad = 0
        self.kept: list[RejectedLine] = []
        self._keep = keep
        self._tell = LimitedMessages()

    def spoil(self, bad: RejectedLine) -> None:
        self.bad += 1
        if self._keep:
            self.kept.append(bad)
        self._tell(f"line {bad.line}: {bad.code}: {bad.detail}")


@app.command("import")
def import_people(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False)],
    tenant: Tenant,
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="Enroll them in this campaign.")
    ] = None,
    batch: Annotated[
        str, typer.Option(help="A name for this import: another one enrolls them again.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; needs no Kafka.")] = False,
    json: Json = False,
) -> None:
    """Import people from a CSV file, and enroll them in a campaign.

    The first line names the columns: contact_id, email, phone, linkedin_url (one of these at
    least), first_name, last_name, timezone, region; any other becomes an attribute. Without
    contact_id a person is known by their address. A bad line is told with its number and code, the
    good ones go on, and the exit code is 1. Safe to run twice: who was imported is not enrolled
    again. The campaign must be active, or nobody could be enrolled in it.

    Example: touchstream contacts import people.csv --tenant acme --campaign outreach
    """
    count = Count(keep=json)
    if campaign is not None:
        event_of("contact.enrolled", tenant_id=tenant, contact_id="a", campaign_id=campaign)
    found = None if dry_run else settings()
    publisher, begun = None, 0
    if found is not None:
        layout_of(found)
        if campaign is not None:
            _expect_active(found, tenant, campaign)
        publisher = Publisher(found)
        begun = publisher.now()  # what the file says, it says of that moment
    try:
        for person in read(file, tenant, count):
            if publisher is not None:
                _send(publisher, person, begun, campaign, batch)
            count.good += 1
    except CsvHeaderInvalid as error:
        raise CommandError(f"{file}: {error}", EXIT_USAGE) from None
    finally:
        if publisher is not None:
            publisher.flush()
    if json:
        bad = [each._asdict() for each in count.kept]
        print_json({"imported": 0 if dry_run else count.good, "valid": count.good, "bad": bad})
    else:
        print(f"{count.good} {'valid' if dry_run else 'imported'}, {count.bad} bad")
    if count.bad:
        raise CommandError(f"{count.bad} lines were bad", EXIT_NO)


def _expect_active(found: Settings, tenant_id: str, campaign_id: str) -> None:
    """Else everybody would be declined, one by one. Raises Halt."""
    status = campaign_status(found, tenant_id, campaign_id)
    about = f"{campaign_id} --tenant {tenant_id}"
    if status is None:
        raise CommandError(
            f"{tenant_id} has no campaign {campaign_id}: touchstream campaign publish FILE"
        )
    if status != "active":
        verb = {"draft": "activate", "paused": "resume"}.get(status)
        what_to_do = f": touchstream campaign {verb} {about}" if verb else ""
        raise CommandError(f"{campaign_id} is {status} and enrolls nobody{what_to_do}")


def _send(
    publisher: Publisher, person: ContactLine, at: int, campaign: str | None, batch: str
) -> None:
    """The person first, so that the enrollment finds an address; the ids are the content's, so
    that a second run says nothing new."""
    event = person.event
    publisher.send("contact.upserted", event, None, SOURCE, at)
    if campaign is not None:
        order = _Enrolled(
            tenant_id=event.tenant_id, contact_id=event.contact_id, campaign_id=campaign
        )
        own = blake2b(f"{campaign}/{event.contact_id}/{batch}".encode(), digest_size=12)
        publisher.send("contact.enrolled", order, own.hexdigest(), SOURCE, at)


def read(file: Path, tenant: str, count: Count) -> Iterator[ContactLine]:
    """The people of a file, line by line; bad lines are the count's."""
    with file.open("rb") as stream, _bar(file) as bar:
        task = bar.add_task("importing", total=file.stat().st_size)
        for found in read_contacts(bounded_lines(stream, LINE_BYTES + 1), tenant):
            if isinstance(found, RejectedLine):
                count.spoil(found)
            else:
                yield found
                if found.line % 1_000 == 0:
                    bar.update(task, completed=stream.tell())


def _bar(file: Path) -> Progress:
    columns = (TextColumn(file.name), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(
        *columns, console=stderr_console, transient=True, disable=not stderr_console.is_terminal
    )
