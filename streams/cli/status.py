"""`touchstream status`: the lag, stream time and timers of every task, and what stands still."""

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec
import typer

from schemas.base.times import SECOND, MomentUs
from schemas.internal.topics import Topic
from sinks.projection import positions
from streams.base.clock import ScaledClock
from streams.base.settings import Settings
from streams.base.transport import Partition
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_NOT_NOW, command_error_of
from streams.cli.group_offsets import GroupOffsets
from streams.cli.options import Json
from streams.cli.output import format_time, print_json, print_stderr, print_table
from streams.cli.standstill import PROGRESS_WAIT_S, without_progress
from streams.cli.task_status import TaskStatus, read_task_status
from streams.kafka.topics import layout_of

FAR_BEHIND_US = 60 * SECOND
LATE_TIMER_US = 10 * SECOND
NO_DSN = "the projector's lag is not known: TOUCHSTREAM_POSTGRES_DSN is not set"
GROUPED_ROLES = ("intake", "projector")
"""Roles whose partitions share one line for each topic."""


def status(json: Json = False) -> None:
    """Show each task: its worker, its lag, its stream time, its pending timers and the next due.

    `lag` is the number of records that a task has not read yet; `≤` marks an upper limit, where
    there were too many to count. The lag of the projector needs PostgreSQL; all else is shown
    without it. In a time lapse the first line has the time and the speed of its clock.

    As a health check: exit 3 if something stands still, with a line for each on stderr. That is a
    partition without a worker, records to read without progress for 3 s, stream time that is far
    behind, a timer that is late, or PostgreSQL that does not answer.

    Example: touchstream status
    """
    settings = connected_settings()
    projected, problem = _projected_offsets(settings)
    with GroupOffsets(settings, layout_of(settings)) as broker:
        tasks = read_task_status(broker, projected)
        still = _standing_still(broker, settings, tasks)
    clock = settings.scaled_clock()
    now = clock.now()
    problems = [*([problem] if problem else []), *task_warnings(tasks, now, still)]
    without_dsn = [] if settings.postgres_dsn.get_secret_value() else [NO_DSN]
    warnings = [*without_dsn, *problems]
    if json:
        about = {"now": format_time(now), "clock_speed": clock.speed}
        print_json({**about, "tasks": [_as_json(t) for t in tasks], "warnings": warnings})
    else:
        if clock.scaled:
            print(clock_line(clock, now))
        print_tasks(tasks)
        for line in warnings:
            print_stderr(f"! {line}")
    if problems:
        raise typer.Exit(EXIT_NOT_NOW)


def clock_line(clock: ScaledClock, now: MomentUs) -> str:
    """The time and the speed of a clock that is not the real one."""
    speed = "at the speed of real time" if clock.speed == 1 else f"{clock.speed:g} times as fast"
    return f"time lapse: its clock shows {format_time(now)} and runs {speed}"


def _projected_offsets(settings: Settings) -> tuple[dict[Partition, int] | None, str | None]:
    """The projector's next offset by partition; None with a warning where it is not known."""
    if not settings.postgres_dsn.get_secret_value():
        return None, None
    try:
        rows = positions(settings.dsn(), f"{settings.topic_prefix}projector")
    except Exception as error:
        failure = command_error_of(error)
        if failure is None:
            raise
        return None, f"the projector's lag is not known: {failure.message}"
    return {Partition(Topic(row.topic), row.partition): row.next_offset for row in rows}, None


def _standing_still(
    broker: GroupOffsets, settings: Settings, tasks: Iterable[TaskStatus]
) -> list[TaskStatus]:
    """The tasks that have a worker and records to read, and do not advance."""
    behind = {(t.role, Partition(Topic(t.topic), t.partition)): t for t in tasks if t.lag}
    behind = {name: task for name, task in behind.items() if task.worker is not None}
    roles = {role for role, _ in behind}

    def offsets() -> dict[tuple[str, Partition], int]:
        found = {role: broker.committed(role) for role in roles if role != "projector"}
        if "projector" in roles:
            found["projector"] = _projected_offsets(settings)[0] or {}
        return {(role, p): offset for role, of in found.items() for p, offset in of.items()}

    return [behind[name] for name in without_progress(behind, offsets)]


def task_warnings(
    tasks: Iterable[TaskStatus], now: MomentUs, standing_still: Collection[TaskStatus] = ()
) -> Iterator[str]:
    """A line for each role without workers, each task that stands still or is far behind, and each
    late timer."""
    for role, group in groupby(tasks, key=lambda task: task.role):
        of_role = [*group]
        idle = [task for task in of_role if task.worker is None]
        if len(idle) == len(of_role):
            yield f"no worker runs {role}: touchstream run --roles {role}"
        elif idle:
            yield f"{role}: {len(idle)} of {len(of_role)} partitions have no worker yet"
        for task in of_role:
            if task in standing_still:
                reason = f"{task.lag} records to read, and no progress in {PROGRESS_WAIT_S:g} s"
                yield f"{role} {task.topic}[{task.partition}]: {reason}"
            yield from (f"{role} {task.topic}[{task.partition}]: {w}" for w in _late(task, now))


def _late(task: TaskStatus, now: MomentUs) -> Iterator[str]:
    behind_us = now - task.stream_time if task.stream_time is not None else 0
    if task.lag and behind_us > FAR_BEHIND_US:
        yield (
            f"stream time is {behind_us // SECOND} s behind with {task.lag} records to read; "
            "if it does not advance, look into the worker's log"
        )
    elif task.next_due is not None and now - task.next_due > LATE_TIMER_US:
        yield f"a timer is {(now - task.next_due) // SECOND} s late"


def print_tasks(tasks: Iterable[TaskStatus]) -> None:
    """Prints the tasks as a table on stdout."""
    heads = ("role", "log", "worker", "lag#", "stream time", "timers#", "next due")
    print_table(heads, _rows(tasks))


def _rows(tasks: Iterable[TaskStatus]) -> Iterator[tuple[object, ...]]:
    for (role, topic), group in groupby(tasks, key=lambda task: (task.role, task.topic)):
        of_topic = [*group]
        if role in GROUPED_ROLES:
            yield _topic_row(role, topic, of_topic)
        else:
            yield from (_task_row(task) for task in of_topic)


def _task_row(task: TaskStatus) -> tuple[object, ...]:
    log = f"{task.topic}[{task.partition}]"
    due = format_time(task.next_due)
    times = (format_time(task.stream_time), task.timers, due)
    return (task.role, log, task.worker, _lag([task]), *times)


def _topic_row(role: str, topic: str, tasks: list[TaskStatus]) -> tuple[object, ...]:
    """One row for all partitions of a topic."""
    workers = sorted({task.worker for task in tasks if task.worker})
    log = f"{topic}[0-{len(tasks) - 1}]" if len(tasks) > 1 else f"{topic}[0]"
    return (role, log, ", ".join(workers) or None, _lag(tasks), None, None, None)


def _lag(tasks: list[TaskStatus]) -> str | None:
    known = [task.lag for task in tasks if task.lag is not None]
    if not known:
        return None
    exact = all(task.lag_exact for task in tasks)
    return f"{'' if exact else '≤'}{sum(known)}"


def _as_json(task: TaskStatus) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(task)
    row["stream_time"] = format_time(task.stream_time)
    row["next_due"] = format_time(task.next_due)
    return row
