"""The files of the repository, for tests about the project itself."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

PRODUCT = ("schemas", "processors", "streams", "sinks")
"""The folders of what is installed; the other folders test and measure it."""


MEASUREMENTS = "docs/benchmarks.md"
"""The page of figures, which `make bench` writes with the output of tools as it is."""


def tracked() -> list[str]:
    """The files that git tracks; without git, all files outside of hidden and generated folders."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        listing = ""
    names = [name for name in listing.split("\0") if name and (ROOT / name).is_file()]
    return sorted(names or _walked())


def product_modules() -> list[str]:
    """The Python files of the product."""
    return [
        n for n in tracked() if n.endswith(".py") and n.startswith(tuple(f"{f}/" for f in PRODUCT))
    ]


def text_of(name: str) -> str:
    """The text of a file of the repository; bytes that are no UTF-8 are replaced."""
    return (ROOT / name).read_text("utf-8", errors="replace")


def _walked() -> Iterator[str]:
    for folder, inner, files in os.walk(ROOT):
        inner[:] = [name for name in inner if not _generated(name)]
        yield from ((Path(folder) / name).relative_to(ROOT).as_posix() for name in files)


def _generated(folder: str) -> bool:
    hidden = folder.startswith(".") and folder not in (".ci", ".github")
    return hidden or folder in ("build", "dist", "__pycache__") or folder.endswith(".egg-info")
