"""The coupling as a picture: where each box and line lies.  The template draws it; what it shows stands in texts, too."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from evidence.subjects.spec import FAILED, NOT_APPLICABLE, Outcome
from reports.conclusion import Conclusion
from reports.matrix import counting
from reports.page import counted
from reports.pages.ways import STATES, JudgedWay, of_zone, worst

_MOST_OPEN = 5
"""Of so many datacenters the zones are drawn; of more only how many there are."""
_WIDE, _LINE, _HEAD = 216, 17, 42
_SMALL = (132, 46)
_ALIAS = 14


class Dot(Struct, frozen=True):
    """A zone in its box."""

    x: float
    y: float
    text: str
    kind: str
    said: str


class Box(Struct, frozen=True):
    """A datacenter."""

    x: float
    y: float
    wide: float
    high: float
    name: str
    below: str
    kind: str
    zones: tuple[Dot, ...]


class Between(Struct, frozen=True):
    """All ways between two datacenters, in both directions: the worst of them, and how many it is."""

    x1: float
    y1: float
    x2: float
    y2: float
    kind: str
    label: str
    said: str

    @property
    def x(self) -> float:
        return round(self.x1 + (self.x2 - self.x1) * 0.5, 1)

    @property
    def y(self) -> float:
        return round(self.y1 + (self.y2 - self.y1) * 0.5, 1)


class Picture(Struct, frozen=True):
    """All of it."""

    wide: int
    high: int
    boxes: tuple[Box, ...]
    lines: tuple[Between, ...]
    said: tuple[str, ...]
    """In words what the lines show where something does not work."""


def picture_of(conclusion: Conclusion, found: list[JudgedWay]) -> Picture:
    """Datacenters on an ellipse, the master at its top."""
    inventory = conclusion.world.inventory
    names = sorted(inventory.datacenters, key=lambda name: (name != inventory.master, counting(name)))
    zones, spread = of_zone(conclusion), len(names) <= _MOST_OPEN
    heights = {name: _height(conclusion, name) if spread else _SMALL[1] for name in names}
    box = (_WIDE if spread else _SMALL[0], max(heights.values(), default=0))
    rx, ry, wide = _ellipse(len(names), *box)
    centres: dict[str, tuple[float, float]] = {}
    for place, name in enumerate(names):
        angle = 2 * math.pi * place / len(names) - math.pi / 2
        centres[name] = (wide / 2 + rx * math.cos(angle), ry * math.sin(angle))
    top = min((y for _, y in centres.values()), default=0.0) - box[1] / 2 - 12
    centres = {name: (x, y - top) for name, (x, y) in centres.items()}
    high = max((y for _, y in centres.values()), default=0.0) + box[1] / 2 + 12
    lines = tuple(_lines(found, centres))
    boxes = tuple(_box(conclusion, name, centres[name], box[0], heights[name], zones, spread=spread) for name in names)
    said = tuple(line.said for line in lines if line.kind not in ("ok", "na"))
    return Picture(round(wide), round(high), boxes, lines, said)


def _ellipse(count: int, wide: float, high: float) -> tuple[float, float, float]:
    """The radii on which so many boxes do not touch, and the width of the whole."""
    if count <= 2:
        return 0.0, (high / 2 + 40) * (count - 1), wide + 320
    around = max(count, 3) * (wide + 34) / (2 * math.pi)
    rx = max(around, wide * 0.85)
    ry = max(around * 0.78, high * 0.72 + 40)
    return rx, ry, 2 * rx + wide + 24


def _aliases(conclusion: Conclusion, name: str) -> list[str]:
    evidence = conclusion.world.evidence
    seen = evidence.datacenters.get(name) if evidence is not None else None
    return sorted(seen.zones.value or {}, key=counting) if seen is not None else []


def _height(conclusion: Conclusion, name: str) -> int:
    return _HEAD + _LINE * ((len(_aliases(conclusion, name)) + 1) // 2) + 8


def _box(
    conclusion: Conclusion,
    name: str,
    centre: tuple[float, float],
    wide: float,
    high: float,
    zones: dict[str, Outcome],
    *,
    spread: bool,
) -> Box:
    x, y = round(centre[0] - wide / 2, 1), round(centre[1] - high / 2, 1)
    aliases = _aliases(conclusion, name)
    own = {alias: zones.get(f"{name}.{alias}", NOT_APPLICABLE) for alias in aliases}
    bad = [alias for alias in aliases if own[alias] == FAILED]
    below = (
        f"{counted(len(aliases), 'zone')}{f', {len(bad)} not well' if bad else ''}" if aliases else "nothing was seen"
    )
    kind = STATES[worst(own.values())][0] if aliases else "unseen"
    dots = [_dot(x, y, place, alias, own[alias]) for place, alias in enumerate(aliases)] if spread else []
    state = conclusion.world.inventory.datacenters[name].state
    return Box(x, y, wide, high, name, f"{state}, {below}" if spread else below, kind, tuple(dots))


def _dot(x: float, y: float, place: int, alias: str, outcome: Outcome) -> Dot:
    kind, _ = STATES[outcome]
    said = {"ok": "well", "bad": "not well", "na": "not judged"}.get(kind, kind)
    text = alias if len(alias) <= _ALIAS else f"{alias[: _ALIAS - 1]}…"
    return Dot(x + 12 + (place % 2) * 102, y + _HEAD + _LINE * (place // 2), text, kind, f"{alias}: {said}")


def _lines(found: list[JudgedWay], centres: dict[str, tuple[float, float]]) -> Iterable[Between]:
    pairs: dict[tuple[str, str], list[JudgedWay]] = {}
    for way in found:
        if way.source in centres and way.target in centres:
            pairs.setdefault((min(way.source, way.target), max(way.source, way.target)), []).append(way)
    for (one, other), each in sorted(pairs.items()):
        ends = *centres[one], *centres[other]
        state = worst(way.outcome for way in each)
        kind, said = STATES[state]
        those = [way for way in each if way.outcome == state]
        label = "" if kind in ("ok", "na") else f"{len(those)} of {len(each)}"
        told = f"{one} and {other}: {len(those)} of {counted(len(each), 'way')} {said}"
        if kind not in ("ok", "na"):
            told += f": {', '.join(f'{way.zone} to {way.goal}' for way in those[:4])}{' and more' if len(those) > 4 else ''}"
        x1, y1, x2, y2 = (round(end, 1) for end in ends)
        yield Between(x1, y1, x2, y2, kind, label, told)
