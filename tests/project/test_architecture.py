"""ARCHITECTURE.md shows what the tables say, and names rooms that exist."""

import re
from pathlib import Path

from processors.diagrams import text

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def test_the_diagrams_are_those_of_the_tables() -> None:
    shown = PAGE.split("<!-- diagrams -->\n")[1].split("<!-- end -->")[0]
    assert shown == text()


def test_every_file_it_names_is_there() -> None:
    named = set(re.findall(r"`((?:schemas|processors|streams|sinks|tests|bench)/[\w/.]+)`", PAGE))
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []
