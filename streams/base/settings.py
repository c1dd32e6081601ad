"""The settings of a process: its environment variables, read once into one frozen model.

`TOUCHSTREAM_KAFKA_*` variables become options of the Kafka client, unchanged:
TOUCHSTREAM_KAFKA_SECURITY_PROTOCOL=SASL_SSL sets `security.protocol`, and
TOUCHSTREAM_KAFKA_SASL_PASSWORD sets `sasl.password`. Neither the model's repr nor an error message
contains a secret, so no secret reaches a log.
"""

import os
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from sinks.dsn import is_dsn
from streams.base.clock import ScaledClock, parse_clock

PREFIX = "TOUCHSTREAM_"
KAFKA_PREFIX = "TOUCHSTREAM_KAFKA_"


class SettingsInvalid(Exception):
    """A setting is missing or wrong; the message names the variable and what it should be."""


class Settings(BaseModel):
    """Addresses, names, intervals and identity of one process."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    bootstrap_servers: str = Field(
        "", description="Kafka's bootstrap address, host:port[,host:port]"
    )
    postgres_dsn: SecretStr = Field(
        SecretStr(""), description="PostgreSQL, postgresql://user@host/db"
    )
    registry_url: str = Field("", description="schema registry (Confluent API); empty: none")
    registry_user: str = Field("", description="user of the registry, with a password")
    registry_password: SecretStr = Field(SecretStr(""), description="password of that user")
    registry_token: SecretStr = Field(SecretStr(""), description="bearer token, instead of a user")
    registry_cluster: str = Field("", description="logical cluster of a token (Confluent Cloud)")
    registry_ca: str = Field("", description="file with the CA certificates of the registry (PEM)")
    topic_prefix: str = Field("", description="prefix of every topic and group name")
    command_encoding: Literal["json", "avro", "avro-registry"] = Field(
        "json", description="how commands are written: json, avro (single-object), avro-registry"
    )
    commit_interval_ms: int = Field(
        20, ge=1, le=10_000, description="time between two transactions of a worker"
    )
    projection_interval_ms: int = Field(
        200, ge=1, le=60_000, description="time between two transactions of the projector"
    )
    transaction_timeout_ms: int = Field(
        10_000, ge=2_000, le=15_000, description="Kafka's transaction.timeout.ms"
    )
    # Longer than the brokers' own session (9 s by default): a coordinator that dies has a successor
    # before its members have lost their sessions, after which all of them would be fenced.
    session_timeout_ms: int = Field(
        15_000, ge=6_000, le=300_000, description="Kafka's session.timeout.ms"
    )
    max_clock_skew_s: float = Field(
        60.0, gt=0, description="a record stamped further ahead of this machine's clock stops tasks"
    )
    logs_may_be_cut: bool = Field(
        False, description="the logs may have a retention: they cannot be folded again then"
    )
    clock: str = Field("", description="a shared scaled clock, set by `touchstream up --speed`")
    instance: str = Field(
        "", pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="name of this machine, if several run"
    )
    slot: int = Field(0, ge=0, description="number of this worker, stable over restarts")
    kafka: dict[str, str] = Field(default_factory=dict, repr=False)

    def scaled_clock(self) -> ScaledClock:
        """The clock that all processes of this deployment share."""
        return parse_clock(self.clock)

    def identity(self, group: str) -> str:
        """The stable name of this worker in `group`: its group instance id and transactional id.

        A restarted process with the same identity keeps its partitions, and Kafka aborts the open
        transaction of its predecessor. Two running processes must not share an identity.
        """
        return f"{group}-{self.instance}{'-' if self.instance else ''}{self.slot}"

    def dsn(self) -> str:
        """The PostgreSQL DSN. Raises SettingsInvalid if it is missing or cannot be parsed."""
        value = self.postgres_dsn.get_secret_value()
        if not value:
            raise SettingsInvalid("TOUCHSTREAM_POSTGRES_DSN is not set")
        if not is_dsn(value):
            raise SettingsInvalid(
                "TOUCHSTREAM_POSTGRES_DSN cannot be read: postgresql://user:password@host/database"
                " (in the password @ is written %40, / %2F, ? %3F, % %25)"
            )
        return value


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings from `environment`, by default that of the process. Raises SettingsInvalid,
    which names the wrong variable."""
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    kafka: dict[str, str] = {}
    for name, value in environment.items():
        if name.startswith(KAFKA_PREFIX):
            kafka[name[len(KAFKA_PREFIX) :].lower().replace("_", ".")] = value
        elif name.startswith(PREFIX):
            values[name[len(PREFIX) :].lower()] = value
    try:
        return Settings.model_validate({**values, "kafka": kafka})
    except ValidationError as error:
        lines = [
            f"{PREFIX}{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise SettingsInvalid("; ".join(lines)) from None


def kafka_variables(options: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that set these options of the Kafka client."""
    return {KAFKA_PREFIX + n.upper().replace(".", "_"): value for n, value in options.items()}


def require_kafka(settings: Settings) -> Settings:
    """Returns `settings` unchanged. Raises SettingsInvalid if they name no broker."""
    if not settings.bootstrap_servers:
        raise SettingsInvalid(
            "TOUCHSTREAM_BOOTSTRAP_SERVERS is not set"
            " (for the embedded stack: `set -a; . DIR/stack.env; set +a`)"
        )
    return settings
