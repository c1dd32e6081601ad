"""`touchstream contacts template`: files of calls to begin with (S3-26)."""

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
}
"""The lines of each template, by their columns."""


def template(
    name: Annotated[str, typer.Argument(help="basic: phone and name; advanced: all.")],
    out: Annotated[Path | None, typer.Option(help="Write to a new file instead of stdout.")] = None,
) -> None:
    """Print a CSV file for the people of a campaign of calls, with example lines.

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
