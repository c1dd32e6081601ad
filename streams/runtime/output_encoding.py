"""Encodes the outputs of processors as records: messages of logs in msgpack, facts in JSON, and
commands in the public encoding."""

from collections.abc import Callable, Iterable
from typing import Protocol

from processors.fold.turn import Output
from schemas.internal import facts, messages
from schemas.internal.topics import COMMANDS, LOGS, Topic
from streams.base.transport import Headers


class RecordSink(Protocol):
    """Receives encoded records: a transport, or a list in a test."""

    def send(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        """Takes one record. Without `partition` the key decides the partition."""


Encode = Callable[[Iterable[Output], RecordSink], None]
CommandEncoder = Callable[
    [messages.CommandDue | messages.CommandRevoked], tuple[list[tuple[str, bytes]], bytes]
]

_FACTS = Topic.FACTS  # looked up once: access to a member of an enum runs Python code
_LOGS = frozenset(LOGS)
_COMMANDS = frozenset(COMMANDS)


def encoder(encode_command: CommandEncoder) -> Encode:
    """The function that encodes outputs and sends them to a sink. Deployments differ in the
    encoding of commands alone."""

    encode_fact, encode_message = facts.encode, messages.encode

    def encode(outputs: Iterable[Output], sink: RecordSink) -> None:
        send = sink.send
        for output in outputs:
            topic, key, message = output.topic, output.key, output.message
            if topic is _FACTS:
                send(topic, key, encode_fact(message))
            elif topic in _LOGS:
                send(topic, key, encode_message(message), partition=output.partition)
            elif topic in _COMMANDS:
                headers, value = encode_command(message)  # type: ignore[arg-type]
                send(topic, key, value, headers=[*headers])
            else:
                assert isinstance(message, messages.DeadLetter)
                send(topic, key, message.value, headers=dead_letter_headers(message))

    return encode


def dead_letter_headers(letter: messages.DeadLetter) -> Headers:
    """The headers of a dead letter: reason, detail and origin, then the headers of the original
    record, with the prefix `original_`."""
    headers: Headers = [
        ("reason", letter.code.encode()),
        ("detail", letter.detail.encode()),
        ("origin_topic", letter.topic.encode()),
        ("origin_partition", str(letter.partition).encode()),
        ("origin_offset", str(letter.offset).encode()),
    ]
    if letter.timestamp:
        headers.append(("origin_timestamp", str(letter.timestamp // 1_000).encode()))
    if letter.cut:
        headers.append(("cut", b"true"))
    if letter.key is not None:
        headers.append(("origin_key", letter.key))
    for name, value in letter.headers:
        headers.append((f"original_{name}", value or b""))
    return headers
