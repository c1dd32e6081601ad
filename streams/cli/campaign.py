"""`touchstream campaign …`: publishes definitions and changes the status of campaigns."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.base.error_codes import Problem
from schemas.campaigns import presets
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import read_definition
from schemas.campaigns.local_problems import local_problems
from schemas.campaigns.recommendations import recommendations
from schemas.campaigns.yaml_document import parse_document
from streams.cli.campaign_text import problem_line
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.event_publisher import build_event
from streams.cli.options import (
    CampaignId,
    DefinitionFile,
    Json,
    MaybeTenant,
    Tenant,
    Timeout,
    Wait,
)
from streams.cli.output import print_json, print_stderr, print_table
from streams.cli.request_reply import TIMEOUT_S, print_answer, publish_and_wait

app = typer.Typer(
    no_args_is_help=True,
    help="Campaigns: validate, publish, activate, show, report, complete, cancel.",
)


@app.command()
def validate(file: DefinitionFile, tenant: MaybeTenant = None, json: Json = False) -> None:
    """Validate a definition and list every problem with its code and place; exit 1 if there are
    any.

    What would keep a valid definition from being activated or sent is listed as "not ready", and
    what is recommended for an outreach campaign and missing as warnings.

    Example: touchstream campaign validate examples/reviews.yaml
    """
    result = read_definition(file.read_bytes(), tenant_id=tenant)
    is_valid = isinstance(result, Definition)
    problems = [] if isinstance(result, Definition) else result
    unready = local_problems(result) if isinstance(result, Definition) else []
    wanted = recommendations(result) if isinstance(result, Definition) else []
    if json:
        found = {"problems": problems, "unready": unready, "recommendations": wanted}
        rows = {name: [each._asdict() for each in list_] for name, list_ in found.items()}
        print_json({"valid": is_valid, **rows})
    elif isinstance(result, Definition):
        steps = "1 step" if len(result.steps) == 1 else f"{len(result.steps)} steps"
        print(f"{file}: valid, {result.kind} campaign with {steps}")
        warn(unready, "not ready")
        warn(wanted)
    if problems:
        raise CommandError(format_problems(str(file), problems))


@app.command()
def publish(
    file: DefinitionFile,
    tenant: MaybeTenant = None,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Publish a definition and wait until every partition of the engine uses it for new events.

    The same definition again makes no new version. Running enrollments stay on the version they
    began with.

    Example: touchstream campaign publish examples/reviews.yaml --tenant acme
    """
    text = file.read_bytes()
    definition = read_definition(text, tenant_id=tenant)
    if not isinstance(definition, Definition):
        if json:
            print_json({"valid": False, "problems": [p._asdict() for p in definition]})
        raise CommandError(format_problems(str(file), definition))
    event = build_event(
        "campaign.published",
        tenant_id=definition.tenant_id,
        campaign_id=definition.campaign_id,
        definition=parse_document(text),
    )
    fact = publish_and_wait(
        connected_settings(), "campaign.published", event, wait=wait, timeout_s=timeout
    )
    values = (fact.values if fact is not None else None) or {}
    for name in values.get("templates_gone", ()):
        print_stderr(f"warning: template {name} was deleted; touches with it are not sent")
    campaign_id, owner, status = definition.campaign_id, definition.tenant_id, values.get("status")
    outcome = f"is live ({status})"
    if status == "draft":
        activate = f"touchstream campaign activate {campaign_id} --tenant {owner}"
        takes = "takes people and sends nothing" if definition.outreach else "enrolls nobody"
        outcome = f"is published as a draft, which {takes}; to activate it:\n  {activate}"
    warn(recommendations(definition))
    for row in values.get("new_strata", ()):
        print_stderr(f"warning: {_new_stratum(row)}")
    version = fact.version if fact is not None else None
    print_answer(fact, f"{campaign_id} of {owner}: version {version} {outcome}", as_json=json)


@app.command("presets")
def list_presets(json: Json = False) -> None:
    """List the system presets. A preset is read-only; `duplicate` makes a campaign from one.

    Example: touchstream campaign presets
    """
    found = presets.list_presets()
    if json:
        print_json([{**p.document, "id": p.id} for p in found])
        return
    rows = [
        (p.id, ", ".join(f"{s['channel']} +{s['delay_hours']:g} h" for s in p.document["steps"]))
        for p in found
    ]
    print_table(
        ("preset", "steps", "description"),
        [(*row, preset.description) for row, preset in zip(rows, found, strict=True)],
    )


@app.command()
def duplicate(
    preset: Annotated[str, typer.Argument(help="One of: " + ", ".join(presets.PRESET_NAMES))],
    tenant: Tenant,
    campaign_id: Annotated[str, typer.Option("--id", help="The new campaign's id.")],
    name: Annotated[
        str | None, typer.Option(help="The new campaign's name; default: its id.")
    ] = None,
    service_type: Annotated[
        str | None, typer.Option(help="hvac, plumbing, …; default: every service type.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to a new file instead of stdout.")] = None,
) -> None:
    """Write a definition for the tenant, made from a preset, as YAML with empty templates.

    Example: touchstream campaign duplicate standard --tenant acme --id reviews --out reviews.yaml
    """
    try:
        text = presets.duplicate(preset, tenant, campaign_id, name or campaign_id, service_type)
    except presets.PresetUnknown as error:
        raise CommandError(str(error), EXIT_USAGE) from None
    result = read_definition(text)
    if not isinstance(result, Definition):
        raise CommandError(format_problems("this campaign", result))
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(f"{out} exists already and was not changed", EXIT_USAGE) from None
    print(f"{out}: fill in the templates, then: touchstream campaign publish {out}")


def warn(found: Iterable[Problem], label: str = "warning") -> None:
    """Prints recommendations, or problems that do not refuse the document, one line each."""
    for each in found:
        print_stderr(f"{label}: {problem_line(each._asdict())}")


def format_problems(name: str, problems: list[Problem]) -> str:
    """All problems of the document `name`, one line each."""
    lines = [f"  {p.code} at {p.place or 'the document'}: {p.message}" for p in problems]
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"{name}: {count}", *lines])


def _new_stratum(row: Mapping[str, Any]) -> str:
    """A changed split, which must not be mixed with the one before (C-21)."""
    return (
        f"the split of {row['experiment_id']} was {row['before']} and is {row['split']} now: who is"
        " enrolled from now on is a stratum of its own"
    )


def _add_status_command(verb: str, kind: str, effect: str) -> None:
    """Adds `campaign VERB`, which publishes an event of the ce_type `kind`."""

    def change_status(
        campaign_id: CampaignId,
        tenant: Tenant,
        reason: Annotated[str | None, typer.Option(help="Recorded with the event.")] = None,
        wait: Wait = True,
        timeout: Timeout = TIMEOUT_S,
        json: Json = False,
    ) -> None:
        event = build_event(
            kind, {"campaign_id": "ID"}, tenant_id=tenant, campaign_id=campaign_id, reason=reason
        )
        fact = publish_and_wait(connected_settings(), kind, event, wait=wait, timeout_s=timeout)
        status = fact.reason if fact is not None else None
        for each in (fact.values or {}).get("recommendations", ()) if fact is not None else ():
            print_stderr(f"warning: {problem_line(each)}")
        print_answer(fact, f"{campaign_id} of {tenant}: {status}", as_json=json)

    example = f"Example: touchstream campaign {verb} reviews --tenant acme"
    app.command(verb, help=f"{effect}\n\n{example}")(change_status)


_add_status_command(
    "activate",
    "campaign.activated",
    "Activate a draft or paused campaign: it enrolls and sends.\n\n"
    "A draft of an outreach campaign is refused with everything that is missing, each with its\n"
    "code and place, once all of its people are counted; the exit code is 1. What is recommended\n"
    "and missing is listed as warnings. With a first day ahead the campaign is armed: it sends\n"
    "nothing before.",
)
_add_status_command(
    "pause", "campaign.paused", "Pause a campaign: nothing is sent until it is resumed."
)
_add_status_command(
    "resume", "campaign.resumed", "Resume a paused campaign, according to its late_policy."
)
_add_status_command(
    "complete",
    "campaign.completed",
    "Complete a campaign: its running enrollments stop.\n\n"
    "Commands of an outreach campaign that are out finish, unless its in_flight is revoke. Late"
    " answers still count; `touchstream campaign report` shows the result.",
)
_add_status_command(
    "cancel",
    "campaign.cancelled",
    "Cancel a campaign for good: its running enrollments stop, and queued calls are not placed.\n\n"
    "`touchstream contacts stop` cancels the run of one person.",
)
_add_status_command("archive", "campaign.archived", "Archive a completed or cancelled campaign.")
_add_status_command(
    "delete", "campaign.deleted", "Delete a campaign: its enrollments stop; its history is kept."
)
