"""What the demo shows: views in, text out; and which three stories it tells."""

from rich.console import Console, RenderableType

from schemas.base.times import HOUR
from sinks.demo_queries import Analytics, Business, Unsent
from streams.demo.final_report import analytics_table, choose
from streams.demo.run import FIRST_MIDNIGHT
from streams.demo.screen import NO_BREAK, Screen, View, line, render


def view(**changed: object) -> View:
    business = Business("acme", "America/Chicago", 12, 8, 1, 2, 1, 9, 4, 2, 1)
    usual = View(
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
    )
    return usual._replace(**changed)  # type: ignore[arg-type]


def shown(thing: RenderableType) -> str:
    console = Console(width=150)
    with console.capture() as capture:
        console.print(thing)
    return capture.get().replace(NO_BREAK, " ")


def test_the_table_shows_local_time_counts_and_why_touches_wait() -> None:
    text = shown(render(view()))
    assert "Mon 02 Mar 06:00 UTC" in text
    assert "Mon 00:00" in text
    assert "quiet hours 2  throttled 1  not due 5" in text


def test_what_is_told_in_a_line_is_the_sum_of_all_businesses() -> None:
    text = line(view())
    assert "jobs 12  enrolled 12  sent 9  opened 4  clicked 2  converted 1" in text


def test_elsewhere_than_on_a_terminal_notes_and_lines_are_plain() -> None:
    console = Console(width=150, force_terminal=False, highlight=False)
    with console.capture() as capture, Screen(console) as screen:
        screen.show(view(notes=[(FIRST_MIDNIGHT, "a campaign is paused")]))
        screen.show(view(notes=[(FIRST_MIDNIGHT, "a campaign is paused")]))
    text = capture.get()
    assert text.count("a campaign is paused") == 1
    assert text.count("jobs 12") == 1
    assert "\x1b" not in text


def test_a_touch_without_sends_has_no_rate() -> None:
    row = Analytics("acme", "reviews", 4, "email", 0, 0, 0, 0, None, None, None)
    assert "-" in shown(analytics_table([row]))


def test_stories_between_them_tell_the_most_reasons() -> None:
    plain = Unsent("acme", "a", ["review_clicked"], [])
    rich = Unsent("acme", "b", ["no_address", "opted_out_sms"], ["quiet_hours"])
    other = Unsent("acme", "c", ["no_template"], ["throttled"])
    same = Unsent("acme", "d", ["no_address"], ["quiet_hours"])
    assert choose([plain, same, rich, other]) == [rich, other, plain]
    assert choose([]) == []
