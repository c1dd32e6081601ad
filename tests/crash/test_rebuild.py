"""A log that is folded again up to the committed progress of its group leads to the states that the
changelog had, wherever the last commit was."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from processors.fold.task import Record, Task
from schemas.internal.states import POSITION_KEY
from schemas.internal.topics import CHANGELOG_OF
from streams.audit.refold import ProgressNotReached, refold_to
from streams.base.fold_progress import FoldProgress, parse_progress
from streams.base.transport import GroupOffset, Partition
from streams.memory.transport import MemoryBroker
from tests.crash.fold_check import position_of_fold
from tests.testing.faulty_world import AbortingTransport, FaultPlan, tasks_of_role
from tests.testing.history_player import play, play_hurried, play_without_ticks
from tests.testing.random_histories import random_history

HISTORY = random_history(8, 12)
ONE_STEP = FaultPlan(steps_max=1)
"""A commit after each step, so that many commits lie between two timers of one moment."""

COMMITS_CHECKED = 60


class CommittedProgress(NamedTuple):
    """What a commit has left: the offset and the progress of a group, and the length of the
    changelog."""

    role: str
    log: Partition
    offset: int
    progress: FoldProgress
    changelog_records: int


def changelog_of(broker: MemoryBroker, log: Partition, length: int) -> dict[bytes, bytes]:
    """The states in the first records of the changelog of a log's partition."""
    stored: dict[bytes, bytes] = {}
    for record in broker.log(Partition(CHANGELOG_OF[log.topic], log.number))[:length]:
        key = record.key or b""
        if record.value is None:
            stored.pop(key, None)
        else:
            stored[key] = record.value
    return stored


def rebuilt(broker: MemoryBroker, commit: CommittedProgress, progress: FoldProgress | None) -> Task:
    """The task that the log leads to up to this commit."""
    task = tasks_of_role(commit.role)(commit.log)
    records = [
        Record(r.offset, r.timestamp, r.key or b"", r.value or b"")
        for r in broker.log(commit.log)
        if r.offset < commit.offset
    ]
    refold_to(commit.log, task, records, progress)
    return task


def states_of(task: Task) -> dict[bytes, bytes]:
    """The states and the position of a task, without what the runtime adds."""
    states = {**dict(task.store.items()), **dict(task.changes())}
    return _comparable({key: value for key, value in states.items() if value is not None})


def _comparable(states: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {**states, POSITION_KEY: position_of_fold(states[POSITION_KEY])}


@pytest.mark.parametrize("player", [play, play_without_ticks, play_hurried])
def test_the_progress_of_any_commit_leads_to_the_states_of_its_changelog(
    player: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[CommittedProgress] = []

    class Observed(AbortingTransport):
        def commit(self, offsets: Mapping[Partition, GroupOffset]) -> None:
            super().commit(offsets)
            for log, (offset, text) in offsets.items():
                changelog = self.broker.log(Partition(CHANGELOG_OF[log.topic], log.number))
                progress = parse_progress(text)
                assert progress is not None
                row = CommittedProgress(self.group, log, offset, progress, len(changelog))
                commits.append(row)

    world = player(HISTORY, ONE_STEP, transports=Observed)
    between = [each for each in commits if each.progress.fired > 0]
    assert between, "no commit lies between two timers"
    for kind in (commits, between):
        for commit in kind[:: max(1, len(kind) // COMMITS_CHECKED)]:
            task = rebuilt(world.broker, commit, commit.progress)
            stored = changelog_of(world.broker, commit.log, commit.changelog_records)
            assert states_of(task) == _comparable(stored)
            assert task.fired == commit.progress.fired
    last = {commit.log: commit for commit in commits}
    for commit in last.values():  # at rest every due timer has fired
        assert states_of(rebuilt(world.broker, commit, None)) == states_of(
            rebuilt(world.broker, commit, commit.progress)
        )
    for wrong in ({"fired": 9_999}, {"stream_time": 7}):
        commit = commits[-1]
        with pytest.raises(ProgressNotReached):
            rebuilt(world.broker, commit, commit.progress._replace(**wrong))
