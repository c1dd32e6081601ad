"""The connection of a projector to PostgreSQL, and what its errors mean."""

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

Connection = psycopg.Connection[tuple[object, ...]]

DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",  # ms
}
"""Options of libpq that the DSN may replace. Without them a host that vanishes while a statement is
under way would keep the projector waiting for a quarter of an hour."""


class SinkUnavailable(Exception):
    """PostgreSQL cannot be reached or cannot be written now, and all claims are void. The caller
    should wait, claim the partitions again and read them from the positions that the claims
    return."""


class SinkRefused(Exception):
    """PostgreSQL can be reached, and is not set up for a projector. The message names what is
    missing and what to do. All claims are void."""


def connect(dsn: str, application_name: str) -> Connection:
    """A connection that commits each statement. Raises psycopg.Error."""
    named = {name: value for name, value in conninfo_to_dict(dsn).items() if value is not None}
    options = {**DEFAULTS, **named, "application_name": application_name[:63]}
    return psycopg.connect(make_conninfo("", **options), autocommit=True)


def failure_of(error: psycopg.Error) -> SinkUnavailable | SinkRefused | None:
    """What an error means for the server; None if it means nothing for it."""
    text = f"{type(error).__name__}: {error}".strip()
    if isinstance(error, _TABLES_MISSING):
        return SinkRefused(f"{text}\nThe tables are missing or older: touchstream migrate")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return SinkRefused(f"{text}\nThe projector's user must own the tables: touchstream migrate")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return SinkUnavailable(f"{text}: the server is read-only, as a standby is")
    if isinstance(error, psycopg.errors.ProgramLimitExceeded):
        return None
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        refused = error.sqlstate is None and any(words in text for words in _REFUSALS)
        return SinkRefused(text) if refused else SinkUnavailable(text)
    return None


_TABLES_MISSING = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)
_REFUSALS = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "does not exist",
)
"""A refused connection has no SQLSTATE, so it is known by the server's words. In another language
of the server a refusal is waited for like an outage."""
