"""The supervisor replaces a process that is stopped, and of two engines with one identity one
ends."""

import os
import signal
import time
from pathlib import Path

import pytest

from streams.embedded.stack import Stack
from streams.kafka.topics import create_topics
from streams.runtime import supervisor
from streams.runtime.supervisor import SILENT_MAX_S, Supervisor
from tests.testing.live_engine import LiveEngine
from tests.testing.two_tenant_engine import ONE_EACH
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

ROLE = "contact"


def engine_of(stack: Stack, log_dir: Path) -> LiveEngine:
    """An engine with topics, and without processes."""
    engine = LiveEngine(stack, log_dir)
    create_topics(engine.settings, ONE_EACH)
    return engine


def assigned(log_dir: Path) -> int:
    """How often the partition of the role was assigned to a process that writes to `log_dir`."""
    log = log_dir / f"{ROLE}-0.log"
    return log.read_text().count('"message":"assigned"') if log.exists() else 0


def test_a_stopped_process_is_replaced(
    stack: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with engine_of(stack, tmp_path) as engine:
        (child,) = engine.add_processes([ROLE]).children
        engine.wait_until("the partition", lambda: assigned(tmp_path) == 1)
        assert child.process is not None
        os.kill(child.process.pid, signal.SIGSTOP)
        child.silent_max_s = 2.0
        engine.wait_until("the end of the stopped process", lambda: child.process is None)
        child.silent_max_s = SILENT_MAX_S
        engine.wait_until("the partition again", lambda: assigned(tmp_path) == 2)
    assert f"{ROLE} (slot 0) gave no sign of life for 2 s, and was killed" in caplog.text


def test_of_two_engines_with_one_identity_one_ends(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, each restart of one would fence the other for ever."""
    monkeypatch.setattr(supervisor, "TAKEN_MAX", 2)
    engine = engine_of(stack, tmp_path)
    first, second = (
        Supervisor([ROLE], engine.environment, log_dir=tmp_path / name) for name in ("a", "b")
    )
    try:
        first.start()
        engine.wait_until("the partition", lambda: assigned(tmp_path / "a") == 1)
        second.start()
        with pytest.raises(RuntimeError, match="another engine runs under the same identity"):
            _check_until(first, second, deadline_s=time.monotonic() + WAIT_TIMEOUT_S)
        first.stop()
        for name in ("a", "b"):
            log = (tmp_path / name / f"{ROLE}-0.log").read_text()
            assert "another process has the identity of this one" in log
        (child,) = second.children
        _check_until(second, deadline_s=time.monotonic() + 5)
        assert child.process is not None
    finally:
        first.stop()
        second.stop()


def _check_until(*supervisors: Supervisor, deadline_s: float) -> None:
    """Checks the supervisors again and again, in this order."""
    while time.monotonic() < deadline_s:
        for each in supervisors:
            each.check()
        time.sleep(0.05)
