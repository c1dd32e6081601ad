"""The pages of the repository name files and links that exist, and show what the tables hold."""

import re
from pathlib import Path

import pytest

from processors.diagrams import text

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")]
    if path.name != "CHANGELOG.md"
)
FOLDERS = "schemas|processors|streams|sinks|tests|bench|docs|examples"


def test_the_diagrams_are_those_of_the_tables() -> None:
    page = (ROOT / "docs/state-machines.md").read_text("utf-8")
    assert page.split("<!-- diagrams -->\n")[1].split("<!-- end -->")[0] == text()


def test_the_architecture_is_read_in_one_sitting() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines()) <= 120


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(path: Path) -> None:
    named = set(re.findall(rf"`((?:{FOLDERS})/[\w/.-]+)`", path.read_text("utf-8")))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_that_a_page_names_is_there(path: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", path.read_text("utf-8"))
    assert [
        f"{file}::{name}"
        for file, name in named
        if f"def {name}(" not in (ROOT / file).read_text("utf-8")
    ] == []


def test_the_page_of_faults_has_every_scenario_once() -> None:
    page = (ROOT / "docs/faults.md").read_text("utf-8")
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    assert numbers == list(range(1, 45))
