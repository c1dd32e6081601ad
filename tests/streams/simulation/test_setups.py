"""A set-up of tenants, pools and sender accounts: how it is read, what it does in a simulation, and
what a summary and its page show of accounts and limits."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from schemas.base.times import DAY, HOUR, MILLISECOND, SECOND
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.public.codec import Decoder
from streams.simulation.account_summary import limit_uses, most_within, warm_up_use
from streams.simulation.platform_setup import PlatformSetup, SetupInvalid
from streams.simulation.report_html import render_page
from streams.simulation.scenario import RecordedEvents, with_event_times
from streams.simulation.summary_text import print_summary
from tests.streams.simulation.test_bad_input import event
from tests.streams.simulation.test_calls import calls, trial
from tests.testing.builders import step
from tests.testing.command_line import Touchstream
from tests.testing.simulation_harness import (
    SENT_AT_ONCE,
    SimulationTrial,
    campaign,
    scenario,
    simulate,
    tenant,
)
from tests.testing.world import START

HEADINGS = ("Slots in use", "Outcomes of calls", "Sender accounts", "Backlog", "Waiting time")


def problems(document: Any) -> list[str]:
    with pytest.raises(SetupInvalid) as refused:
        PlatformSetup.of(document)
    return refused.value.problems


def account(**changes: Any) -> dict[str, Any]:
    return {"senders": {"acme": {"one": {"channel": "email", **changes}}}}


def mails(
    setup: dict[str, Any], people: int = 6, recorded: RecordedEvents | None = None
) -> SimulationTrial:
    """People who get one mail each, all requested at START."""
    owner = tenant(limits={})
    given = scenario(
        campaign(step("mail", hours=0.001)),
        behaviour={"email": SENT_AT_ONCE},
        people=people,
        owner=owner,
        recorded=recorded,
    )
    return simulate(given._replace(platform=PlatformSetup.of(setup)))


def test_a_set_up_is_read_with_all_its_parts() -> None:
    text = """
    tenants:
      acme: {timezone: America/New_York, calls: {concurrent: 5}}
    pools:
      calls: {slots: 20, weights: {acme: 3}}
    senders:
      acme:
        one: {channel: email, limits: {per_day: 40}, window: {start: 09:00, end: 17:00}}
    """
    setup = PlatformSetup.read(text)
    calls_of_acme = setup.tenants["acme"].calls
    assert calls_of_acme is not None and calls_of_acme.slots == 5
    assert setup.pools["calls"].weights == {"acme": 3}
    sender = setup.senders["acme", "one"].sender
    assert sender.limits[""].per_day == 40
    assert sender.window is not None and sender.window.start == 9 * 60


def test_all_problems_of_a_set_up_are_reported_at_once_with_their_places() -> None:
    reported = problems(
        {
            "tenant": {},
            "tenants": {"acme": {"timezone": "Mars/Olympus"}},
            "pools": {"calls": {"slots": 0}, "more": 7},
            "senders": {
                "acme": {
                    "one": {"channel": "pigeon"},
                    "two": {"channel": "email", "limits": {"per_day": 0}},
                },
                "bolt": [],
            },
        }
    )
    assert [problem.partition(":")[0] for problem in reported] == [
        "tenant",
        "tenants.acme.timezone",
        "pools.calls.slots",
        "pools.more",
        "senders.acme.one.channel",
        "senders.acme.two.limits.per_day",
        "senders.bolt",
    ]


@pytest.mark.parametrize("text", ["- calls", "pools: ["])
def test_a_text_that_is_no_set_up_is_refused(text: str) -> None:
    with pytest.raises(SetupInvalid):
        PlatformSetup.read(text)


def test_an_account_spaces_its_mails_and_the_summary_shows_all_its_limits() -> None:
    found = mails(account(limits={"spacing_seconds": 600}))
    times = [touch.due_at for touch in found.recorded.commanded_touches()]
    (row,) = found.summary["accounts"]
    assert (row["sender_id"], row["commands"]) == ("one", 6)
    uses = {limit["window"]: limit for limit in row["limits"]}
    assert uses["hour"] == {"window": "hour", "limit": 200, "most": 6}
    assert uses["day"] == {"window": "day", "limit": 1_000, "most": 6}
    assert uses["spacing_seconds"]["least"] >= 600
    assert row["held"]["sender_spacing"] > 0
    assert len(times) == 6
    (waits,) = found.summary["waits"]
    assert waits["minutes"]["longest"] == pytest.approx(50, abs=0.1)


def test_two_accounts_share_the_mails() -> None:
    two = {"senders": {"acme": {key: {"channel": "email"} for key in ("one", "two")}}}
    commands = {row["sender_id"]: row["commands"] for row in mails(two).summary["accounts"]}
    assert commands == {"one": 3, "two": 3}


def test_a_recorded_account_counts_unless_the_set_up_has_it() -> None:
    data: dict[str, Any] = {"tenant_id": "acme", "sender_id": "one", "channel": "email"}
    data |= {"actions": {}, "window": None, "days": None, "warm_up": None, "lag_seconds": None}
    line = event(1, "sender.upserted", 0, **data, limits={"spacing_seconds": 600})
    decoded = [Decoder().decode((), line.encode())]

    def longest_wait(setup: dict[str, Any]) -> float:
        recorded = RecordedEvents(with_event_times(decoded), [], START)
        found = mails(setup, recorded=recorded).summary
        return float(found["waits"][0]["minutes"]["longest"])

    assert longest_wait({}) == pytest.approx(50, abs=1)
    assert longest_wait(account(limits={"spacing_seconds": 60})) == pytest.approx(5, abs=1)


def test_the_most_of_a_window_is_counted_exactly() -> None:
    assert most_within([], 10) == 0
    assert most_within([0, 9, 10, 19, 20], 10) == 2
    assert most_within([0, 1, 2, 30], 10) == 3
    terms = LimitTerms(per_hour=2, per_week=5, spacing_us=30 * SECOND)
    sends = [moment * HOUR // 1_000 for moment in range(4)]
    assert limit_uses(terms, sends) == [
        {"window": "hour", "limit": 2, "most": 1},
        {"window": "week", "limit": 5, "most": 4},
        {"window": "spacing_seconds", "limit": 30, "least": 3_600.0},
    ]


def test_a_warm_up_is_shown_by_the_greatest_day_with_the_limit_of_that_day() -> None:
    """Two on the first day and three on the second, of which some are within 24 hours."""
    sender = SenderTerms("one", {"": LimitTerms()}, "America/New_York", warm_up=(2, 1, 50))
    midnight = START // DAY * DAY + 5 * HOUR  # in New York
    moments = [midnight + hours * HOUR for hours in (22, 23, 24, 25, 26)]
    row = warm_up_use(sender, [moment // MILLISECOND for moment in moments])
    assert row == {"window": "warm_up", "limit": 3, "most": 3}
    assert warm_up_use(sender, []) is None
    found = mails(account(warm_up={"start": 2, "step": 1, "target": 50}))
    uses = {limit["window"]: limit for limit in found.summary["accounts"][0]["limits"]}
    assert uses["warm_up"]["most"] == uses["warm_up"]["limit"] <= 4
    assert uses["day"]["limit"] == 1_000


def text_of(summary: dict[str, Any]) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        print_summary(summary, console)
    return capture.get()


def test_without_calls_and_accounts_nothing_of_them_is_shown() -> None:
    summary = simulate(scenario(campaign(step("mail")), behaviour={})).summary
    assert not {"calls", "accounts", "waits"} & summary.keys()
    page, text = render_page(summary), text_of(summary)
    for heading in (*HEADINGS, "Turns of tenants", "Minutes from request to command"):
        assert heading not in page and heading not in text


def test_the_page_and_the_text_show_calls_and_accounts() -> None:
    summary = trial(calls("acme"), calls("bolt")).summary
    accounts = mails(account(limits={"per_day": 4})).summary
    whole = {**summary, "accounts": accounts["accounts"]}
    page, text = render_page(whole), text_of(whole)
    for heading in (*HEADINGS, "Turns of tenants"):
        assert f"<h2>{heading}</h2>" in page
    assert render_page(whole) == page
    assert "4 of 4" in text and "Calls against slots" in text
    assert "100.0 %" not in text.partition("Turns of tenants")[2]


SETUP = """
tenants:
  acme: {timezone: America/New_York}
senders:
  acme:
    one: {channel: email, limits: {spacing_seconds: 600}}
"""


def test_the_command_takes_a_set_up_and_compares_it_with_another(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    definition, setup, other = (tmp_path / name for name in ("a.json", "setup.yaml", "other.yaml"))
    definition.write_text(json.dumps(campaign(step("mail", hours=0.001)).document))
    setup.write_text(SETUP)
    other.write_text(SETUP.replace("600", "60"))
    command = ("simulate", definition, "--people", 6, "--setup", setup)
    result = touchstream(*command, "--against-setup", other, "--json").json()
    assert result["accounts"][0]["commands"] == 6
    assert result["against"]["touches"]["moved_earlier"] == 5
    text = touchstream(*command, "--against-setup", other).out
    assert text.partition("on both sides")[2].split()[-2:] == ["50.0", "5.0"]
    other.write_text("senders: {nobody: {one: {channel: email}}}")
    refused = touchstream(*command, "--against-setup", other)
    assert (refused.code, "tenants that nothing creates: nobody" in refused.err) == (2, True)
    setup.write_text("pools: {calls: {slots: 0}}")
    invalid = touchstream(*command)
    assert (invalid.code, "pools.calls.slots" in invalid.err) == (1, True)
