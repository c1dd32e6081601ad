"""`touchstream campaign …` and `touchstream tenant …`: what owners order."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ValidationError

from schemas.base.error_codes import Problem
from schemas.base.times import parse_moment
from schemas.campaigns import presets
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import read_definition
from schemas.campaigns.yaml_document import parse_document
from schemas.public.events import model_of
from streams.base.settings import load_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.output import (
    Json,
    Tenant,
    Timeout,
    Wait,
    checked,
    print_json,
    print_stderr,
    print_table,
    settings,
)
from streams.cli.request_reply import TIMEOUT_S, order, tell

app = typer.Typer(no_args_is_help=True, help="Campaigns: check, publish, pause, resume, end.")
tenants = typer.Typer(no_args_is_help=True, help="Tenants: the businesses that send.")

File = Annotated[Path, typer.Argument(help="YAML or JSON.", exists=True, dir_okay=False)]
CampaignId = Annotated[str, typer.Argument(metavar="ID", help="The campaign's id.")]
MaybeTenant = Annotated[
    str | None, typer.Option("--tenant", help="The tenant's id, if the document has none.")
]


@app.command()
def validate(file: File, tenant: MaybeTenant = None, json: Json = False) -> None:
    """Check a definition: every problem with its code and place; exit 1 if there is any.

    Example: touchstream campaign validate examples/reviews.yaml
    """
    found = read_definition(file.read_bytes(), tenant_id=tenant)
    problems = [] if isinstance(found, Definition) else found
    if json:
        print_json({"valid": not problems, "problems": [p._asdict() for p in problems]})
    elif isinstance(found, Definition):
        print(f"{file}: valid, {found.kind} campaign with {len(found.steps)} steps")
    if problems:
        raise CommandError(told(str(file), problems))


@app.command()
def publish(
    file: File,
    tenant: MaybeTenant = None,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Publish a definition and wait until every partition knows it, so that the next job meets it.

    The same definition again is no new version. Enrollments keep the version they began with.

    Example: touchstream campaign publish examples/reviews.yaml --tenant acme
    """
    text = file.read_bytes()
    definition = read_definition(text, tenant_id=tenant)
    if not isinstance(definition, Definition):
        if json:
            print_json({"valid": False, "problems": [p._asdict() for p in definition]})
        raise CommandError(told(str(file), definition))
    event = event_of(
        "campaign.published",
        tenant_id=definition.tenant_id,
        campaign_id=definition.campaign_id,
        definition=parse_document(text),
    )
    fact = order(settings(), "campaign.published", event, wait=wait, timeout_s=timeout)
    values = (fact.values if fact is not None else None) or {}
    for name in values.get("templates_gone", ()):
        print_stderr(f"warning: template {name} was deleted; touches with it are not sent")
    campaign_id, owner, status = definition.campaign_id, definition.tenant_id, values.get("status")
    done = f"is live ({status})"
    if status == "draft":
        activate = f"touchstream campaign activate {campaign_id} --tenant {owner}"
        done = f"is known; still a draft, which enrolls nobody: {activate}"
    version = fact.version if fact is not None else None
    tell(fact, f"{campaign_id} of {owner}: version {version} {done}", as_json=json)


@app.command("presets")
def list_presets(json: Json = False) -> None:
    """List the system presets: read-only, to be duplicated.

    Example: touchstream campaign presets
    """
    found = presets.list_presets()
    if json:
        print_json([{**p.document, "id": p.id} for p in found])
        return
    rows = [
        (p.id, ", ".join(f"{s['channel']} +{s['delay_hours']:g} h" for s in p.document["steps"]))
        for p in found
    ]
    print_table(
        ("preset", "steps", "what for"),
        [(*row, preset.description) for row, preset in zip(rows, found, strict=True)],
    )


@app.command()
def duplicate(
    preset: Annotated[str, typer.Argument(help="One of: " + ", ".join(presets.PRESET_NAMES))],
    tenant: Tenant,
    campaign_id: Annotated[str, typer.Option("--id", help="The new campaign's id.")],
    name: Annotated[str | None, typer.Option(help="Its name; the id, if not given.")] = None,
    service_type: Annotated[
        str | None, typer.Option(help="hvac, plumbing, …; all if none.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A new file, instead of stdout.")] = None,
) -> None:
    """Write a campaign of the tenant's own from a preset, as YAML with templates to fill in.

    Example: touchstream campaign duplicate standard --tenant acme --id reviews --out reviews.yaml
    """
    try:
        text = presets.duplicate(preset, tenant, campaign_id, name or campaign_id, service_type)
    except presets.PresetUnknown as error:
        raise CommandError(str(error), EXIT_USAGE) from None
    found = read_definition(text)
    if not isinstance(found, Definition):
        raise CommandError(told("this campaign", found))
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(f"{out} exists already and is left as it is", EXIT_USAGE) from None
    print(f"{out}: fill in the templates, then: touchstream campaign publish {out}")


def told(what: str, problems: list[Problem]) -> str:
    """All that is wrong with a document, a line each."""
    lines = [f"  {p.code} at {p.place or 'the document'}: {p.message}" for p in problems]
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"{what}: {count}", *lines])


def event_of(kind: str, **values: Any) -> BaseModel:
    """A public event. Raises Halt where a value is none of its own."""
    try:
        return model_of(kind).model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise CommandError(f"{place}: {first['msg']}", EXIT_USAGE) from None


def _changing(verb: str, kind: str, promise: str) -> None:
    def change(
        campaign_id: CampaignId,
        tenant: Tenant,
        reason: Annotated[str | None, typer.Option(help="Kept with the event.")] = None,
        wait: Wait = True,
        timeout: Timeout = TIMEOUT_S,
        json: Json = False,
    ) -> None:
        event = event_of(kind, tenant_id=tenant, campaign_id=campaign_id, reason=reason)
        fact = order(settings(), kind, event, wait=wait, timeout_s=timeout)
        status = fact.reason if fact is not None else None
        tell(fact, f"{campaign_id} of {tenant}: {status}", as_json=json)

    example = f"Example: touchstream campaign {verb} reviews --tenant acme"
    app.command(verb, help=f"{promise}\n\n{example}")(change)


_changing("activate", "campaign.activated", "Let a draft or paused campaign enroll and send.")
_changing("pause", "campaign.paused", "Freeze a campaign: nothing is sent until it is resumed.")
_changing("resume", "campaign.resumed", "Let a paused campaign go on, by its late policy.")
_changing("complete", "campaign.completed", "End a campaign; its enrollments stop.")
_changing("archive", "campaign.archived", "Put a completed campaign away.")
_changing("delete", "campaign.deleted", "Delete a campaign; its enrollments stop, history stays.")


@tenants.command("set")
def set_tenant(
    tenant_id: Annotated[str, typer.Argument(metavar="ID", help="The tenant's id.")],
    timezone: Annotated[str, typer.Option(help="IANA name, such as America/New_York.")],
    per_hour: Annotated[
        list[str] | None, typer.Option(help="CHANNEL=N, or CHANNEL=none; 100 if not given.")
    ] = None,
    quiet: Annotated[
        str | None, typer.Option(help="HH:MM-HH:MM; 21:00-08:00 if not given.")
    ] = None,
    strict_start: Annotated[
        str | None, typer.Option(help="HH:MM: from then on it is quiet in stricter regions.")
    ] = None,
    strict_region: Annotated[
        list[str] | None, typer.Option(help="A region with a stricter law, such as FL.")
    ] = None,
    delay: Annotated[
        list[str] | None, typer.Option(help="SERVICE=HOURS before the first touch.")
    ] = None,
    per_day: Annotated[
        int | None, typer.Option(help="Touches of one person in any 24 hours, at most.")
    ] = None,
    per_week: Annotated[
        int | None, typer.Option(help="Touches of one person in any 7 days, at most.")
    ] = None,
    fence: Annotated[
        str | None, typer.Option(help="A time: what happened before is history, and sends nothing.")
    ] = None,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Make a tenant known, or change it: what is not given here goes back to its default.

    Example: touchstream tenant set acme --timezone America/New_York --per-hour email=200
    """
    event = tenant_event(
        tenant_id,
        timezone,
        per_hour=per_hour,
        quiet=quiet,
        strict_start=strict_start,
        strict_region=strict_region,
        delay=delay,
        per_day=per_day,
        per_week=per_week,
        fence=fence,
    )
    if fence is not None and parse_time(fence) > checked(load_settings()).scaled_clock().now():
        raise CommandError(
            "--fence: not ahead of now: until then everything would be history", EXIT_USAGE
        )
    fact = order(settings(), "tenant.upserted", event, wait=wait, timeout_s=timeout)
    tell(fact, f"{tenant_id}: known in {timezone}", as_json=json)


def tenant_event(
    tenant_id: str,
    timezone: str,
    *,
    per_hour: list[str] | None = None,
    quiet: str | None = None,
    strict_start: str | None = None,
    strict_region: list[str] | None = None,
    delay: list[str] | None = None,
    per_day: int | None = None,
    per_week: int | None = None,
    fence: str | None = None,
) -> BaseModel:
    """The event that the options tell. Raises Halt."""
    values: dict[str, Any] = {"tenant_id": tenant_id, "timezone": timezone}
    values["limits"] = {
        channel: {"per_hour": None if limit == "none" else _number(int, limit)}
        for channel, limit in _pairs(per_hour)
    }
    values["delay_hours_by_service"] = {
        service: _number(float, hours) for service, hours in _pairs(delay)
    }
    if per_day is not None or per_week is not None:
        values["frequency_caps"] = {"per_day": per_day, "per_week": per_week}
    if fence is not None:
        values["fence"] = parse_time(fence)
    if quiet is not None or strict_start is not None or strict_region:
        start, _, end = (quiet or "21:00-08:00").partition("-")
        values["quiet_hours"] = {"start": start, "end": end, "strict_regions": strict_region or []}
        if strict_start is not None:
            values["quiet_hours"]["strict_start"] = strict_start
    return event_of("tenant.upserted", **values)


def parse_time(text: str) -> int:
    """A time as a person writes it. Raises Halt."""
    try:
        return parse_moment(text)
    except ValueError as error:
        raise CommandError(f"{text}: {error}", EXIT_USAGE) from None


def _pairs(given: list[str] | None) -> list[tuple[str, str]]:
    pairs = [item.partition("=") for item in given or []]
    for item, (_, equals, value) in zip(given or [], pairs, strict=True):
        if not equals or not value:
            raise CommandError(f"{item}: must be NAME=VALUE", EXIT_USAGE)
    return [(name, value) for name, _, value in pairs]


def _number(kind: type[int] | type[float], text: str) -> float:
    try:
        return kind(text)
    except ValueError:
        raise CommandError(f"{text} is not a number", EXIT_USAGE) from None
