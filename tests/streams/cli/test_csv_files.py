"""CSV files as spreadsheets and other systems write them: bad lines are reported, good lines are
read, and memory does not grow with the file."""

import json
import os
import subprocess
import sys
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from schemas.csv_import import CsvCode
from tests.streams.cli.million import LINES, code_of
from tests.testing.command_line import Touchstream

ROOT = Path(__file__).parents[3]
GROWN_KB_MAX = 32 * 1024
"""Less than the size of the file. The ids of 100,000 contacts are kept, to find duplicates."""


def test_a_million_lines_are_read_or_reported_in_bounded_memory(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    process = subprocess.run(
        [sys.executable, "-m", "tests.streams.cli.million", str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    output = json.loads(process.stdout)
    assert output["wrong"] == []
    codes = Counter(code_of(number) for number in range(2, LINES + 1))
    assert output["good"] == codes.pop(None)
    assert output["bad"] == {str(code): times for code, times in codes.items()}
    assert "\nline 3: CONTACT_DUPLICATE: the same person as line 2\n" in process.stderr
    assert len(process.stderr.splitlines()) < 100
    assert output["grown_kb"] < GROWN_KB_MAX < file.stat().st_size // 1024


def test_every_bad_line_is_reported_with_its_number_and_code(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(
        b"\xef\xbb\xbfcontact_id,first_name,email\r\n"
        b"ann,Ann,ann@example.com\r\n"
        b"ben,J\xf6rg,\r\n"
        b"cem\r\n"
        b'dua,"Dua, of ""Dua & Sons""",\r\n'
        b"ann,Ann,\r\n"
        b"eve,=1+1,\r\n"
        b"fay,Fay,nowhere\r\n"
        b'gil,"Gil,\r\n'
        b"hal,Hal,,more\r\n"
        b",Ida,nowhere\r\n"
        b"jan,Jan,"
    )
    result = touchstream("contacts", "import", file, "--tenant", "acme", "--dry-run", "--json")
    assert (result.code, result.json()["valid"]) == (1, 6), result
    assert [(bad["line"], bad["code"]) for bad in result.json()["bad"]] == [
        (3, CsvCode.ENCODING),
        (6, CsvCode.DUPLICATE),
        (9, CsvCode.QUOTE),
        (10, CsvCode.COLUMNS),
        (11, "CONTACT_EMAIL_INVALID"),
    ]
    (left_out,) = result.json()["left_out"]
    assert (left_out["line"], left_out["column"]) == (8, "email")
    assert (left_out["code"], "nowhere" in left_out["detail"]) == ("CONTACT_EMAIL_INVALID", False)
    plain = touchstream("contacts", "import", file, "--tenant", "acme", "--dry-run")
    assert (plain.code, plain.out) == (1, "6 valid, 5 bad, 1 cell left out\n"), plain
    assert "line 6: CONTACT_DUPLICATE: the same person as line 2" in plain.err
    assert "line 8: CONTACT_EMAIL_INVALID: email: " in plain.err


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"contact_id,na\xefve\nann,Ann\n", "not UTF-8"),
        (b"", "must name the columns"),
        (b"name,age\nAnn,7\n", "it has name, age"),
        (b"name,kind\nann@example.com,mobile\n", "must name the columns"),
    ],
)
def test_a_file_without_a_valid_header_is_refused(
    content: bytes, why: str, touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    result = touchstream("contacts", "import", file, "--tenant", "acme", "--dry-run")
    assert (result.code, why in result.err) == (2, True), result


def test_a_terminal_shows_the_progress(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = StringIO()
    terminal = Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr("streams.cli.contacts.stderr_console", terminal)
    file = tmp_path / "people.csv"
    file.write_text("contact_id\n" + "".join(f"p{number}\n" for number in range(3_000)))
    assert touchstream("contacts", "import", file, "--tenant", "acme", "--dry-run").code == 0
    assert "people.csv" in screen.getvalue()
    assert "bytes" in screen.getvalue() or "kB" in screen.getvalue()
