"""The plot of the figures: a plain SVG, readable on a light and on a dark page."""

from __future__ import annotations

import math
from html import escape
from typing import Final

from tools.bench.figures import FLOOR, SERIAL, SHARED, SUITE, TESTINFRA, LabSetting, ratio, stopped

WIDTH, LEFT, RIGHT, ROW, TITLE, TOP, BOTTOM = 760, 190, 120, 18, 30, 34, 14
STYLE: Final = """
text { font: 12px sans-serif; fill: #24292f }
.title { font-weight: bold } .small { font-size: 11px; fill: #57606a }
line { stroke: #d0d7de } .floor { stroke: #57606a; stroke-dasharray: 3 2 }
.bar { fill: #8c959f } .ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 }
  line { stroke: #3d444d } .floor { stroke: #9198a1 }
  .bar { fill: #656c76 } .ours { fill: #4493f8 }
}
"""
NAMES: Final = {SUITE: "this suite", SHARED: "ssh, shared, xargs -P8", SERIAL: "ssh, one by one"}


def drawn(settings: list[LabSetting]) -> str:
    """Bars of each setting's contenders, from the floor on, on a logarithmic scale."""
    bars = [[(name, ratio(setting, name)) for name in setting.contenders() if name != FLOOR] for setting in settings]
    every = [value for rows in bars for _, value in rows]
    low, high = min(1.0, *every) * 0.9, max(2.0, *every) * 1.05

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(value / low) / math.log(high / low)

    height = TOP + sum(TITLE + ROW * len(rows) for rows in bars) + BOTTOM
    marks = [mark for mark in (0.25, 0.5, 1, 2, 5, 10, 20, 50) if low <= mark <= high]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Seconds of each contender as so many times the floor's</title>",
        f"<style>{STYLE}</style>",
    ]
    for mark in marks:
        kind = ' class="floor"' if mark == 1 else ""
        parts.append(f'<line{kind} x1="{x(mark):.1f}" y1="{TOP - 8}" x2="{x(mark):.1f}" y2="{height - BOTTOM}"/>')
        told = "the floor" if mark == 1 else f"{mark:g}×"
        parts.append(f'<text class="small" x="{x(mark):.1f}" y="{TOP - 14}" text-anchor="middle">{told}</text>')
    y = TOP
    for setting, rows in zip(settings, bars, strict=True):
        parts.append(f'<text class="title" x="8" y="{y + 20}">{escape(setting.title)}</text>')
        y += TITLE
        for name, value in rows:
            parts.append(_bar(name, value, x(1.0), x(value), y, more=stopped(setting.took[name])))
            y += ROW
    return "\n".join([*parts, "</svg>", ""])


def _bar(name: str, value: float, start: float, end: float, y: int, *, more: bool) -> str:
    left, width = min(start, end), max(1.0, abs(end - start))
    kind = "ours" if name == SUITE else "bar"
    told = f"{'more than ' if more else ''}{value:.2f}×"
    return (
        f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(called(name))}</text>'
        f'<rect class="{kind}" x="{left:.1f}" y="{y + 1}" width="{width:.1f}" height="{ROW - 5}"/>'
        f'<text class="small" x="{max(start, end) + 5:.1f}" y="{y + 11}">{told}</text>'
    )


def called(name: str) -> str:
    """A contender's name, without markup."""
    if name.startswith(TESTINFRA):
        return name if name != TESTINFRA else f"{TESTINFRA}, serial"
    return NAMES[name]
