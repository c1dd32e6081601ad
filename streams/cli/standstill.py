"""Which tasks have records to read and do not advance, found by looking at their offsets twice."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

PROGRESS_WAIT_S = 3.0
LOOK_INTERVAL_S = 0.25
Task = TypeVar("Task")


def without_progress(
    behind: Collection[Task],
    read_offsets: Callable[[], Mapping[Task, int]],
    wait_s: float = PROGRESS_WAIT_S,
) -> list[Task]:
    """The tasks of `behind` whose offset does not change within `wait_s` seconds, in their order.
    Ends as soon as every offset has changed."""
    waiting = list(behind)
    if not waiting:
        return []
    first = read_offsets()
    deadline_s = time.monotonic() + wait_s
    while waiting and time.monotonic() < deadline_s:
        time.sleep(min(LOOK_INTERVAL_S, wait_s))
        now = read_offsets()
        waiting = [task for task in waiting if now.get(task) == first.get(task)]
    return waiting
