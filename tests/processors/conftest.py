"""What the stories share."""

import pytest

from streams.runtime import worker


@pytest.fixture(autouse=True)
def a_tick_whenever_one_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still while a world settles, so a pause between two ticks would never end."""
    monkeypatch.setattr(worker, "TICK_RETRY_US", 0)
