"""Applies the numbered migrations in order, each once, all of them in one transaction.

A released migration is never edited; a stored digest of each applied file makes sure of it.
"""

import time
from hashlib import sha256
from importlib.resources import files

import psycopg

from sinks.queries import load

PROJECTORS_WAIT_S = 5.0


class MigrationRefused(Exception):
    """The database cannot be migrated as it is. The message names the reason."""


def migrate(dsn: str) -> list[str]:
    """Applies the migrations that are missing, and returns their names.

    Several processes may call it at once: a lock lets one after the other apply what is missing.
    Raises MigrationRefused where an applied file has changed, the role lacks a privilege, or a
    projector of the version before still writes: it would leave new columns as they are, even
    those of a person who is erased.
    """
    sql = load("migrate")
    with psycopg.connect(dsn, application_name="touchstream migrate") as connection:
        connection.execute(sql["lock"])
        try:
            connection.execute(sql["bootstrap"])
            applied: dict[str, str] = dict(connection.execute(sql["applied"]).fetchall())
            migrations = _files()
            if applied and any(name not in applied for name, _ in migrations):
                _refuse_beside_projectors(connection)
            return [name for name, text in migrations if _apply(connection, name, text, applied)]
        except psycopg.errors.InsufficientPrivilege as error:
            raise MigrationRefused(str(error).strip()) from error


def _refuse_beside_projectors(connection: psycopg.Connection) -> None:
    """Waits a moment for projectors that are stopping: a server needs some time to see it."""
    deadline_s = time.monotonic() + PROJECTORS_WAIT_S
    while _projectors(connection):
        if time.monotonic() > deadline_s:
            raise MigrationRefused(
                "a projector is connected: stop every process of the older version first"
            )
        time.sleep(0.1)


def _projectors(connection: psycopg.Connection) -> int:
    sql = load("migrate")
    connection.execute(sql["forget_activity"])  # else a transaction sees the same one for ever
    row = connection.execute(sql["projectors"]).fetchone()
    return 0 if row is None else int(row[0])


def _apply(connection: psycopg.Connection, name: str, text: bytes, applied: dict[str, str]) -> bool:
    """Applies one migration unless `applied`, digests by name, has it; whether it did."""
    digest = sha256(text).hexdigest()
    if name in applied:
        if applied[name] != digest:
            raise MigrationRefused(
                f"migration {name} was applied with other contents; add a new one"
            )
        return False
    connection.execute(text)
    connection.execute(load("migrate")["record"], (name, digest))
    return True


def _files() -> list[tuple[str, bytes]]:
    """Name and contents of each migration, by number. Line endings are normalized, so that a
    checkout on another system does not change a digest."""
    folder = files("sinks").joinpath("migrations")
    migrations = [item for item in folder.iterdir() if item.name.endswith(".sql")]
    return sorted(
        (item.name[:-4], item.read_bytes().replace(b"\r\n", b"\n")) for item in migrations
    )
