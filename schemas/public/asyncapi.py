"""Generates the AsyncAPI 3 document of the public contract from the models, topics and facts.

`python -m schemas.public.asyncapi > docs/asyncapi.yaml` writes it; a test compares the committed
file with it.
"""

import inspect
import sys
from typing import Any

import msgspec
import yaml
from pydantic.json_schema import models_json_schema

from schemas.channels import CHANNELS
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import COMMAND_TOPICS, Topic
from schemas.public.events import COMMAND_TYPES, EVENTS, EventType
from schemas.public.example_events import TIME, sample
from schemas.public.faulty_fields import droppable_fields

_REFERENCE = "#/components/schemas/{model}"
_HEADERS = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_type": {"type": "string"},
    "ce_id": {"type": "string", "description": "with ce_source, the identity of the event"},
    "ce_source": {"type": "string"},
    "ce_time": {"type": "string", "format": "date-time"},
    "content-type": {"type": "string", "enum": ["application/json", "application/avro"]},
}


def document() -> dict[str, Any]:
    """The whole contract: the events that touchstream receives, its commands and its facts."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "touchstream",
            "version": "1.0.0",
            "license": {"name": "Apache-2.0"},
            "description": (
                "CloudEvents 1.0 over Kafka: binary mode, structured mode accepted if the content"
                " type is application/cloudevents+json. Values are JSON, Avro in single-object"
                " encoding, or Avro in Confluent framing with schema ids of 4 bytes. The Avro"
                " schemas are the files of schemas/public/released; times in Avro are"
                " timestamp-micros, UTC; timestamp-millis and timestamp-nanos of a producer's own"
                " schema are converted; local-timestamp-*, which has no time zone, is invalid."
                " Structured mode has the event in data, or in base64 in data_base64. A byte order"
                " mark before JSON is removed. Without a content type the first bytes decide about"
                " the encoding; a content type that is neither JSON nor Avro is refused. A time"
                " zone is an IANA name in any case, the name that Windows has for it, or a short"
                " name such as PST beside a country, region or phone number that has it. EST, MST,"
                " HST and GMT are the local time of the person's place or of the tenant's country,"
                " and a tenant needs a country for them. Offsets such as UTC-5 are no time zones."
                " docs/events.md has the rules in full. An invalid value of a field in"
                " x-dropped-if-invalid costs this field alone, and the fact event.field_dropped"
                " names it; any other invalid value refuses the event. A record without a value is"
                " ignored. Topic names carry the deployment's prefix."
            ),
        },
        "defaultContentType": "application/json",
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channels() -> dict[str, Any]:
    incoming: dict[Topic, list[str]] = {}
    for name, event in EVENTS.items():
        if event.topic is not None:
            incoming.setdefault(event.topic, []).append(name)
    channels = {topic: _channel(topic, names) for topic, names in incoming.items()}
    channels |= {COMMAND_TOPICS[name]: _commands(name) for name in CHANNELS}
    channels[Topic.FACTS] = _channel(Topic.FACTS, ["fact"])
    return {_channel_key(topic): channel for topic, channel in channels.items()}


_DUTIES = (
    "A sender of a command: drop a command_id that you have carried out, and send its last answer"
    " again. Send nothing from send_before on: answer touch.failed with the code window_closed."
    " command.revoked has the key of the command and comes after it."
)
_CALL_DUTIES = (
    " A dialler also: set ring_seconds and max_seconds at the provider, and start no call after"
    " place_by: answer touch.failed with the code window_closed. Send call.ended once for a call,"
    " when its line is free; call.reviewed is for what the call led to. After a crash, if it is not"
    " known whether the call was placed, answer touch.failed with the code PLACE_UNKNOWN. Never"
    " call again without a command."
)


_TOKENS = (
    " A template in which no token stands for a value of the person is not sent: answer"
    " touch.failed, permanent."
)


def _commands(name: str) -> dict[str, Any]:
    """The command topic of a channel, with what its senders must do, and the length of texts."""
    row, topic = CHANNELS[name], COMMAND_TOPICS[name]
    duties = _DUTIES + (_CALL_DUTIES if row.by_pool else "")
    more: dict[str, Any] = {"description": duties}
    if row.text_characters:
        more["x-text-characters"] = dict(row.text_characters)
    if row.text_tokens:
        more["x-text-tokens"] = True
        more["description"] += _TOKENS
    return _channel(topic, list(COMMAND_TYPES)) | more


def _channel(topic: Topic, names: list[str]) -> dict[str, Any]:
    return {
        "address": topic.value,
        "messages": {
            key: {"$ref": f"#/components/messages/{key}"} for key in map(_message_key, names)
        },
        "bindings": {"kafka": {"topic": topic.value}},
    }


def _operations() -> dict[str, Any]:
    """The operations of touchstream: it receives events, and sends commands and facts."""
    topics = {event.topic: "receive" for event in EVENTS.values() if event.topic is not None}
    topics |= {COMMAND_TOPICS[channel]: "send" for channel in CHANNELS}
    topics |= {Topic.FACTS: "send"}
    return {
        f"{action}_{_channel_key(topic)}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{_channel_key(topic)}"},
        }
        for topic, action in topics.items()
    }


def _messages() -> dict[str, Any]:
    messages = {_message_key(name): _message(event) for name, event in EVENTS.items()}
    return messages | {"fact": _fact_message()}


def _message(event: EventType) -> dict[str, Any]:
    summary = (event.model.__doc__ or "").strip()
    dropped = droppable_fields(event.model)
    return {
        "name": event.name,
        "contentType": "application/json",
        **({"summary": " ".join(summary.split())} if summary else {}),
        "headers": {"type": "object", "properties": _HEADERS},
        "payload": {"$ref": _REFERENCE.format(model=event.model.__name__)},
        "examples": [{"headers": _example_headers(event.name), "payload": sample(event.name)}],
        "x-avro-schema": f"schemas/public/released/{event.name}.v{event.version}.avsc",
        **({"x-dropped-if-invalid": dropped} if dropped else {}),
    }


def _example_headers(ce_type: str) -> dict[str, str]:
    return {
        "ce_specversion": "1.0",
        "ce_type": ce_type,
        "ce_id": "evt-1",
        "ce_source": "/acme/crm",
        "ce_time": TIME,
        "content-type": "application/json",
    }


def _fact_message() -> dict[str, Any]:
    return {
        "name": "fact",
        "contentType": "application/json",
        "summary": "Every decision and state change, with its cause and the values behind it.",
        "payload": {"$ref": _REFERENCE.format(model="Fact")},
        "x-facts": [kind.value for kind in FactKind],
    }


def _schemas() -> dict[str, Any]:
    models = dict.fromkeys(event.model for event in EVENTS.values())
    _, generated = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REFERENCE
    )
    model_schemas: dict[str, Any] = generated["$defs"]
    _, fact_schemas = msgspec.json.schema_components(
        [Fact], ref_template="#/components/schemas/{name}"
    )
    for schema in fact_schemas.values():  # Python 3.13 removes the indentation itself
        schema["description"] = inspect.cleandoc(schema["description"])
    return dict(sorted((model_schemas | fact_schemas).items()))


def _channel_key(topic: Topic) -> str:
    return topic.value.replace(".", "_").replace("-", "_")


def _message_key(ce_type: str) -> str:
    return ce_type.replace(".", "_")


def text() -> str:
    """The document as YAML text, as in docs/asyncapi.yaml."""
    lines = yaml.safe_dump(_plain(document()), sort_keys=False, width=100, allow_unicode=True)
    return (
        "# Generated by `python -m schemas.public.asyncapi`; a test compares it with the models.\n"
        + lines
    )


def _plain(value: Any) -> Any:
    """A deep copy with plain text for enum members; the copies keep YAML from writing aliases."""
    return msgspec.to_builtins(value)


if __name__ == "__main__":
    sys.stdout.write(text())
