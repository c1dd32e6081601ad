"""The columns of a file of contacts: the options that name their use, and what became of each."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from typer import Option

from schemas.csv_import import CsvColumn
from schemas.csv_import.file_kinds import FileKind
from schemas.csv_import.headings import heading_key
from streams.cli.errors import EXIT_USAGE, CommandError

Columns = Annotated[
    list[str] | None,
    Option(
        "--column",
        metavar="HEADING=NAME",
        help='What a column becomes, such as "Direct=phone"; HEADING= ignores it. Repeatable.',
    ),
]
Country = Annotated[
    str | None,
    Option(
        "--country",
        metavar="CODE",
        help="The country of phone numbers without a country code, such as US.",
    ),
]


def given_columns(options: list[str] | None, kind: FileKind) -> list[tuple[str, str]]:
    """The headings of --column, each with the field or attribute that its column becomes, or "".
    Raises CommandError."""
    fields = {heading_key(name): name for name in kind.fields}
    given = []
    for option in options or []:
        heading, equals, name = option.rpartition("=")
        if not equals or not heading.strip():
            raise CommandError(f"--column {option}: must be HEADING=NAME", EXIT_USAGE)
        given.append((heading.strip(), fields.get(heading_key(name), name.strip())))
    return given


def country_code(text: str | None) -> str:
    """The country of --country as ISO 3166-1 alpha-2; "" without the option. Raises
    CommandError."""
    if text is None:
        return ""
    import phonenumbers  # 25 ms, for those who name a country only

    code = text.strip().upper()
    if re.fullmatch("[A-Z]{2}", code) is None or code not in phonenumbers.SUPPORTED_REGIONS:
        message = f"--country {text}: must be a code of two letters (ISO 3166-1), such as US"
        raise CommandError(message, EXIT_USAGE)
    return code


def column_lines(columns: Sequence[CsvColumn]) -> Iterator[str]:
    """What becomes of each column, a line each."""
    for column in columns:
        heading = " ".join(column.heading.split()) or f"(column {column.number})"
        if not column.becomes:
            yield f"  {heading}: ignored, {column.reason}"
            continue
        use = f"attribute {column.becomes}" if column.attribute else column.becomes
        before = [
            " ".join(each.heading.split())
            for each in sorted(columns, key=lambda each: each.choice)
            if each.becomes == column.becomes and each.choice < column.choice
        ]
        yield f"  {heading}: {use}" + (f", unless {' or '.join(before)} is filled" * bool(before))


def column_rows(columns: Sequence[CsvColumn]) -> list[dict[str, Any]]:
    """What becomes of each column, as in --json; null where it is nothing."""
    return [
        {
            **column._asdict(),
            "becomes": column.becomes or None,
            "reason": column.reason or None,
        }
        for column in columns
    ]
