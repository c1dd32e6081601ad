"""A report on disk, asked about one person: its files are read from end to end, and no more is
decoded than is theirs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from schemas.internal import facts
from schemas.internal.facts import Fact
from schemas.internal.states import Enrollment
from streams.simulation.enrollment_lines import read
from streams.simulation.report import ENROLLMENTS, FACTS

Progress = Callable[[str], None]
Person = tuple[str, str]
"""Tenant and contact."""

TELL_EVERY = 500_000


class NoReport(Exception):
    """The directory does not hold what `touchstream simulate --out` writes; the message says what
    is wrong with it."""


class ReportReader:
    """A report. Raises NoReport, OSError."""

    def __init__(self, directory: Path, tell: Progress) -> None:
        self._directory = directory
        self._tell = tell

    def whose(self, sought: str) -> Person | None:
        """Whom an enrollment's or a command's id belongs to."""
        for fact in self._facts(sought.encode()):
            if sought in (fact.enrollment_id, fact.command_id) and fact.contact_id:
                return fact.tenant_id, fact.contact_id
        return None

    def named(self, contact_id: str) -> list[Person]:
        """The contacts of that id: of each tenant there may be one."""
        needle = b'"contact_id":' + msgspec.json.encode(contact_id)
        return sorted({(fact.tenant_id, contact_id) for fact in self._facts(needle)})

    def facts(self, person: Person) -> list[Fact]:
        """All of a person's, in order."""
        return list(self._facts(_needle(person)))

    def runs(self, person: Person) -> list[Enrollment]:
        """Every enrollment of theirs, as it stands at the end."""
        found = []
        for number, line in self._lines(ENROLLMENTS, _needle(person)):
            try:
                found.append(read(msgspec.json.decode(line)).enrollment)
            except (ValueError, KeyError, TypeError) as error:
                raise self._bad(ENROLLMENTS, number) from error
        return found

    def _facts(self, needle: bytes) -> Iterator[Fact]:
        for number, line in self._lines(FACTS, needle):
            try:
                yield facts.decode(line)
            except msgspec.DecodeError as error:
                raise self._bad(FACTS, number) from error

    def _lines(self, name: str, needle: bytes) -> Iterator[tuple[int, bytes]]:
        """Those that hold the needle, with their numbers."""
        path = self._directory / name
        if not path.is_file():
            raise NoReport(f"{self._directory}: no report of touchstream simulate: no {name}")
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if number % TELL_EVERY == 0:
                    self._tell(f"{name}: {number:,} lines")
                if needle in line:
                    yield number, line

    def _bad(self, name: str, number: int) -> NoReport:
        return NoReport(f"{self._directory / name} line {number} is not as simulate wrote it")


def _needle(person: Person) -> bytes:
    """Both ids begin the lines of both files, one after the other."""
    tenant_id, contact_id = map(msgspec.json.encode, person)
    return b'"tenant_id":' + tenant_id + b',"contact_id":' + contact_id
