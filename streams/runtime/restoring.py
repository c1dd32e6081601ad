"""The restoring of one task, from the assignment of its partition to its first record.

The brokers are asked about the log, without waiting for the answer; the changelog is read to its
end; then the restored position is compared with the log. A log or changelog that has lost records
is refused, because a task that folded on would lose or repeat commands silently.
"""

import logging
import time

from processors.fold.task import LogIdentity, Task
from schemas.internal.topics import LOGS, POSITION_TOPICS
from streams.base.fold_progress import FoldProgress, parse_progress
from streams.base.transport import (
    ChangelogReader,
    GroupOffset,
    Inquiry,
    LogChanged,
    LogFacts,
    Partition,
    Transport,
)

log = logging.getLogger("touchstream.worker")

ATTEMPTS_MAX = 20
RETRY_US = 250_000
"""A position that does not fit its log is read again so often, and after this pause: a broker that
has just become the leader may answer from before."""

REBUILD = "`touchstream rebuild-state` folds the log again from its start into a new changelog"
ACCEPT = (
    "`touchstream rebuild-state --accept-log` keeps the states and goes on with the log as it is"
)


class Restoring:
    """The restoring of the task of one partition. The `inquiry` about it is shared with the other
    partitions of its assignment; `pause_s` is the time before a further attempt."""

    def __init__(
        self, transport: Transport, partition: Partition, inquiry: Inquiry, pause_s: float
    ) -> None:
        self._transport, self._partition = transport, partition
        self._inquiry: Inquiry | None = inquiry
        self._facts: LogFacts | None = None
        self._changelog: ChangelogReader | None = None
        self._pause_s = pause_s
        self._attempt, self._begin_at_s = 1, 0.0
        self.records = 0  # that were restored, over all attempts

    @property
    def waits(self) -> bool:
        """Whether there is nothing to read before an answer comes, or a pause is over."""
        return self._changelog is None

    def advance(self, task: Task, records_max: int) -> bool:
        """Restores the next states, and returns whether all are restored. Raises FatalClientError,
        StateTooNew."""
        if self._changelog is None:
            self._changelog = self._open_changelog(task)
            if self._changelog is None:
                return False
        records, done = self._changelog.read(records_max)
        for key, value in records:
            task.restore(key, value)
            self.records += 1
        if done:
            self.close()
        return done

    def _open_changelog(self, task: Task) -> ChangelogReader | None:
        if time.monotonic() < self._begin_at_s:
            return None
        if self._inquiry is None:
            self._inquiry = self._transport.inquire([self._partition])
        answer = self._inquiry.answer()
        if answer is None:
            return None
        self._facts = facts = answer[self._partition]
        task.start_at(facts.committed.offset)
        topic, number = self._partition
        changelog = Partition(POSITION_TOPICS[topic], number)
        return self._transport.open_changelog(changelog, facts.changelog_end)

    def finish(self, task: Task) -> bool:
        """Enables a restored task to fold, and returns true; or false if its position does not fit
        its log: then everything is read again, with a new task. Raises LogChanged after
        ATTEMPTS_MAX."""
        assert self._facts is not None
        problem = problem_of(self._partition, task, self._facts)
        if problem is None:
            stored = task.stored_position
            epoch = -1 if stored is None else stored.leader_epoch
            task.log = LogIdentity(self._facts.topic_id, self._facts.partitions, epoch)
            task.restored()
            return True
        if self._attempt >= ATTEMPTS_MAX:
            raise LogChanged(problem)
        if self._attempt == 1:
            fields = {"partition": self._partition, "problem": problem}
            log.warning("the position does not fit the log: restoring again", extra=fields)
        self._attempt += 1
        self._inquiry, self._begin_at_s = None, time.monotonic() + self._pause_s
        return False

    def close(self) -> None:
        """Ends the reading of the changelog, if it is under way."""
        if self._changelog is not None:
            self._changelog.close()
            self._changelog = None


def group_offset_of(task: Task) -> GroupOffset:
    """The offset that the group commits for a task, with the progress of the fold beside it."""
    progress = FoldProgress(task.stream_time, task.fired, task.log.partitions)
    return GroupOffset(task.next_offset, progress.text())


def problem_of(partition: Partition, task: Task, facts: LogFacts) -> str | None:
    """Why a task with these restored states must not fold this log, and what to do; None if it may.
    Only the tasks of logs have states: those of public topics have a position alone."""
    where = f"{partition.topic}[{partition.number}]"
    has_states = partition.topic in LOGS
    stored, begin, committed = task.stored_position, task.next_offset, facts.committed.offset
    changelog = f"{POSITION_TOPICS[partition.topic]}[{partition.number}]"
    if has_states and (before := _other_partition_count(task, facts)):
        return (
            f"{where}: the topic had {before} partitions when its states were written, and has "
            f"{facts.partitions} now, so that keys are in other partitions than their states: "
            "docs/upgrading.md, section 'More partitions'"
        )
    if stored is None and has_states and committed > 0:
        return (
            f"{changelog} has lost the states of {where}: it has no position, and the group has "
            f"committed offset {committed}. {REBUILD}"
        )
    if stored is not None and begin < committed:
        return (
            f"{changelog} has lost its end: its position in {where} is {begin}, and the group has "
            f"committed offset {committed}. {REBUILD}"
        )
    if stored is not None and stored.topic_id and stored.topic_id != facts.topic_id:
        return f"{where}: the topic was deleted and made anew since offset {begin} of it. {ACCEPT}"
    if begin > facts.end_offset:
        return f"{where} has lost its end: it ends at {facts.end_offset}, before {begin}. {ACCEPT}"
    if begin < facts.start_offset and (begin > 0 or has_states):
        return (
            f"{where} is cut at {facts.start_offset}: {facts.start_offset - begin} records from "
            f"{begin} on were deleted before they were folded. {ACCEPT}"
        )
    return None


def _other_partition_count(task: Task, facts: LogFacts) -> int:
    """The number of partitions that the log had for this task or for another one of the topic, if
    that is not the present one; otherwise 0."""
    stored = task.stored_position
    counts = [0 if stored is None else stored.partitions]
    progress = map(parse_progress, facts.group_metadata)
    counts += [found.partitions for found in progress if found is not None]
    return next((count for count in counts if count not in (0, facts.partitions)), 0)
