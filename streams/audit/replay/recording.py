"""A recording: what stood on the logs, the command topics and the facts. It is read from the topics
themselves, or from a file that has kept them.

The file is gzip of JSON, a record a line, bytes in base64; its first line says what it is. It holds
what the logs held, addresses and names included, so only its owner may read it.
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
PIECE = 1_000

Piece = tuple[Partition, list[TopicEntry]]
Keep = Callable[[Piece], None]


class NotARecording(Exception):
    """The file is none, or not whole, or one of a later format; the message says which."""


class Recording(Protocol):
    """What can be folded again."""

    layout: Layout

    def pieces(self) -> Iterator[Piece]:
        """Everything; the records of a partition in their order."""

    def partition(self, place: Partition) -> Iterator[TopicEntry]:
        """One partition once more, as far as `pieces` went."""


class _Head(msgspec.Struct, frozen=True):
    format: str
    version: int
    layout: Layout


class _Row(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One record; `timestamp` is micros."""

    topic: Topic
    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: list[tuple[str, bytes | None]] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Row).decode
_decode_head = msgspec.json.Decoder(_Head).decode


class Kept:
    """A recording in a file. Raises NotARecording, OSError; also later, while it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as file:
            self.layout = self._head(file)

    def pieces(self) -> Iterator[Piece]:
        """In the order in which they were read."""
        rows = self._rows()
        for place, of_it in groupby(rows, lambda row: Partition(row.topic, row.partition)):
            while some := [_entry(row) for row in islice(of_it, PIECE)]:
                yield place, some

    def partition(self, place: Partition) -> Iterator[TopicEntry]:
        """One partition once more."""
        for found, entries in self.pieces():
            if found == place:
                yield from entries

    def _rows(self) -> Iterator[_Row]:
        with self._opened() as file:
            self._head(file)
            for number, text in enumerate(file, 2):
                try:
                    yield _decode(text)
                except msgspec.DecodeError as error:
                    raise NotARecording(f"{self.path}, line {number}: {error}") from None

    def _head(self, file: BinaryIO) -> Layout:
        try:
            head = _decode_head(file.readline())
        except msgspec.DecodeError:
            head = None
        if head is None or head.format != FORMAT:
            raise NotARecording(f"{self.path} is no recording: touchstream replay --keep makes one")
        if head.version > VERSION:
            raise NotARecording(
                f"{self.path} is a recording of format {head.version}, and this touchstream knows"
                f" those up to {VERSION}: a later one reads it"
            )
        return head.layout

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
def keeping(path: Path, layout: Layout) -> Iterator[Keep]:
    """A recording that is in its place afterwards, whole; or not at all. Raises OSError, also
    where there is something already."""
    if path.exists():
        raise FileExistsError(f"{path} exists already and is left as it is")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    try:
        with partial.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
            file.write(_encode(_Head(FORMAT, VERSION, layout)) + b"\n")
            yield lambda piece: _write(file, piece)
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _write(file: gzip.GzipFile, piece: Piece) -> None:
    (topic, number), entries = piece
    for record, value in entries:
        headers = list(record.headers() or ())
        place = (topic, number, record.offset, record.timestamp)
        file.write(_encode(_Row(*place, record.key or None, value, headers)) + b"\n")


def _entry(row: _Row) -> TopicEntry:
    record = Record(
        row.offset, row.timestamp, row.key or b"", row.value or b"", lambda: row.headers
    )
    return TopicEntry(record, row.value)
