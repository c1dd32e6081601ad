"""Numbered migrations: once, in order, all or nothing; a released file is never edited."""

from hashlib import sha256
from importlib.resources import files

import psycopg

from sinks.queries import load


class MigrationRefused(Exception):
    """The database cannot be brought to this version as it stands; the message says what to do."""


def migrate(dsn: str) -> list[str]:
    """Apply what is missing and name it; safe when two start at once, and nothing the second time.

    Raises MigrationRefused where an applied file has changed, or a right is missing.
    """
    sql = load("migrate")
    with psycopg.connect(dsn, application_name="touchstream migrate") as connection:
        connection.execute(sql["lock"])
        try:
            connection.execute(sql["bootstrap"])
            done: dict[str, str] = dict(connection.execute(sql["applied"]).fetchall())
            return [name for name, text in _files() if _apply(connection, name, text, done)]
        except psycopg.errors.InsufficientPrivilege as error:
            raise MigrationRefused(str(error).strip()) from error


def _apply(connection: psycopg.Connection, name: str, text: bytes, done: dict[str, str]) -> bool:
    digest = sha256(text).hexdigest()
    if name in done:
        if done[name] != digest:
            raise MigrationRefused(
                f"migration {name} was applied with other contents; add a new one"
            )
        return False
    connection.execute(text)
    connection.execute(load("migrate")["record"], (name, digest))
    return True


def _files() -> list[tuple[str, bytes]]:
    """Name and contents by number. One line ending: a checkout must not change a digest."""
    folder = files("sinks").joinpath("migrations")
    found = [item for item in folder.iterdir() if item.name.endswith(".sql")]
    return sorted((item.name[:-4], item.read_bytes().replace(b"\r\n", b"\n")) for item in found)
