"""Kafka Streams under workload W, where there is a JDK to compile it."""

import shutil

from bench.kit import Spent
from streams.settings import Settings


def missing() -> str | None:
    """Why it cannot run here, None if it can."""
    if shutil.which("javac") is None:
        return "there is no javac"
    return "todo"


def run(settings: Settings, number: int) -> Spent:
    """From its first record to its last commit."""
    raise NotImplementedError
