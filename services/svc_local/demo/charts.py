"""Charts as plain SVG: both sides in one picture, values as tooltips, colours from the page. Pure."""

import math
from collections.abc import Callable, Sequence
from datetime import date
from html import escape
from typing import NamedTuple

from svc_local.demo.comparison import money

WIDTH = 960
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 30
DAY_HEIGHT = 300
ROW_HEIGHT = 30
NAME_WIDTH = 250
AMOUNT_WIDTH = 100
AVERAGE_DAYS = 7
TICKS = 4

Scale = Callable[[float], float]


class Pair(NamedTuple):
    """One place of a chart, both sides, in cents."""

    at: str
    expected: int
    found: int

    @property
    def words(self) -> str:
        return escape(f"{self.at}: pandas {money(self.expected)}, the suite {money(self.found)}")

    @property
    def kind(self) -> str:
        return "bar" if self.expected == self.found else "bar wrong"


def by_day(pairs: Sequence[Pair]) -> str:
    """A bar per day as the suite has it; a line through pandas' mean of seven days."""
    ticks = ticks_to(max((max(one.expected, one.found) for one in pairs), default=1))
    room, wide = DAY_HEIGHT - TOP - BOTTOM, (WIDTH - LEFT - RIGHT) / max(1, len(pairs))

    def x(n: float) -> float:
        return LEFT + wide * n

    def y(value: float) -> float:
        return TOP + room * (1 - value / ticks[-1])

    drawn = [_grid(ticks, y)]
    drawn += [_day_bar(one, x(n), y, wide) for n, one in enumerate(pairs)]
    drawn.append(_mean_line(pairs, x, y))
    drawn += [
        f'<text class="tick" x="{x(n):.1f}" y="{DAY_HEIGHT - 8}">{date.fromisoformat(one.at):%b}</text>'
        for n, one in enumerate(pairs)
        if one.at.endswith("-01") and n < len(pairs) - 10
    ]
    return _svg("".join(drawn), DAY_HEIGHT, "Sales by day")


def _day_bar(one: Pair, x: float, y: Scale, wide: float) -> str:
    return (
        f'<rect class="{one.kind}" x="{x:.1f}" y="{y(one.found):.1f}" width="{max(wide * 0.78, 0.6):.2f}" '
        f'height="{max(y(0) - y(one.found), 0.5):.1f}"><title>{one.words}</title></rect>'
    )


def _mean_line(pairs: Sequence[Pair], x: Scale, y: Scale) -> str:
    points = []
    for n in range(AVERAGE_DAYS - 1, len(pairs)):
        mean = sum(one.expected for one in pairs[n - AVERAGE_DAYS + 1 : n + 1]) / AVERAGE_DAYS
        points.append(f"{x(n + 0.4):.1f},{y(mean):.1f}")
    return f'<polyline class="mean" points="{" ".join(points)}"/>'


def _grid(ticks: Sequence[int], y: Scale) -> str:
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        f'<text class="tick end" x="{LEFT - 8}" y="{y(tick) + 4:.1f}">{tick // 100:,}</text>'
        for tick in ticks
    )


def ticks_to(highest: int) -> list[int]:
    """Round marks in whole dollars from 0 to at least the highest value (in cents)."""
    rough = max(highest, 100) / 100 / TICKS
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(one * magnitude for one in (1, 2, 2.5, 5, 10) if one * magnitude >= rough)
    whole = max(1, math.ceil(step)) * 100
    return [whole * n for n in range(math.ceil(max(highest, 1) / whole) + 1)]


def by_name(pairs: Sequence[Pair]) -> str:
    """A horizontal bar per name as the suite has it, a mark where pandas has it."""
    highest = max((max(one.expected, one.found) for one in pairs), default=1) or 1
    room = WIDTH - NAME_WIDTH - AMOUNT_WIDTH
    drawn = []
    for n, one in enumerate(pairs):
        y, wide = ROW_HEIGHT * n, room * one.found / highest
        mark = NAME_WIDTH + room * one.expected / highest
        drawn.append(
            f'<text class="name" x="{NAME_WIDTH - 12}" y="{y + 20}">{escape(one.at)}</text>'
            f'<rect class="{one.kind}" x="{NAME_WIDTH}" y="{y + 5}" width="{max(wide, 1):.1f}" height="20" rx="4">'
            f"<title>{one.words}</title></rect>"
            f'<line class="mark" x1="{mark:.1f}" x2="{mark:.1f}" y1="{y + 2}" y2="{y + 28}"/>'
            f'<text class="amount" x="{NAME_WIDTH + wide + 10:.1f}" y="{y + 20}">{money(one.found)}</text>'
        )
    return _svg("".join(drawn), ROW_HEIGHT * max(1, len(pairs)), "Sales by category")


def share(part: float, *, label: str, words: str) -> str:
    """A ring that is filled by a share from 0 to 1."""
    round_it = 2 * math.pi * 52
    return (
        '<svg class="ring" viewBox="0 0 140 140" role="img"><circle class="track" cx="70" cy="70" r="52"/>'
        f'<circle class="part" cx="70" cy="70" r="52" stroke-dasharray="{round_it * part:.2f} {round_it:.2f}" '
        f'transform="rotate(-90 70 70)"/><text class="big" x="70" y="68">{part:.1%}</text>'
        f'<text class="small" x="70" y="90">{escape(label)}</text><title>{escape(words)}</title></svg>'
    )


def _svg(drawn: str, height: int, label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{drawn}</svg>'
