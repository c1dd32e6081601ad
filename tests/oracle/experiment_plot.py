"""The plot of docs/experiments.md as SVG: both rules over one history without a difference, and how
many of such histories have a winner. `make generate` writes it; it is the same at every run."""

from collections.abc import Callable, Iterable, Sequence
from math import exp, log10
from random import Random
from typing import NamedTuple

from tests.oracle.null_histories import Z_SQUARED, firsts, looks, people

WIDTH, HEIGHT = 960, 400
USUAL, ALWAYS, GREY, SHADE = "#d55e00", "#0072b2", "#666666", "#fbe3d3"
SEED = 14
"""The history that is drawn: the usual rule names a winner in it for a while, as in every fourth
history by 1,000 people."""

SHOWN = 3_000
HISTORIES, MOST = 2_000, 6_000
LEAST_P = 0.001
Point = tuple[float, float]


class Panel(NamedTuple):
    """A part of the picture: its left edge, and the ranges of both axes. A range of y begins at the
    bottom."""

    left: int
    x_most: float
    y_low: float
    y_high: float
    top: int = 70
    width: int = 370
    height: int = 260

    def at(self, x: float, y: float) -> Point:
        """The place of a point in the picture."""
        share = (y - self.y_low) / (self.y_high - self.y_low)
        return self.left + self.width * x / self.x_most, self.top + self.height * (1 - share)

    def line(self, points: Iterable[Point], color: str) -> str:
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))
        return f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="1.8"/>'

    def grid(self, x_ticks: Sequence[int], y_ticks: Sequence[float], of: Callable[..., str]) -> str:
        """The frame with its ticks."""
        bottom, right = self.top + self.height, self.left + self.width
        parts = []
        for tick in y_ticks:
            _, y = self.at(0, tick)
            parts.append(_rule(self.left, y, right, y, "#dddddd"))
            parts.append(_text(self.left - 8, y + 4, of(tick), anchor="end"))
        for x_tick in x_ticks:
            x, _ = self.at(x_tick, self.y_low)
            parts.append(_rule(x, bottom, x, bottom + 5, GREY))
            parts.append(_text(x, bottom + 20, f"{x_tick:,}", anchor="middle"))
        parts.append(_rule(self.left, bottom, right, bottom, GREY))
        middle = self.left + self.width / 2
        parts.append(_text(middle, bottom + 42, "people reached", anchor="middle"))
        return "\n".join(parts)

    def limit(self, y: float, label: str) -> str:
        """The dashed line of 5 %, with its label at the right edge."""
        _, place = self.at(0, y)
        right = self.left + self.width
        line = _rule(self.left, place, right, place, "#333333", "5 4")
        return line + "\n" + _text(right - 4, place - 6, label, anchor="end")


def plot() -> str:
    """The picture."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    )
    return "\n".join([head, *_one_history(), *_many_histories(), "</svg>\n"])


def _one_history() -> list[str]:
    """Both p-values after each person of one history, and when the usual rule names a winner."""
    panel = Panel(70, SHOWN, log10(LEAST_P), 0)
    usual: list[Point] = []
    always: list[Point] = []
    wins: list[int] = []
    greatest = 0.0
    for number, look in enumerate(looks(people(Random(SEED), SHOWN)), 1):
        greatest = max(greatest, look.log_e)
        if look.is_enough and look.squared_z() > Z_SQUARED:
            wins.append(number)
        if number >= 20 and number % 4 == 0:
            usual.append((number, log10(max(LEAST_P, look.p_fixed()))))
            always.append((number, log10(max(LEAST_P, exp(-greatest)))))
    ticks = [log10(p) for p in (0.001, 0.01, 0.05, 0.1, 0.5, 1)]
    parts = [_shaded(panel, span) for span in _spans(wins)]
    parts += [panel.grid([0, 1_000, 2_000, 3_000], ticks, lambda tick: f"{10**tick:g}")]
    parts += [panel.limit(log10(0.05), ""), panel.line(usual, USUAL), panel.line(always, ALWAYS)]
    title = "One history without a difference, with a look after every person"
    parts += [_text(70, 24, title, weight="bold")]
    parts += _legend(70, (("p of one look", USUAL), ("p_always", ALWAYS)))
    parts += [_box(304, 38, SHADE), _text(321, 48, "the usual rule names a winner")]
    return parts


def _many_histories() -> list[str]:
    """The share of histories with a winner, by the number of people."""
    panel = Panel(540, MOST, 0, 0.45)
    random = Random(3)
    found = [firsts(people(random, MOST)) for _ in range(HISTORIES)]
    parts = [
        panel.grid([0, 2_000, 4_000, 6_000], [0, 0.1, 0.2, 0.3, 0.4], lambda t: f"{100 * t:.0f} %")
    ]
    parts += [panel.limit(0.05, "5 %")]
    for numbers, color in (
        ([each.by_z for each in found], USUAL),
        ([each.by_e for each in found], ALWAYS),
    ):
        curve = _shares([number for number in numbers if number is not None])
        x, y = panel.at(*curve[-1])
        parts += [panel.line(curve, color)]
        parts += [_text(x + 5, y + 4, f"{100 * curve[-1][1]:.0f} %", color=color)]
    title = f"{HISTORIES:,} histories without a difference: a winner by then"
    parts += [_text(540, 24, title, weight="bold")]
    parts += _legend(540, (("z-test, p < 0.05 at any look", USUAL), ("e ≥ 20 at any look", ALWAYS)))
    return parts


def _shares(numbers: Sequence[int]) -> list[Point]:
    """Which share of the histories has a winner by each number of people."""
    steps = range(0, MOST + 1, 50)
    return [(step, sum(number <= step for number in numbers) / HISTORIES) for step in steps]


def _spans(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of each run of numbers without a gap."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans


def _shaded(panel: Panel, span: tuple[int, int]) -> str:
    left, top = panel.at(span[0], panel.y_high)
    right, bottom = panel.at(span[1] + 1, panel.y_low)
    size = f'width="{right - left:.1f}" height="{bottom - top:.1f}"'
    return f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="{SHADE}"/>'


def _legend(left: int, lines: Iterable[tuple[str, str]]) -> list[str]:
    parts: list[str] = []
    for label, color in lines:
        parts += [_rule(left, 44, left + 20, 44, color, width=2.5), _text(left + 26, 48, label)]
        left += 40 + 7 * len(label)
    return parts


def _box(x: float, y: float, color: str) -> str:
    return f'<rect x="{x}" y="{y}" width="12" height="12" fill="{color}"/>'


def _rule(
    x: float, y: float, x_end: float, y_end: float, color: str, dashes: str = "", width: float = 1
) -> str:
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{x_end:.1f}" y2="{y_end:.1f}"'
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line {ends} stroke="{color}" stroke-width="{width:g}"{dashed}/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    color: str = "#333333",
    weight: str = "",
) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    bold = f' font-weight="{weight}"' if weight else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{color}"{bold}>{text}</text>'


if __name__ == "__main__":
    print(plot(), end="")
