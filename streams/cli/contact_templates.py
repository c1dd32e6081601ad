"""`touchstream contacts template`: files of people to begin with (S3-26, S4-36)."""

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.errors import EXIT_USAGE, CommandError

_TEXTS: dict[str, str] = {
    "basic": """phone,name
+1 212 555 0142,Ann Lee
+1 212 555 0143,Ben Ortiz
+1 212 555 0144,
""",
    "advanced": """phone,name,priority,scheduled_for,agent,company,contract
+1 212 555 0142,Ann Lee,50,,,Lee Roofing,C-1001
+1 212 555 0143,Ben Ortiz,0,2026-03-03T15:00:00-05:00,agent-9,Ortiz & Sons,C-1002
+1 212 555 0144,,-10,2026-03-04T09:30:00-05:00,,,C-1003
""",
    "outreach": """contact_type,first_name,last_name,email,linkedin_url,company_name,title,\
user_id,lead_id
candidate,John,Doe,john.doe@example.com,https://linkedin.com/in/johndoe,TechCorp Inc,\
Senior Software Engineer,,
hiring_manager,Maya,Lindqvist,maya.lindqvist@example.com,,Northwind Bank,VP Engineering,,L-2041
referral,Ravi,Menon,ravi.menon@example.com,https://linkedin.com/in/ravi-menon,,,U-77,
""",
}
"""The templates as CSV."""


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
    if name not in _TEXTS:
        message = f"there is no template {name}: give one of {', '.join(_TEXTS)}"
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
    return _TEXTS[name]
