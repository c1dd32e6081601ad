"""`touchstream queue`: which slots of calls are in use, who is next, and what the others wait
for."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer

from schemas.base.times import MomentUs
from schemas.internal.messages import pool_key
from schemas.internal.topics import Layout, Topic
from streams.audit.dispatch_queue import (
    CallRow,
    QueueView,
    SlotRow,
    WaitingRow,
    is_of_queue,
    merged,
    queue_view,
)
from streams.base.partitioner import partition_of
from streams.base.settings import Settings
from streams.cli.call_items import ItemsRow, waiting_items
from streams.cli.command_settings import connected_settings
from streams.cli.options import Json
from streams.cli.output import format_time, print_json, print_stderr, print_table
from streams.cli.stored_states import stored_values
from streams.kafka.topics import layout_of

ROWS = 20
_TIMES = ("granted_at", "until", "frees_at", "expires_at")


def queue(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only what is of this tenant.")
    ] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="Only what is of this campaign.")
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", min=1, help="Rows of each table at most; --json has all.")
    ] = ROWS,
    json: Json = False,
) -> None:
    """Show the slots of calls that are in use, and what waits at dispatch: who is next, or why not.

    The slots are those of each call pool, and of the tenants, campaigns, agents and caller numbers
    that have calls under way; each is free again at the time that is shown, or before. Of all that
    wait for the same, the row names the one that goes first. `next` waits for its turn only; `turn`
    is the place of its tenant. `touchstream why` explains one touch, `touchstream forecast` when a
    backlog clears.

    Dispatch has only calls that may be placed now. People who wait at their contact, for call
    hours, their time, the next call or the end of a pause, are counted with --tenant: the states of
    all contacts are read for this. `until` is when the first of them is looked at again.

    Example: touchstream queue --tenant acme --campaign renewals
    """
    settings = connected_settings()
    now = settings.scaled_clock().now()
    layout = layout_of(settings)
    views = (_view_of(settings, layout, number, now) for number in range(layout.dispatch))
    view = _filtered(merged(views), tenant, campaign)
    items = None if tenant is None else waiting_items(settings, tenant, campaign)
    if json:
        tables = {**view._asdict(), "waiting_at_contact": items}
        print_json({name: found and [*map(_as_json, found)] for name, found in tables.items()})
        return
    _print(view, rows)
    _print_items(items, rows)


def _view_of(settings: Settings, layout: Layout, number: int, now: MomentUs) -> QueueView:
    """The view of one task of the dispatch processor."""
    states = stored_values(
        settings, Topic.DISPATCH_CHANGELOG, lambda _, value: is_of_queue(value), number
    )
    return queue_view(
        states, now, lambda pool: partition_of(pool_key(pool), layout.dispatch) == number
    )


def _filtered(view: QueueView, tenant: str | None, campaign: str | None) -> QueueView:
    """The rows of a tenant and a campaign; those of pools stay."""

    def fits(row: CallRow | WaitingRow) -> bool:
        return tenant in (None, row.tenant_id) and campaign in (None, row.campaign_id)

    def slot_fits(row: SlotRow) -> bool:
        if row.scope == "pool":
            return True
        other_campaign = row.scope == "campaign" and campaign not in (None, row.name)
        return tenant in (None, row.tenant_id) and not other_campaign

    return QueueView(
        [row for row in view.slots if slot_fits(row)],
        [row for row in view.calls if fits(row)],
        [row for row in view.waiting if fits(row)],
    )


def _as_json(row: msgspec.Struct) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(row)
    return {name: format_time(value) if name in _TIMES else value for name, value in values.items()}


def _print(view: QueueView, rows: int) -> None:
    heads: Sequence[str] = ("pool", "slots of", "tenant", "name", "used#", "limit#", "frees at")
    _table("Slots", heads, [_slot(row) for row in view.slots], rows)
    heads = ("state", "tenant", "campaign", "contact", "agent", "frees at", "command")
    _table("Calls under way", heads, [_call(row) for row in view.calls], rows)
    heads = (
        *("tenant", "campaign", "by", "waiting#", "for", "until", "turn#", "first"),
        *("priority#", "agent or account", "limits", "command"),
    )
    _table("Waiting", heads, [_waiting(row) for row in view.waiting], rows)


def _print_items(items: list[ItemsRow] | None, rows: int) -> None:
    if items is None:
        print_stderr(
            "with --tenant also: people who wait at their contact, for call hours or later"
        )
        return
    heads = ("tenant", "campaign", "waiting#", "for", "until", "first")
    _table("Waiting at their contact", heads, [_item(row) for row in items], rows)


def _table(title: str, heads: Sequence[str], found: Sequence[Sequence[object]], rows: int) -> None:
    if not found:
        print(f"{title}: none")
        return
    print(f"{title}:")
    print_table(heads, found[:rows])
    if len(found) > rows:
        print_stderr(f"… and {len(found) - rows} rows more; --rows or --json shows them")


def _slot(row: SlotRow) -> tuple[object, ...]:
    name = None if row.scope in ("pool", "tenant") else row.name
    times = (row.used, row.limit, format_time(row.frees_at))
    return (row.pool_id, row.scope, row.tenant_id, name, *times)


def _call(row: CallRow) -> tuple[object, ...]:
    names = (row.tenant_id, row.campaign_id, row.contact_id, row.agent_id)
    return (row.state, *names, format_time(row.until), row.command_id)


def _waiting(row: WaitingRow) -> tuple[object, ...]:
    limits = ", ".join(
        f"{name.removeprefix('call_slots_')} {value['used']}/{value['limit']}"
        for name, value in row.limits.items()
        if value.get("limit") is not None
    )
    return (
        row.tenant_id,
        row.campaign_id,
        row.pool_id or row.channel,
        row.waiting,
        row.reason,
        format_time(row.until),
        row.turn,
        row.first_contact_id,
        row.priority,
        row.agent_id or row.sender_id,
        limits or None,
        row.first_command_id,
    )


def _item(row: ItemsRow) -> tuple[object, ...]:
    times = (row.waiting, row.reason, format_time(row.until))
    return (row.tenant_id, row.campaign_id, *times, row.first_contact_id)
