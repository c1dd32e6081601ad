"""`touchstream run`, and what it shares with `touchstream up`: roles kept running until told.

SIGTERM and Ctrl-C are the ordinary way to end both: everything is stopped, and the code is 0.
"""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Self

import typer
from confluent_kafka import KafkaException

from streams.cli.errors import INTERRUPTED, USAGE, CommandError
from streams.cli.group_offsets import BrokerQueries
from streams.cli.output import print_stderr, settings
from streams.kafka.topics import layout_of
from streams.runtime.role_process import ROLES
from streams.runtime.supervisor import Supervisor

LOOK_S = 0.2
CUT_OFF_S = 9.0
CHILDREN_S = 3.0
ASK_S = 3.0


class StopSignals:
    """Whether someone asked to stop. While `eager`, being asked interrupts what is under way.

    What then hangs is cut off before 10 s are over: servers and workers die with this process.
    """

    def __init__(self, last_words: Callable[[], object] = lambda: None) -> None:
        self.eager = True
        self.asked = threading.Event()
        self._last_words = last_words
        self._before: dict[int, Any] = {}
        self._watchdog: threading.Timer | None = None

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._watchdog is not None:
            self._watchdog.cancel()

    def _ask(self, _: int, __: FrameType | None) -> None:
        if self._watchdog is None:
            self._watchdog = threading.Timer(CUT_OFF_S, self._cut_off)
            self._watchdog.daemon = True
            self._watchdog.start()
        self.asked.set()
        if self.eager:
            self.eager = False
            raise KeyboardInterrupt

    def _cut_off(self) -> None:
        self._last_words()
        os._exit(INTERRUPTED)


def watch(
    supervisor: Supervisor, stopping: StopSignals, each_turn: Callable[[], object] = lambda: None
) -> None:
    """Keep them running until asked to stop. Raises Halt where no restart would help."""
    while not stopping.asked.wait(LOOK_S):
        look(supervisor)
        each_turn()


def look(supervisor: Supervisor) -> None:
    """Restart who died. Raises Halt where no restart would help."""
    try:
        supervisor.watch()
    except RuntimeError as error:
        raise CommandError(str(error), USAGE) from None


def unassigned(broker: BrokerQueries, roles: Sequence[str]) -> list[str]:
    """The roles whose partitions do not all have a worker yet."""
    try:
        owners = broker.owners(roles, ASK_S)
    except KafkaException:  # a young broker has no coordinator for them yet
        return [*roles]
    return [role for role in roles if not owners[role].keys() >= {*broker.places_of(role)}]


def run(
    roles: Annotated[
        str, typer.Option(help="Which, by comma: " + ", ".join(ROLES) + "; or all.")
    ] = "all",
    workers: Annotated[int, typer.Option(min=1, help="Processes for each role.")] = 1,
    first_slot: Annotated[
        int, typer.Option(min=0, help="The first one's number; each machine needs its own.")
    ] = 0,
    logs: Annotated[
        Path | None, typer.Option(help="A directory for log files, instead of stderr.")
    ] = None,
) -> None:
    """Run roles against your own Kafka and PostgreSQL, set by TOUCHSTREAM_* variables.

    A slot keeps its identity over restarts, so a second machine takes other slots: with
    --workers 2 the first one runs slots 0 and 1, and the second one says --first-slot 2.

    Example: touchstream run --roles contact,dispatch --workers 2
    """
    chosen = chosen_roles(roles)
    found = settings()
    layout_of(found)
    if "projector" in chosen:
        found.dsn()
    with StopSignals() as stopping:
        supervisor = Supervisor(chosen, {}, workers=workers, first_slot=first_slot, log_dir=logs)
        try:
            supervisor.start()
            print_stderr(f"running {', '.join(chosen)}: Ctrl-C ends it")
            stopping.eager = False
            watch(supervisor, stopping)
        except KeyboardInterrupt:
            pass
        finally:
            stopping.eager = False
            supervisor.stop()


def chosen_roles(text: str) -> tuple[str, ...]:
    """Each role once, in the order named: two workers must not share an identity. Raises Halt."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if unknown := [name for name in names if name not in (*ROLES, "all")]:
        raise CommandError(
            f"no such role: {', '.join(unknown)}; there are {', '.join(ROLES)}", USAGE
        )
    return ROLES if "all" in names else names
