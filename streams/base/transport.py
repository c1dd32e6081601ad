"""The transport port: what a worker needs of a log service.

It is implemented over Kafka (`streams/kafka/transport.py`) and over logs in memory
(`streams/memory/transport.py`), which serve tests.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from processors.fold.task import Record
from schemas.internal.topics import Topic

Headers = list[tuple[str, str | bytes | None]]


class Partition(NamedTuple):
    """One partition of one topic. The topic goes by its logical name, without the prefix of a
    deployment."""

    topic: Topic
    number: int


class TransactionAborted(Exception):
    """The transaction was certainly aborted. The worker rewinds its input and folds it again."""


class CommitOutcomeUnknown(Exception):
    """Whether the transaction was committed is unknown, and the producer has a new epoch. The
    worker restores all its states from their changelogs."""


class FatalClientError(Exception):
    """The process is fenced, or its Kafka client is broken. The process must end, so that a new
    one can take over."""


class LogChanged(Exception):
    """A log or a changelog is not the one that the position of a task was written for: records are
    lost, or would be. The process must end, and a new one would find the same: the message names
    what is wrong, where, and what to do."""


class GroupOffset(NamedTuple):
    """An offset that a group has committed, and the text beside it; 0 where it has none."""

    offset: int = 0
    metadata: str = ""


class LogFacts(NamedTuple):
    """A partition of a log, as the brokers have it when a worker takes it over: the offset of the
    worker's group, the text beside the group's offset of each partition of the topic, the topic's
    id (empty if unknown) and number of partitions, the first offset and the end of the partition,
    and the end of its changelog. The ends include open transactions.

    The group's offset was read before the end of the changelog: every transaction that has
    committed this offset has its records before that end.
    """

    committed: GroupOffset
    group_metadata: Sequence[str]
    topic_id: str
    partitions: int
    start_offset: int
    end_offset: int
    changelog_end: int


class Inquiry(Protocol):
    """Questions to the brokers about partitions, asked together."""

    def answer(self) -> Mapping[Partition, LogFacts] | None:
        """The answers, or None while they are not there yet; does not wait. Raises
        FatalClientError if they do not come in time."""


class Stalled(FatalClientError):
    """A partition stands still in this process. Another process may do better: this one must give
    its partitions up, and take none for a while."""


class Fenced(FatalClientError):
    """The process is fenced: its transaction has timed out, or another process has its
    identity."""


class IdentityTaken(FatalClientError):
    """Another process has the identity of this one, and has taken its place in the group."""


class ChangelogReader(Protocol):
    """Reads one changelog partition from its beginning to an end offset."""

    def read(self, limit: int) -> tuple[Iterable[tuple[bytes, bytes | None]], bool]:
        """The next records as key and value, at most `limit` of them, and whether the end is
        reached. A value of None is a tombstone."""

    def close(self) -> None:
        """Ends reading and frees the reader's resources."""


class Transport(Protocol):
    """The consumer and the producer of one worker. At most one transaction is open at a time."""

    on_assigned: Callable[[Sequence[Partition]], None]
    on_revoked: Callable[[Sequence[Partition]], None]

    def poll(self, wait_s: float, limit: int) -> Mapping[Partition, list[Record]]:
        """At most `limit` new records by partition, after waiting `wait_s` seconds at most for the
        first. Assignment changes are reported to `on_assigned` and `on_revoked` inside this
        call."""

    def send(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        """Adds a record to the open transaction, or begins a transaction with it. Without
        `partition` the key decides the partition."""

    def commit(self, offsets: Mapping[Partition, GroupOffset]) -> None:
        """Adds the next offsets of the input to the open transaction and commits it. Raises
        TransactionAborted, CommitOutcomeUnknown or FatalClientError."""

    def abort(self) -> None:
        """Aborts the open transaction, if there is one. Raises FatalClientError."""

    def hold(self, partitions: Sequence[Partition]) -> None:
        """Accepts the assignment of these partitions, or stops their delivery, until `read_from`.
        Does not wait."""

    def inquire(self, partitions: Sequence[Partition]) -> Inquiry:
        """Asks the brokers about these partitions. Does not wait."""

    def read_from(
        self, offsets: Mapping[Partition, int], leader_epochs: Mapping[Partition, int] | None = None
    ) -> None:
        """Reads each partition from its offset on, after `hold` and again after an abort.
        `leader_epochs` are those of the records before the offsets, where they are known from
        before: a log that has lost its end since is noticed."""

    def leader_epoch(self, partition: Partition) -> int:
        """The leader epoch of the last record that was read, -1 if unknown."""

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stops delivery of these partitions until `resume`."""

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Continues delivery of paused partitions."""

    def open_changelog(self, changelog: Partition, end_offset: int) -> ChangelogReader:
        """A reader of this changelog partition from its beginning to `end_offset`."""

    def close(self) -> None:
        """Leaves the group; an open transaction is aborted."""
