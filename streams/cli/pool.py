"""`touchstream pool …`: the call pools of the platform, which all tenants share."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import typer

from schemas.campaigns.compiled_definition import DEFAULT_POOL
from schemas.internal.messages import PLATFORM
from schemas.internal.states import CampaignState, KnownPool, PoolRecord
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.cli.command_settings import connected_settings
from streams.cli.event_publisher import build_event
from streams.cli.option_values import named_numbers
from streams.cli.options import Json, Timeout, Wait
from streams.cli.output import format_time, print_json, print_table
from streams.cli.request_reply import TIMEOUT_S, print_answer, publish_and_wait
from streams.cli.stored_states import is_tagged, stored_states

app = typer.Typer(no_args_is_help=True, help="Call pools: the slots that all tenants share.")

_OPTIONS = {
    "pool_id": "ID",
    "weights.*": "--weight",
    "reserved.*": "--reserve",
    "reserved": "--reserve",
}
_decode = msgspec.msgpack.Decoder(CampaignState).decode


@app.command("set")
def set_pool(
    pool_id: Annotated[str, typer.Argument(metavar="ID", help=f"Such as {DEFAULT_POOL}.")],
    slots: Annotated[int, typer.Option(help="Most calls under way, 1 to 1000.")],
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="TENANT=N", help="Turns of a tenant; default: 1. Repeatable."),
    ] = None,
    reserve: Annotated[
        list[str] | None,
        typer.Option(metavar="TENANT=N", help="Slots kept free for a tenant. Repeatable."),
    ] = None,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Create a call pool, or replace its settings. A lower number of slots ends no call.

    The pool `calls` is always there, with 10 slots. Tenants with waiting calls take turns; one with
    the weight 3 has three turns where another has one.

    Example: touchstream pool set calls --slots 40 --weight acme=3 --reserve bolt=2
    """
    event = build_event(
        "pool.upserted",
        _OPTIONS,
        tenant_id=PLATFORM,
        pool_id=pool_id,
        slots=slots,
        weights=named_numbers("--weight", weight),
        reserved=named_numbers("--reserve", reserve),
    )
    fact = publish_and_wait(
        connected_settings(), "pool.upserted", event, wait=wait, timeout_s=timeout
    )
    holds = ", ".join(
        f"{name} {' '.join(texts) if texts else 'none'}"
        for name, texts in (("weights", weight), ("reserved", reserve))
    )
    print_answer(fact, f"{pool_id}: saved, {slots} slots, {holds}", as_json=json)


@app.command("show")
def show_pools(json: Json = False) -> None:
    """Show the call pools with their slots, and the tenants with a weight or reserved slots.

    `touchstream queue` shows which slots are in use.

    Example: touchstream pool show
    """
    pools = read_pools(connected_settings())
    if json:
        print_json([pool_json(pool) for pool in pools])
        return
    print_pools(pools)


def read_pools(settings: Settings) -> list[PoolRecord]:
    """The call pools by id, the one that is always there included."""
    states = stored_states(
        settings, Topic.CAMPAIGN_CHANGELOG, lambda _, value: is_tagged(value, PoolRecord)
    )
    found = {DEFAULT_POOL: PoolRecord(DEFAULT_POOL, KnownPool(DEFAULT_POOL).slots, {}, {}, 0, 0, 0)}
    for pool in map(_decode, states.values()):
        if isinstance(pool, PoolRecord):
            found[pool.pool_id] = pool
    return [pool for _, pool in sorted(found.items())]


def pool_json(pool: PoolRecord) -> dict[str, Any]:
    """A pool with its settings; `updated_at` is null if they were never set."""
    return {
        "pool_id": pool.pool_id,
        "slots": pool.slots,
        "weights": pool.weights,
        "reserved": pool.reserved,
        "updated_at": format_time(pool.updated_at or None),
    }


def print_pools(pools: Iterable[PoolRecord]) -> None:
    """Prints a row for each pool, and one for each tenant with settings of its own."""
    rows: list[tuple[object, ...]] = []
    for pool in pools:
        changed = format_time(pool.updated_at) if pool.updated_at else "never set"
        rows.append((pool.pool_id, pool.slots, None, None, None, changed))
        rows += [
            (None, None, tenant, pool.weights.get(tenant, 1), pool.reserved.get(tenant, 0), None)
            for tenant in sorted({*pool.weights, *pool.reserved})
        ]
    print_table(("pool", "slots#", "tenant", "weight#", "reserved#", "since"), rows)
