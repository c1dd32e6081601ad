"""verify: folds all logs again from their beginning, and compares the results with everything that
the engine has made of them.

Compared are states with changelogs, outputs with the records of logs, command topics and facts, and
PostgreSQL with a recount (promises 1, 5 and 8). The topics must be at rest for that, so verify
waits until they are.

The logs must be whole. Of another topic that a retention has cut, the rest is compared, and the
report names where it begins. PostgreSQL's own history stands for the facts that are cut off.
"""

import struct
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from processors.fold.task import Task
from schemas.internal.state_bytes import due_of, flag_of, pack, payload_of
from schemas.internal.states import POSITION_KEY, STATE_FORMAT, State, StateTooNew, TaskPosition
from schemas.internal.topics import COMMANDS, LOGS, Topic
from sinks.projected_facts import projected_facts
from sinks.recount import Recount
from sinks.state_rows import ProjectedRecord
from streams.audit.cut_topics import cut_texts
from streams.audit.older_records import forget_older_digests
from streams.audit.refolded_logs import RefoldedLogs, changelog_of
from streams.audit.rest import POLL_INTERVAL_S, NotAtRest
from streams.base.settings import Settings
from streams.base.transport import Partition

Progress = Callable[[str], None]

_encode = msgspec.msgpack.Encoder().encode
_decode_position = msgspec.msgpack.Decoder(TaskPosition).decode

COMPARED_TOPICS = (*LOGS, *COMMANDS, Topic.FACTS, Topic.DEAD_LETTERS)
TEXT_MAX = 600


class Difference(NamedTuple):
    """One state, record or row that is not as the logs require."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class VerifyReport(NamedTuple):
    """The first differences, none if everything agrees; the numbers of what was compared; and a
    line for each partition whose beginning was not, because it is cut off."""

    differences: list[Difference]
    counts: dict[str, int]
    cuts: list[str]


def verify(
    settings: Settings,
    *,
    wait_s: float = 30.0,
    first: int = 20,
    progress: Progress = lambda _: None,
    postgres: bool = True,
) -> VerifyReport:
    """Folds all logs again and compares; reports the `first` differences. Raises NotAtRest if the
    topics are not at rest within `wait_s` seconds, LogTruncated if a log is cut, StateTooNew if a
    later version wrote a state."""
    logs = RefoldedLogs(settings)
    deadline_s = time.monotonic() + wait_s
    while True:
        progress("reading the logs")
        logs.read()
        moving = logs.moving(postgres=postgres)
        if moving is None:
            break
        if time.monotonic() > deadline_s:
            raise NotAtRest(moving)
        time.sleep(POLL_INTERVAL_S)
    progress("comparing")
    found = differences(logs, first=first, postgres=postgres)
    states = sum(_states(task) for task in _log_tasks(logs).values())
    counts = {**logs.counts, "states": states, "command ids": len(logs.command_ids)}
    return VerifyReport(found, counts, cut_texts(logs.cuts))


def differences(logs: RefoldedLogs, *, first: int, postgres: bool) -> list[Difference]:
    """The `first` differences between the refolded logs and what the engine has made of them.
    `postgres` includes PostgreSQL."""
    found = [*_state_differences(logs), *_output_differences(logs)]
    if postgres:
        found += _row_differences(logs, first)
    return found[:first]


def _state_differences(logs: RefoldedLogs) -> Iterator[Difference]:
    """Compares every state and the position of every task with the changelog."""
    tasks = _log_tasks(logs)
    for partition in sorted(tasks.keys() | logs.changelogs.keys()):
        stored = logs.changelogs.get(partition, {})
        task = tasks.get(partition)
        expected: dict[bytes, bytes | None] = {}
        if task is not None:
            expected.update(task.store.items())
            if POSITION_KEY in stored:
                expected |= task.changes()  # everything is committed: the position alone
        where = f"{partition.topic}[{partition.number}]"
        for key in sorted(stored.keys() | expected.keys()):
            if not _is_same_state(task, key, expected.get(key), stored.get(key)):
                yield Difference(where, _state_text(key, expected.get(key), stored.get(key)))


def _is_same_state(
    task: Task | None, key: bytes, expected: bytes | None, stored: bytes | None
) -> bool:
    """Whether the stored bytes of a state are the expected ones. A state in an older format has
    other bytes, so bytes that differ are compared again in the current format."""
    if expected == stored:
        return True
    if task is None or expected is None or stored is None:
        return False
    try:
        return _comparable(task, key, stored) == _comparable(task, key, expected)
    except (msgspec.DecodeError, struct.error):
        return False


def _comparable(task: Task, key: bytes, packed: bytes) -> bytes:
    """A state in the current format, without what depends on the version that folded it."""
    state: State
    if key == POSITION_KEY:
        position = _decode_position(payload_of(packed))
        if position.state_format > STATE_FORMAT:
            raise StateTooNew(position.state_format, position.minimum_version)
        state = position.of_fold()
    else:
        state = task.processor.decode_state(payload_of(packed))
        forget_older_digests(state)
    return pack(due_of(packed), flag_of(packed), _encode(state))


def _output_differences(logs: RefoldedLogs) -> Iterator[Difference]:
    """Compares the outputs of the refold with the records on the topics, and finds commands that
    are there twice."""
    for topic in COMPARED_TOPICS:
        for text in logs.diffs[topic].unexpected():
            yield Difference(topic, f"the logs do not lead to {text}")
    for topic in COMPARED_TOPICS:
        for text in logs.diffs[topic].missing():
            yield Difference(topic, f"missing {text}")
    for command_id, count in logs.command_ids.items():
        if count > 1:
            yield Difference("commands", f"{command_id.decode()} is there {count} times")


def _row_differences(logs: RefoldedLogs, first: int) -> list[Difference]:
    """Compares PostgreSQL with a recount of the refolded states and the facts."""
    with Recount(logs.settings.dsn()) as recount:
        recount.add(_state_records(logs))
        for (topic, number), begin in logs.cuts.items():
            if topic is Topic.FACTS:
                recount.add(projected_facts(logs.settings.dsn(), number, begin))
        recount.add(logs.facts)
        return [
            Difference(
                f"table {row.table}",
                f"{row.key} {row.column}: expected {row.expected}, found {row.found}",
            )
            for row in recount.differences(first=first)
        ]


def _state_records(logs: RefoldedLogs) -> Iterator[ProjectedRecord]:
    for changelog, task in _log_tasks(logs).items():
        for offset, (key, value) in enumerate(task.store.items()):
            yield ProjectedRecord(changelog.topic, changelog.number, offset, key, value)


def _log_tasks(logs: RefoldedLogs) -> dict[Partition, Task]:
    """The refolding tasks of the logs, by the partition of their changelog."""
    tasks = logs.tasks.items()
    return {changelog_of(partition): task for partition, task in tasks if partition.topic in LOGS}


def _states(task: Task) -> int:
    """The number of the task's states, without its position."""
    return len(task.store) - (task.store.value(POSITION_KEY) is not None)


def _state_text(key: bytes, expected: bytes | None, stored: bytes | None) -> str:
    name = key.decode(errors="replace")
    if expected is None or stored is None:
        return f"{name} is {'not in the refold' if expected is None else 'not in the changelog'}"
    values = (msgspec.msgpack.decode(payload_of(value)) for value in (expected, stored))
    return "{}: expected {}, found {}".format(name, *values)[:TEXT_MAX]
