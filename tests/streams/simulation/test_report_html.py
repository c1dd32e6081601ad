"""The HTML page of a report needs no network, and the same summary gives the same page."""

import re
import sys
from pathlib import Path

import pytest

from streams.simulation.report_html import render_page
from tests.testing.command_line import Touchstream
from tests.testing.simulation_harness import MIXED_BEHAVIOUR, scenario, sequence, simulate, tenant


def rendered_page(people: int) -> str:
    owner = tenant(limits={"linkedin": 10, "email": 20})
    given = scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=people, owner=owner)
    return render_page(simulate(given).summary)


def test_the_page_loads_nothing_and_is_the_same_each_time() -> None:
    first = rendered_page(40)
    assert first == rendered_page(40)
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", first)
    for heading in ("Touches over time", "How far people get", "Load against limits"):
        assert heading in first


def test_a_simulation_without_touches_has_no_figure() -> None:
    summary = simulate(scenario(sequence(), people=0)).summary
    assert "<section>" not in render_page(summary)


def test_without_plotly_there_is_no_page_and_a_hint(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("report_html", "report_figures"):
        monkeypatch.delitem(sys.modules, f"streams.simulation.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "plotly", None)
    out = tmp_path / "report"
    result = touchstream("simulate", "examples/outreach.yaml", "--people", 2, "--out", out)
    assert result.code == 0
    assert "pip install" in result.err
    assert sorted(path.name for path in out.iterdir()) == [
        "commands.jsonl",
        "enrollments.jsonl",
        "events.jsonl",
        "facts.jsonl",
        "summary.json",
    ]
