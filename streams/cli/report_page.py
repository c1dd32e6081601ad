"""The report of a campaign as one HTML page with figures.

The page loads nothing from a network: the script that draws the figures is part of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from sinks.campaign_report_query import DayCount
from streams.cli import report_plots
from streams.cli.report_sections import ReportSection, ReportTable


def report_page(
    title: str, lead: str, sections: Iterable[ReportSection], days: Sequence[DayCount]
) -> str:
    """The whole page. The same report gives the same bytes."""
    parts = [_section(number, section) for number, section in enumerate(sections)]
    for heading, figure in report_plots.by_day(days):
        parts.append(_card(heading, [_figure(f"days-{len(parts)}", figure)]))
    return _PAGE.format(
        title=escape(title),
        lead=escape(lead),
        script=f"<script>{get_plotlyjs()}</script>",
        sections="\n".join(parts),
    )


def _section(number: int, section: ReportSection) -> str:
    body = [f"<p class=line>{escape(line)}</p>" for line in section.lines]
    body += map(_table, section.tables)
    body += [_figure(f"s{number}-{place}", each) for place, each in enumerate(_figures(section))]
    if section.sentences:
        body.append(f"<p>{escape(' '.join(section.sentences))}</p>")
    return _card(section.heading, body)


def _figures(section: ReportSection) -> Iterator[go.Figure]:
    if section.bars:
        yield report_plots.bars(section.bars)
    if section.experiment is not None:
        yield from report_plots.experiment(section.experiment)


def _card(heading: str, body: Iterable[str]) -> str:
    return f"<section><h2>{escape(heading)}</h2>{''.join(body)}</section>"


def _table(table: ReportTable) -> str:
    right = [" class=n" if head.endswith("#") else "" for head in table.heads]
    heads = "".join(
        f"<th{align}>{escape(head.removesuffix('#'))}</th>"
        for head, align in zip(table.heads, right, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{align}>{'-' if value is None else escape(str(value))}</td>"
            for value, align in zip(row, right, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    return f"<table><tr>{heads}</tr>{rows}</table>"


def _figure(name: str, figure: go.Figure) -> str:
    html: str = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=name,  # without a name plotly makes a random one
        config={"displaylogo": False, "displayModeBar": False, "responsive": True},
    )
    return html


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #243b53; background: #f0f4f8; margin: 0 }}
main {{ max-width: 1040px; margin: 0 auto; padding: 32px 16px }}
h1 {{ margin: 0; font-size: 28px }} h2 {{ margin: 0 0 8px; font-size: 19px }}
p {{ margin: 4px 0 12px; color: #52606d }} p.line {{ margin: 0; color: #243b53 }}
section {{ background: #fff; border-radius: 10px; box-shadow: 0 1px 3px #0002 }}
section {{ padding: 20px 24px; margin-top: 20px; overflow-x: auto }}
table {{ border-collapse: collapse; margin: 8px 0 12px; font-size: 15px }}
th, td {{ text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid #e4e7eb }}
th {{ color: #52606d; font-weight: 600 }} .n {{ text-align: right }}
</style>{script}</head>
<body><main><h1>{title}</h1><p>{lead}</p>
{sections}
</main></body></html>
"""
