"""Rows kept on disk for a while, in order: more of them than memory should hold."""

import tempfile
from collections.abc import Iterator

import msgspec

from sinks.state_rows import ProjectedRecord

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, int, int, bytes, bytes | None]).decode
_SIZE = 4


class Spool:
    """A file without a name, which goes with the process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as this lives

    def add(self, row: ProjectedRecord) -> None:
        """One row more."""
        encoded = _encode(row)
        self._file.write(len(encoded).to_bytes(_SIZE))
        self._file.write(encoded)

    def __iter__(self) -> Iterator[ProjectedRecord]:
        """All rows from the first on; nothing is added meanwhile."""
        self._file.seek(0)
        while size := self._file.read(_SIZE):
            yield ProjectedRecord(*_decode(self._file.read(int.from_bytes(size))))
