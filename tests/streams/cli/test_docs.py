"""docs/cli.md is the command line as it is, and names the command that writes it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/cli.md"


def test_the_command_in_the_header_writes_the_page_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")  # the width of the terminal must not matter
    header = PAGE.read_text("utf-8").splitlines()[0]
    (command,) = re.findall(r"`(.+) > docs/cli\.md`", header)
    assert command.startswith("python -m streams.cli.docs")
    written = tmp_path / "cli.md"
    with written.open("wb") as file:
        arguments = [sys.executable, *command.split()[1:]]
        subprocess.run(arguments, cwd=ROOT, stdout=file, check=True)
    assert written.read_bytes() == PAGE.read_bytes(), "run: make generate"
