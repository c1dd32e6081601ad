"""The channel senders and the people of a live test: they receive every command, and answer after a
scripted time.

A script decides the answers from the command alone, so they are the same in every run.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any, NamedTuple

import msgspec

from schemas.internal.topics import COMMANDS
from schemas.public.codec import Encoding
from streams.base.settings import Settings
from streams.kafka.reader import TopicReader
from tests.testing.publishing import EventSource, now

SECOND = 1_000_000


class ReceivedCommand(NamedTuple):
    """A command or revocation: the type and id of its event, and its fields."""

    kind: str
    event_id: str
    data: dict[str, Any]


class ScriptedAnswer(NamedTuple):
    """An event that answers a command, `after_s` seconds after the previous answer to it."""

    after_s: float
    kind: str
    fields: dict[str, Any]


AnswerScript = Callable[[ReceivedCommand], Iterator[ScriptedAnswer]]


class LiveSenders:
    """All senders and people. A test calls `work` often. `published` counts their events."""

    def __init__(self, settings: Settings, publisher: EventSource, answers: AnswerScript) -> None:
        self.commands: list[ReceivedCommand] = []
        self._readers = [TopicReader(settings, topic) for topic in COMMANDS]
        self._publisher, self._answers = publisher, answers
        self._due: list[tuple[int, int, str, dict[str, Any]]] = []
        self.published = 0

    @property
    def idle(self) -> bool:
        """Whether no answer is left to publish."""
        return not self._due

    def work(self) -> None:
        """Receives the new commands, and publishes the answers that are due by now."""
        for reader in self._readers:
            for _, entries in reader.read():
                for entry in entries:
                    headers = dict(entry.record.headers() or ())
                    self._receive(headers, msgspec.json.decode(entry.value or b"{}"))
        while self._due and self._due[0][0] <= now():
            _, _, kind, fields = heappop(self._due)
            self.publish(kind, **fields)

    def publish(self, kind: str, **fields: Any) -> str:
        """Publishes an event now, in JSON and Avro by turns, and returns its cause."""
        self.published += 1
        encoding: Encoding = "avro" if self.published % 2 else "json"
        key = f"{fields['tenant_id']}/{fields.get('contact_id')}".encode()
        return self._publisher.event(kind, encoding, key=key, **fields)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()

    def _receive(self, headers: dict[str, Any], data: dict[str, Any]) -> None:
        command = ReceivedCommand(headers["ce_type"].decode(), headers["ce_id"].decode(), data)
        self.commands.append(command)
        at = now()
        for number, answer in enumerate(self._answers(command)):
            at += int(answer.after_s * SECOND)
            who = {"tenant_id": data["tenant_id"], "contact_id": data["contact_id"]}
            fields = {**who, **answer.fields}
            heappush(self._due, (at, len(self.commands) * 100 + number, answer.kind, fields))
