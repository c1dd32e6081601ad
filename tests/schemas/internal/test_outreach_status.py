"""The status of a person in an outreach campaign: the highest of its facts (C-13)."""

from itertools import combinations
from typing import Any

import pytest

from schemas.internal.enrollment import Enrollment, RunResults, Touch
from schemas.internal.outreach_status import outreach_status

RANKS = ("pending", "sent", "opened", "responded", "bounced", "unsubscribed", "converted")
"""What stands above what, the lowest first."""


def run_with(*facts: str) -> Enrollment:
    """A run with some of the facts by which a person is ranked."""
    has = {fact: 7 if fact in facts else None for fact in RANKS}
    touch = Touch("a", 1, "email", 1, 1, sent_at=has["sent"], opened_at=has["opened"])
    results = RunResults(
        responded_at=has["responded"], opted_out_at=has["unsubscribed"], bounced_at=has["bounced"]
    )
    converted_at = has["converted"]
    return Enrollment(
        "e",
        "c",
        1,
        1,
        None,
        None,
        1,
        1,
        touches=[touch],
        converted_at=converted_at,
        results=results,
    )


@pytest.mark.parametrize(
    "facts", [each for size in range(7) for each in combinations(RANKS[1:], size)], ids=str
)
def test_the_status_is_the_highest_fact(facts: tuple[str, ...]) -> None:
    assert outreach_status(run_with(*facts)) == (facts[-1] if facts else "pending")


@pytest.mark.parametrize(
    ("signals", "status"),
    [
        ({}, "pending"),
        ({"sent_at": 2}, "sent"),
        ({"sent_at": 2, "delivered_at": 3}, "sent"),
        ({"sent_at": 2, "bounced_at": 3}, "sent"),  # not one that has closed the address
        ({"sent_at": 2, "clicked_at": 3}, "opened"),
        ({"opened_at": 3}, "opened"),
    ],
)
def test_the_signals_of_any_touch_count(signals: dict[str, Any], status: str) -> None:
    touches = [Touch("a", 1, "email", 1, 1, **signals), Touch("b", 2, "email", 1, 1)]
    run = Enrollment("e", "c", 1, 1, None, None, 1, 1, touches=touches)
    assert outreach_status(run) == status


def test_a_run_without_touches_is_pending() -> None:
    """As of a person who was added to a draft."""
    assert outreach_status(Enrollment("e", "c", 1, 1, None, None, 1, 1)) == "pending"
