"""The channel senders and the people of a live test: they receive every command, and answer after a
scripted time.

A script decides the answers from the command alone, so they are the same in every run. A sender
that comes to a command at or after its `send_before` answers that the window is closed.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any, NamedTuple

import msgspec

from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.base.times import parse_rfc3339
from schemas.internal.topics import COMMANDS
from schemas.public.codec import Encoding
from streams.base.settings import Settings
from streams.kafka.reader import TopicReader
from tests.testing.publishing import EventSource

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


def may_be_sent(command: dict[str, Any], at: int) -> bool:
    """Whether the fields of a command allow its sender to send it at this moment."""
    call = command.get("call")
    if call and at > parse_rfc3339(call["place_by"]):
        return False
    return at < parse_rfc3339(command.get("send_before") or command["expires_at"])


"""The code of the answer of a sender that may not send any more."""

AnswerScript = Callable[[ReceivedCommand], Iterator[ScriptedAnswer]]


class LiveSenders:
    """All senders and people, by the clock of the engine. A test calls `work` often. `published`
    counts their events."""

    def __init__(self, settings: Settings, publisher: EventSource, answers: AnswerScript) -> None:
        self.commands: list[ReceivedCommand] = []
        self._readers = [TopicReader(settings, topic) for topic in COMMANDS]
        self._publisher, self._answers = publisher, answers
        self._clock = settings.scaled_clock()
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
        while self._due and self._due[0][0] <= self._clock.now():
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
        at = self._clock.now()
        who = {"tenant_id": data["tenant_id"], "contact_id": data["contact_id"]}
        for number, answer in enumerate(self._answers(command)):
            at += int(answer.after_s * SECOND)
            fields = {**who, **answer.fields}
            if answer.kind == "touch.sent" and not may_be_sent(data, at):
                fields = {**who, "command_id": data["command_id"], "code": WINDOW_CLOSED}
                heappush(self._due, (at, len(self.commands) * 100, "touch.failed", fields))
                return
            heappush(self._due, (at, len(self.commands) * 100 + number, answer.kind, fields))
