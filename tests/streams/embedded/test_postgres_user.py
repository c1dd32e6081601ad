"""The user of the embedded PostgreSQL, and the folders that it must pass through."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from streams.embedded import postgres_user
from streams.embedded.postgres import EmbeddedPostgres
from streams.embedded.postgres_user import (
    SERVER_UID,
    initdb_uid,
    may_pass,
    open_for_server,
    server_folder,
    server_programs,
    server_uid,
)
from streams.embedded.processes import private_directory


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that others may enter, unlike pytest's own ones."""
    folder = Path(tempfile.mkdtemp(prefix="touchstream-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="of root alone")
def test_as_root_a_closed_folder_stays_closed_and_the_server_has_its_files_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(postgres_user, "SERVER_HOME", home)
    closed = tmp_path / "closed"
    server = EmbeddedPostgres(closed / "data", durable=False)
    closed.mkdir(mode=0o700)
    for _ in range(2):  # a second start finds the same cluster
        server.start()
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        server.kill()
    assert closed.stat().st_mode & 0o777 == 0o700
    (cluster,) = home.glob("postgres-*/cluster")
    assert cluster.stat().st_uid == SERVER_UID
    assert cluster.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="of root alone")
def test_as_root_programs_under_a_closed_folder_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(postgres_user, "SERVER_HOME", home)
    programs = tmp_path / "closed" / "programs"
    (programs / "bin").mkdir(parents=True)
    (programs / "bin" / "postgres").write_text("a program")
    (tmp_path / "closed").chmod(0o700)
    copy = server_programs(programs)
    assert (copy.parent, server_programs(programs)) == (home, copy)
    assert may_pass(copy / "bin" / "postgres")
    assert (copy / "bin" / "postgres").read_text() == "a program"
    assert [path.name for path in home.iterdir()] == [copy.name]


@pytest.mark.skipif(os.getuid() != 0, reason="of root alone")
def test_as_root_the_server_has_a_user_id_of_its_own() -> None:
    assert server_uid() == SERVER_UID
    assert SERVER_UID not in {entry.pw_uid for entry in pwd.getpwall()}
    assert initdb_uid() not in (0, pwd.getpwnam("nobody").pw_uid)


def test_another_user_runs_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1_234)
    private_directory(tmp_path / "data")
    open_for_server(tmp_path / "data")
    assert server_folder(tmp_path / "data") == tmp_path / "data"
    assert (server_uid(), initdb_uid()) == (1_234, 1_234)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_an_open_folder_is_closed(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir(mode=0o755)
    private_directory(tmp_path / "kafka")
    assert (tmp_path / "kafka").stat().st_mode & 0o777 == 0o700
