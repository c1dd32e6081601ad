"""Fixtures that all tests share. The first test that needs the embedded stack starts it, once a
session."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

from streams.embedded.registry import EmbeddedRegistry
from streams.embedded.stack import Stack

# Timings never decide a test, and a commit has one verdict: the examples are the same in each run.
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
# `make explore` draws other examples in each run, and keeps those that fail for the next one.
settings.register_profile(
    "explore",
    deadline=None,
    max_examples=300,
    derandomize=False,
    database=DirectoryBasedExampleDatabase(".hypothesis/examples"),
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def stack_dir() -> Iterator[Path]:
    """The directory of the stack. It is not in pytest's own directory, which PostgreSQL's user may
    not enter."""
    directory = Path(tempfile.mkdtemp(prefix="touchstream-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(stack_dir: Path) -> Iterator[Stack]:
    """A real Kafka and PostgreSQL. Tests share them, so each uses its `topic_prefix` and schema."""
    with Stack(stack_dir) as running:
        yield running


@pytest.fixture(scope="session")
def registry(stack_dir: Path) -> Iterator[EmbeddedRegistry]:
    """A real schema registry."""
    running = EmbeddedRegistry(stack_dir / "registry")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics, groups and transactional ids that no other test uses."""
    return f"t{uuid4().hex[:10]}."
