"""Runs commands of `touchstream` in the test's process, without the settings of whoever runs the
tests."""

import json
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from streams import cli
from tests.testing.waiting import WAIT_TIMEOUT_S

POLL_INTERVAL_S = 0.1


class CommandResult(NamedTuple):
    """The exit code of a command, and what it printed on stdout and stderr."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Touchstream = Callable[..., CommandResult]


@pytest.fixture
def touchstream(capfd: pytest.CaptureFixture[str]) -> Touchstream:
    """`touchstream(*arguments)` runs a command with the environment of the test."""

    def run(*arguments: object) -> CommandResult:
        capfd.readouterr()
        code = cli.execute([str(argument) for argument in arguments])
        return CommandResult(code, *capfd.readouterr())

    return run


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes all TOUCHSTREAM_* variables, and sets a wide terminal without colors."""
    for name in [name for name in os.environ if name.startswith("TOUCHSTREAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


def wait_until(done: Callable[[], bool]) -> None:
    """Waits until `done` returns true; fails after WAIT_TIMEOUT_S. What a test asserts of a running
    engine must be part of `done`: other partitions and processes get there at other times."""
    deadline = time.monotonic() + WAIT_TIMEOUT_S
    while not done():
        assert time.monotonic() < deadline, f"not within {WAIT_TIMEOUT_S:g} s"
        time.sleep(POLL_INTERVAL_S)
