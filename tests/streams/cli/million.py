"""`python -m tests.streams.cli.million FILE`: a million CSV lines, written and read again.

Reads as `touchstream contacts import` does, and prints the counts and how much memory the process
gained.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from schemas.csv_import import LINE_BYTES, Bad, CsvCode
from streams.cli.contacts import Count, read

LINES = 1_000_000
BAD: dict[CsvCode, bytes] = {
    CsvCode.ENCODING: b"p%d,J\xf6rg,,\n",
    CsvCode.COLUMNS: b"p%d,Ann\n",
    CsvCode.FORMULA: b"p%d,=1+1,,\n",
    CsvCode.EMAIL: b"p%d,Ann,nowhere,\n",
    CsvCode.FIELD: b"p%d," + b"x" * 400 + b",,\n",
}
_RARE = {13: CsvCode.TOO_LONG, 23: CsvCode.QUOTE, 33: CsvCode.FIELD}
_KINDS = (
    CsvCode.ENCODING,
    CsvCode.COLUMNS,
    CsvCode.FORMULA,
    CsvCode.EMAIL,
    CsvCode.COLUMNS,
    CsvCode.ENCODING,
)
_NOTES = b"met at the fair " * 5


def code_of(number: int) -> CsvCode | None:
    """What is wrong with a line: of ten one is somebody, three are that person again."""
    if (rare := _RARE.get(number % 100_000)) is not None:
        return rare
    if number == 2 or number % 10 == 0:
        return None
    return CsvCode.DUPLICATE if number % 10 < 4 else _KINDS[number % 10 - 4]


def lines() -> Iterator[bytes]:
    """The first line as a spreadsheet writes it, with a mark of its encoding."""
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


class Checked(Count):
    """Each bad line is the one that it must be."""

    def __init__(self) -> None:
        super().__init__(keep=False)
        self.codes: Counter[str] = Counter()
        self.wrong: list[str] = []

    def spoil(self, bad: Bad) -> None:
        super().spoil(bad)
        self.codes[bad.code] += 1
        if code_of(bad.line) is not bad.code:
            self.wrong.append(f"line {bad.line}: {bad.code}, {bad.detail}")


def kilobytes(name: str) -> int:
    """A line of what Linux knows of this process; 0 elsewhere."""
    known = Path("/proc/self/status")
    found = known.read_text().splitlines() if known.exists() else []
    return next((int(line.split()[1]) for line in found if line.startswith(name)), 0)


def main(file: Path) -> None:
    with file.open("wb") as out:
        out.writelines(lines())
    before, count = kilobytes("VmRSS"), Checked()
    for person in read(file, "acme", count):
        count.good += 1
        if code_of(person.line) is not None:
            count.wrong.append(f"line {person.line} was taken")
    grown = kilobytes("VmHWM") - before
    told = {"good": count.good, "bad": count.codes, "wrong": count.wrong[:5], "grown": grown}
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
