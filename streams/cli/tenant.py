"""`touchstream tenant set`: creates a tenant or changes its settings."""

from typing import Annotated, Any

import typer

from schemas.base.opt_out_words import problem_of
from schemas.base.regions import is_country, regions_named
from schemas.base.times import MomentUs, parse_moment
from schemas.base.zone_repair import zone_by_siblings
from schemas.base.zones import zone_country
from schemas.public.admin_events import TenantUpserted
from streams.cli.command_settings import connected_settings, valid_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.event_publisher import build_event
from streams.cli.options import Json, Timeout, Wait
from streams.cli.output import print_stderr
from streams.cli.request_reply import TIMEOUT_S, print_answer, publish_and_wait

app = typer.Typer(no_args_is_help=True, help="Tenants: the businesses that send.")


Timezone = Annotated[
    str, typer.Option(help="IANA name, such as America/New_York, or the name Windows has.")
]
PerHour = Annotated[list[str] | None, typer.Option(help="CHANNEL=N or CHANNEL=none; default: 100.")]
Quiet = Annotated[str | None, typer.Option(help="HH:MM-HH:MM; default: 21:00-08:00.")]
StrictStart = Annotated[
    str | None, typer.Option(help="HH:MM, when quiet hours begin in stricter regions.")
]
StrictRegion = Annotated[
    list[str] | None, typer.Option(help="A region with a stricter law, such as FL or Florida.")
]
Delay = Annotated[list[str] | None, typer.Option(help="SERVICE=HOURS before the first touch.")]
PerDay = Annotated[int | None, typer.Option(help="Most touches of one person in any 24 hours.")]
PerWeek = Annotated[int | None, typer.Option(help="Most touches of one person in any 7 days.")]
Fence = Annotated[
    str | None, typer.Option(help="A time; earlier events are history and cause no sends.")
]
CountryCode = Annotated[
    str | None, typer.Option(help="Of phone numbers and regions, such as US; default: the zone's.")
]
OptOutWord = Annotated[
    list[str] | None,
    typer.Option(help="A whole text that is an opt-out, beside STOP and its like."),
]
CallingHours = Annotated[
    bool,
    typer.Option(
        "--calling-hours", help="Call and text only when the law of the region allows it."
    ),
]


_OPTIONS = {
    "tenant_id": "ID",
    "limits.*": "--per-hour",
    "delay_hours_by_service.*": "--delay",
    "frequency_caps.per_day": "--per-day",
    "frequency_caps.per_week": "--per-week",
    "quiet_hours.strict_start": "--strict-start",
    "quiet_hours.strict_regions": "--strict-region",
    "quiet_hours": "--quiet",
    "opt_out_words": "--opt-out-word",
}
"""The options of fields with other names, for messages."""


@app.command("set")
def set_tenant(
    tenant_id: Annotated[str, typer.Argument(metavar="ID", help="The tenant's id.")],
    timezone: Timezone,
    per_hour: PerHour = None,
    quiet: Quiet = None,
    strict_start: StrictStart = None,
    strict_region: StrictRegion = None,
    delay: Delay = None,
    per_day: PerDay = None,
    per_week: PerWeek = None,
    fence: Fence = None,
    country: CountryCode = None,
    opt_out_word: OptOutWord = None,
    calling_hours: CallingHours = False,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Create a tenant, or replace its settings: an option that is not given gets its default.

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
        country=country,
        opt_out_word=opt_out_word,
        calling_hours=calling_hours,
    )
    if fence is not None and parse_time(fence) > valid_settings().scaled_clock().now():
        message = "--fence: must not be in the future, or all events until then would be history"
        raise CommandError(message, EXIT_USAGE)
    _warn_about_regions(event)
    fact = publish_and_wait(
        connected_settings(), "tenant.upserted", event, wait=wait, timeout_s=timeout
    )
    print_answer(fact, f"{tenant_id}: saved, time zone {event.timezone}", as_json=json)


def _warn_about_regions(event: TenantUpserted) -> None:
    """Names the strict regions that are no code or name of a region of the country: a mistyped one
    would hold for nobody."""
    country = event.country or zone_country(event.timezone)
    for region in event.quiet_hours.strict_regions if event.quiet_hours else ():
        if not regions_named(region, country):
            print_stderr(
                f"warning: --strict-region {region}: no region of {country or 'any country'} has"
                " this name or code; it holds for people whose region is written in the same way"
            )


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
    country: str | None = None,
    opt_out_word: list[str] | None = None,
    calling_hours: bool = False,
) -> TenantUpserted:
    """The event tenant.upserted with the values of the options. Raises CommandError."""
    country = None if country is None else _country(country)
    for word in opt_out_word or ():
        if (problem := problem_of(word)) is not None:
            raise CommandError(f"--opt-out-word {word}: {problem}", EXIT_USAGE)
    zone = zone_by_siblings({"timezone": timezone, "country": country})
    values: dict[str, Any] = {
        "tenant_id": tenant_id,
        "timezone": zone or timezone,
        "country": country,
        "opt_out_words": opt_out_word or [],
        "calling_hours": calling_hours,
    }
    values["limits"] = {
        channel: {"per_hour": None if limit == "none" else _number("--per-hour", int, limit)}
        for channel, limit in _pairs("--per-hour", per_hour)
    }
    values["delay_hours_by_service"] = {
        service: _number("--delay", float, hours) for service, hours in _pairs("--delay", delay)
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
    event = build_event("tenant.upserted", _OPTIONS, **values)
    assert isinstance(event, TenantUpserted)
    return event


def _country(text: str) -> str:
    code = text.strip().upper()
    if not is_country(code):
        message = f"--country {text}: no country has this code (ISO 3166-1), such as US"
        raise CommandError(message, EXIT_USAGE)
    return code


def parse_time(text: str) -> MomentUs:
    """The moment that a person has typed. Raises CommandError."""
    try:
        return parse_moment(text)
    except ValueError as error:
        raise CommandError(f"{text}: {error}", EXIT_USAGE) from None


def _pairs(option: str, texts: list[str] | None) -> list[tuple[str, str]]:
    """The names and values of an option of the form NAME=VALUE. Raises CommandError."""
    pairs = [text.partition("=") for text in texts or []]
    for text, (_, equals, value) in zip(texts or [], pairs, strict=True):
        if not equals or not value:
            raise CommandError(f"{option} {text}: must be NAME=VALUE", EXIT_USAGE)
    return [(name, value) for name, _, value in pairs]


def _number(option: str, kind: type[int] | type[float], text: str) -> float:
    try:
        return kind(text)
    except ValueError:
        raise CommandError(f"{option}: {text} is not a number", EXIT_USAGE) from None
