"""The silence of a child grows while its loop gives no sign of life, and only while its parent
runs."""

import pytest

from streams.base import heartbeat
from streams.base.heartbeat import BEAT_INTERVAL_S, ELAPSED_MAX_S, Heartbeat, HeartbeatListener


class Clock:
    """The monotonic clock of both ends of the pipe."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(heartbeat, "time", clock)
    return clock


def test_the_silence_ends_with_a_sign_of_life(clock: Clock) -> None:
    listener = HeartbeatListener()
    child = Heartbeat(listener.child_descriptor)
    for _ in range(7):
        clock.now_s += BEAT_INTERVAL_S
        silent_s = listener.silent_s()
    assert silent_s == 7 * BEAT_INTERVAL_S
    child.beat()
    assert listener.silent_s() == 0
    clock.now_s += BEAT_INTERVAL_S / 2
    child.beat()  # too early for a second one
    assert listener.silent_s() == BEAT_INTERVAL_S / 2
    listener.child_started()
    listener.close()


def test_a_child_is_not_silent_while_its_parent_was_suspended(clock: Clock) -> None:
    listener = HeartbeatListener()
    clock.now_s += 3_600
    assert listener.silent_s() == ELAPSED_MAX_S
    listener.child_started()
    listener.close()


def test_a_child_without_a_listener_goes_on(clock: Clock) -> None:
    listener = HeartbeatListener()
    listener.close()
    Heartbeat(listener.child_descriptor).beat()
    Heartbeat(None).beat()
    listener.child_started()


def test_a_full_pipe_does_not_block_the_child(clock: Clock) -> None:
    listener = HeartbeatListener()
    child = Heartbeat(listener.child_descriptor)
    for _ in range(70_000):
        clock.now_s += BEAT_INTERVAL_S
        child.beat()
    assert listener.silent_s() == 0
    listener.child_started()
    listener.close()
