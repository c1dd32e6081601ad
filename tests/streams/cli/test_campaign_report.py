"""`touchstream campaign report`: the page as Markdown and HTML, from the fact campaign.report or
from the stored states."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from processors.campaign.reports import report_values
from schemas.base.times import HOUR
from sinks.campaign_report_query import DayCount, ReportHistory
from streams.base.settings import SettingsInvalid
from streams.cli.report_markdown import report_markdown
from streams.cli.report_page import report_page
from streams.cli.report_plots import by_day
from streams.cli.report_sections import report_sections, response_band
from tests.testing.command_line import CommandResult, Touchstream
from tests.testing.stored_campaigns import (
    NOW,
    TALENT,
    experiment_counts,
    store_campaigns,
    talent_definition,
    talent_record,
    tenant_record,
)

COUNTS = {
    "runs": 4490,
    "reached": 4420,
    "responses": 618,
    "conversions": 45,
    "implied_responses": 2,
    "opt_outs": 4,
    "bounces": 6,
    "sent_email": 6000,
    "ended_completed": 4000,
    "ended_converted": 45,
    "ended_campaign_completed": 445,
}
FIRST = date(2026, 3, 3)


def days() -> list[DayCount]:
    """Ten days with both variants."""
    return [
        DayCount(FIRST + timedelta(days=day), kind, variant, people - day)
        for day in range(10)
        for kind, people, variants in (
            *(("reached", 200, ("",)), ("responses", 30, ("",))),
            *(("tested", 100, "AB"), ("tested_responses", 15, "AB")),
        )
        for variant in variants
    ]


def completed(**fields: Any) -> Any:
    return talent_record(
        counts=COUNTS | experiment_counts(),
        **{
            "status": "completed",
            "ended_at": NOW - HOUR,
            "settled_at": NOW - HOUR,
            "end_reason": "targets",
            "dates": {"report": NOW + 700 * HOUR},
            **fields,
        },
    )


def values_of(**fields: Any) -> dict[str, Any]:
    """The values of a report as a fact on its topic has them."""
    values = report_values(tenant_record(), completed(**fields), "provisional")
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(values))
    return decoded


def store(monkeypatch: pytest.MonkeyPatch, record: Any, history: ReportHistory | Exception) -> None:
    """Has the command read a campaign, and this from PostgreSQL."""
    store_campaigns(monkeypatch, record)
    query = Mock(side_effect=history if isinstance(history, Exception) else [history])
    monkeypatch.setattr("streams.cli.campaign_report.report_history", query)


def report(touchstream: Touchstream, *options: object) -> CommandResult:
    return touchstream("campaign", "report", TALENT, "--tenant", "acme", *options)


def test_the_page_is_written_from_the_values_of_the_fact_alone() -> None:
    text = report_markdown("Java", "Final.", report_sections(values_of()))
    for part in (
        "# Java\n\nFinal.\n",
        "| status | completed, by its targets |",
        "| completed | 2026-03-20 10:00 EDT |",
        "| contacts reached | 4,420 | 500 | 884.00 % | reached | yes |",
        "| response rate | 13.98 % | 15.00 % | 93.20 % | not reached | yes |",
        "| conversions per response | 7.28 % |",
        "| conversions per reached | 1.02 % |",
        "reached    ███████████████████████████████████████·  4,420",
        "The response rate is average. 2 conversions came without a response",
        "| completed | 4,000 | 89.09 % |",
        "| email | 6,000 |",
        "## Experiment java-q1: not decided, A leads",
        "Variant A: 15.2 % response rate, 8.3 % conversion rate",
        "(p = 0.023)",
        "A is the template java-short.",
    ):
        assert part in text, (part, text)
    assert text == report_markdown("Java", "Final.", report_sections(values_of()))


def test_a_campaign_without_counts_and_targets_has_a_page() -> None:
    values = {"name": "x", "timezone": "UTC", "status": "completed", "counts": {}}
    text = report_markdown("x", "", report_sections(values))
    assert "## The campaign" in text and "## Targets" not in text


def test_markdown_shows_text_as_it_is() -> None:
    values = values_of() | {"owner_id": "a|b <script>*x*</script>\n`rm`"}
    text = report_markdown("[a](b)", "", report_sections(values))
    assert "a\\|b \\<script\\>\\*x\\*\\</script\\> \\`rm\\`" in text
    assert text.startswith("# \\[a\\](b)")


def test_html_has_the_figures_and_loads_nothing() -> None:
    values = values_of() | {"owner_id": "<script>alert(1)</script>"}
    page = report_page("Java & <b>", "Final.", report_sections(values), days())
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
    assert "<title>Java &amp; &lt;b&gt;</title>" in page
    assert 'src="http' not in page
    for name in ("s1-0", "s2-0", "s3-0", "s4-0", "s4-1", "days-5", "days-6"):
        assert f'id="{name}"' in page, name
    assert "Response rates of the variants up to each day" in page
    assert page == report_page("Java & <b>", "Final.", report_sections(values), days())


@pytest.mark.parametrize("shown", [[], days()[:1], days()[:2], days()[2:3]])
def test_few_days_are_no_error(shown: list[DayCount]) -> None:
    assert "<h2>The campaign</h2>" in report_page("x", "", report_sections(values_of()), shown)


def test_a_rate_is_the_same_in_each_part_of_the_page() -> None:
    counts = {"runs": 28, "reached": 28, "responses": 5}
    values = report_values(tenant_record(), talent_record(counts=counts), "provisional")
    text = report_markdown("x", "", report_sections(values))
    assert "| response rate | 17.86 % | 15.00 % |" in text
    assert "| responses per reached | 17.86 % |" in text
    assert "| conversions | 0 |" in text


@pytest.mark.parametrize("count", [1, 3])
def test_a_day_has_its_date_and_no_time_of_the_day(count: int) -> None:
    shown = [DayCount(FIRST + timedelta(days=day), "reached", "", 7) for day in range(count)]
    ((_, figure),) = by_day(shown)
    axis = figure.layout.xaxis
    assert (axis.type, axis.range) == ("category", (-0.5, count - 0.5))
    assert axis.ticktext == tuple(f"Mar {3 + day}<br>2026" for day in range(count))
    assert set(figure.data[0].x) <= set(axis.categoryarray)


def test_the_final_report_is_that_of_the_fact(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = values_of() | {"final": True, "name": "Frozen"}
    at = datetime(2026, 3, 19, 12, tzinfo=UTC)
    store(monkeypatch, completed(status="archived"), ReportHistory(values, at, []))
    result = report(touchstream)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("# Frozen\n\nThe final report, of 2026-03-19T12:00:00Z.")


def test_before_it_the_numbers_are_those_of_now(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    provisional = ReportHistory(values_of() | {"final": False, "name": "Old"}, None, [])
    store(monkeypatch, completed(), provisional)
    result = report(touchstream, "--json")
    assert result.json()["name"] == talent_definition().name
    assert result.json()["lead"] == (
        "Provisional numbers as of 2026-03-20T15:00:00Z: the campaign is over, and late answers "
        "count."
    )
    store(monkeypatch, talent_record(counts=COUNTS), provisional)
    assert "the campaign goes on" in report(touchstream).out


def test_files_are_written(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store(monkeypatch, completed(), ReportHistory(None, None, days()))
    html, markdown = tmp_path / "report.html", tmp_path / "report.md"
    result = report(touchstream, "--html", html, "--md", markdown)
    assert (result.code, result.out) == (0, "")
    assert "<h2>By day</h2>" in html.read_text()
    assert "## Targets" in markdown.read_text()


def test_without_postgresql_the_page_has_no_days(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = SettingsInvalid("TOUCHSTREAM_POSTGRES_DSN is not set")
    store(monkeypatch, completed(), error)
    result = report(touchstream)
    assert (result.code, "## Targets" in result.out) == (0, True)
    assert "warning: without the figures by day: TOUCHSTREAM_POSTGRES_DSN is not set" in result.err


@pytest.mark.parametrize(
    ("rate", "band"),
    [
        (None, None),
        (0.0, "poor"),
        (4.99, "poor"),
        (5.0, "below average"),
        (10.0, "average"),
        (19.99, "average"),
        (20.0, "good"),
        (30.0, "excellent"),
        (100.0, "excellent"),
    ],
)
def test_a_response_rate_on_an_edge_belongs_to_the_better_side(
    rate: float | None, band: str | None
) -> None:
    """S4-59."""
    assert response_band(rate) == band
