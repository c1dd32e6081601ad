"""`touchstream run`: processes of the chosen roles, kept running until SIGTERM or Ctrl-C.

`touchstream up` shares the functions that keep processes running. Both commands end with exit code
0 when they are stopped.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka import KafkaException

from streams.base import log_format
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.group_offsets import GroupOffsets
from streams.cli.output import print_stderr
from streams.cli.stop_signals import StopSignals
from streams.kafka.topics import layout_of
from streams.runtime.role_process import ROLES
from streams.runtime.supervisor import Supervisor

CHECK_INTERVAL_S = 0.2
OWNERS_TIMEOUT_S = 3.0


def run(
    roles: Annotated[
        str, typer.Option(help="Comma-separated: " + ", ".join(ROLES) + "; or all.")
    ] = "all",
    workers: Annotated[int, typer.Option(min=1, help="Processes for each role.")] = 1,
    first_slot: Annotated[
        int, typer.Option(min=0, help="Number of the first slot; each machine needs its own slots.")
    ] = 0,
    logs: Annotated[
        Path | None, typer.Option(help="A directory for log files, instead of stderr.")
    ] = None,
) -> None:
    """Run roles against your own Kafka and PostgreSQL, set by TOUCHSTREAM_* variables.

    A worker keeps its slot number over restarts. Machines must not share slots: with --workers 2
    the first machine runs slots 0 and 1, so the second machine needs --first-slot 2.

    Example: touchstream run --roles contact,dispatch --workers 2
    """
    chosen = chosen_roles(roles)
    log_format.configure()
    settings = connected_settings()
    layout_of(settings)
    if "projector" in chosen:
        settings.dsn()
    with StopSignals() as stop:
        supervisor = Supervisor(chosen, {}, workers=workers, first_slot=first_slot, log_dir=logs)
        try:
            supervisor.start()
            print_stderr(f"running {', '.join(chosen)}; Ctrl-C stops it")
            stop.interrupts = False
            supervise(supervisor, stop)
        except KeyboardInterrupt:
            pass
        finally:
            stop.interrupts = False
            supervisor.stop()


def supervise(supervisor: Supervisor, stop: StopSignals, *each_turn: Callable[[], object]) -> None:
    """Restarts dead processes and makes the calls `each_turn`, until a stop is requested. Raises
    CommandError where a restart would not help."""
    while not stop.requested.wait(CHECK_INTERVAL_S):
        restart_dead(supervisor)
        for call in each_turn:
            call()


def restart_dead(supervisor: Supervisor) -> None:
    """Restarts processes that died. Raises CommandError where a restart would not help."""
    try:
        supervisor.check()
    except RuntimeError as error:
        raise CommandError(str(error), EXIT_USAGE) from None


def unassigned_roles(broker: GroupOffsets, roles: Sequence[str]) -> list[str]:
    """The roles that have a partition without a worker."""
    try:
        owners = broker.owners(roles, OWNERS_TIMEOUT_S)
    except KafkaException:  # a new broker has no coordinator for these groups yet
        return [*roles]
    return [role for role in roles if not owners[role].keys() >= {*broker.partitions_of(role)}]


def chosen_roles(text: str) -> tuple[str, ...]:
    """The roles that a comma-separated text names, each once, in the order named: two workers must
    not share an identity. Raises CommandError for an unknown role."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if unknown := [name for name in names if name not in (*ROLES, "all")]:
        message = f"no such role: {', '.join(unknown)}; the roles are {', '.join(ROLES)}"
        raise CommandError(message, EXIT_USAGE)
    return ROLES if "all" in names else names
