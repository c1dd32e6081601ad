"""The text of an explanation."""

from datetime import UTC, datetime

import pytest

from processors.why.fact_values import readable_values
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import Window
from streams.cli.output import wrapped_line
from streams.cli.why_text import explanation_lines, fact_line
from tests.testing.direct_calls import report_call, request_call, world_that_calls
from tests.testing.explanations import explanation_of


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


QUIET = ("America/Boise", 1260, 480)


@pytest.mark.parametrize(
    ("window", "shown"),
    [
        (Window(*QUIET), "America/Boise by the contact, quiet 21:00-08:00"),
        (Window("UTC", 0, 0, "tenant"), "UTC by the tenant, quiet never"),
        (
            Window(*QUIET, "phone", None, ("America/Los_Angeles",)),
            "America/Boise and America/Los_Angeles by the phone, quiet 21:00-08:00",
        ),
        (
            Window(*QUIET, "phone", None, ("A/a", "B/b", "C/c")),
            "America/Boise and 3 more by the phone, quiet 21:00-08:00",
        ),
        (
            Window(*QUIET, "contact", StepWindow(540, 600, 1), (), (), "unknown"),
            "America/Boise by the contact, quiet 21:00-08:00 for the strict region unknown,"
            " only 09:00-10:00 Mon",
        ),
        (
            Window(*QUIET, allowed=(StepWindow(540, 1260, 63), StepWindow(720, 1260, 64))),
            "America/Boise by the contact, quiet 21:00-08:00,"
            " by law 09:00-21:00 Mon Tue Wed Thu Fri Sat or 12:00-21:00 Sun",
        ),
    ],
)
def test_a_window_shows_whose_zone_it_has_and_what_narrows_it(window: Window, shown: str) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    values = readable_values({"window": window})
    line = fact_line(
        Fact(fact=FactKind.TOUCH_DEFERRED, at=at, tenant_id="acme", values=values),
    )
    assert line.endswith(f"(window {shown})")


LONG = (
    "    window         passed 2026-03-02T12:00:00Z (window America/Boise by the contact, quiet"
    " 21:00-08:00 for the strict region unknown, only 09:00-10:00 Mon)"
)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_long_line_is_wrapped_and_its_further_lines_are_indented(width: int) -> None:
    lines = [*wrapped_line(LONG, width)]
    assert max(map(len, lines)) <= width
    assert "".join(" ".join(lines).split()) == "".join(LONG.split())
    assert lines[0].startswith("    window")
    assert all(line.startswith("        ") for line in lines[1:]) or width < 40
    assert [*wrapped_line("  short", width)] == ["  short"]


def test_every_limit_is_shown_with_its_use_and_a_closed_one_with_its_end() -> None:
    opens_at = "2026-03-02T15:10:36Z"
    limits = {
        "sender_hour": {"used": 1, "limit": 200, "opens_at": "2026-03-02T15:00:36Z"},
        "sender_spacing": {"used": 1, "limit": 1, "opens_at": opens_at},
        "call_slots_campaign": {"used": 2, "limit": None},
        "sender_paused": {"used": None, "limit": None, "opens_at": None},
    }
    at = datetime(2026, 3, 2, tzinfo=UTC)
    fact = Fact(fact=FactKind.TOUCH_DEFERRED, at=at, tenant_id="acme", values={"limits": limits})
    assert fact_line(fact).endswith(
        "(limits sender_hour 1 of 200; sender_spacing 1 of 1 until 2026-03-02T15:10:36Z; "
        "call_slots_campaign 2 without a limit; sender_paused closed)"
    )


def test_the_slot_of_a_call_is_one_line() -> None:
    world = world_that_calls()
    ann = request_call(world, 101)
    report_call(world, m.CallEnded, outcome="answered", seconds=30)
    (line,) = [
        line
        for line in explanation_lines(explanation_of(world, ann))
        if line.startswith("    slot ")
    ]
    for part in ("of calls since 2026-03-02T15:00:00Z: freed", "outcome answered", "seconds 30"):
        assert part in line
    assert "555" not in line
