"""The end of a process in words."""

from pathlib import Path

import pytest

from streams.base.process_end import last_line, status_text


def test_a_status_has_the_name_of_its_signal() -> None:
    assert [status_text(status) for status in (0, 2, -9, -15, -250)] == [
        "status 0",
        "status 2",
        "SIGKILL",
        "SIGTERM",
        "signal 250",
    ]


def test_the_last_line_of_a_log_is_short_and_has_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTREAM_KAFKA_SASL_PASSWORD", "qwxyzqwxyz")
    log = tmp_path / "server.log"
    frames = "\n\tat java.base/x(y)\n\t... 9 more\n\n"
    log.write_text("first\n" * 9_000 + "wrong: qwxyzqwxyz" + "." * 999 + frames)
    assert last_line(log).startswith("wrong: ***...")
    assert len(last_line(log)) < 500
    assert last_line(tmp_path / "none") == last_line(None) == ""
