"""What the stories share."""

import pytest

from processors.contact import touch_gates
from streams.runtime import worker


@pytest.fixture(autouse=True)
def a_tick_whenever_one_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still while a world settles, so a pause between two ticks would never end."""
    monkeypatch.setattr(worker, "TICK_RETRY_US", 0)


@pytest.fixture
def repeats_wait_for_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are those of rules 1: the repeat of a command waits for the limit of its channel
    like others. Now only a closed sender account makes a repeat wait at dispatch."""
    monkeypatch.setattr(touch_gates, "DISPATCH_RULES", 1)
