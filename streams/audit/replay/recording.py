"""A recording: the records of the logs, the command topics and the facts. It is read from the
topics themselves, or from a file.

The file is gzipped JSON with one record a line and bytes in base64. Its first line holds format,
version and layout. The file contains the logs' data, addresses and names included, so only its
owner may read it.
"""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby, islice
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from processors.fold.task import Record
from schemas.internal.topics import COMMANDS, LOGS, Layout, Topic
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry

RECORDED = (*LOGS, *COMMANDS, Topic.FACTS)
FORMAT = "touchstream recording"
VERSION = 1
BATCH_SIZE = 1_000

RecordBatch = tuple[Partition, list[TopicEntry]]
WriteBatch = Callable[[RecordBatch], None]


class NotARecording(Exception):
    """The file is no recording, is damaged or cut short, or has a later version; the message names
    the problem."""


class Recording(Protocol):
    """Recorded logs, which can be folded again."""

    layout: Layout

    def batches(self) -> Iterator[RecordBatch]:
        """All records, those of each partition in order."""

    def read_partition(self, partition: Partition) -> Iterator[TopicEntry]:
        """The records of one partition again, up to the last that `batches` has read."""


class _Header(msgspec.Struct, frozen=True):
    format: str
    version: int
    layout: Layout


class _Row(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One record. `timestamp` is microseconds."""

    topic: Topic
    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: list[tuple[str, bytes | None]] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Row).decode
_decode_header = msgspec.json.Decoder(_Header).decode


class RecordingFile:
    """A recording in a file. All its methods raise NotARecording and OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as file:
            self.layout = self._read_header(file)

    def batches(self) -> Iterator[RecordBatch]:
        """All records in the order in which they were recorded."""
        rows = self._rows()
        for partition, group in groupby(rows, lambda row: Partition(row.topic, row.partition)):
            while entries := [_entry(row) for row in islice(group, BATCH_SIZE)]:
                yield partition, entries

    def read_partition(self, partition: Partition) -> Iterator[TopicEntry]:
        """The records of one partition."""
        for recorded, entries in self.batches():
            if recorded == partition:
                yield from entries

    def _rows(self) -> Iterator[_Row]:
        with self._opened() as file:
            self._read_header(file)
            for number, text in enumerate(file, 2):
                try:
                    yield _decode(text)
                except msgspec.DecodeError as error:
                    raise NotARecording(f"{self.path}, line {number}: {error}") from None

    def _read_header(self, file: BinaryIO) -> Layout:
        try:
            header = _decode_header(file.readline())
        except msgspec.DecodeError:
            header = None
        if header is None or header.format != FORMAT:
            raise NotARecording(f"{self.path} is no recording: touchstream replay --keep makes one")
        if header.version > VERSION:
            raise NotARecording(
                f"{self.path} is a recording of version {header.version}, and this touchstream"
                f" reads versions up to {VERSION}: a later one can read it"
            )
        return header.layout

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with gzip.open(self.path, "rb") as file:
                yield file  # type: ignore[misc]
        except (gzip.BadGzipFile, zlib.error):
            raise NotARecording(f"{self.path} is no recording, or is damaged") from None
        except EOFError:
            raise NotARecording(f"{self.path} is cut short") from None


@contextmanager
def new_recording(path: Path, layout: Layout) -> Iterator[WriteBatch]:
    """A context that writes a recording to `path`, and yields the function that adds a batch. The
    file appears when the context ends; after an error there is no file. Raises OSError, and
    FileExistsError if there is a file already."""
    if path.exists():
        raise FileExistsError(f"{path} exists already and is not overwritten")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    try:
        with partial.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
            file.write(_encode(_Header(FORMAT, VERSION, layout)) + b"\n")
            yield lambda batch: _write(file, batch)
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _write(file: gzip.GzipFile, batch: RecordBatch) -> None:
    (topic, number), entries = batch
    for record, value in entries:
        headers = list(record.headers() or ())
        row = _Row(
            topic, number, record.offset, record.timestamp, record.key or None, value, headers
        )
        file.write(_encode(row) + b"\n")


def _entry(row: _Row) -> TopicEntry:
    record = Record(
        row.offset, row.timestamp, row.key or b"", row.value or b"", lambda: row.headers
    )
    return TopicEntry(record, row.value)
