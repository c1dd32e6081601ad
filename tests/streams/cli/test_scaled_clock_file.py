"""The clock of a data directory continues where it stopped, and logs with the broker's time keep
that time."""

from pathlib import Path

import pytest

from streams.cli.errors import CommandError
from streams.cli.scaled_clock_file import ScaledClockFile, write_private

HOUR = 3_600_000_000


def test_without_a_speed_the_clock_is_the_wall_clock_and_writes_no_file(tmp_path: Path) -> None:
    clock_file = ScaledClockFile(tmp_path, None)
    clock_file.write()
    assert not clock_file.scaled
    assert list(tmp_path.iterdir()) == []


def test_a_restart_continues_and_never_goes_back(tmp_path: Path) -> None:
    first = ScaledClockFile(tmp_path, 3_600.0)
    first.write()
    before = first.clock.now()
    crashed = ScaledClockFile(tmp_path, None)
    assert crashed.clock.speed == 3_600.0
    assert before <= crashed.clock.now() < before + 5 * HOUR
    crashed.write(last=True)
    ended = crashed.clock.now()
    slower = ScaledClockFile(tmp_path, 1.0)
    assert slower.scaled
    assert slower.clock.speed == 1.0
    assert ended - HOUR // 60 <= slower.clock.now() < ended + HOUR


def test_a_speed_is_refused_for_logs_with_the_brokers_time(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with pytest.raises(CommandError, match="created without --speed"):
        ScaledClockFile(tmp_path, 60.0)
    assert not ScaledClockFile(tmp_path, 1.0).scaled


def test_a_private_file_is_readable_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "stack.env"
    write_private(path, "A=1\n")
    write_private(path, "A=2\n")
    assert path.read_text() == "A=2\n"
    assert path.stat().st_mode & 0o777 == 0o600
