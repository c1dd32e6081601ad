"""`touchstream status`: the lag, stream time and timers of every task, and warnings."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec

from schemas.base.times import SECOND, MomentUs
from schemas.internal.topics import Topic
from sinks.projection import positions
from streams.base.clock import ScaledClock
from streams.base.settings import Settings
from streams.base.transport import Partition
from streams.cli.command_settings import connected_settings
from streams.cli.errors import command_error_of
from streams.cli.group_offsets import GroupOffsets
from streams.cli.options import Json
from streams.cli.output import format_time, print_json, print_stderr, print_table
from streams.cli.task_status import TaskStatus, read_task_status
from streams.kafka.topics import layout_of

FAR_BEHIND_US = 60 * SECOND
LATE_TIMER_US = 10 * SECOND
GROUPED_ROLES = ("intake", "projector")
"""Roles whose partitions share one line for each topic."""


def status(json: Json = False) -> None:
    """Show each task: its worker, its lag, its stream time, its pending timers and the next due.

    `lag` is the number of records that a task has not read yet; `≤` marks an upper limit, where
    there were too many to count. The lag of the projector needs PostgreSQL; all else is shown
    without it. In a time lapse the first line has the time and the speed of its clock.

    Example: touchstream status
    """
    settings = connected_settings()
    projected, problem = _projected_offsets(settings)
    with GroupOffsets(settings, layout_of(settings)) as broker:
        tasks = read_task_status(broker, projected)
    clock = settings.scaled_clock()
    now = clock.now()
    warnings = [*([problem] if problem else []), *task_warnings(tasks, now)]
    if json:
        about = {"now": format_time(now), "clock_speed": clock.speed}
        print_json({**about, "tasks": [_as_json(t) for t in tasks], "warnings": warnings})
        return
    if clock.scaled:
        print(clock_line(clock, now))
    print_tasks(tasks)
    for line in warnings:
        print_stderr(f"! {line}")


def clock_line(clock: ScaledClock, now: MomentUs) -> str:
    """The time and the speed of a clock that is not the real one."""
    speed = "at the speed of real time" if clock.speed == 1 else f"{clock.speed:g} times as fast"
    return f"time lapse: its clock shows {format_time(now)} and runs {speed}"


def _projected_offsets(settings: Settings) -> tuple[dict[Partition, int] | None, str | None]:
    """The projector's next offset by partition; None with a warning where it is not known."""
    if not settings.postgres_dsn.get_secret_value():
        return None, "the projector's lag is not known: TOUCHSTREAM_POSTGRES_DSN is not set"
    try:
        rows = positions(settings.dsn(), f"{settings.topic_prefix}projector")
    except Exception as error:
        failure = command_error_of(error)
        if failure is None:
            raise
        return None, f"the projector's lag is not known: {failure.message}"
    return {Partition(Topic(row.topic), row.partition): row.next_offset for row in rows}, None


def task_warnings(tasks: Iterable[TaskStatus], now: MomentUs) -> Iterator[str]:
    """A line for each role without workers, each task far behind and each late timer."""
    for role, group in groupby(tasks, key=lambda task: task.role):
        of_role = [*group]
        idle = [task for task in of_role if task.worker is None]
        if len(idle) == len(of_role):
            yield f"no worker runs {role}: touchstream run --roles {role}"
        elif idle:
            yield f"{role}: {len(idle)} of {len(of_role)} partitions have no worker yet"
        yield from (f"{role} {t.topic}[{t.partition}]: {w}" for t in of_role for w in _late(t, now))


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
