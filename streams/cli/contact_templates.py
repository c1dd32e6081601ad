"""`touchstream contacts template`: files of people to begin with (S3-26, S4-36)."""

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.errors import EXIT_USAGE, CommandError

_ROWS: dict[str, list[dict[str, str]]] = {
    "basic": [
        {"phone": "+1 212 555 0142", "name": "Ann Lee"},
        {"phone": "+1 212 555 0143", "name": "Ben Ortiz"},
        {"phone": "+1 212 555 0144", "name": ""},
    ],
    "advanced": [
        {
            "phone": "+1 212 555 0142",
            "name": "Ann Lee",
            "priority": "50",
            "scheduled_for": "",
            "agent": "",
            "company": "Lee Roofing",
            "contract": "C-1001",
        },
        {
            "phone": "+1 212 555 0143",
            "name": "Ben Ortiz",
            "priority": "0",
            "scheduled_for": "2026-03-03T15:00:00-05:00",
            "agent": "agent-9",
            "company": "Ortiz & Sons",
            "contract": "C-1002",
        },
        {
            "phone": "+1 212 555 0144",
            "name": "",
            "priority": "-10",
            "scheduled_for": "2026-03-04T09:30:00-05:00",
            "agent": "",
            "company": "",
            "contract": "C-1003",
        },
    ],
    "outreach": [
        {
            "contact_type": "candidate",
            "first_name": "John",
            "last_name": "Doe",
            "email": "john.doe@example.com",
            "linkedin_url": "https://linkedin.com/in/johndoe",
            "company_name": "TechCorp Inc",
            "title": "Senior Software Engineer",
            "user_id": "",
            "lead_id": "",
        },
        {
            "contact_type": "hiring_manager",
            "first_name": "Maya",
            "last_name": "Lindqvist",
            "email": "maya.lindqvist@example.com",
            "linkedin_url": "",
            "company_name": "Northwind Bank",
            "title": "VP Engineering",
            "user_id": "",
            "lead_id": "L-2041",
        },
        {
            "contact_type": "referral",
            "first_name": "Ravi",
            "last_name": "Menon",
            "email": "ravi.menon@example.com",
            "linkedin_url": "https://linkedin.com/in/ravi-menon",
            "company_name": "",
            "title": "",
            "user_id": "U-77",
            "lead_id": "",
        },
    ],
}
"""The lines of each template, by their columns."""


def template(
    name: Annotated[
        str, typer.Argument(help="basic: calls, phone and name; advanced: calls, all; outreach.")
    ],
    out: Annotated[Path | None, typer.Option(help="Write to a new file instead of stdout.")] = None,
) -> None:
    """Print a CSV file for the people of a campaign of calls or outreach, with example lines.

    `touchstream contacts import` describes the columns. An empty cell means the default; a column
    that the file does not need can be removed, and any further one becomes an attribute.

    Example: touchstream contacts template advanced --out calls.csv
    """
    if name not in _ROWS:
        message = f"there is no template {name}: give one of {', '.join(_ROWS)}"
        raise CommandError(message, EXIT_USAGE)
    text = template_text(name)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(f"{out} exists already and was not changed", EXIT_USAGE) from None
    print(f"{out}: fill in the people, then: touchstream contacts import {out}")


def template_text(name: str) -> str:
    """The lines of a template as CSV."""
    rows = _ROWS[name]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
