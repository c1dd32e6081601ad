"""Reads the facts and enrollments of one contact from a report directory.

Each file is read from beginning to end; only the lines of the contact are decoded.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from schemas.internal import facts
from schemas.internal.enrollment import Enrollment
from schemas.internal.facts import Fact
from streams.simulation.enrollment_lines import from_row
from streams.simulation.report import ENROLLMENTS, FACTS

ReadProgress = Callable[[str], None]
"""Receives a text about how much is read."""

ContactKey = tuple[str, str]
"""Tenant id and contact id."""

PROGRESS_EVERY_LINES = 500_000


class NoReport(Exception):
    """The directory is not a report that `touchstream simulate --out` wrote; the message has
    the reason."""


class ReportReader:
    """A report. The methods raise NoReport, OSError."""

    def __init__(self, directory: Path, progress: ReadProgress) -> None:
        self._directory = directory
        self._progress = progress

    def find_owner(self, sought_id: str) -> ContactKey | None:
        """Returns the contact of an enrollment id or a command id; None if no fact has the id."""
        for fact in self._facts(sought_id.encode()):
            if sought_id in (fact.enrollment_id, fact.command_id) and fact.contact_id:
                return fact.tenant_id, fact.contact_id
        return None

    def find_contacts(self, contact_id: str) -> list[ContactKey]:
        """Returns the contacts with this id: at most one of each tenant."""
        needle = b'"contact_id":' + msgspec.json.encode(contact_id)
        return sorted({(fact.tenant_id, contact_id) for fact in self._facts(needle)})

    def facts(self, contact: ContactKey) -> list[Fact]:
        """Returns all facts of a contact in order."""
        return list(self._facts(_line_part(contact)))

    def enrollments(self, contact: ContactKey) -> list[Enrollment]:
        """Returns the final state of every enrollment of a contact."""
        found = []
        for number, line in self._lines(ENROLLMENTS, _line_part(contact)):
            try:
                found.append(from_row(msgspec.json.decode(line)).enrollment)
            except (ValueError, KeyError, TypeError) as error:
                raise self._bad_line(ENROLLMENTS, number) from error
        return found

    def _facts(self, needle: bytes) -> Iterator[Fact]:
        for number, line in self._lines(FACTS, needle):
            try:
                yield facts.decode(line)
            except msgspec.DecodeError as error:
                raise self._bad_line(FACTS, number) from error

    def _lines(self, name: str, needle: bytes) -> Iterator[tuple[int, bytes]]:
        """Yields the lines of a file that contain `needle`, with their numbers from 1."""
        path = self._directory / name
        if not path.is_file():
            raise NoReport(f"{self._directory} is no report of touchstream simulate: no {name}")
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if number % PROGRESS_EVERY_LINES == 0:
                    self._progress(f"{name}: {number:,} lines")
                if needle in line:
                    yield number, line

    def _bad_line(self, name: str, number: int) -> NoReport:
        path = self._directory / name
        return NoReport(f"{path} line {number} is not as touchstream simulate writes it")


def _line_part(contact: ContactKey) -> bytes:
    """The bytes that every line of this contact contains in both files: the two ids are
    neighbours there."""
    tenant_id, contact_id = map(msgspec.json.encode, contact)
    return b'"tenant_id":' + tenant_id + b',"contact_id":' + contact_id
