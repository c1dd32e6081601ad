"""What the worker needs of a log service. Kafka is one; logs in memory are the other (tests,
simulation)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from processors.fold.task import Record
from schemas.internal.topics import Topic

Headers = list[tuple[str, str | bytes | None]]


class Partition(NamedTuple):
    """One partition of one topic, by its logical name."""

    topic: Topic
    number: int


class Aborted(Exception):
    """The transaction is thrown away for certain: rewind and fold again."""


class Unsure(Exception):
    """Nobody knows whether the transaction counted, and the producer is new: read everything
    again."""


class Dead(Exception):
    """This process is fenced or its client broken: let a clean one start."""


class Restore(Protocol):
    """A changelog partition being read, a step at a time, to the end it had at the start."""

    def step(self, limit: int) -> tuple[Iterable[tuple[bytes, bytes | None]], bool]:
        """The next records, and whether these were the last."""

    def close(self) -> None:
        """Stop reading."""


class Transport(Protocol):
    """Consumer and producer of one worker, with one transaction open at most."""

    on_assigned: Callable[[Sequence[Partition]], None]
    on_revoked: Callable[[Sequence[Partition]], None]

    def poll(self, wait: float, limit: int) -> Mapping[Partition, list[Record]]:
        """What has come, after at most `wait` seconds; assignment changes are told inside this
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
        """One record into the transaction, which begins with it."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Offsets into the transaction, and all or nothing. Raises Aborted, Unsure or Dead."""

    def abort(self) -> None:
        """Nothing of the open transaction ever happened. Raises Unsure or Dead."""

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Where the group stands; the log's beginning where it never was."""

    def start(self, offsets: Mapping[Partition, int]) -> None:
        """Read these from there on: after assignment, and again after an abort."""

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Take no more of these for now."""

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Take them again."""

    def restore(self, changelog: Partition) -> Restore:
        """Begin to read a changelog partition."""

    def close(self) -> None:
        """Leave; an open transaction is aborted."""
