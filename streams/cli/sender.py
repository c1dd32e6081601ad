"""`touchstream sender …`: the sender accounts of a tenant, with their limits."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from processors.campaign.broadcast import tenant_key
from schemas.public.sender_events import ActionLimits, SenderUpserted
from streams.cli import sender_options as option
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.event_publisher import build_event
from streams.cli.option_values import (
    clock_span,
    named_values,
    number,
    options_by_name,
    parse_time,
)
from streams.cli.options import Json, Tenant, Timeout, Wait
from streams.cli.output import print_json, print_table
from streams.cli.request_reply import (
    TIMEOUT_S,
    fields,
    print_answer,
    publish_and_wait,
    raise_refusal,
)
from streams.cli.sender_accounts import (
    ACCOUNT_HEADS,
    account_json,
    account_rows,
    read_accounts,
    terms_of_event,
)
from streams.cli.stored_states import AdminStates, existing_tenant

app = typer.Typer(no_args_is_help=True, help="Sender accounts: what they may send, and when.")

_LIMITS = {
    "per_hour": "per_hour",
    "per_day": "per_day",
    "per_week": "per_week",
    "per_month": "per_month",
    "spacing": "spacing_seconds",
    "jitter": "jitter_seconds",
    "calendar": "calendar",
    "domain_per_hour": "domain_per_hour",
    "domain_per_day": "domain_per_day",
}
"""The fields of the limits, by their options."""

_OPTIONS = {
    **{f"limits.{field}": f"--{name.replace('_', '-')}" for name, field in _LIMITS.items()},
    "sender_id": "ID",
    "actions": "--action-limit",
    "days": "--day",
    "day_jitter_percent": "--day-jitter",
    "lag_seconds": "--lag",
    "window": "--window",
    "warm_up": "--warm-up",
}


@app.command("set")
def set_sender(
    sender_id: option.SenderId,
    tenant: Tenant,
    channel: option.ChannelOption,
    per_hour: option.PerHour = None,
    per_day: option.PerDay = None,
    per_week: option.PerWeek = None,
    per_month: option.PerMonth = None,
    calendar: option.CalendarWindow = None,
    spacing: option.Spacing = None,
    jitter: option.Jitter = None,
    domain_per_hour: option.DomainPerHour = None,
    domain_per_day: option.DomainPerDay = None,
    action_limit: option.ActionLimit = None,
    window: option.WindowOption = None,
    days: option.Days = None,
    timezone: option.Timezone = None,
    first_weekday: option.FirstWeekday = "mon",
    warm_up: option.WarmUpOption = None,
    day_jitter: option.DayJitter = 0,
    max_new_per_day: option.MaxNewPerDay = None,
    lag: option.Lag = None,
    premium: option.Premium = False,
    paused: option.Paused = False,
    on_gone: option.OnGone = None,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Create a sender account, or replace its settings: an option that is not given gets its
    default, which for limits is that of the channel.

    Prints what holds then. The tenant's campaigns share its accounts. With an account on a channel,
    the 100 touches an hour of tenants without a limit do not hold there; a limit that the tenant
    has set does. The command opens an account again that has paused itself.

    Example: touchstream sender set ann@acme.com --tenant acme --channel email --per-day 400
    --window 09:00-17:00 --warm-up 5:2:50
    """
    given = (
        *(sender_id, tenant, channel, per_hour, per_day, per_week, per_month, calendar, spacing),
        *(jitter, domain_per_hour, domain_per_day, action_limit, window, days, timezone),
        *(first_weekday, warm_up, day_jitter, max_new_per_day, lag, premium, paused, on_gone),
    )
    event = sender_event(options_by_name(set_sender, given))
    fact = publish_and_wait(
        connected_settings(), "sender.upserted", event, wait=wait, timeout_s=timeout
    )
    raise_refusal(fact)
    terms = terms_of_event(event)
    if json:
        answer = {"published": True} if fact is None else fields(fact)
        print_json({**answer, "account": account_json(event.channel, terms)})
        return
    print_answer(fact, f"{sender_id} of {tenant}: saved", as_json=False)
    print_table(
        ACCOUNT_HEADS, account_rows(event.channel, terms, "paused" if terms.paused else "active")
    )


def sender_event(options: Mapping[str, Any]) -> SenderUpserted:
    """The event sender.upserted with the values of the options, by their names. Raises
    CommandError."""
    limits = {field: options.get(name) for name, field in _LIMITS.items()}
    names = ("sender_id", "channel", "timezone", "max_new_per_day", "premium", "paused", "on_gone")
    values: dict[str, Any] = {name: options[name] for name in names if name in options}
    values |= {
        "tenant_id": options["tenant"],
        "limits": {name: value for name, value in limits.items() if value is not None} or None,
        "actions": _action_limits(options.get("action_limit") or ()),
        "days": options.get("days") or None,
        "first_weekday": options.get("first_weekday", "mon"),
        "day_jitter_percent": options.get("day_jitter", 0),
        "lag_seconds": options.get("lag"),
    }
    if options.get("window") is not None:
        values["window"] = clock_span("--window", options["window"])
    if options.get("warm_up") is not None:
        values["warm_up"] = _warm_up(options["warm_up"])
    event = build_event("sender.upserted", _OPTIONS, **values)
    assert isinstance(event, SenderUpserted)
    return event


def _action_limits(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The limits of ACTION:LIMIT=N by action. `calendar` takes a word instead of a number."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in named_values("--action-limit", texts):
        action, colon, limit = name.partition(":")
        if not colon or limit not in ActionLimits.model_fields:
            known = ", ".join(ActionLimits.model_fields)
            message = f"--action-limit {name}: must be ACTION:LIMIT=N, LIMIT one of {known}"
            raise CommandError(message, EXIT_USAGE)
        limits = found.setdefault(action, {})
        if limit == "calendar":
            limits.setdefault(limit, []).append(value)
        else:
            limits[limit] = number("--action-limit", int, value)
    return found


def _warm_up(text: str) -> dict[str, Any]:
    parts = text.split(":")
    if len(parts) != 3:
        raise CommandError(f"--warm-up {text}: must be START:STEP:TARGET", EXIT_USAGE)
    values = [number("--warm-up", int, part) for part in parts]
    return dict(zip(("start", "step", "target"), values, strict=True))


@app.command("remove")
def remove_sender(
    sender_id: option.SenderId,
    tenant: Tenant,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Remove a sender account: it sends nothing more.

    Its `--on-gone` decides what becomes of the people whom it has written to.

    Example: touchstream sender remove ann@acme.com --tenant acme
    """
    event = build_event("sender.removed", _OPTIONS, tenant_id=tenant, sender_id=sender_id)
    fact = publish_and_wait(
        connected_settings(), "sender.removed", event, wait=wait, timeout_s=timeout
    )
    print_answer(fact, f"{sender_id} of {tenant}: removed", as_json=json)


@app.command("complaints")
def report_complaints(
    sender_id: option.SenderId,
    tenant: Tenant,
    delivered: Annotated[
        int, typer.Option("--delivered", help="How many messages the provider delivered.")
    ],
    complaints: Annotated[
        int, typer.Option("--complaints", help="How many of them were reported as spam.")
    ],
    at: Annotated[
        str | None, typer.Option("--at", help="The end of the time they are of; default: now.")
    ] = None,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Report how many messages of an account were reported as spam, where the provider names
    nobody.

    They count for the health of the account, which pauses itself by too many. A complaint of a
    person whom the provider names is the event contact.complained.

    Example: touchstream sender complaints ann@acme.com --tenant acme --delivered 2000 --complaints
    3
    """
    values: dict[str, Any] = {"tenant_id": tenant, "sender_id": sender_id}
    values |= {"delivered": delivered, "complaints": complaints}
    if at is not None:
        values["at"] = parse_time(at, "--at")
    event = build_event("sender.complaints_reported", _OPTIONS, **values)
    fact = publish_and_wait(
        connected_settings(), "sender.complaints_reported", event, wait=wait, timeout_s=timeout
    )
    print_answer(fact, f"{sender_id} of {tenant}: {complaints} complaints counted", as_json=json)


@app.command("list")
def list_senders(tenant: Tenant, json: Json = False) -> None:
    """List the sender accounts of a tenant with their limits and what keeps them from sending.

    `any` is the action of all that have no limits of their own. A limit of the calendar has a star.
    The state has what is closed now: hours, and limits that are used up, with the time at which the
    next follow-up may go.

    Example: touchstream sender list --tenant acme
    """
    settings = connected_settings()
    existing_tenant(AdminStates(settings, {tenant_key(tenant)}), tenant)
    now = settings.scaled_clock().now()
    accounts = read_accounts(settings, tenant, now)
    if json:
        print_json([{**account_json(a.channel, a.terms), "state": a.state(now)} for a in accounts])
        return
    rows = [row for a in accounts for row in account_rows(a.channel, a.terms, a.state(now))]
    print_table(ACCOUNT_HEADS, rows)
