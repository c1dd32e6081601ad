"""`touchstream tenant set`: creates a tenant or changes its settings."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import typer

from schemas.base.opt_out_words import problem_of
from schemas.base.regions import is_country, regions_named
from schemas.base.zone_repair import zone_by_siblings
from schemas.base.zones import zone_country
from schemas.public.admin_events import TenantUpserted
from streams.cli import tenant_options as option
from streams.cli.command_settings import connected_settings, valid_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.event_publisher import build_event
from streams.cli.option_values import (
    WAITING,
    clock_span,
    named_numbers,
    named_values,
    names_with_numbers,
    number,
    options_by_name,
    parse_time,
)
from streams.cli.options import Json, Timeout, Wait
from streams.cli.output import print_stderr
from streams.cli.request_reply import TIMEOUT_S, print_answer, publish_and_wait

app = typer.Typer(no_args_is_help=True, help="Tenants: the businesses that send.")

_LIMITS = {
    "per_hour": "--per-hour",
    "per_day": "--channel-per-day",
    "domain_per_hour": "--domain-per-hour",
    "domain_per_day": "--domain-per-day",
}
"""The options of the limits of a channel, by field."""

_OPTIONS = {
    "tenant_id": "ID",
    **{f"limits.*.{field}": name for field, name in _LIMITS.items()},
    "limits.*": "--per-hour",
    "calls.concurrent": "--calls-at-once",
    "calls.pool_concurrent": "--pool-calls",
    "calls.agents.*": "--agent",
    "calls.numbers.*": "--caller-number",
    "calls.allow": "--allow-number",
    "delay_hours_by_service.*": "--delay",
    "frequency_caps.per_day": "--per-day",
    "frequency_caps.per_week": "--per-week",
    "quiet_hours.strict_start": "--strict-start",
    "quiet_hours.strict_regions": "--strict-region",
    "quiet_hours": "--quiet",
    "opt_out_words": "--opt-out-word",
    "opt_out_scope": "--opt-out-scope",
}
"""The options of fields with other names, for messages."""


def _dest(option_name: str) -> str:
    return option_name.removeprefix("--").replace("-", "_")


@app.command("set")
def set_tenant(
    tenant_id: option.TenantId,
    timezone: option.Timezone,
    per_hour: option.PerHour = None,
    channel_per_day: option.ChannelPerDay = None,
    domain_per_hour: option.DomainPerHour = None,
    domain_per_day: option.DomainPerDay = None,
    quiet: option.Quiet = None,
    strict_start: option.StrictStart = None,
    strict_region: option.StrictRegion = None,
    delay: option.Delay = None,
    per_day: option.PerDay = None,
    per_week: option.PerWeek = None,
    fence: option.Fence = None,
    country: option.CountryCode = None,
    opt_out_word: option.OptOutWord = None,
    opt_out_scope: option.OptOutScope = "channel",
    calling_hours: option.CallingHours = False,
    calls_at_once: option.CallsAtOnce = None,
    pool_calls: option.PoolCalls = None,
    agent: option.Agent = None,
    caller_number: option.CallerNumber = None,
    allow_number: option.AllowNumber = None,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Create a tenant, or replace its settings: an option that is not given gets its default.

    --agent and --caller-number name all that the tenant has: a campaign that names another one
    calls nobody.

    Example: touchstream tenant set acme --timezone America/New_York --per-hour email=200
    """
    given = (
        *(tenant_id, timezone, per_hour, channel_per_day, domain_per_hour, domain_per_day, quiet),
        *(strict_start, strict_region, delay, per_day, per_week, fence, country, opt_out_word),
        *(
            opt_out_scope,
            calling_hours,
            calls_at_once,
            pool_calls,
            agent,
            caller_number,
            allow_number,
        ),
    )
    event = tenant_event(**options_by_name(set_tenant, given))
    if fence is not None and parse_time(fence, "--fence") > valid_settings().scaled_clock().now():
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


def tenant_event(tenant_id: str, timezone: str, **options: Any) -> TenantUpserted:
    """The event tenant.upserted with the values of the options of `set_tenant`. Raises
    CommandError."""
    unknown = options.keys() - _NAMES
    if unknown:
        raise TypeError(f"no options of tenant set: {', '.join(sorted(unknown))}")
    get = options.get
    country = None if get("country") is None else _country(options["country"])
    for word in get("opt_out_word") or ():
        if (problem := problem_of(word)) is not None:
            raise CommandError(f"--opt-out-word {word}: {problem}", EXIT_USAGE)
    values: dict[str, Any] = {
        "tenant_id": tenant_id,
        "timezone": zone_by_siblings({"timezone": timezone, "country": country}) or timezone,
        "country": country,
        "opt_out_words": get("opt_out_word") or [],
        "opt_out_scope": get("opt_out_scope", "channel"),
        "calling_hours": get("calling_hours", False),
        "limits": _limits(options),
        "delay_hours_by_service": {
            service: number("--delay", float, hours)
            for service, hours in named_values("--delay", get("delay"))
        },
        "calls": _calls(options),
    }
    caps = {name: get(name) for name in ("per_day", "per_week")}
    if any(cap is not None for cap in caps.values()):
        values["frequency_caps"] = caps
    if get("fence") is not None:
        values["fence"] = parse_time(options["fence"], "--fence")
    if any(get(name) for name in ("quiet", "strict_start", "strict_region")):
        values["quiet_hours"] = {
            **clock_span("--quiet", get("quiet") or "21:00-08:00"),
            "strict_regions": get("strict_region") or [],
        }
        if get("strict_start") is not None:
            values["quiet_hours"]["strict_start"] = options["strict_start"]
    event = build_event("tenant.upserted", _OPTIONS, **values)
    assert isinstance(event, TenantUpserted)
    return event


def _limits(options: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """The limits of each channel that an option names."""
    limits: dict[str, dict[str, float | None]] = {}
    for field, name in _LIMITS.items():
        for channel, limit in named_numbers(name, options.get(_dest(name))).items():
            limits.setdefault(channel, {})[field] = limit
    return limits


def _calls(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The limits of calls; None if no option is about calls."""
    values: dict[str, Any] = {
        "concurrent": options.get("calls_at_once"),
        "pool_concurrent": options.get("pool_calls"),
        "agents": names_with_numbers("--agent", options.get("agent")),
        "numbers": names_with_numbers("--caller-number", options.get("caller_number")),
        "allow": options.get("allow_number"),
    }
    return {name: value for name, value in values.items() if value not in (None, {})} or None


def _country(text: str) -> str:
    code = text.strip().upper()
    if not is_country(code):
        message = f"--country {text}: no country has this code (ISO 3166-1), such as US"
        raise CommandError(message, EXIT_USAGE)
    return code


_NAMES = frozenset(signature(set_tenant).parameters) - {*WAITING}
"""The options that become fields of the event."""
