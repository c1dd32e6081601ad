"""`touchstream rebuild-state`: writes the changelogs of a stopped role anew."""

from collections.abc import Sequence
from typing import Annotated

import typer

from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.options import Json
from streams.cli.output import print_json, progress

INTAKE = "intake"
ROLES = (INTAKE, "contact", "dispatch", "campaign")
"""The roles that have a changelog."""

AcceptLog = Annotated[
    bool,
    typer.Option(
        "--accept-log", help="Keep the states, and go on with a log that was cut or made anew."
    ),
]
AssumeTimersFired = Annotated[
    bool,
    typer.Option(
        "--assume-timers-fired",
        help="For offsets that an earlier version has committed: the engine was at rest.",
    ),
]


def rebuild_state(
    role: Annotated[
        str, typer.Argument(metavar="ROLE", help=f"A role that is stopped: {', '.join(ROLES)}.")
    ],
    accept_log: AcceptLog = False,
    assume_timers_fired: AssumeTimersFired = False,
    json: Json = False,
) -> None:
    """Fold the log of a stopped role again from its start into a new changelog.

    For a changelog that was lost or cut. The fold ends where the role has committed, and its
    outputs are dropped, because they were written then. Use the version that ran last, and compare
    with `touchstream verify` afterwards. A changelog topic that is gone must be made first:
    `touchstream topics`. With --accept-log nothing is folded: the states stay as they are, and the
    role goes on at the beginning of a log that was made anew, or where a log was cut. What the log
    has lost is lost.

    Example: touchstream rebuild-state contact
    """
    from streams.audit import rebuild_state as audit

    if role not in ROLES:
        raise CommandError(f"ROLE must be one of {', '.join(ROLES)}", EXIT_USAGE)
    if role == INTAKE and not accept_log:
        raise CommandError("intake has no states; it can only --accept-log", EXIT_USAGE)
    settings = connected_settings()
    with progress() as show_progress:
        if accept_log:
            written = audit.accept_log(settings, role)
        else:
            written = audit.rebuild_states(
                settings, role, assume_timers_fired=assume_timers_fired, progress=show_progress
            )
    _print([(p.topic.value, p.number, at, states) for p, at, states in written], json=json)


def _print(written: Sequence[tuple[str, int, int, int]], *, json: bool) -> None:
    if json:
        names = ("topic", "partition", "next_offset", "states")
        print_json([dict(zip(names, row, strict=True)) for row in written])
        return
    for topic, number, at, states in written:
        print(f"{topic}[{number}]: {states:,} states, goes on at offset {at:,}")
    if not written:
        print("nothing to do: every position fits its log")
