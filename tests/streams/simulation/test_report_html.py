"""The page with pictures needs no network, and is the same each time."""

import re
import sys
from pathlib import Path

import pytest

from streams.simulation.report_html import page
from tests.streams.cli.conftest import Touchstream
from tests.testing.simulation_harness import LIVELY, scenario, sequence, tenant, tried


def drawn(people: int) -> str:
    owner = tenant(limits={"linkedin": 10, "email": 20})
    given = scenario(sequence(), behaviour=LIVELY, people=people, owner=owner)
    return page({**tried(given).summary})


def test_the_page_is_whole_in_itself_and_the_same_each_time() -> None:
    first = drawn(40)
    assert first == drawn(40)
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", first)
    for heading in ("Touches over time", "How far people get", "Load against limits"):
        assert heading in first


def test_nothing_to_draw_is_no_picture() -> None:
    told = tried(scenario(sequence(), people=0)).summary
    assert "<section>" not in page(told)


def test_without_what_draws_there_is_no_page_and_a_word(
    touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "streams.simulation.report_html", raising=False)
    monkeypatch.setitem(sys.modules, "plotly", None)
    out = tmp_path / "report"
    said = touchstream("simulate", "examples/outreach.yaml", "--people", 2, "--out", out)
    assert said.code == 0
    assert "pip install" in said.err
    assert sorted(path.name for path in out.iterdir()) == [
        "commands.jsonl",
        "enrollments.jsonl",
        "events.jsonl",
        "facts.jsonl",
        "summary.json",
    ]
