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
from streams.base.settings import KAFKA_PREFIX, PREFIX, Settings
from streams.cli.command_settings import valid_settings, without_client_log
from streams.cli.errors import EXIT_UNREACHABLE, CommandError
from streams.cli.group_offsets import GroupOffsets
from streams.cli.output import print_stderr, stderr_console
from streams.cli.run import restart_dead, supervise, unassigned_roles
from streams.cli.scaled_clock_file import WRITE_INTERVAL_S, ScaledClockFile, write_private
from streams.cli.stop_signals import StopSignals
from streams.kafka import topics
from streams.runtime.role_process import ROLES
from streams.runtime.supervisor import Supervisor

READY_TIMEOUT_S = 120.0
CHECK_INTERVAL_S = 0.2
WORKERS_STOP_S = 3.0
STACK_SETTINGS = (
    *("BOOTSTRAP_SERVERS", "POSTGRES_DSN", "CLOCK", "SLOT"),
    *(f"REGISTRY_{name}" for name in ("URL", "USER", "PASSWORD", "TOKEN", "CLUSTER", "CA")),
)
"""The settings that the stack itself decides; those of the environment are ignored."""


def up(
    data: Annotated[Path, typer.Option(help="The directory for all data.")] = Path(".touchstream"),
    speed: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            max=1_000_000.0,
            help="Run the engine's clock this many times faster; needs a --data of its own.",
        ),
    ] = None,
    registry: Annotated[
        bool, typer.Option("--registry", help="Also start a schema registry.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Processes for each role.")] = 1,
) -> None:
    """Start Kafka, PostgreSQL and all processors on this machine, and keep them running.

    When everything is ready, the addresses are in DIR/stack.env. Data is kept over restarts, and a
    clock with --speed continues from the time at which it stopped. Such a clock needs a directory
    that was created with --speed, because the logs of any other one carry the broker's time. All
    time-outs run faster too: at --speed 1000 a sender must answer within 2 s, not 30 min. Ctrl-C
    stops everything within 10 s. Settings such as TOUCHSTREAM_COMMAND_ENCODING are read from the
    environment.

    A server or worker that ends is started again, with the reason on stderr. If a server ends again
    and again, the exit code is 3; on a full disk the folder and what is free are named.

    Example: touchstream up --data ./mine --speed 60
    """
    directory = data.resolve()
    env_file = directory / "stack.env"
    with StopSignals(lambda: env_file.unlink(missing_ok=True)) as stop:
        try:
            _run(directory, env_file, ScaledClockFile(directory, speed), registry, workers, stop)
        except KeyboardInterrupt:
            print_stderr("stopped before it was ready")


def _run(
    directory: Path,
    env_file: Path,
    clock_file: ScaledClockFile,
    registry: bool,
    workers: int,
    stop: StopSignals,
) -> None:
    """Starts everything, then supervises it until a stop is requested. What was started is stopped
    in the opposite order, whatever ends this function."""
    from streams.embedded.stack import Stack

    with ExitStack() as ending:
        stack = Stack(directory, registry=registry, long_running=True)
        _fetch(registry)
        with _step("starting Kafka and PostgreSQL"):
            ending.callback(stack.stop)
            stack.start()
        keeper = stack.keeper(print_stderr)
        ending.callback(keeper.close)
        env_file.unlink(missing_ok=True)  # left by a run that crashed
        clock_file.write()
        ending.callback(clock_file.write, last=True)
        environment = _environment(stack.environment(), clock_file)
        settings = without_client_log(valid_settings(environment))
        with _step("creating topics and tables"):
            topics.create_topics(settings, ONE_MACHINE)
            migrate(settings.dsn())
        supervisor = Supervisor(ROLES, environment, workers=workers, log_dir=directory / "logs")
        ending.callback(supervisor.stop, WORKERS_STOP_S)
        with _step("starting the processors"):
            supervisor.start()
            _wait_until_ready(settings, supervisor, keeper.check, directory / "logs")
        kcat_file = directory / "kcat.conf"
        write_private(kcat_file, _kcat_options(stack.kafka.client_options))
        variables = {**environment, "KCAT_CONFIG": str(kcat_file)}
        write_private(env_file, _shell_assignments(variables))
        ending.callback(env_file.unlink, missing_ok=True)
        stop.interrupts = False
        typer.echo(_next_steps(directory, settings))
        write_clock = _at_intervals(WRITE_INTERVAL_S, _reporting_once(clock_file.write))
        supervise(supervisor, stop, keeper.check, write_clock)
        print_stderr("stopping")


def _fetch(registry: bool) -> None:
    """Downloads the server jars before anything starts, so that the download shows its progress:
    the first time takes about a minute."""
    from streams.embedded import jars

    for part in (jars.KAFKA, jars.REGISTRY) if registry else (jars.KAFKA,):
        jars.fetch(part)


def _environment(stack: Mapping[str, str], clock_file: ScaledClockFile) -> dict[str, str]:
    """The TOUCHSTREAM_* variables for the workers and for stack.env: those of the stack, and the
    person's own others.

    Removes Kafka client options and STACK_SETTINGS from this process's environment: they may be
    meant for another Kafka, and the workers inherit the environment.
    """
    for name in [*os.environ]:
        if name.startswith(KAFKA_PREFIX) or name in {PREFIX + word for word in STACK_SETTINGS}:
            del os.environ[name]
    own = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    clock = {"TOUCHSTREAM_CLOCK": clock_file.clock.text()} if clock_file.scaled else {}
    return {**own, **stack, **clock}


def _wait_until_ready(
    settings: Settings, supervisor: Supervisor, keep_servers: Callable[[], None], logs: Path
) -> None:
    """Waits until every partition of every role has a worker. Raises CommandError."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    with GroupOffsets(settings, topics.layout_of(settings)) as broker:
        while waiting := unassigned_roles(broker, ROLES):
            restart_dead(supervisor)
            keep_servers()
            if time.monotonic() > deadline:
                message = f"not ready after {READY_TIMEOUT_S:g} s: {', '.join(waiting)}; see {logs}"
                raise CommandError(message, EXIT_UNREACHABLE)
            time.sleep(CHECK_INTERVAL_S)


def _shell_assignments(environment: Mapping[str, str]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(environment.items()))


def _kcat_options(options: Mapping[str, object]) -> str:
    """The configuration file of kcat, which the variable KCAT_CONFIG names."""
    return "".join(f"{name}={value}\n" for name, value in options.items())


def _at_intervals(seconds: float, call: Callable[[], object]) -> Callable[[], None]:
    """A function that makes the call, but not before `seconds` have passed since the last one."""
    last = time.monotonic()

    def turn() -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            call()

    return turn


def _reporting_once(call: Callable[[], object]) -> Callable[[], None]:
    """A function that makes the call, and reports a full disk once until the call succeeds."""
    failed = False

    def turn() -> None:
        nonlocal failed
        try:
            call()
            failed = False
        except OSError as error:
            if not failed:
                print_stderr(f"the clock cannot be saved, and stands still after a crash: {error}")
            failed = True

    return turn


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Shows the name of a step on stderr while it runs."""
    if stderr_console.is_terminal:
        with stderr_console.status(escape(name)):
            yield
    else:
        print_stderr(name)
        yield


def _next_steps(directory: Path, settings: Settings) -> str:
    clock = settings.scaled_clock()
    speed = f"clock: {clock.speed:g} times faster; touchstream status shows its time\n"
    return f"""touchstream is up: Kafka at {settings.bootstrap_servers}
logs: {directory / "logs"}
{speed if clock.scaled else ""}
In another terminal:
  set -a; . {shlex.quote(str(directory / "stack.env"))}; set +a
  touchstream tenant set acme --timezone America/New_York
  touchstream campaign publish examples/reviews.yaml --tenant acme
  touchstream status
With kcat, one CloudEvent in JSON a line:
  kcat -P -b $TOUCHSTREAM_BOOTSTRAP_SERVERS \\
    -t {settings.topic_prefix}jobs -l events.jsonl
  kcat -C -b $TOUCHSTREAM_BOOTSTRAP_SERVERS \\
    -t {settings.topic_prefix}commands.email -X isolation.level=read_committed
The engine's decisions, in SQL:
  psql "$TOUCHSTREAM_POSTGRES_DSN" \\
    -c 'SELECT * FROM touchstream.facts ORDER BY at DESC LIMIT 20'
Ctrl-C here stops everything."""
