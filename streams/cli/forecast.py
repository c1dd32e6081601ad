"""`touchstream forecast`: when a backlog clears, and which limit decides it."""

from typing import Annotated, Any

import msgspec
import typer

from schemas.base.times import SECOND, MomentUs
from schemas.channels import CHANNELS
from schemas.internal.messages import account_key
from schemas.internal.topics import Layout, Topic
from streams.audit.backlog import BacklogRow, backlog, call_backlog, is_of_backlog
from streams.audit.call_backlog import is_of_calls
from streams.base.partitioner import partition_of
from streams.base.settings import Settings
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.options import Json
from streams.cli.output import format_time, print_json, print_stderr, print_table
from streams.cli.stored_states import stored_values
from streams.kafka.topics import layout_of

ROWS = 40
_REASONS = 3


def forecast(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only what is of this tenant.")
    ] = None,
    channel: Annotated[
        str | None, typer.Option("--channel", help=f"One of {', '.join(CHANNELS)}.")
    ] = None,
    call_seconds: Annotated[
        int | None,
        typer.Option("--call-seconds", min=1, help="Calls too, as if each took its slot so long."),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", min=1, help="Rows at most; --json has all.")
    ] = ROWS,
    json: Json = False,
) -> None:
    """Show when the touches that wait at dispatch will have been sent, for each sender account and
    campaign, and which limit decides it.

    The forecast plays the limits, windows and queues forward. It is exact as long as nothing new
    comes and nobody opts out. `-` as the time means that the touches are lost: they expire first,
    or no account can send them.

    Nobody knows how long calls last, so they are only part of it with --call-seconds: the pools are
    played forward as if every call took so long, and none were made again. The account is the pool
    then. A thousand calls take about a second.

    Example: touchstream forecast --tenant acme --call-seconds 120
    """
    if channel is not None and channel not in CHANNELS:
        raise CommandError(f"--channel {channel}: must be one of {', '.join(CHANNELS)}", EXIT_USAGE)
    settings = connected_settings()
    now = settings.scaled_clock().now()
    found: list[BacklogRow] = []
    layout = layout_of(settings)
    for number in _partitions(layout, tenant, channel):
        states = stored_values(
            settings, Topic.DISPATCH_CHANGELOG, lambda _, value: is_of_backlog(value), number
        )
        found += backlog(states, now, tenant, channel)
    if call_seconds is not None:
        found += _calls(settings, layout, now, call_seconds, tenant, channel)
    found.sort(key=lambda row: (row.tenant_id, row.channel, row.campaign_id, row.sender_id))
    if json:
        print_json({"now": format_time(now), "backlog": [_as_json(row) for row in found]})
        return
    _print(found, rows)


def _calls(
    settings: Settings,
    layout: Layout,
    now: MomentUs,
    call_seconds: int,
    tenant: str | None,
    channel: str | None,
) -> list[BacklogRow]:
    """The calls of all pools: those of other tenants decide when a tenant has its turn."""
    rows: list[BacklogRow] = []
    for number in range(layout.partitions(Topic.DISPATCH_LOG)):
        states = stored_values(
            settings, Topic.DISPATCH_CHANGELOG, lambda _, value: is_of_calls(value), number
        )
        rows += call_backlog(states, now, call_seconds * SECOND)
    return [
        row for row in rows if tenant in (None, row.tenant_id) and channel in (None, row.channel)
    ]


def _partitions(layout: Layout, tenant: str | None, channel: str | None) -> list[int]:
    """The partitions of dispatch-log that own the channels."""
    everything = range(layout.partitions(Topic.DISPATCH_LOG))
    if tenant is None:
        return [*everything]
    names = CHANNELS if channel is None else (channel,)
    keys = (account_key(tenant, name) for name in names)
    return sorted({partition_of(key, layout.dispatch) for key in keys})


def _as_json(row: BacklogRow) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(row)
    times = {name: format_time(values[name]) for name in ("first_at", "clears_at")}
    return values | times


def _print(found: list[BacklogRow], rows: int) -> None:
    if not found:
        print("nothing waits")
        return
    heads = ("tenant", "channel", "campaign", "account", "waiting#", "first", "clears", "by")
    print_table(heads, [_row(row) for row in found[:rows]])
    if len(found) > rows:
        print_stderr(f"… and {len(found) - rows} rows more; --rows or --json shows them")


def _row(row: BacklogRow) -> tuple[object, ...]:
    reasons = [f"{name} {count:,}" for name, count in row.binds.items()]
    more = f" and {len(reasons) - _REASONS} more" if len(reasons) > _REASONS else ""
    return (
        row.tenant_id,
        row.channel,
        row.campaign_id,
        row.sender_id or None,
        row.waiting,
        format_time(row.first_at),
        format_time(row.clears_at),
        ", ".join(reasons[:_REASONS]) + more or None,
    )
