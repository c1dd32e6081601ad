"""`touchstream campaign migrate`: moves the runs of older versions to the newest version."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import typer

from processors.contact.version_migration import (
    counterpart,
    next_after,
    repeated_and_lost,
    same_channel_and_action,
)
from schemas.campaigns.compiled_definition import Definition, Step
from sinks.campaign_runs_query import CampaignRuns, LiveRun, campaign_runs
from streams.cli.command_settings import connected_settings, valid_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.event_publisher import build_event
from streams.cli.options import CampaignId, Json, Tenant, Timeout, Wait
from streams.cli.output import print_json, print_table
from streams.cli.request_reply import TIMEOUT_S, print_answer, publish_and_wait

ROWS_MAX = 20


class PlannedMove(NamedTuple):
    """What the migration would do with one run: the step it is at, the step it would continue at
    (None: it would be completed), whether it would stay on its version, and the steps that it
    would repeat and miss."""

    contact_id: str
    version: int
    step: str
    becomes: str | None
    stays: bool
    again: list[str]
    lost: list[str]


def migrate(
    campaign_id: CampaignId,
    tenant: Tenant,
    moves: Annotated[
        list[str] | None,
        typer.Option(
            "--map", help="OLD=NEW for a renamed step, OLD= for a removed one; default: same id."
        ),
    ] = None,
    from_version: Annotated[
        int | None, typer.Option("--from", min=1, help="Only runs of this version.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would move; needs PostgreSQL only.")
    ] = False,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Move the runs of older versions to the newest version, by a map of steps.

    A run continues at the counterpart of its current step, or, where that step was removed, at the
    next step that the newest version has. A run stays on its version while a command is out for a
    step that was removed.

    Example: touchstream campaign migrate outreach --tenant acme --map hello=intro --dry-run
    """
    steps = _step_map(moves)
    if dry_run:
        _print_plan(tenant, campaign_id, steps, from_version, json)
        return
    event = build_event(
        "campaign.migrated",
        {"campaign_id": "ID", "steps": "--map"},
        tenant_id=tenant,
        campaign_id=campaign_id,
        from_version=from_version,
        steps=steps,
    )
    fact = publish_and_wait(
        connected_settings(), "campaign.migrated", event, wait=wait, timeout_s=timeout
    )
    version = fact.version if fact is not None else None
    print_answer(fact, f"{campaign_id} of {tenant}: runs go on in version {version}", as_json=json)


def _step_map(moves: list[str] | None) -> dict[str, str | None]:
    pairs = [move.partition("=") for move in moves or ()]
    for move, (old, equals, _) in zip(moves or (), pairs, strict=True):
        if not old or not equals:
            raise CommandError(f"{move}: must be OLD=NEW, or OLD= for a removed step", EXIT_USAGE)
    return {old: new or None for old, _, new in pairs}


def _print_plan(
    tenant: str,
    campaign_id: str,
    steps: Mapping[str, str | None],
    from_version: int | None,
    as_json: bool,
) -> None:
    campaign = campaign_runs(valid_settings().dsn(), tenant, campaign_id)
    if not campaign.steps:
        raise CommandError(f"PostgreSQL has no campaign {campaign_id} of {tenant}")
    moves = planned_moves(campaign, steps, from_version)
    if as_json:
        print_json([move._asdict() for move in moves])
        return
    print_planned_moves(moves)


def print_planned_moves(moves: Sequence[PlannedMove]) -> None:
    """Prints the moves on stdout, as a table with one row for the runs that move alike."""
    groups = Counter(
        (
            move.version,
            move.step,
            "stays: its command is out" if move.stays else move.becomes or "completed",
            ", ".join(move.again),
            ", ".join(move.lost),
        )
        for move in moves
    )
    heads = ("version#", "current step", "continues at", "would repeat", "would miss", "runs#")
    print_table(heads, [(*group, count) for group, count in sorted(groups.items())][:ROWS_MAX])
    shown = f" in {len(groups)} groups, {ROWS_MAX} shown" if len(groups) > ROWS_MAX else ""
    print(f"{len(moves)} runs{shown}; --json lists every one")


def planned_moves(
    campaign: CampaignRuns, steps: Mapping[str, str | None], from_version: int | None
) -> list[PlannedMove]:
    """What the migration would do, run by run, by the functions that the contact processor uses.
    Raises CommandError for a step that the newest version does not have."""
    newest = max(campaign.steps)
    new = _outline(campaign.steps[newest])
    missing = sorted(name for name in steps.values() if name and counterpart(name, new, {}) is None)
    if missing:
        raise CommandError(f"version {newest} has no step {', '.join(missing)}", EXIT_USAGE)
    return [
        _planned_move(run, _outline(campaign.steps[run.version]), new, steps)
        for run in campaign.live
        if run.version != newest and from_version in (None, run.version)
    ]


def _planned_move(
    run: LiveRun, old: Definition, new: Definition, steps: Mapping[str, str | None]
) -> PlannedMove:
    current = run.visited[-1]
    becomes = counterpart(current, new, steps)
    if run.out and not same_channel_and_action(old, current, new, becomes):
        return PlannedMove(run.contact_id, run.version, current, current, True, [], [])
    at = new.step_index(becomes) if becomes is not None else next_after(current, old, new, steps)
    next_step = new.steps[at].id if at < len(new.steps) else None
    done = [name for step in run.visited if (name := counterpart(step, new, steps)) is not None]
    again, lost = repeated_and_lost(done, at, new)
    if becomes is None and next_step in done:
        again = [next_step, *again]
    return PlannedMove(run.contact_id, run.version, current, next_step, False, again, lost)


def _outline(steps: list[tuple[str, str, str]]) -> Definition:
    """A definition that has the steps of a version with their channels and actions, and no more."""
    rows = (Step(name, channel, 0, "", action=action) for name, channel, action in steps)
    return Definition("", "", "", tuple(rows))
