"""`python -m streams.cli.docs > docs/cli.md`: the page of all commands, from their help texts."""

import sys

import typer
from typer.cli import get_docs_for_click
from typer.core import TyperGroup
from typer.main import get_command

from streams.cli import app

HEADER = "<!-- Generated from the help texts by `python -m streams.cli.docs > docs/cli.md`. -->"


def page() -> str:
    """The page as Markdown."""
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    _keep_summaries_whole(command)
    body = get_docs_for_click(obj=command, ctx=typer.Context(command), name="touchstream")
    return f"{HEADER}\n\n{body.strip()}\n"


def _keep_summaries_whole(group: TyperGroup) -> None:
    """Sets the first paragraph of each help text as the summary in lists of commands: by default a
    summary is cut to 45 characters."""
    for command in group.commands.values():
        command.short_help = " ".join((command.help or "").partition("\n\n")[0].split())
        if isinstance(command, TyperGroup):
            _keep_summaries_whole(command)


if __name__ == "__main__":
    sys.stdout.write(page())
