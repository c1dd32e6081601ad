"""`touchstream rebuild-state`: writes the changelogs of a stopped role anew."""

from enum import StrEnum
from typing import Annotated

import typer

from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.options import Json
from streams.cli.output import print_json, progress


class RebuiltRole(StrEnum):
    """The roles that have a changelog."""

    INTAKE = "intake"
    CONTACT = "contact"
    DISPATCH = "dispatch"
    CAMPAIGN = "campaign"


def rebuild_state(
    role: Annotated[RebuiltRole, typer.Argument(metavar="ROLE", help="A role that is stopped.")],
    accept_log: Annotated[
        bool,
        typer.Option(
            "--accept-log",
            help="Keep the states, and go on with a log that was cut or made anew.",
        ),
    ] = False,
    assume_timers_fired: Annotated[
        bool,
        typer.Option(
            "--assume-timers-fired",
            help="For offsets that an earlier version has committed: the engine was at rest.",
        ),
    ] = False,
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

    settings = connected_settings()
    if role is RebuiltRole.INTAKE and not accept_log:
        raise CommandError("intake has no states; it can only --accept-log", EXIT_USAGE)
    with progress() as show_progress:
        if accept_log:
            written = audit.accept_log(settings, role.value)
        else:
            written = audit.rebuild_states(
                settings,
                role.value,
                assume_timers_fired=assume_timers_fired,
                progress=show_progress,
            )
    if json:
        print_json(
            [
                {"topic": p.topic, "partition": p.number, "next_offset": at, "states": states}
                for p, at, states in written
            ]
        )
        return
    for (topic, number), at, states in written:
        print(f"{topic}[{number}]: {states:,} states, goes on at offset {at:,}")
    if not written:
        print("nothing to do: every position fits its log")
