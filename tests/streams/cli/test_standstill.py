"""A task that has records to read and does not advance stands still."""

from collections.abc import Iterator, Mapping

from schemas.base.times import SECOND
from streams.cli.standstill import without_progress
from streams.cli.status import task_warnings
from streams.cli.task_status import TaskStatus


def looks(*offsets: Mapping[str, int]) -> Iterator[Mapping[str, int]]:
    yield from offsets
    while True:
        yield offsets[-1]


def test_a_task_whose_offset_stays_stands_still() -> None:
    seen = looks({"a": 1, "b": 5}, {"a": 2, "b": 5, "c": 1})
    still = without_progress(["a", "b", "c", "d"], lambda: next(seen), wait_s=0.02)
    assert still == ["b", "d"]


def test_nobody_waits_where_every_task_advances() -> None:
    seen = looks({"a": 1}, {"a": 2})
    assert without_progress(["a"], lambda: next(seen), wait_s=3_600) == []


def test_offsets_are_not_read_where_nothing_is_behind() -> None:
    def unread() -> Mapping[str, int]:
        raise AssertionError("no task is behind")

    assert without_progress([], unread) == []


def test_every_reason_to_stand_still_is_a_warning() -> None:
    now = 1_000 * SECOND
    tasks = [
        TaskStatus(role="intake", topic="jobs", partition=0, worker=None, lag=0),
        TaskStatus(role="contact", topic="contact-log", partition=0, worker="w", lag=0),
        TaskStatus(
            role="contact", topic="contact-log", partition=1, worker="w", lag=3, stream_time=0
        ),
        TaskStatus(
            role="dispatch", topic="dispatch-log", partition=0, worker="w", lag=0, next_due=0
        ),
        TaskStatus(role="projector", topic="facts", partition=0, worker="w", lag=9),
    ]
    warnings = "\n".join(task_warnings(tasks, now, standing_still=[tasks[-1]]))
    assert "no worker runs intake" in warnings
    assert "contact contact-log[1]: stream time is 1000 s behind" in warnings
    assert "dispatch dispatch-log[0]: a timer is 1000 s late" in warnings
    assert "projector facts[0]: 9 records to read, and no progress in 3 s" in warnings
    assert list(task_warnings(tasks[1:2], now)) == []
