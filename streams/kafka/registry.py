"""The schema registry (Confluent's API): finds the schema of an incoming id, and registers our own
schemas for outgoing records."""

import json
from collections.abc import Callable
from functools import cache

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas.base.error_codes import SchemaUnavailable
from schemas.public.codec import DecodeEvent, Decoder
from schemas.public.released import newest
from streams.base.settings import Settings

NOT_FOUND = (404, 40401, 40402, 40403)


def decoder_of(settings: Settings) -> DecodeEvent:
    """The decoder of public events and commands in the encodings of this deployment."""
    resolve = resolver(settings.registry_url) if settings.registry_url else None
    return Decoder(resolve).decode


def resolver(url: str) -> Callable[[int], str | None]:
    """A function that returns the schema with an id, or None if the registry has none. The function
    raises SchemaUnavailable if the registry does not answer."""
    client = SchemaRegistryClient({"url": url})

    def resolve(schema_id: int) -> str | None:
        try:
            return client.get_schema(schema_id).schema_str
        except SchemaRegistryError as error:
            if error.http_status_code == 404 or error.error_code in NOT_FOUND:
                return None
            raise SchemaUnavailable(str(error)) from error
        except OSError as error:
            raise SchemaUnavailable(str(error)) from error
        except Exception as error:  # the HTTP library of the client has errors of its own
            raise SchemaUnavailable(f"{type(error).__name__}: {error}") from error

    return resolve


def registrar(url: str) -> Callable[[str], int]:
    """A function that returns the id of our newest schema of an event or command, which it
    registers on first use. The function raises SchemaUnavailable."""
    client = SchemaRegistryClient({"url": url})

    @cache
    def register(ce_type: str) -> int:
        try:
            schema_id: int = client.register_schema(
                f"touchstream.{ce_type}", Schema(json.dumps(newest(ce_type)), "AVRO")
            )
        except Exception as error:
            raise SchemaUnavailable(f"{type(error).__name__}: {error}") from error
        return schema_id

    return register
