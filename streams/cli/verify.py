"""`touchstream verify`: compares states, outputs and PostgreSQL with a refold of the logs."""

from typing import Annotated

import typer

from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_NO, CommandError
from streams.cli.options import Json, WaitForRest
from streams.cli.output import print_json, progress


def verify(
    wait: WaitForRest = 30,
    first: Annotated[int, typer.Option(min=1, help="Differences to show at most.")] = 20,
    json: Json = False,
) -> None:
    """Fold all logs again and compare with states, commands, facts and PostgreSQL; exit 1 if any
    differ.

    A retention may have cut public topics, commands and facts: a line for each names the offset
    where it begins, and what was before is not compared. The exit code is 2 if a log is cut, which
    cannot be folded then, and 3 if the logs do not come to rest within --wait seconds.

    Example: touchstream verify
    """
    from streams.audit.verify import verify as verify_logs

    settings = connected_settings()
    settings.dsn()
    with progress() as show_progress:
        report = verify_logs(settings, wait_s=wait, first=first, progress=show_progress)
    differences = [str(difference) for difference in report.differences]
    if json:
        print_json(
            {
                "agrees": not differences,
                "differences": differences,
                "counts": report.counts,
                "cuts": report.cuts,
            }
        )
    else:
        for name, count in report.counts.items():
            print(f"{count:>12,}  {name}")
        print("".join(f"{text}\n" for text in report.cuts), end="")
        print("\n".join(differences) if differences else "all agree")
    if differences:
        message = f"{len(differences)} differences (at most {first} are shown)"
        raise CommandError(message, EXIT_NO)
