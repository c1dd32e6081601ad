"""What can be counted about the code is a test: the length of files, functions and lines, and code
that nothing uses.

A limit that does not hold everywhere yet has a list of exceptions with today's numbers. Such a list
only gets shorter: a test fails for a new exception, and also for an exception that is not needed
any more.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from tests.testing.repository_files import MEASUREMENTS, PRODUCT, ROOT, text_of, tracked

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
LINE_CHARACTERS_MAX = {".md": 160, ".py": 100}

LONG_FILES: dict[str, int] = {}
"""Python files above FILE_LINES_MAX, with their number of lines."""

LONG_FUNCTIONS: dict[str, int] = {}
"""Functions above FUNCTION_LINES_MAX as "file: name", with their number of lines."""

LONG_LINES: dict[str, int] = {}
"""Files with lines above LINE_CHARACTERS_MAX, with the number of such lines."""

USED_BY_TESTS = {
    "helpers of the released schemas: a check of their compatibility, valid examples": (
        "compatibility_breaks",
        "sample_model",
    ),
    "the other half of a function that the product uses": ("decode_event", "generated_part"),
    "the port without Kafka, and a counter of the worker": ("MemoryTransport", "transactions"),
    "an embedded server that a test asks for its health": ("health",),
    "one call for what the product does in steps": ("compare", "read_current"),
}
"""Names of the product that only tests, benchmarks or examples use, by the reason why they stay."""

USED_FROM_OUTSIDE = {
    "a value or field of the public contract": (
        *("HVAC", "PLUMBING", "ELECTRICAL", "CLEANING", "ROOFING", "PAINTING", "HANDYMAN", "OTHER"),
        *("spacing_seconds", "max_seconds", "ref", "unsubscribe"),
    ),
    "an attribute that a library reads": (
        *("read_only", "isolation_level", "short_help", "yaml_implicit_resolvers"),
    ),
    "a column of a row that is used as a whole": (
        *("clicks", "open_rate", "click_rate"),
        *("current_step", "owner_epoch"),
        *("total_contacts", "completed_calls", "successful_calls", "failed_calls"),
        "reviewed_successful",
        *("response_rate_of_all", "comparison_p", "comparison_low", "comparison_high"),
    ),
}
"""Other names that no code of the product uses, by the reason why they stay."""


def python_files() -> list[str]:
    return [name for name in tracked() if name.endswith(".py")]


def functions(name: str) -> Iterator[tuple[str, int]]:
    """Each function of a file with its number of lines, decorators not counted."""
    for node in ast.walk(ast.parse(text_of(name))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def prose(page: str) -> list[str]:
    """The lines of a Markdown page without its code blocks and tables."""
    without_code = re.sub(r"^( *)```.*?^\1```", "", page, flags=re.MULTILINE | re.DOTALL)
    return [line for line in without_code.splitlines() if not line.lstrip().startswith("|")]


def without_pragma(line: str) -> str:
    """A line of Python without the comment at its end that only a tool reads."""
    return re.sub(r" +# (type: ignore|noqa|fmt:).*$", "", line)


def long_lines(name: str, characters_max: int) -> int:
    """The number of lines of a file that are too long."""
    text = text_of(name)
    lines = prose(text) if name.endswith(".md") else map(without_pragma, text.splitlines())
    return sum(len(line) > characters_max for line in lines)


def unused(*folders: str) -> set[str]:
    """Names of the product that nothing in `folders` uses, as vulture finds them."""
    done = subprocess.run(
        [sys.executable, "-m", "vulture", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    findings = [line for line in done.stdout.splitlines() if line.startswith(PRODUCT)]
    names = [re.search(r": unused \w+ '(\w+)'", line) for line in findings]
    return {name[1] if name else line for name, line in zip(names, findings, strict=True)}


def names_of(reasons: Mapping[str, tuple[str, ...]]) -> set[str]:
    return {name for names in reasons.values() for name in names}


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lines = {name: len(text_of(name).splitlines()) for name in python_files()}
    assert {name: n for name, n in lines.items() if n > FILE_LINES_MAX} == LONG_FILES


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name}: {function}": lines
        for name in python_files()
        for function, lines in functions(name)
        if lines > FUNCTION_LINES_MAX
    }
    assert long == LONG_FUNCTIONS


@pytest.mark.parametrize("suffix", LINE_CHARACTERS_MAX)
def test_no_line_is_longer_than_its_kind_of_file_allows(suffix: str) -> None:
    counts = {
        name: long_lines(name, LINE_CHARACTERS_MAX[suffix])
        for name in tracked()
        if name.endswith(suffix) and name != MEASUREMENTS
    }
    expected = {name: n for name, n in LONG_LINES.items() if name.endswith(suffix)}
    assert {name: count for name, count in counts.items() if count} == expected


def test_code_blocks_and_tables_are_no_prose() -> None:
    page = "one\n\n```sh\ntwo\n```\n\n| three |\n|---|\n\n- four\n\n  ```\n  five\n  ```\n"
    assert [line for line in prose(page) if line.strip()] == ["one", "- four"]


def test_nothing_is_left_that_nobody_uses() -> None:
    """Vulture compares names, so a name that is used for something else hides an unused one."""
    assert unused(*PRODUCT) == names_of(USED_BY_TESTS) | names_of(USED_FROM_OUTSIDE)


def test_what_is_there_for_tests_is_used_by_tests() -> None:
    assert not unused(*PRODUCT, "tests", "bench", "examples") & names_of(USED_BY_TESTS)


def test_an_unused_function_is_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("product") / "module.py"
    file.write_text("def forgotten() -> None: ...\n")
    listing = subprocess.run(
        [sys.executable, "-m", "vulture", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "unused function 'forgotten'" in listing
