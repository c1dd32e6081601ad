"""`touchstream up`: the whole engine on one machine, in one directory, until Ctrl-C."""

import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from schemas.internal.topics import ONE_MACHINE
from sinks.migrate import migrate
from streams.base.settings import KAFKA_PREFIX, PREFIX, Settings, load_settings
from streams.cli.errors import UNREACHABLE, CommandError
from streams.cli.group_offsets import BrokerQueries
from streams.cli.output import checked, print_stderr, quiet, stderr_console
from streams.cli.run import CHILDREN_S, StopSignals, look, unassigned, watch
from streams.cli.scaled_clock_file import KEEP_S, ClockFile, write_private
from streams.kafka import topics
from streams.runtime.role_process import ROLES
from streams.runtime.supervisor import Supervisor

READY_S = 120.0
OURS = ("BOOTSTRAP_SERVERS", "POSTGRES_DSN", "REGISTRY_URL", "CLOCK", "SLOT")


def up(
    data: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path(".touchstream"),
    speed: Annotated[
        float | None,
        typer.Option(min=1.0, max=1_000_000.0, help="A time lapse: a clock so many times faster."),
    ] = None,
    registry: Annotated[bool, typer.Option("--registry", help="A schema registry too.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Processes for each role.")] = 1,
) -> None:
    """Start Kafka, PostgreSQL and all processors on this machine, and keep them running.

    DIR/stack.env holds the addresses once all is ready. Data survive a restart; a time lapse goes
    on where it stopped. Ctrl-C ends everything within 10 s. Settings such as
    TOUCHSTREAM_COMMAND_ENCODING are taken from the environment.

    Example: touchstream up --data ./mine --speed 60
    """
    directory = data.resolve()
    address = directory / "stack.env"
    with StopSignals(lambda: address.unlink(missing_ok=True)) as stopping:
        try:
            _run(directory, address, ClockFile(directory, speed), registry, workers, stopping)
        except KeyboardInterrupt:
            print_stderr("stopped before it was ready")


def _run(
    directory: Path,
    address: Path,
    lapse: ClockFile,
    registry: bool,
    workers: int,
    stopping: StopSignals,
) -> None:
    """Everything that is started here is registered to be stopped, in the opposite order."""
    from streams.embedded.stack import Stack

    with ExitStack() as ending:
        stack = Stack(directory, registry=registry, lasting=True)
        _fetch(registry)
        with _meanwhile("starting Kafka and PostgreSQL"):
            ending.callback(stack.stop)
            stack.start()
        address.unlink(missing_ok=True)  # of a run that crashed
        lapse.keep()
        ending.callback(lapse.keep, end=True)
        environment = _environment(stack.environment(), lapse)
        found = _settings(environment)
        with _meanwhile("making topics and tables"):
            topics.create(found, ONE_MACHINE)
            migrate(found.dsn())
        supervisor = Supervisor(ROLES, environment, workers=workers, log_dir=directory / "logs")
        ending.callback(supervisor.stop, CHILDREN_S)
        with _meanwhile("starting the processors"):
            supervisor.start()
            _await_ready(found, supervisor, directory / "logs")
        write_private(address, _sourceable(environment))
        ending.callback(address.unlink, missing_ok=True)
        stopping.eager = False
        typer.echo(_next_steps(directory, found))
        watch(supervisor, stopping, _every(KEEP_S, lapse.keep))
        print_stderr("stopping")


def _fetch(registry: bool) -> None:
    """In the open, before anything starts: the first time it takes a minute."""
    from streams.embedded import jars

    for part in (jars.KAFKA, jars.REGISTRY) if registry else (jars.KAFKA,):
        jars.fetch(part)


def _environment(stack: Mapping[str, str], lapse: ClockFile) -> dict[str, str]:
    """What the workers get and stack.env says: ours, and what the person has set besides.

    Options for another Kafka would lead the clients of this one astray.
    """
    for name in [*os.environ]:
        if name.startswith(KAFKA_PREFIX) or name in {PREFIX + word for word in OURS}:
            del os.environ[name]
    kept = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    clock = {"TOUCHSTREAM_CLOCK": lapse.clock.text()} if lapse.scaled else {}
    return {**kept, **stack, **clock}


def _settings(environment: Mapping[str, str]) -> Settings:
    return quiet(checked(load_settings(environment)))


def _await_ready(found: Settings, supervisor: Supervisor, logs: Path) -> None:
    """Every partition of every role has a worker."""
    deadline = time.monotonic() + READY_S
    with BrokerQueries(found, topics.layout_of(found)) as asked:
        while waiting := unassigned(asked, ROLES):
            look(supervisor)
            if time.monotonic() > deadline:
                late = ", ".join(waiting)
                raise CommandError(
                    f"not ready after {READY_S:g} s: {late}; see {logs}", UNREACHABLE
                )
            time.sleep(0.2)


def _sourceable(environment: Mapping[str, str]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(environment.items()))


def _every(seconds: float, work: Callable[[], object]) -> Callable[[], None]:
    last = time.monotonic()

    def turn() -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            work()

    return turn


@contextmanager
def _meanwhile(what: str) -> Iterator[None]:
    if stderr_console.is_terminal:
        with stderr_console.status(escape(what)):
            yield
    else:
        print_stderr(what)
        yield


def _next_steps(directory: Path, found: Settings) -> str:
    clock = found.scaled_clock()
    lapse = f"time    {clock.speed:g} times faster; touchstream status shows it\n"
    return f"""touchstream is up: Kafka at {found.bootstrap_servers}, logs in {directory / "logs"}
{lapse if clock.scaled else ""}
In another terminal:
  set -a; . {shlex.quote(str(directory / "stack.env"))}; set +a
  touchstream tenant set acme --timezone America/New_York
  touchstream campaign publish examples/reviews.yaml --tenant acme
  touchstream status
With kcat, one CloudEvent in JSON a line:
  kcat -P -b $TOUCHSTREAM_BOOTSTRAP_SERVERS -t {found.topic_prefix}jobs job.json
  kcat -C -b $TOUCHSTREAM_BOOTSTRAP_SERVERS -t {found.topic_prefix}commands.email
What happened, in SQL:
  psql "$TOUCHSTREAM_POSTGRES_DSN" -c 'SELECT * FROM touchstream.facts ORDER BY at DESC LIMIT 20'
Ctrl-C here ends everything."""
