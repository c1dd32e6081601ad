"""What the errors of a PostgreSQL that is away, or not set up for a projector, are taken for."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg import conninfo

from sinks.connection import SinkRefused, SinkUnavailable, connect
from sinks.projection import Projection
from tests.sinks.conftest import Database


def claim(dsn: str) -> int:
    projection = Projection(dsn, "test")
    try:
        return projection.claim("facts", 0)
    finally:
        projection.close()


def read_only(server: Database, dsn: str) -> str:
    name = conninfo.conninfo_to_dict(dsn)["dbname"]
    server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    return dsn


def test_a_server_that_is_read_only_or_away_is_waited_for(server: Database, dsn: str) -> None:
    assert claim(dsn) == 0
    with pytest.raises(SinkUnavailable, match="read-only, as a standby is"):
        claim(read_only(server, dsn))
    with pytest.raises(SinkUnavailable):
        claim(conninfo.make_conninfo(dsn, host="127.0.0.1", port="1"))


NOT_SET_UP: dict[str, tuple[Callable[[Database, str], str], str]] = {
    "password": (
        lambda server, dsn: conninfo.make_conninfo(server.login(dsn, "wrong"), password="x"),
        "password authentication failed",
    ),
    "database": (
        lambda _, dsn: conninfo.make_conninfo(dsn, dbname="nowhere"),
        'database "nowhere" does not exist',
    ),
    "tables": (lambda server, _: server.create(), "touchstream migrate"),
    "privileges": (lambda server, dsn: server.login(dsn, "guest"), "touchstream migrate"),
}


@pytest.mark.parametrize("case", NOT_SET_UP)
def test_a_server_that_is_not_set_up_is_named(server: Database, dsn: str, case: str) -> None:
    wrong, words = NOT_SET_UP[case]
    with pytest.raises(SinkRefused, match=words):
        claim(wrong(server, dsn))


def test_a_vanished_server_is_noticed_within_half_a_minute_unless_the_dsn_sets_it(dsn: str) -> None:
    with connect(dsn, "test") as connection:
        options = connection.info.get_parameters()
    assert options["tcp_user_timeout"] == "20000"
    assert int(options["keepalives_idle"]) + 3 * int(options["keepalives_interval"]) <= 30
    with connect(conninfo.make_conninfo(dsn, keepalives_idle=60), "test") as connection:
        assert connection.info.get_parameters()["keepalives_idle"] == "60"


def test_a_claim_ends_a_writer_whose_client_is_silent_and_no_other_one(dsn: str) -> None:
    name = "touchstream projection test"
    with connect(dsn, name) as silent, connect(dsn, name) as busy:
        silent.execute("BEGIN")
        silent.execute("SELECT 1")
        busy.execute("BEGIN")
        busy.execute("SELECT pg_sleep(5.5)")  # as long, the other one does nothing
        assert claim(dsn) == 0
        assert busy.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            silent.execute("SELECT 1")
