"""Records in Confluent framing, read and written with a real registry."""

import json
import socket
import urllib.request
from io import BytesIO
from pathlib import Path

import fastavro
import psutil
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas.base.error_codes import RefusalCode, Refused, SchemaUnavailable
from schemas.internal.messages import CommandRevoked
from schemas.public.codec import Decoder, encode_event
from schemas.public.commands import command_encoder
from schemas.public.example_events import sample_model
from streams.base.settings import Settings, load_settings
from streams.embedded.registry import EmbeddedRegistry
from streams.kafka.registry import registrar, registry_client, resolver

pytestmark = pytest.mark.live


def client_of(registry: EmbeddedRegistry) -> SchemaRegistryClient:
    return registry_client(load_settings(registry.environment))


def test_an_event_with_a_registered_schema_id_is_read(registry: EmbeddedRegistry) -> None:
    model = sample_model("job.completed")
    headers, value = encode_event(
        "job.completed",
        model,
        "confluent",
        event_id="1",
        source="shop",
        schema_id=registrar(client_of(registry))("job.completed"),
    )
    event = Decoder(resolver(client_of(registry))).decode([*headers], value)
    assert event.data == model


def test_the_health_check_of_the_registry_is_reachable_from_this_machine_alone(
    registry: EmbeddedRegistry,
) -> None:
    port = int(registry.health.split(":")[2].partition("/")[0])
    with urllib.request.urlopen(registry.health, timeout=10) as answer:
        assert answer.status == 200
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))  # the port is free on other addresses


def test_nobody_is_let_in_without_the_password_which_only_its_owner_can_read(
    registry: EmbeddedRegistry, stack_dir: Path
) -> None:
    options = registry.environment
    for login in ({}, {**options, "TOUCHSTREAM_REGISTRY_PASSWORD": "wrong"}):
        wrong = load_settings({**login, "TOUCHSTREAM_REGISTRY_URL": registry.url})
        with pytest.raises(SchemaRegistryError) as refused:
            registry_client(wrong).get_subjects()
        assert refused.value.http_status_code == 401
    arguments = psutil.Process(registry.process.pid).cmdline()
    assert not any(registry.password in argument for argument in arguments)
    for name in ("password", "config/application.properties"):
        assert (stack_dir / "registry" / name).stat().st_mode & 0o077 == 0


def test_an_unknown_schema_id_is_refused(registry: EmbeddedRegistry) -> None:
    headers, value = encode_event(
        "job.completed",
        sample_model("job.completed"),
        "confluent",
        event_id="1",
        source="shop",
        schema_id=999_999,
    )
    with pytest.raises(Refused) as raised:
        Decoder(resolver(client_of(registry))).decode([*headers], value)
    assert raised.value.code is RefusalCode.AVRO_SCHEMA_UNKNOWN


def test_a_registry_that_does_not_answer_makes_the_schema_unavailable() -> None:
    headers, value = encode_event(
        "job.completed",
        sample_model("job.completed"),
        "confluent",
        event_id="1",
        source="shop",
        schema_id=1,
    )
    with pytest.raises(SchemaUnavailable):
        nowhere = registry_client(Settings(registry_url="http://127.0.0.1:9"))
        Decoder(resolver(nowhere)).decode([*headers], value)


def test_a_command_is_read_with_the_schema_of_its_id(registry: EmbeddedRegistry) -> None:
    number = registrar(client_of(registry))("command.revoked")
    encode = command_encoder("confluent", schema_ids={"command.revoked": number})
    command = "00000000-0000-8000-8000-000000000001"
    _, value = encode(CommandRevoked(command, "acme", "ann", "email", "owner_stopped"))
    text = resolver(client_of(registry))(int.from_bytes(value[1:5], "big"))
    assert text is not None
    schema = fastavro.parse_schema(json.loads(text))
    decoded = fastavro.schemaless_reader(BytesIO(value[5:]), schema, None)
    assert decoded == {
        "tenant_id": "acme",
        "contact_id": "ann",
        "command_id": command,
        "reason": "owner_stopped",
    }
