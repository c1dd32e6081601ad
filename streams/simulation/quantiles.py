"""Quantiles of a counted distribution, and times of a summary that may be unknown."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from schemas.base.times import HOUR, MomentUs, format_rfc3339

SummaryRow = dict[str, Any]

_SHARES = {"median": 0.5, "nine_of_ten": 0.9, "longest": 1.0}


def quantiles(counts: Counter[int], per_unit: int) -> SummaryRow | None:
    """Returns median, the ninth of ten parts and the greatest value, divided by `per_unit`; None if
    nothing was counted."""
    total = sum(counts.values())
    if not total:
        return None
    return {
        name: round(_value_at_rank(counts, total * share) / per_unit, 2)
        for name, share in _SHARES.items()
    }


def _value_at_rank(counts: Mapping[int, int], rank: float) -> int:
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= rank:
            break
    return value


def optional_time(at: MomentUs) -> str | None:
    """A moment as text; None for 0."""
    return format_rfc3339(at) if at else None


def hours_since(since: MomentUs, at: MomentUs) -> float | None:
    """The hours from one moment to another; None if either is 0."""
    return round((at - since) / HOUR, 2) if since and at else None
