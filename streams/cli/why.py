"""`touchstream why`: explains why touches were sent, were not sent, or wait."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from processors.why import Explanation, explain
from schemas.internal.facts import fact_time
from streams.cli.command_settings import valid_settings
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.options import Json
from streams.cli.output import print_indented, print_json
from streams.cli.why_sources import (
    ContactQuery,
    FoundContact,
    from_logs,
    from_postgres,
    from_report,
)
from streams.cli.why_text import explanation_lines


def why(
    sought_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Id of an enrollment or a command.")
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="The tenant's id.")] = None,
    contact: Annotated[str | None, typer.Option("--contact", help="The contact's id.")] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="With --contact: only this campaign.")
    ] = None,
    from_log: Annotated[
        bool, typer.Option("--from-log", help="Fold the logs again instead of reading PostgreSQL.")
    ] = False,
    simulated: Annotated[
        Path | None,
        typer.Option("--simulated", metavar="DIR", help="Read a report of simulate --out."),
    ] = None,
    json: Json = False,
) -> None:
    """Explain why touches were sent, were not sent, or wait, and when they are tried next.

    For each touch it shows the gates in the order in which they are checked, each with the values
    that decided it, and then all decisions. The source is PostgreSQL; with --from-log, the logs,
    of which one partition is read from its beginning (an id alone is searched for in the topic of
    facts); with --simulated, a report of touchstream simulate, as it was at the simulation's end.

    Example: touchstream why --tenant acme --contact ann --campaign reviews
    """
    if sought_id is None and contact is None:
        message = "give the ID of an enrollment or a command, or --tenant and --contact"
        raise CommandError(message, EXIT_USAGE)
    if campaign is not None and sought_id is not None:
        message = "an ID belongs to one campaign: --campaign goes with --contact"
        raise CommandError(message, EXIT_USAGE)
    if simulated is not None and from_log:
        raise CommandError("give --from-log or --simulated, not both", EXIT_USAGE)
    query = ContactQuery(sought_id, tenant, contact)
    if simulated is not None:
        found = from_report(simulated, query)
    else:
        found = from_logs(query) if from_log else from_postgres(query)
    now = None if simulated is not None else fact_time(valid_settings().scaled_clock().now())
    if sought_id is None:
        explanation = _explain_contact(found, campaign, now)
    else:
        explanation = _explain_id(found, sought_id, now)
    if json:
        print_json(msgspec.to_builtins(explanation))
        return
    print_indented(explanation_lines(explanation))


def _explain_contact(
    contact: FoundContact, campaign: str | None, now: datetime | None
) -> Explanation:
    """All runs of a contact, or those in one campaign. Raises CommandError if there are none."""
    explanation = explain(*contact, campaign_id=campaign, now=now)
    besides = any(campaign in (None, fact.campaign_id) for fact in explanation.besides)
    if not explanation.runs and not besides:
        campaigns = ", ".join(sorted({run.campaign_id for run in contact.enrollments})) or "none"
        in_campaign = f" in {campaign}" if campaign else ""
        message = f"{contact.contact_id} has no facts{in_campaign}; its campaigns: {campaigns}"
        raise CommandError(message, EXIT_NO)
    return explanation


def _explain_id(contact: FoundContact, sought_id: str, now: datetime | None) -> Explanation:
    """One enrollment, or the touch of a command. Raises CommandError if the contact has neither."""
    if any(run.enrollment_id == sought_id for run in contact.enrollments):
        return explain(*contact, enrollment_id=sought_id, now=now)
    fact = next((f for f in contact.facts if f.command_id == sought_id and f.enrollment_id), None)
    if fact is None:
        name = f"{contact.tenant_id}/{contact.contact_id}"
        message = f"{sought_id} is neither an enrollment nor a command of {name}"
        raise CommandError(message, EXIT_NO)
    if all(run.enrollment_id != fact.enrollment_id for run in contact.enrollments):
        message = f"the enrollment of {sought_id} is not in PostgreSQL yet: try again"
        raise CommandError(message, EXIT_NO)
    number = fact.touch_number
    return explain(*contact, enrollment_id=fact.enrollment_id, touch_number=number, now=now)
