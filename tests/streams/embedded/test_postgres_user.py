"""The user of the embedded PostgreSQL, and the folders that it must pass through."""

import os
import pwd
from pathlib import Path

import pytest

from streams.embedded.postgres_user import (
    SERVER_UID,
    initdb_uid,
    open_for_server,
    require_access,
    server_uid,
)
from streams.embedded.processes import StartFailed, private_directory


@pytest.mark.skipif(os.getuid() != 0, reason="of root alone")
def test_as_root_a_closed_folder_is_refused_and_stays_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    data = closed / "data"
    private_directory(data)
    open_for_server(data)
    closed.chmod(0o700)
    with pytest.raises(StartFailed, match=r"mode 0700.*another user"):
        require_access(data / "cluster")
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="of root alone")
def test_as_root_the_server_has_a_user_id_of_its_own() -> None:
    assert server_uid() == SERVER_UID
    assert SERVER_UID not in {entry.pw_uid for entry in pwd.getpwall()}
    assert initdb_uid() not in (0, pwd.getpwnam("nobody").pw_uid)


def test_another_user_runs_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1_234)
    private_directory(tmp_path / "data")
    open_for_server(tmp_path / "data")
    require_access(tmp_path / "data" / "cluster")
    assert (server_uid(), initdb_uid()) == (1_234, 1_234)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_an_open_folder_is_closed(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir(mode=0o755)
    private_directory(tmp_path / "kafka")
    assert (tmp_path / "kafka").stat().st_mode & 0o777 == 0o700
