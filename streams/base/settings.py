"""Settings: the environment, read once, in one frozen model. Secrets never reach a log (house
rule).

`TOUCHSTREAM_KAFKA_*` is passed to the Kafka client as it is:
TOUCHSTREAM_KAFKA_SECURITY_PROTOCOL=SASL_SSL sets `security.protocol`,
TOUCHSTREAM_KAFKA_SASL_PASSWORD sets `sasl.password`.
"""

import os
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from sinks.dsn import is_dsn
from streams.base.clock import ScaledClock, clock_from

PREFIX = "TOUCHSTREAM_"
KAFKA_PREFIX = "TOUCHSTREAM_KAFKA_"


class SettingsInvalid(Exception):
    """A setting is missing or wrong; the message says which and what it should be."""


class Settings(BaseModel):
    """What a process needs to know of the world around it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    bootstrap_servers: str = Field(
        "", description="Kafka's bootstrap address, host:port[,host:port]"
    )
    postgres_dsn: SecretStr = Field(
        SecretStr(""), description="PostgreSQL, postgresql://user@host/db"
    )
    registry_url: str = Field("", description="schema registry (Confluent API); empty: none")
    topic_prefix: str = Field("", description="in front of every topic and group name")
    command_encoding: Literal["json", "avro", "avro-registry"] = Field(
        "json", description="how commands are written: json, avro (single-object), avro-registry"
    )
    commit_interval_ms: int = Field(
        20, ge=1, le=10_000, description="time between two transactions"
    )
    projection_interval_ms: int = Field(200, ge=1, le=60_000, description="the same for PostgreSQL")
    transaction_timeout_ms: int = Field(10_000, ge=2_000, le=15_000, description="Kafka's")
    session_timeout_ms: int = Field(10_000, ge=6_000, le=300_000, description="Kafka's")
    max_clock_skew_s: float = Field(
        60.0, gt=0, description="a record further ahead of this machine's clock stops its task"
    )
    clock: str = Field("", description="a shared time lapse, written by `touchstream up --speed`")
    instance: str = Field(
        "", pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="this machine among several, if any"
    )
    slot: int = Field(0, ge=0, description="this worker's number; it keeps its id over restarts")
    kafka: dict[str, str] = Field(default_factory=dict, repr=False)

    def scaled_clock(self) -> ScaledClock:
        """The clock that all processes of this deployment share."""
        return clock_from(self.clock)

    def identity(self, group: str) -> str:
        """This worker in a group: who restarts with it is known again, and its dead twin's
        transaction aborted. No two at a time may share it."""
        return f"{group}-{self.instance}{'-' if self.instance else ''}{self.slot}"

    def dsn(self) -> str:
        """The PostgreSQL DSN. Raises SettingsInvalid where there is none."""
        value = self.postgres_dsn.get_secret_value()
        if not value:
            raise SettingsInvalid("TOUCHSTREAM_POSTGRES_DSN is not set")
        if not is_dsn(value):
            raise SettingsInvalid(
                "TOUCHSTREAM_POSTGRES_DSN cannot be read: postgresql://user:password@host/database"
                " (in the password @ is written %40, / %2F, % %25)"
            )
        return value


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings that an environment holds. Raises SettingsInvalid with the variable's name."""
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


def need_kafka(settings: Settings) -> Settings:
    """The same settings, if they name a broker. Raises SettingsInvalid."""
    if not settings.bootstrap_servers:
        raise SettingsInvalid(
            "TOUCHSTREAM_BOOTSTRAP_SERVERS is not set"
            " (for the embedded stack: `set -a; . DIR/stack.env; set +a`)"
        )
    return settings
