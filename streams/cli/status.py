"""`touchstream status`: where every task stands, and what a person should look at."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec

from schemas.base.times import SECOND
from schemas.internal.topics import Topic
from sinks.projection import places
from streams.base.settings import Settings
from streams.cli.errors import explain
from streams.cli.group_offsets import At, BrokerQueries
from streams.cli.output import Json, format_time, print_json, print_stderr, print_table, settings
from streams.cli.task_status import TaskStatus, collect
from streams.kafka.topics import layout_of

FAR_BEHIND = 60 * SECOND
LATE = 10 * SECOND
MANY = ("intake", "projector")
"""Roles whose partitions are told together, one line a topic."""


def status(json: Json = False) -> None:
    """Show each task: its worker, its lag, its stream time, its pending timers and the next due.

    `lag` is what a task has still to read; `≤` marks a limit where there was too much to count.
    PostgreSQL is asked for the projector's place alone; without it the rest is shown.

    Example: touchstream status
    """
    found = settings()
    projected, problem = _projected(found)
    with BrokerQueries(found, layout_of(found)) as broker:
        tasks = collect(broker, projected)
    now = found.scaled_clock().now()
    warnings = [*([problem] if problem else []), *warn(tasks, now)]
    if json:
        print_json(
            {"now": format_time(now), "tasks": [_as_json(t) for t in tasks], "warnings": warnings}
        )
        return
    heads = ("role", "log", "worker", "lag#", "stream time", "timers#", "next due")
    print_table(heads, _rows(tasks))
    for line in warnings:
        print_stderr(f"! {line}")


def _projected(found: Settings) -> tuple[dict[At, int] | None, str | None]:
    """Where PostgreSQL stands, or why nobody knows."""
    if not found.postgres_dsn.get_secret_value():
        return None, "the projector's lag is not known: TOUCHSTREAM_POSTGRES_DSN is not set"
    try:
        rows = places(found.dsn(), f"{found.topic_prefix}projector")
    except Exception as error:
        meaning = explain(error)
        if meaning is None:
            raise
        return None, f"the projector's lag is not known: {meaning.message}"
    return {(Topic(row.topic), row.partition): row.next_offset for row in rows}, None


def warn(tasks: Iterable[TaskStatus], now: int) -> Iterator[str]:
    """What does not look right, in words."""
    for role, group in groupby(tasks, key=lambda task: task.role):
        of_role = [*group]
        idle = [task for task in of_role if task.worker is None]
        if len(idle) == len(of_role):
            yield f"nobody runs {role}: touchstream run --roles {role}"
        elif idle:
            yield f"{role}: {len(idle)} of {len(of_role)} partitions have no worker yet"
        yield from (f"{role} {t.topic}[{t.partition}]: {w}" for t in of_role for w in _late(t, now))


def _late(task: TaskStatus, now: int) -> Iterator[str]:
    behind = now - task.stream_time if task.stream_time is not None else 0
    if task.lag and behind > FAR_BEHIND:
        yield (
            f"stream time is {behind // SECOND} s behind with {task.lag} records to read; "
            "if it does not move, its worker's log says why"
        )
    elif task.next_due is not None and now - task.next_due > LATE:
        yield f"a timer is {(now - task.next_due) // SECOND} s late"


def _rows(tasks: Iterable[TaskStatus]) -> Iterator[tuple[object, ...]]:
    for (role, topic), group in groupby(tasks, key=lambda task: (task.role, task.topic)):
        found = [*group]
        if role in MANY:
            yield _together(role, topic, found)
        else:
            yield from (_row(task) for task in found)


def _row(task: TaskStatus) -> tuple[object, ...]:
    log = f"{task.topic}[{task.partition}]"
    due = format_time(task.next_due)
    times = (format_time(task.stream_time), task.timers, due)
    return (task.role, log, task.worker, _lag([task]), *times)


def _together(role: str, topic: str, tasks: list[TaskStatus]) -> tuple[object, ...]:
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
