"""The schema registry, Confluent's API: schemas by number for what comes in, numbers for what
goes out."""

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
    """What reads public events and commands as this deployment writes them."""
    resolve = resolver(settings.registry_url) if settings.registry_url else None
    return Decoder(resolve).decode


def resolver(url: str) -> Callable[[int], str | None]:
    """Schema by number; None where there is no such schema. Raises SchemaUnavailable."""
    client = SchemaRegistryClient({"url": url})

    def resolve(number: int) -> str | None:
        try:
            return client.get_schema(number).schema_str
        except SchemaRegistryError as error:
            if error.http_status_code == 404 or error.error_code in NOT_FOUND:
                return None
            raise SchemaUnavailable(str(error)) from error
        except OSError as error:
            raise SchemaUnavailable(str(error)) from error
        except Exception as error:  # the client's HTTP library has its own errors
            raise SchemaUnavailable(f"{type(error).__name__}: {error}") from error

    return resolve


def registrar(url: str) -> Callable[[str], int]:
    """The number of our newest schema of an event or command, registered on first use."""
    client = SchemaRegistryClient({"url": url})

    @cache
    def number(kind: str) -> int:
        try:
            found: int = client.register_schema(
                f"touchstream.{kind}", Schema(json.dumps(newest(kind)), "AVRO")
            )
        except Exception as error:
            raise SchemaUnavailable(f"{type(error).__name__}: {error}") from error
        return found

    return number
