"""The report of a campaign as Markdown, with bars of text."""

from collections.abc import Iterable, Iterator, Sequence

from streams.cli.report_sections import Bar, ReportSection, ReportTable

_BAR_CHARACTERS = 40


def report_markdown(title: str, lead: str, sections: Iterable[ReportSection]) -> str:
    """The whole page. The same report gives the same bytes."""
    parts = [f"# {_text(title)}", _text(lead)]
    for section in sections:
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def _section(section: ReportSection) -> Iterator[str]:
    yield f"## {_text(section.heading)}"
    if section.lines:
        yield "  \n".join(_text(line) for line in section.lines)
    for table in section.tables:
        yield _table(table)
    if section.bars:
        yield "\n".join(["```text", *_bars(section.bars), "```"])
    if section.sentences:
        yield " ".join(_text(sentence) for sentence in section.sentences)


def _table(table: ReportTable) -> str:
    heads = [_text(head.removesuffix("#")) or " " for head in table.heads]
    rule = ["---:" if head.endswith("#") else "---" for head in table.heads]
    rows = [[_cell(value) for value in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def _bars(bars: Sequence[Bar]) -> Iterator[str]:
    width = max(len(bar.label) for bar in bars)
    for bar in bars:
        share = 0.0 if bar.whole <= 0 else min(1.0, bar.value / bar.whole)
        filled = round(share * _BAR_CHARACTERS)
        drawn = "█" * filled + "·" * (_BAR_CHARACTERS - filled)
        yield f"{_plain(bar.label):<{width}}  {drawn}  {bar.text}"


def _cell(value: object) -> str:
    return "-" if value is None else _text(str(value))


def _plain(text: str) -> str:
    """A text on one line of a block of code, which it does not end."""
    return " ".join(text.split()).replace("`", "'")


def _text(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    line = " ".join(text.split())
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#&~" else char for char in line)
