"""`python -m tests.streams.cli.million FILE`: writes a million CSV lines, and reads them as
`touchstream contacts import` does.

It prints a JSON object with the counts, the first wrong results, and the growth of the process's
memory in KiB.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from schemas.channels import EMAIL
from schemas.csv_import import LINE_BYTES, CsvCode, RejectedLine
from streams.cli.contacts import ImportedLines, read_lines
from streams.cli.import_target import ReadOptions

LINES = 1_000_000
BAD: dict[str, bytes] = {
    CsvCode.ENCODING: b"p%d,J\xf6rg,,\n",
    CsvCode.COLUMNS: b"p%d,Ann,,,,more\n",
    CsvCode.NOBODY: b",Ann,,%d\n",
    EMAIL.error_code: b",Ann,nowhere,%d\n",
    CsvCode.FIELD: b"x" * 400 + b"%d,Ann,,\n",
}
_RARE = {13: CsvCode.TOO_LONG, 23: CsvCode.QUOTE, 33: CsvCode.FIELD}
_KINDS = (
    CsvCode.ENCODING,
    CsvCode.COLUMNS,
    CsvCode.NOBODY,
    EMAIL.error_code,
    CsvCode.COLUMNS,
    CsvCode.ENCODING,
)
_NOTES = b"met at the fair " * 5


def code_of(number: int) -> str | None:
    """The code that a line must be rejected with; None for a good line. Of ten lines, one is good
    and three repeat its contact."""
    if (rare := _RARE.get(number % 100_000)) is not None:
        return rare
    if number == 2 or number % 10 == 0:
        return None
    return CsvCode.DUPLICATE if number % 10 < 4 else _KINDS[number % 10 - 4]


def lines() -> Iterator[bytes]:
    """The lines of the file, the first with a byte order mark, as spreadsheets write it."""
    yield b"\xef\xbb\xbfcontact_id,first_name,email,notes\r\n"
    for number in range(2, LINES + 1):
        match code_of(number):
            case None:
                yield b"p%d,Ann,ann%d@example.com,%b\r\n" % (number, number, _NOTES)
            case CsvCode.DUPLICATE:
                yield b"p%d,Ann,,%b\n" % (number - number % 10 or 2, _NOTES)
            case CsvCode.TOO_LONG:
                yield b"p%d,%b,,\n" % (number, b"x" * LINE_BYTES)
            case CsvCode.QUOTE:
                yield b'p%d,"Ann,,\n' % number
            case code:
                yield BAD[code] % number


class CheckedLines(ImportedLines):
    """Checks that each rejected line has the code of `code_of`."""

    def __init__(self) -> None:
        super().__init__(keep=False)
        self.codes: Counter[str] = Counter()
        self.wrong: list[str] = []

    def reject(self, line: RejectedLine) -> None:
        super().reject(line)
        self.codes[line.code] += 1
        if code_of(line.line) != line.code:
            self.wrong.append(f"line {line.line}: {line.code}, {line.detail}")


def kilobytes(name: str) -> int:
    """A value of /proc/self/status, in KiB; 0 where there is no such file."""
    status = Path("/proc/self/status")
    found = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in found if line.startswith(name)), 0)


def main(file: Path) -> None:
    with file.open("wb") as out:
        out.writelines(lines())
    before, checked = kilobytes("VmRSS"), CheckedLines()
    for contact in read_lines(file, "acme", checked, ReadOptions()):
        checked.good += 1
        if code_of(contact.line) is not None:
            checked.wrong.append(f"line {contact.line} was accepted")
    result = {
        "good": checked.good,
        "bad": checked.codes,
        "wrong": checked.wrong[:5],
        "grown_kb": kilobytes("VmHWM") - before,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
