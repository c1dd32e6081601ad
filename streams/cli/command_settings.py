"""The settings of a command, checked before the command does any work."""

from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException

from streams.base.redaction import redact
from streams.base.settings import Settings, SettingsInvalid, load_settings, require_kafka
from streams.cli.errors import EXIT_UNREACHABLE, CommandError
from streams.kafka.clients import admin_client

BROKER_TIMEOUT_S = 8.0


def connected_settings() -> Settings:
    """The settings of the environment, once Kafka has answered. Raises SettingsInvalid, and
    CommandError where no broker answers."""
    settings = without_client_log(require_kafka(valid_settings()))
    _check_broker(settings)
    return settings


def valid_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of `environment` (default: of this process), with a clock that can be parsed.
    Raises SettingsInvalid."""
    settings = load_settings(environment)
    try:
        settings.scaled_clock()
    except ValueError:
        raise SettingsInvalid("TOUCHSTREAM_CLOCK: must be real:shown:speed") from None
    return settings


def without_client_log(settings: Settings) -> Settings:
    """A copy of the settings with librdkafka's own logging off."""
    return settings.model_copy(update={"kafka": {"log_level": "0", **settings.kafka}})


def _check_broker(settings: Settings) -> None:
    errors: list[KafkaError] = []
    kafka = {**settings.kafka, "error_cb": errors.append}
    with admin_client(settings.model_copy(update={"kafka": kafka})) as client:
        try:
            client.list_topics(timeout=BROKER_TIMEOUT_S)
            return
        except KafkaException as error:
            client.poll(0)
            last: KafkaError = error.args[0]
    causes = [e.str() for e in errors if e.code() != KafkaError._ALL_BROKERS_DOWN]
    cause = causes[0] if causes else last.str()
    message = f"Kafka at {settings.bootstrap_servers} does not answer: {cause}"
    raise CommandError(redact(message), EXIT_UNREACHABLE)
