"""`touchstream campaign migrate`: the runs of older versions go on in the newest."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import typer

from processors.contact.version_migration import (
    counterpart,
    next_after,
    repeated_and_lost,
    same_means,
)
from schemas.campaigns.compiled_definition import Definition, Step
from sinks.campaign_runs_query import Runs, Standing, runs
from streams.base.settings import load_settings
from streams.cli.campaign import event_of
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.output import (
    Json,
    Tenant,
    Timeout,
    Wait,
    checked,
    print_json,
    print_table,
    settings,
)
from streams.cli.request_reply import TIMEOUT_S, order, tell

SHOWN_MAX = 20


class PlannedMove(NamedTuple):
    """What would become of a run."""

    contact_id: str
    version: int
    step: str
    becomes: str | None
    stays: bool
    again: list[str]
    lost: list[str]


def migrate(
    campaign_id: Annotated[str, typer.Argument(metavar="ID", help="The campaign's id.")],
    tenant: Tenant,
    moves: Annotated[
        list[str] | None,
        typer.Option("--map", help="OLD=NEW step, or OLD= where it is gone; same ids need none."),
    ] = None,
    from_version: Annotated[
        int | None, typer.Option("--from", min=1, help="Only runs of this version.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say who would move where; needs PostgreSQL alone.")
    ] = False,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Move the runs of older versions to the newest, by a map of steps.

    A run stands at a step and goes on at its counterpart; where that is gone, at the next step
    there is. One whose command is out at a step that is gone stays on its version.

    Example: touchstream campaign migrate outreach --tenant acme --map hello=intro --dry-run
    """
    steps = _steps(moves)
    if dry_run:
        _foretell(tenant, campaign_id, steps, from_version, json)
        return
    event = event_of(
        "campaign.migrated",
        tenant_id=tenant,
        campaign_id=campaign_id,
        from_version=from_version,
        steps=steps,
    )
    fact = order(settings(), "campaign.migrated", event, wait=wait, timeout_s=timeout)
    version = fact.version if fact is not None else None
    tell(fact, f"{campaign_id} of {tenant}: runs go on in version {version}", as_json=json)


def _steps(moves: list[str] | None) -> dict[str, str | None]:
    pairs = [move.partition("=") for move in moves or ()]
    for move, (old, equals, _) in zip(moves or (), pairs, strict=True):
        if not old or not equals:
            raise CommandError(f"{move}: must be OLD=NEW, or OLD= where the step is gone", EXIT_USAGE)
    return {old: new or None for old, _, new in pairs}


def _foretell(
    tenant: str,
    campaign_id: str,
    steps: Mapping[str, str | None],
    from_version: int | None,
    as_json: bool,
) -> None:
    known = runs(checked(load_settings()).dsn(), tenant, campaign_id)
    if not known.steps:
        raise CommandError(f"PostgreSQL knows no campaign {campaign_id} of {tenant}")
    outlooks = planned_moves(known, steps, from_version)
    if as_json:
        print_json([outlook._asdict() for outlook in outlooks])
        return
    counted: dict[tuple[Any, ...], int] = {}
    for each in outlooks:
        to = "stays: its command is out" if each.stays else each.becomes or "completed"
        way = (each.version, each.step, to, ", ".join(each.again), ", ".join(each.lost))
        counted[way] = counted.get(way, 0) + 1
    heads = ("version#", "stands at", "goes on at", "would repeat", "would miss", "runs#")
    print_table(heads, [(*way, number) for way, number in sorted(counted.items())][:SHOWN_MAX])
    print(f"{len(outlooks)} runs; --json lists every one")


def planned_moves(
    known: Runs, steps: Mapping[str, str | None], from_version: int | None
) -> list[PlannedMove]:
    """What the order would do, run by run: by the very rules of the processor."""
    newest = max(known.steps)
    new = _sketch(known.steps[newest])
    strange = sorted(name for name in steps.values() if name and counterpart(name, new, {}) is None)
    if strange:
        raise CommandError(f"version {newest} has no step {', '.join(strange)}", EXIT_USAGE)
    moving = [run for run in known.standing if run.version != newest]
    return [
        _outlook(run, _sketch(known.steps[run.version]), new, steps)
        for run in moving
        if from_version in (None, run.version)
    ]


def _outlook(
    run: Standing, old: Definition, new: Definition, steps: Mapping[str, str | None]
) -> PlannedMove:
    stands = run.visited[-1]
    becomes = counterpart(stands, new, steps)
    if run.out and not same_means(old, stands, new, becomes):
        return PlannedMove(run.contact_id, run.version, stands, stands, True, [], [])
    at = new.step_index(becomes) if becomes is not None else next_after(stands, old, new, steps)
    goes_on = new.steps[at].id if at < len(new.steps) else None
    been = [name for step in run.visited if (name := counterpart(step, new, steps)) is not None]
    again, lost = repeated_and_lost(been, at, new)
    if becomes is None and goes_on in been:
        again = [goes_on, *again]
    return PlannedMove(run.contact_id, run.version, stands, goes_on, False, again, lost)


def _sketch(steps: list[tuple[str, str, str]]) -> Definition:
    """As much of a version as the order of its steps and what each does."""
    rows = (Step(name, channel, 0, "", action=action) for name, channel, action in steps)
    return Definition("", "", "", tuple(rows))
