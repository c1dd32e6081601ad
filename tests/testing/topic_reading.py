"""What stands on a topic so far, committed records alone: for tests that look again until it is
there."""

from typing import NamedTuple, cast

from schemas.internal import facts
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.kafka.reader import TopicReader


class Letter(NamedTuple):
    """A dead letter."""

    reason: str
    detail: str
    value: bytes | None
    headers: dict[str, bytes | None]


Origin = tuple[str, int, int]


class DeadLetters:
    """By where they came from."""

    def __init__(self, settings: Settings) -> None:
        self._reader = TopicReader(settings, Topic.DEAD_LETTERS)
        self.found: dict[Origin, Letter] = {}

    def look(self) -> dict[Origin, Letter]:
        """All so far."""
        for _, entries in self._reader.read():
            for entry in entries:
                headers = cast(dict[str, bytes], dict(entry.record.headers() or ()))
                origin = (
                    headers["origin_topic"].decode(),
                    int(headers["origin_partition"]),
                    int(headers["origin_offset"]),
                )
                assert origin not in self.found, "a letter twice"
                self.found[origin] = Letter(
                    headers["reason"].decode(),
                    headers["detail"].decode(),
                    entry.value,
                    cast(dict[str, bytes | None], headers),
                )
        return self.found


class Facts:
    """In the order of their partitions."""

    def __init__(self, settings: Settings) -> None:
        self._reader = TopicReader(settings, Topic.FACTS)
        self.found: list[facts.Fact] = []

    def look(self) -> list[facts.Fact]:
        """All so far."""
        for _, entries in self._reader.read():
            self.found += [facts.decode(entry.value or b"") for entry in entries]
        return self.found

    def of(self, kind: facts.FactKind, **fields: object) -> list[facts.Fact]:
        """Those of a kind with these fields."""
        return [
            fact
            for fact in self.look()
            if fact.fact is kind and all(getattr(fact, k) == v for k, v in fields.items())
        ]
