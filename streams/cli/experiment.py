"""`touchstream experiment …`: the results of A/B tests."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from processors.campaign.experiments import report_values
from processors.shared.experiment_counts import Stratum, strata
from processors.shared.experiment_statistics import result_of_values
from schemas.base.times import format_rfc3339
from schemas.internal.states import CampaignRecord
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.experiment_text import (
    METRIC_HEADS,
    VARIANT_HEADS,
    metric_rows,
    sentences,
    short_line,
    source_lines,
    variant_rows,
)
from streams.cli.options import Json, Tenant
from streams.cli.output import format_time, print_indented, print_json, print_table
from streams.cli.stored_campaigns import StoredCampaigns, read_campaigns
from streams.kafka.topics import layout_of

app = typer.Typer(no_args_is_help=True, help="Experiments: the results of A/B tests.")

_STRATUM_HEADS = (
    *("split", "A reached#", "A responses#", "A conversions#"),
    *("B reached#", "B responses#", "B conversions#"),
)


@app.callback()
def group() -> None:
    """Without it Typer would make the only command of the group the group itself."""


@app.command("show")
def show_experiment(
    tenant: Tenant,
    experiment: Annotated[
        str | None, typer.Argument(metavar="EXPERIMENT", help="The experiment's id.")
    ] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="All experiments of this campaign.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the result of an A/B test: both variants, their differences, and what they mean.

    Rates are of people reached by the step of the experiment. p_fixed is the usual p-value, valid
    for one look at a number of people that was fixed before. p_always is valid at every look, and
    decides: a winner is named at 0.05, with 100 people reached by each variant, 30 responses and no
    alarm of the sample ratio. The metric that decides has a star. `A / B` is the ratio of the
    successes by the split, with the interval that belongs to p_always: that of the rates, if both
    variants reach people alike. docs/experiments.md explains all of it.

    The source is what the campaign processor has committed and decides by.

    Example: touchstream experiment show java-q1 --tenant acme
    """
    if (experiment is None) == (campaign is None):
        message = "give the id of an experiment, or --campaign: one of both"
        raise CommandError(message, EXIT_USAGE)
    settings = connected_settings()
    stored = read_campaigns(settings, layout_of(settings), tenant, campaign)
    found = [*_found(stored, experiment, campaign)]
    if json:
        as_of = None if stored.as_of is None else format_rfc3339(stored.as_of)
        print_json({"as_of": as_of, "experiments": [_as_json(*each) for each in found]})
        return
    for record, values in found:
        _print(record, values, format_time(stored.as_of))


def _found(
    stored: StoredCampaigns, experiment: str | None, campaign: str | None
) -> Iterator[tuple[CampaignRecord, dict[str, Any]]]:
    """The experiments that are asked for, each with its campaign. Raises CommandError if there are
    none."""
    tenant_id, count = stored.tenant.tenant_id, 0
    records = stored.campaigns.values() if campaign is None else [stored.campaign(campaign)]
    for record in records:
        if campaign is None and record.status == "deleted":
            continue
        for values in report_values(record):
            if experiment in (None, values["experiment_id"]):
                count += 1
                yield record, values
    if not count:
        name = f"experiment {experiment}" if experiment else "experiment in its steps"
        raise CommandError(f"{campaign or tenant_id} has no {name}")


def _as_json(record: CampaignRecord, values: dict[str, Any]) -> dict[str, Any]:
    parts = strata(record.total_counts(), values["experiment_id"])
    return {
        "tenant_id": record.tenant_id,
        "campaign_id": record.campaign_id,
        **values,
        "decided_at": format_time(values.get("decided_at")),
        "strata": [
            {"split": part.split, "a": part.a._asdict(), "b": part.b._asdict()} for part in parts
        ],
        "switched_by": _switched(record, values["experiment_id"]),
    }


def _switched(record: CampaignRecord, experiment_id: str) -> list[int]:
    known = record.experiments.get(experiment_id)
    return [] if known is None else known.switched_by


def _print(record: CampaignRecord, values: Mapping[str, Any], as_of: str | None) -> None:
    result = result_of_values(values)
    step = f" at step {values['step_id']}" if "step_id" in values else ""
    print(f"{result.experiment_id}{step} of {record.campaign_id}: {short_line(result)}")
    keys = {"A": "template_a", "B": "template_b"}
    templates = [f"{name} is {values[key]}" for name, key in keys.items() if key in values]
    about = [f"the campaign is {record.status}", *([f"as of {as_of}"] if as_of else [])]
    print_indented([f"  {', '.join([*templates, *about])}", ""])
    print_indented(source_lines(result))
    print()
    print_table(VARIANT_HEADS, variant_rows(result))
    print()
    print_table(METRIC_HEADS, metric_rows(result))
    parts = strata(record.total_counts(), result.experiment_id)
    if len(parts) > 1:
        print()
        print_table(_STRATUM_HEADS, [_stratum_row(part) for part in parts])
    print()
    print_indented(sentences(result, format_time(result.decided_at)))
    switched = _switched(record, result.experiment_id)
    if result.winner and result.on_winner == "switch_unsent":
        print_indented(
            [
                "Whoever has got nothing yet gets the winner's template:"
                f" {len(switched)} {'partition' if len(switched) == 1 else 'partitions'} of"
                " contact-log do so."
            ]
        )
    print()


def _stratum_row(part: Stratum) -> tuple[object, ...]:
    counts = ("reached", "responses", "conversions")
    of_both = (getattr(of, name) for of in (part.a, part.b) for name in counts)
    return (f"{part.split}/{100 - part.split}", *(f"{count:,}" for count in of_both))
