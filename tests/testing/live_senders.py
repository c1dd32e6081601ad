"""The channel senders and the people of a live test: they hear of every command, and answer when
it is time.

Who a person is follows from their number, and so does what they do.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any, NamedTuple

import msgspec

from schemas.internal.topics import COMMANDS
from schemas.public.codec import Encoding
from streams.base.settings import Settings
from streams.kafka.reader import TopicReader
from tests.testing.publishing import Publisher, now

SECOND = 1_000_000


class Command(NamedTuple):
    """As it stands on a command topic: the event's type and id, and its fields."""

    kind: str
    event_id: str
    data: dict[str, Any]


class Answer(NamedTuple):
    """An event that comes of a command, so many seconds after the one before it."""

    after_s: float
    kind: str
    fields: dict[str, Any]


Answers = Callable[[Command], Iterator[Answer]]


class Senders:
    """`look` reads on and says what is due by now."""

    def __init__(self, settings: Settings, publisher: Publisher, answers: Answers) -> None:
        self.commands: list[Command] = []
        self._readers = [TopicReader(settings, topic) for topic in COMMANDS]
        self._publisher, self._answers = publisher, answers
        self._due: list[tuple[int, int, str, dict[str, Any]]] = []
        self.said = 0

    @property
    def idle(self) -> bool:
        return not self._due

    def look(self) -> None:
        """New commands are heard, and what is due is said."""
        for reader in self._readers:
            for _, entries in reader.read():
                for entry in entries:
                    headers = dict(entry.record.headers() or ())
                    self._take(headers, msgspec.json.decode(entry.value or b"{}"))
        while self._due and self._due[0][0] <= now():
            _, _, kind, fields = heappop(self._due)
            self.say(kind, **fields)

    def say(self, kind: str, **fields: Any) -> str:
        """Now, as JSON and Avro by turns."""
        self.said += 1
        encoding: Encoding = "avro" if self.said % 2 else "json"
        key = f"{fields['tenant_id']}/{fields.get('contact_id')}".encode()
        return self._publisher.event(kind, encoding, key=key, **fields)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()

    def _take(self, headers: dict[str, Any], data: dict[str, Any]) -> None:
        command = Command(headers["ce_type"].decode(), headers["ce_id"].decode(), data)
        self.commands.append(command)
        at = now()
        for number, answer in enumerate(self._answers(command)):
            at += int(answer.after_s * SECOND)
            who = {"tenant_id": data["tenant_id"], "contact_id": data["contact_id"]}
            fields = {**who, **answer.fields}
            heappush(self._due, (at, len(self.commands) * 100 + number, answer.kind, fields))
