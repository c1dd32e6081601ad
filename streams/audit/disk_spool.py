"""A spool on disk for more rows than memory should hold."""

import tempfile
from collections.abc import Iterator

import msgspec

from sinks.state_rows import ProjectedRecord

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, int, int, bytes, bytes | None]).decode
_SIZE_BYTES = 4


class DiskSpool:
    """Rows in a temporary file, which disappears with the process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as this lives

    def add(self, row: ProjectedRecord) -> None:
        """Appends a row."""
        encoded = _encode(row)
        self._file.write(len(encoded).to_bytes(_SIZE_BYTES))
        self._file.write(encoded)

    def __iter__(self) -> Iterator[ProjectedRecord]:
        """All rows in order. No row may be added during the iteration."""
        self._file.seek(0)
        while size := self._file.read(_SIZE_BYTES):
            yield ProjectedRecord(*_decode(self._file.read(int.from_bytes(size))))
