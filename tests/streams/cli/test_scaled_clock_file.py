"""A time lapse goes on where it stopped, and is not begun on logs that carry another time."""

from pathlib import Path

import pytest

from streams.cli.errors import CommandError
from streams.cli.scaled_clock_file import ClockFile, write_private

HOUR = 3_600_000_000


def test_without_a_speed_it_is_the_walls_clock_and_leaves_no_trace(tmp_path: Path) -> None:
    lapse = ClockFile(tmp_path, None)
    lapse.keep()
    assert not lapse.scaled
    assert list(tmp_path.iterdir()) == []


def test_a_restart_goes_on_and_never_jumps_back(tmp_path: Path) -> None:
    first = ClockFile(tmp_path, 3_600.0)
    first.keep()
    before = first.clock.now()
    crashed = ClockFile(tmp_path, None)
    assert crashed.clock.speed == 3_600.0
    assert before <= crashed.clock.now() < before + 5 * HOUR
    crashed.keep(end=True)
    ended = crashed.clock.now()
    slower = ClockFile(tmp_path, 1.0)
    assert slower.scaled
    assert slower.clock.speed == 1.0
    assert ended - HOUR // 60 <= slower.clock.now() < ended + HOUR


def test_logs_with_the_brokers_time_do_not_become_a_time_lapse(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with pytest.raises(CommandError, match="made without --speed"):
        ClockFile(tmp_path, 60.0)
    assert not ClockFile(tmp_path, 1.0).scaled


def test_a_file_with_a_password_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "stack.env"
    write_private(path, "A=1\n")
    write_private(path, "A=2\n")
    assert path.read_text() == "A=2\n"
    assert path.stat().st_mode & 0o777 == 0o600
