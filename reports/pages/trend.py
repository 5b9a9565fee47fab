"""The trend of the last runs as bars: findings by severity, how far replication was behind, how long it took."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from reports.pages.summary import Summary

WIDE, HIGH = 400, 92
_LEFT, _TOP, _ROOM = 44, 10, 64


class Bar(Struct, frozen=True):
    """One bar, or a part of one."""

    x: float
    y: float
    wide: float
    high: float
    kind: str


class Column(Struct, frozen=True):
    """All of one run: its bars, and what they say."""

    run: str
    said: str
    bars: tuple[Bar, ...]
    x: float


class Chart(Struct, frozen=True):
    """One chart, with its greatest value."""

    title: str
    most: str
    columns: tuple[Column, ...]
    first: str
    last: str


def charts_of(nights: Sequence[Summary]) -> list[Chart]:
    """The three charts."""
    return [
        _chart("findings", nights, _findings, ""),
        _chart("changes that the slowest replica was behind", nights, lambda one: [("lag", one.most_behind)], ""),
        _chart("seconds that it was asked", nights, lambda one: [("time", one.seconds)], " s"),
    ]


def _findings(one: Summary) -> list[tuple[str, float | None]]:
    return [("critical", one.critical), ("warning", one.warning), ("not seen", one.blocked)]


_KINDS = {"critical": "bad", "warning": "warn", "not seen": "unseen"}


def _chart(
    title: str, nights: Sequence[Summary], values: Callable[[Summary], Sequence[tuple[str, float | None]]], unit: str
) -> Chart:
    told = [values(one) for one in nights]
    most = max((sum(value or 0 for _, value in each) for each in told), default=0)
    step = (WIDE - _LEFT - 4) / max(len(nights), 1)
    columns = []
    for place, (one, each) in enumerate(zip(nights, told, strict=True)):
        x, wide = round(_LEFT + place * step, 1), round(min(step * 0.8, 28), 1)
        said = ", ".join(
            f"{_number(value)}{unit} {name}".replace(f" {name}", "" if len(each) == 1 else f" {name}")
            for name, value in each
        )
        columns.append(Column(one.run, f"{when(one.run)}: {said}", tuple(_stack(each, x, wide, most)), x))
    return Chart(title, f"{_number(most)}{unit}", tuple(columns), *(when(each.run) for each in (nights[0], nights[-1])))


def _stack(each: Sequence[tuple[str, float | None]], x: float, wide: float, most: float) -> list[Bar]:
    """The parts of a bar one above the other; what is not known has a mark of its own."""
    floor, bars = float(_TOP + _ROOM), []
    for name, value in each:
        high = round((value or 0) / most * _ROOM, 1) if most else 0.0
        if value is None:
            bars.append(Bar(x, _TOP + _ROOM - 3, wide, 3, "gap"))
        elif high:
            floor = round(floor - high, 1)
            bars.append(Bar(x, floor, wide, high, _KINDS.get(name, "plain")))
    return bars or [Bar(x, _TOP + _ROOM - 1, wide, 1, "none")]


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{round(value, 1):g}"


def when(run: str) -> str:
    """When a run began, as its name says."""
    return f"{run[:4]}-{run[4:6]}-{run[6:8]} {run[9:11]}:{run[11:13]}"
