"""The schema registry (Confluent's API): finds the schema of an incoming id, and registers our own
schemas for outgoing records."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas.base.error_codes import SchemaUnavailable
from schemas.public.codec import DecodeEvent, Decoder
from schemas.public.released import newest
from streams.base.settings import Settings, SettingsInvalid

REFUSED_LOGIN = (401, 403)
NOT_FOUND = (404, 40401, 40402, 40403)


def decoder_of(settings: Settings) -> DecodeEvent:
    """The decoder of public events and commands in the encodings of this deployment."""
    resolve = resolver(registry_client(settings)) if settings.registry_url else None
    return Decoder(resolve).decode


def registry_client(settings: Settings) -> SchemaRegistryClient:
    """A client of the registry with its user or token, and its CA. Raises SettingsInvalid."""
    options: dict[str, str] = {"url": settings.registry_url}
    user, token = settings.registry_user, settings.registry_token.get_secret_value()
    password = settings.registry_password.get_secret_value()
    if user and token:
        raise SettingsInvalid("TOUCHSTREAM_REGISTRY_USER and _TOKEN are both set: remove one")
    if bool(user) != bool(password):
        raise SettingsInvalid("TOUCHSTREAM_REGISTRY_USER and _PASSWORD belong together: set both")
    if user:
        options["basic.auth.user.info"] = f"{user}:{password}"
    if token:
        options["bearer.auth.credentials.source"] = "STATIC_TOKEN"
        options["bearer.auth.token"] = token
        options["bearer.auth.logical.cluster"] = settings.registry_cluster
    if settings.registry_ca:
        if not Path(settings.registry_ca).is_file():
            raise SettingsInvalid(f"TOUCHSTREAM_REGISTRY_CA: no such file: {settings.registry_ca}")
        options["ssl.ca.location"] = settings.registry_ca
    return SchemaRegistryClient(options)


def resolver(client: SchemaRegistryClient) -> Callable[[int], str | None]:
    """A function that returns the schema with an id, or None if the registry has none. The function
    raises SchemaUnavailable if the registry does not answer."""

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


def registrar(client: SchemaRegistryClient) -> Callable[[str], int]:
    """A function that returns the id of our newest schema of an event or command, which it
    registers on first use. The function raises SchemaUnavailable, and SettingsInvalid if the
    registry refuses the login."""

    @cache
    def register(ce_type: str) -> int:
        try:
            schema_id: int = client.register_schema(
                f"touchstream.{ce_type}", Schema(json.dumps(newest(ce_type)), "AVRO")
            )
        except Exception as error:
            if isinstance(error, SchemaRegistryError) and error.http_status_code in REFUSED_LOGIN:
                raise SettingsInvalid(
                    f"the registry refuses the login (status {error.http_status_code}): "
                    "TOUCHSTREAM_REGISTRY_USER and _PASSWORD, or _TOKEN"
                ) from error
            raise SchemaUnavailable(f"{type(error).__name__}: {error}") from error
        return schema_id

    return register
