"""The screens of the demo: from states to text, and which enrollments the final report shows."""

import re
from collections.abc import Iterable
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from schemas.base.call_outcomes import CALL_OUTCOMES
from schemas.base.times import HOUR, to_datetime
from sinks.demo_queries import (
    AccountRow,
    BusinessTotals,
    CallCampaignRow,
    CallTotals,
    ProspectGroup,
    TouchAnalytics,
    UnsentTouches,
)
from streams.demo.businesses import BUSINESSES
from streams.demo.calls import CALL_CAMPAIGNS
from streams.demo.final_report import (
    account_lines,
    analytics_lines,
    call_lines,
    choose_stories,
    print_stories,
    prospect_lines,
    reason_lines,
)
from streams.demo.run import FIRST_MIDNIGHT
from streams.demo.screen import NO_BREAK, Screen, ScreenState, render_state, state_line

WIDE, NARROW = 150, 80
LARGE = 98_765_432
WAITS = {"quiet_hours": LARGE, "throttled": LARGE, "delay": LARGE, "answer": LARGE, "trigger": 1}


def state(**changed: object) -> ScreenState:
    business = BusinessTotals("acme", "America/Chicago", 12, 8, 1, 2, 1, 9, 4, 2, 1)
    usual = ScreenState(
        now=FIRST_MIDNIGHT + 6 * HOUR,
        start=FIRST_MIDNIGHT,
        done=0.1,
        phase="54 s to go",
        businesses=[business],
        waiting={"acme": {"delay": 5, "quiet_hours": 2, "throttled": 1}},
        lag={"contact": 3},
        published=40,
        facts=90,
        per_second=120.0,
        notes=[],
        calls=[CallTotals("acme", 31, 2, 7, 20, 3), CallTotals("bolt", 11, 1, 5, 6, 1)],
        slots=5,
    )
    return usual._replace(**changed)  # type: ignore[arg-type]


def large_state() -> ScreenState:
    """All businesses, with numbers of eight digits, all waits and the longest notes."""
    businesses = [
        BusinessTotals(b.tenant_id, b.timezone, *(LARGE + place for place in range(9)))
        for b in BUSINESSES
    ]
    return state(
        businesses=businesses,
        waiting={b.tenant_id: WAITS for b in businesses},
        lag=dict.fromkeys(("intake", "contact", "dispatch", "campaign", "projector"), LARGE),
        published=LARGE,
        facts=LARGE,
        per_second=float(LARGE),
        notes=[(FIRST_MIDNIGHT, "job-00012-1 of lakeside-plumbing/c-00012 is deleted")] * 3,
        calls=[
            CallTotals(calls.tenant_id, *(LARGE + 20 + place for place in range(5)))
            for calls in CALL_CAMPAIGNS
        ],
    )


def shown(thing: RenderableType, width: int = WIDE) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(thing)
    return capture.get().replace(NO_BREAK, " ")


def lines(texts: Iterable[Text], width: int) -> str:
    """Prints lines as the final report does."""
    console = Console(width=width)
    with console.capture() as capture:
        for text in texts:
            console.print(text, soft_wrap=True)
    return capture.get()


def test_the_table_shows_local_time_counts_and_why_touches_wait() -> None:
    text = shown(render_state(state(), WIDE))
    assert "Mon 02 Mar 06:00 UTC" in text
    assert "Mon 00:00" in text
    assert "quiet hours 2  throttled 1  not due 5" in text
    assert "3 of 5 slots in use" in text


def test_a_line_has_the_sums_of_all_businesses() -> None:
    text = state_line(state())
    assert "jobs 12  enrolled 12  sent 9  opened 4  clicked 2  converted 1" in text
    assert "calls 42 (3 of 5 slots in use)" in text


def test_a_demo_without_calls_shows_no_table_of_them() -> None:
    assert "calls of" in shown(render_state(state(), WIDE))
    assert "calls of" not in shown(render_state(state(calls=[]), WIDE))


def test_elsewhere_than_on_a_terminal_notes_and_lines_are_plain() -> None:
    console = Console(width=WIDE, force_terminal=False, highlight=False)
    with console.capture() as capture, Screen(console) as screen:
        screen.show(state(notes=[(FIRST_MIDNIGHT, "a campaign is paused")]))
        screen.show(state(notes=[(FIRST_MIDNIGHT, "a campaign is paused")]))
    text = capture.get()
    assert text.count("a campaign is paused") == 1
    assert text.count("jobs 12") == 1
    assert "\x1b" not in text


def test_waits_beyond_the_ordinary_ones_are_coloured() -> None:
    output = StringIO()
    console = Console(width=WIDE, force_terminal=True, color_system="standard", file=output)
    console.print(render_state(state(), WIDE))
    coloured = re.findall(r"\x1b\[35m(.*?)\x1b\[0m", output.getvalue())
    assert {text.replace(NO_BREAK, " ") for text in coloured} == {"quiet hours", "throttled"}


def test_a_large_screen_fits_into_80_columns_and_no_value_is_cut() -> None:
    text = shown(render_state(large_state(), NARROW), NARROW)
    assert max(map(cell_len, text.splitlines())) <= NARROW
    assert "…" not in text
    words = set(text.split())
    for business in large_state().businesses:
        numbers = (business.jobs, business.completed, business.stopped, *business[-4:])
        assert {business.tenant_id, *(f"{number:,}" for number in numbers)} <= words
    for calls in large_state().calls:
        assert {f"{number:,}" for number in calls[1:]} <= words
    for label in ("quiet hours", "throttled", "not due", "at sender"):
        assert text.count(f"{label} {LARGE:,}") == len(BUSINESSES)
    for role in ("intake", "contact", "dispatch", "campaign", "projector"):
        assert f"{role} {LARGE:,}" in text
    assert text.count("job-00012-1") == 3


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_final_report_fits_and_no_value_is_cut(width: int) -> None:
    tenant, campaign = "lakeside-plumbing", "a-campaign-with-thirty-characters"
    a, b, c, d = numbers = [LARGE + place for place in range(4)]
    analytics = TouchAnalytics(tenant, campaign, 4, "whatsapp", a, b, c, d, 0.987, 0.876, 0.765)
    group = ProspectGroup(tenant, campaign, "stopped", "no_answer_after_retries", 4, *numbers)
    reasons = [("touch.skipped", f"linkedin_not_connected_{n}", LARGE) for n in range(5)]
    text = lines(analytics_lines([analytics], width), width)
    text += lines(prospect_lines([group], width), width)
    text += lines(reason_lines(reasons, width), width)
    calls = CallCampaignRow(tenant, campaign, "completed", a, b, c, d, a)
    outcomes = [(name, LARGE) for name in CALL_OUTCOMES]
    text += lines(call_lines([calls], outcomes, width), width)
    at = to_datetime(FIRST_MIDNIGHT)
    account = AccountRow(tenant, "an-account-of-twenty-eight-c", "linkedin", LARGE, at, None)
    text += lines(account_lines([account], width), width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    words = set(text.split())
    assert {tenant, campaign, "whatsapp", "98.7", "87.6", "76.5"} <= words
    assert {f"{number:,}" for number in numbers} <= words
    assert "stopped (no_answer_after_retries)" in text
    assert {reason for _, reason, _ in reasons} <= words


def test_the_stories_fit_into_80_columns_and_no_value_is_cut() -> None:
    touch = {
        "number": 3,
        "channel": "whatsapp",
        "outcome": "not sent: enrollment stopped (connection_refused_by_the_prospect)",
        "on_the_way": ["Mon 02 Mar 06:00 put off: quiet_hours until Tue 03 Mar 08:00 (again)"],
    }
    story = {
        "tenant_id": "lakeside-plumbing",
        "contact_id": "a-contact-with-thirty-characters",
        "campaign_id": "a-campaign-with-thirty-characters",
        "ended": "stopped: review_clicked",
        "touches": [touch],
    }
    console = Console(width=NARROW)
    with console.capture() as capture:
        print_stories(console, [story])
    text = capture.get()
    assert max(map(cell_len, text.splitlines())) <= NARROW
    words = set(text.split())
    assert {"(connection_refused_by_the_prospect)", "quiet_hours", "review_clicked"} <= words
    assert "a-campaign-with-thirty-characters" in words


def test_a_touch_without_sends_has_no_rate() -> None:
    row = TouchAnalytics("acme", "reviews", 4, "email", 0, 0, 0, 0, None, None, None)
    assert lines(analytics_lines([row], WIDE), WIDE).splitlines()[-2].endswith("-")


def test_the_chosen_enrollments_have_the_most_reasons_between_them() -> None:
    one_reason = UnsentTouches("acme", "a", ["review_clicked"], [])
    most_reasons = UnsentTouches("acme", "b", ["no_address", "opted_out_sms"], ["quiet_hours"])
    other_reasons = UnsentTouches("acme", "c", ["no_template"], ["throttled"])
    known_reasons = UnsentTouches("acme", "d", ["no_address"], ["quiet_hours"])
    rows = [one_reason, known_reasons, most_reasons, other_reasons]
    assert choose_stories(rows) == [most_reasons, other_reasons, one_reason]
    assert choose_stories([]) == []
