"""Readers of dead letters and facts: each read returns all committed records so far."""

from typing import NamedTuple, cast

from schemas.internal import facts
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.kafka.reader import TopicReader


class ReceivedDeadLetter(NamedTuple):
    """A dead letter with its reason, its detail and the original value."""

    reason: str
    detail: str
    value: bytes | None
    headers: dict[str, bytes | None]


Origin = tuple[str, int, int]


class DeadLetterReader:
    """The dead letters by their origin: topic, partition and offset."""

    def __init__(self, settings: Settings) -> None:
        self._reader = TopicReader(settings, Topic.DEAD_LETTERS)
        self.letters: dict[Origin, ReceivedDeadLetter] = {}

    def read(self) -> dict[Origin, ReceivedDeadLetter]:
        """All dead letters so far. Fails if two have the same origin."""
        for _, entries in self._reader.read():
            for entry in entries:
                headers = cast(dict[str, bytes], dict(entry.record.headers() or ()))
                origin = (
                    headers["origin_topic"].decode(),
                    int(headers["origin_partition"]),
                    int(headers["origin_offset"]),
                )
                assert origin not in self.letters, "a letter twice"
                self.letters[origin] = ReceivedDeadLetter(
                    headers["reason"].decode(),
                    headers["detail"].decode(),
                    entry.value,
                    cast(dict[str, bytes | None], headers),
                )
        return self.letters


class FactReader:
    """The facts in the order of their partitions."""

    def __init__(self, settings: Settings) -> None:
        self._reader = TopicReader(settings, Topic.FACTS, may_be_cut=True)
        self.facts: list[facts.Fact] = []

    def read(self) -> list[facts.Fact]:
        """All facts so far."""
        for _, entries in self._reader.read():
            self.facts += [facts.decode(entry.value or b"") for entry in entries]
        return self.facts

    def matching(self, kind: facts.FactKind, **fields: object) -> list[facts.Fact]:
        """The facts of a kind with these fields, so far."""
        return [
            fact
            for fact in self.read()
            if fact.fact is kind and all(getattr(fact, k) == v for k, v in fields.items())
        ]
