"""Every requirement id that a file cites has a row in docs/requirements.md, and no file cites a
document outside the repository."""

import re
from collections.abc import Iterator

from tests.testing.repository_files import text_of, tracked

PAGE = "docs/requirements.md"

NOT_TEXT = (".gz", ".png")
LOCK_FILE = re.compile(r"\.lock(\.\w+)?$|(^|/)SHA256SUMS$").search
PROSE = (".py", ".md", ".yaml", ".sql", ".toml")
APPLIED = "sinks/migrations/"
"""`touchstream migrate` refuses a database whose applied migrations have other contents, comments
included. A comment in these files therefore never changes."""

_ID = r"(?:S[0-4]|[CFNPX])-[1-9]\d{0,2}"
CITATION = re.compile(
    rf"(?<![\w-])(?P<first>{_ID})"
    rf"(?:(?:…|\.\.|[-–/])(?P<last>{_ID}|\d{{1,3}}))?"  # of a range, the other end
    r"(?!\w|-\w|\.\d)"
)
ROW = re.compile(rf"^\| ({_ID}) \|", re.MULTILINE)
ELSEWHERE = re.compile(r"\b(?:design|style)(?:\s|#|--)+\d[\d.]*", re.IGNORECASE)


def cited(text: str) -> Iterator[str]:
    """All ids in `text`; of a range both ends."""
    for match in CITATION.finditer(text):
        first, last = match["first"], match["last"]
        yield first
        if last is not None:
            yield last if "-" in last else f"{first.partition('-')[0]}-{last}"


def test_citations_are_recognised_and_look_alikes_are_not() -> None:
    found = cited(
        "(S1-25, C-2); X-3's, S2-17…S2-21, S1-43 … S1-47, S0-11..13, S2-22/23, S0-8-S0-14."
    )
    assert " ".join(found) == (
        "S1-25 C-2 X-3 S2-17 S2-21 S1-43 S1-47 S0-11 S0-13 S2-22 S2-23 S0-8 S0-14"
    )
    nothing = (
        "C-n, C-locale, X-Apple-Unsubscribe, F-strings, N - 1, KC-85, java-C-1, S5-1, F-2.5, P-0"
    )
    assert list(cited(nothing)) == []


def test_every_cited_requirement_has_a_row() -> None:
    rows = set(ROW.findall(text_of(PAGE)))
    missing: dict[str, set[str]] = {}
    for name in tracked():
        if name != PAGE and not name.endswith(NOT_TEXT) and not LOCK_FILE(name):
            for requirement in cited(text_of(name)):
                if requirement not in rows:
                    missing.setdefault(requirement, set()).add(name)
    assert missing == {}


def test_the_page_has_one_row_for_each_id_that_it_names() -> None:
    page = text_of(PAGE)
    rows = ROW.findall(page)
    assert sorted(rows) == sorted(set(cited(page)))


def test_no_file_cites_a_document_outside_the_repository() -> None:
    found = [
        f"{name}: {' '.join(match.group().split())}"
        for name in tracked()
        if name.endswith(PROSE) and not name.startswith(APPLIED)
        for match in ELSEWHERE.finditer(text_of(name))
    ]
    assert found == []
