"""A PostgreSQL server for the tests of the sinks, and a migrated database for each test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo

from sinks.migrate import migrate
from streams.embedded.postgres import EmbeddedPostgres


class Database:
    """The connection of the server's administrator, which creates databases and roles."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def run(self, statement: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement.encode())

    def create(self, template: str = "template0", owner: str = "postgres") -> str:
        """Creates a database and returns its DSN."""
        name = f"t{uuid4().hex[:10]}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy OWNER {owner}")
        return conninfo.make_conninfo(self.dsn, dbname=name)

    def login(self, dsn: str, role: str, attributes: str = "") -> str:
        """Creates a role that may log in, if it is missing, and returns its DSN for a database."""
        self.run(
            f"DO $$ BEGIN CREATE ROLE {role} LOGIN PASSWORD 'p' {attributes}; "
            "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        return conninfo.make_conninfo(dsn, user=role, password="p")


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    directory = Path(tempfile.mkdtemp(prefix="touchstream-"))
    running = EmbeddedPostgres(directory, durable=False)
    running.start()
    try:
        yield Database(running.dsn)
    finally:
        running.kill()  # its files are deleted at once, so no clean shutdown is needed
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated(server: Database) -> str:
    """The name of a migrated database, which is the template of others."""
    dsn = server.create()
    migrate(dsn)
    return str(conninfo.conninfo_to_dict(dsn)["dbname"])


@pytest.fixture
def dsn(server: Database, migrated: str) -> str:
    """The DSN of a migrated, empty database for one test."""
    return server.create(migrated)
