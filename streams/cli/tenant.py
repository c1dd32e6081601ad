"""`touchstream tenant set`: creates a tenant or changes its settings."""

from typing import Annotated, Any

import typer
from pydantic import BaseModel

from schemas.base.times import MomentUs, parse_moment
from streams.cli.command_settings import connected_settings, valid_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.event_publisher import build_event
from streams.cli.options import Json, Timeout, Wait
from streams.cli.request_reply import TIMEOUT_S, print_answer, publish_and_wait

app = typer.Typer(no_args_is_help=True, help="Tenants: the businesses that send.")


@app.command("set")
def set_tenant(
    tenant_id: Annotated[str, typer.Argument(metavar="ID", help="The tenant's id.")],
    timezone: Annotated[str, typer.Option(help="IANA name, such as America/New_York.")],
    per_hour: Annotated[
        list[str] | None, typer.Option(help="CHANNEL=N or CHANNEL=none; default: 100.")
    ] = None,
    quiet: Annotated[str | None, typer.Option(help="HH:MM-HH:MM; default: 21:00-08:00.")] = None,
    strict_start: Annotated[
        str | None, typer.Option(help="HH:MM, when quiet hours begin in stricter regions.")
    ] = None,
    strict_region: Annotated[
        list[str] | None, typer.Option(help="A region with a stricter law, such as FL.")
    ] = None,
    delay: Annotated[
        list[str] | None, typer.Option(help="SERVICE=HOURS before the first touch.")
    ] = None,
    per_day: Annotated[
        int | None, typer.Option(help="Most touches of one person in any 24 hours.")
    ] = None,
    per_week: Annotated[
        int | None, typer.Option(help="Most touches of one person in any 7 days.")
    ] = None,
    fence: Annotated[
        str | None, typer.Option(help="A time; earlier events are history and cause no sends.")
    ] = None,
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
    )
    if fence is not None and parse_time(fence) > valid_settings().scaled_clock().now():
        message = "--fence: must not be in the future, or all events until then would be history"
        raise CommandError(message, EXIT_USAGE)
    fact = publish_and_wait(
        connected_settings(), "tenant.upserted", event, wait=wait, timeout_s=timeout
    )
    print_answer(fact, f"{tenant_id}: saved, time zone {timezone}", as_json=json)


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
    """The event tenant.upserted with the values of the options. Raises CommandError."""
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
    return build_event("tenant.upserted", **values)


def parse_time(text: str) -> MomentUs:
    """The moment that a person has typed. Raises CommandError."""
    try:
        return parse_moment(text)
    except ValueError as error:
        raise CommandError(f"{text}: {error}", EXIT_USAGE) from None


def _pairs(options: list[str] | None) -> list[tuple[str, str]]:
    """The names and values of options of the form NAME=VALUE. Raises CommandError."""
    pairs = [option.partition("=") for option in options or []]
    for option, (_, equals, value) in zip(options or [], pairs, strict=True):
        if not equals or not value:
            raise CommandError(f"{option}: must be NAME=VALUE", EXIT_USAGE)
    return [(name, value) for name, _, value in pairs]


def _number(kind: type[int] | type[float], text: str) -> float:
    try:
        return kind(text)
    except ValueError:
        raise CommandError(f"{text} is not a number", EXIT_USAGE) from None
