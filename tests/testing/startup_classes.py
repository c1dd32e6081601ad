"""A file from which the JVM of a broker takes its classes, loaded and linked: a start then costs
half of its processor time. The JVM writes the file when a broker that was started for that ends.

Only for brokers that start many times: to write the file takes as long as several starts.
"""

import shutil
from pathlib import Path

from streams.embedded.kafka import EmbeddedKafka

_TRAINING_STOP_TIMEOUT_S = 180.0
"""The JVM writes the file while it ends, with all processors."""


def write_startup_classes(path: Path, *, heap_mb: int) -> None:
    """Writes the file unless it is there, for brokers with this heap. The brokers that use it must
    have the same Java, the same jars and the same options of the JVM; another broker ignores it."""
    if path.exists():
        return
    directory = path.with_name(f"{path.name}.training")
    shutil.rmtree(directory, ignore_errors=True)
    broker = EmbeddedKafka(directory, heap_mb=heap_mb, jvm_options=[f"-XX:AOTCacheOutput={path}"])
    try:
        broker.start()
    finally:
        broker.stop(_TRAINING_STOP_TIMEOUT_S)
        shutil.rmtree(directory, ignore_errors=True)


def with_startup_classes(path: Path) -> list[str]:
    """The options of a JVM that takes the classes from the file, if it is there and fits."""
    return [f"-XX:AOTCache={path}"]
