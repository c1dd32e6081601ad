"""The text of an explanation."""

from datetime import UTC, datetime

import pytest

from schemas.internal.facts import Fact, FactKind
from streams.cli.why_text import fact_line


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    [
        (0, "2026-03-02T12:00:00Z"),
        (1_000, "2026-03-02T12:00:00.001Z"),
        (120_000, "2026-03-02T12:00:00.120Z"),
        (999_999, "2026-03-02T12:00:00.999Z"),
        (999, "2026-03-02T12:00:00Z"),
    ],
)
def test_times_keep_their_milliseconds(microseconds: int, shown: str) -> None:
    at = datetime(2026, 3, 2, 12, 0, 0, microseconds, tzinfo=UTC)
    line = fact_line(Fact(fact=FactKind.CONTACT_UPDATED, at=at, tenant_id="acme"))
    assert line.startswith(f"{shown} contact.updated")
