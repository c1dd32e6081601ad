"""`touchstream demo`: three businesses on a stack of their own."""

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import Json


def demo(
    customers: Annotated[int, typer.Option(min=1, help="Number of customers.")] = 2_000,
    seconds: Annotated[
        int, typer.Option(min=1, help="Real seconds for the two weeks to pass in.")
    ] = 60,
    data: Annotated[
        Path | None, typer.Option(help="Keep all data in this directory; default: remove it.")
    ] = None,
    json: Json = False,
) -> None:
    """Run three businesses through two weeks in a minute, on a stack of its own; exit 0 only if
    the verification agrees.

    Example: touchstream demo --customers 500 --seconds 30
    """
    from streams.demo import run

    raise typer.Exit(run(customers=customers, seconds=seconds, data=data, json=json))
