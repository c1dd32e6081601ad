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


class Fenced(FatalClientError):
    """The process is fenced: its transaction has timed out, or another process has its
    identity."""


class IdentityTaken(FatalClientError):
    """Another process has the identity of this one, and has taken its place in the group."""


class ChangelogReader(Protocol):
    """Reads one changelog partition up to the end that it had when reading began."""

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

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Adds the next offsets of the input to the open transaction and commits it. Raises
        TransactionAborted, CommitOutcomeUnknown or FatalClientError."""

    def abort(self) -> None:
        """Aborts the open transaction, if there is one. Raises FatalClientError."""

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """The group's committed offsets; 0 for a partition that has none."""

    def read_from(self, offsets: Mapping[Partition, int]) -> None:
        """Reads each partition from its offset on: after an assignment, and again after an
        abort."""

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stops delivery of these partitions until `resume`."""

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Continues delivery of paused partitions."""

    def open_changelog(self, changelog: Partition) -> ChangelogReader:
        """A reader of this changelog partition, at its beginning."""

    def close(self) -> None:
        """Leaves the group; an open transaction is aborted."""
