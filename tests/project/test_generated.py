"""`make generate` writes every generated file again, and changes nothing on a clean tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from schemas.base.generated_part import write_generated_part
from schemas.public.events import EVENTS
from tests.testing.repository_files import ROOT

GENERATED_PARTS = {"docs/state-machines.md": "diagrams", "docs/campaigns.md": "channels"}
RELEASED = "schemas/public/released"
NEWEST = f"{RELEASED}/job.completed.v{EVENTS['job.completed'].version}.avsc"
GENERATED = (
    "docs/asyncapi.yaml",
    "docs/cli.md",
    "docs/experiments.svg",
    "tests/sinks/catalog.txt",
    f"{RELEASED}/SHA256SUMS",
    NEWEST,
)

NOT_COPIED = (".*", "__pycache__", "*.egg-info", "build", "dist")


def test_generated_files_that_are_lost_come_back_and_all_others_stay(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    committed = _contents(copy)
    for name in GENERATED:
        (copy / name).unlink()
    for name, part in GENERATED_PARTS.items():
        write_generated_part(copy / name, part, "lost\n")

    _make_generate(copy)
    written = _contents(copy)
    assert written.keys() == committed.keys()
    changed = [name for name, content in committed.items() if written[name] != content]
    assert changed == [], "run: make generate"


def _contents(directory: Path) -> dict[str, bytes]:
    """Every file below the directory, by its relative path."""
    paths = [path for path in directory.rglob("*") if path.is_file()]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def _make_generate(directory: Path) -> None:
    """Runs the target with this interpreter's packages; `-o` keeps make from installing others."""
    installed = Path(sys.executable).parent
    options = ("-o", ".venv/.installed", f"BIN={installed}")
    result = subprocess.run(
        ["make", "-C", directory, *options, "generate"],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
