"""Publishes public events to their topics, keyed so that the events of a contact stay in order."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from confluent_kafka import KafkaError, Message
from pydantic import BaseModel, ValidationError

from schemas.internal.messages import contact_key
from schemas.public.codec import Encoding, encode_event
from schemas.public.events import EVENTS, model_of
from streams.base.settings import Settings
from streams.cli.errors import EXIT_UNREACHABLE, EXIT_USAGE, CommandError
from streams.kafka.clients import idempotent_producer

SOURCE = "/touchstream/cli"
FLUSH_S = 30.0


class EventPublisher:
    """An idempotent producer of public events. Events are certain to be in Kafka after `flush`."""

    def __init__(self, settings: Settings, encoding: Encoding = "json") -> None:
        self._encoding = encoding
        prefix = settings.topic_prefix
        self._names = {
            name: prefix + each.topic for name, each in EVENTS.items() if each.topic is not None
        }
        self._clock = settings.scaled_clock()
        self._producer = idempotent_producer(settings, report_only_failures=True)
        self._failure: KafkaError | None = None

    def send(
        self,
        kind: str,
        data: Any,
        event_id: str | None,
        source: str = SOURCE,
        at: int | None = None,
    ) -> str:
        """Sends one event of the ce_type `kind`, with `at` as its ce_time. Without an id the event
        has one made from its content. Returns the cause that its facts will name, SOURCE#ID.

        In a time lapse every event has a ce_time: a timestamp alone could be taken for a real one.
        """
        if at is None and self._clock.scaled:
            at = self._clock.now()
        headers, value = encode_event(
            kind, data, self._encoding, event_id=event_id, source=source, time=at
        )
        name = self._names.get(kind)
        if name is None:
            raise ValueError(f"{kind} is a command")
        key, timestamp_ms = key_of(data), self._clock.now() // 1_000
        while True:
            try:
                self._producer.produce(
                    name,
                    value,
                    key,
                    headers=[*headers],
                    timestamp=timestamp_ms,
                    on_delivery=self._on_delivery,
                )
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)
        return f"{source}#{dict(headers)['ce_id'].decode()}"

    def now(self) -> int:
        """The time of the deployment's clock, in microseconds UTC."""
        return self._clock.now()

    def flush(self) -> None:
        """Waits until Kafka has acknowledged every event sent so far. Raises CommandError."""
        left = self._producer.flush(FLUSH_S)
        if self._failure is not None:
            message = f"Kafka did not accept an event: {self._failure.str()}"
            raise CommandError(message, EXIT_UNREACHABLE)
        if left:
            message = f"Kafka did not acknowledge {left} events within {FLUSH_S:.0f} s"
            raise CommandError(message, EXIT_UNREACHABLE)

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        self._failure = self._failure or error


OptionNames = Mapping[str, str]
"""The option behind each field of an event, by the field's path. `*` stands for the key of a map,
which is named after the option."""


def build_event(
    kind: str, /, option_names: OptionNames = MappingProxyType({}), **values: Any
) -> BaseModel:
    """A validated public event of the ce_type `kind`. Raises CommandError for an invalid value, in
    terms of the options that it comes from."""
    try:
        return model_of(kind).model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = first["loc"]
        message = first["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
        field, colon, rest = message.partition(": ")
        if not path and colon and field in model_of(kind).model_fields:
            path, message = (field,), rest  # of a rule about several fields
        place = _option(path, option_names)
        raise CommandError(f"{place}: {message}", EXIT_USAGE) from None


def _option(place: Sequence[int | str], names: OptionNames) -> str:
    """The option of a field with the keys of its maps; a field that `names` does not have is an
    option of its own name, and the id of an entity is the option of the entity."""
    path = [str(part) for part in place]
    for pattern, option in names.items():
        parts = pattern.split(".")
        if len(parts) <= len(path) and all(
            part in ("*", name) for part, name in zip(parts, path, strict=False)
        ):
            keys = [name for part, name in zip(parts, path, strict=False) if part == "*"]
            return " ".join([option, *keys])
    if not path:
        return "the event"
    return "--" + ".".join([path[0].removesuffix("_id").replace("_", "-"), *path[1:]])


def key_of(data: Any) -> bytes:
    """The record key of an event: tenant/contact where it names a contact, else the tenant."""
    contact = _contact_of(data.__class__)(data)
    tenant: str = data.tenant_id
    return contact_key(tenant, contact) if contact else tenant.encode()


@cache
def _contact_of(model: type[BaseModel]) -> Callable[[Any], str | None]:
    """The getter of a model's contact id, cached by class: pydantic is slow to look up an attribute
    that a model does not have."""
    if "customer" in model.model_fields:
        return attrgetter("customer.contact_id")
    return attrgetter("contact_id") if "contact_id" in model.model_fields else lambda _: None
