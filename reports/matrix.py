"""The datacenters and the chapters of the coupling: what is well, and where the causes lie, at one look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from evidence.inventory.model import CANDIDATE, MASTER
from evidence.subjects.spec import BLOCKED, BROKEN, FAILED, NOT_APPLICABLE, PASSED, WAIVED, place_of
from evidence.subjects.world import World
from reports.conclusion import Conclusion
from reports.page import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Look, Page, counted
from verdict.judge import Judged, Named

GROUPS = {
    "access": ("inventory", "access", "servers"),
    "coupling": ("coupling", "losses", "ahead"),
    "names": ("names", "settings"),
    "routes": ("routes", "firewall", "reachability"),
    "binder": ("binder",),
    "ufds": ("ufds", "replication", "directory", "registrations"),
    "sapi": ("sapi",),
    "cloudapi": ("cloudapi",),
    "manta": ("manta", "shards"),
}
"""The columns, each with the chapters that it stands for."""
REST = "other"
"""The column of a chapter that stands in no other."""
MOST_ROWS = 8
"""With more datacenters, only those are shown in which something is wrong."""
_NAME, _CELL = 24, 7


class Cell(Struct, frozen=True):
    """What is told of one datacenter and column, and how it is painted."""

    text: str
    colours: tuple[str, ...] = ()


def places(row: Judged, world: World) -> tuple[str, ...]:
    """The datacenters that a result is about: of a finding about several, its culprits, or where its evidence is missing."""
    names, result = world.inventory.datacenters, row.result
    own = place_of(result.subject)
    if own in names:
        return (own,)
    if place_of(result.lacks) in names:
        return (place_of(result.lacks),)
    members = tuple(dc.name for region in world.regions if region.id == own for dc in region.datacenters)
    return tuple(name for name in result.culprits if name in names) or members or tuple(sorted(names))


class Matrix:
    """The matrix of a conclusion. `numbers` are those of the causes."""

    def __init__(self, conclusion: Conclusion, numbers: Mapping[Named, int]) -> None:
        self._world, self._numbers = conclusion.world, numbers
        columns = {chapter: column for column, chapters in GROUPS.items() for chapter in chapters}
        self._rows: dict[tuple[str, str], list[Judged]] = {}
        for row in conclusion.verdict.results:
            spec = conclusion.specs.get(row.name.check)
            column = columns.get(spec.chapter if spec is not None else "", REST)
            for name in places(row, self._world):
                self._rows.setdefault((name, column), []).append(row)
        candidates = any(dc.state == CANDIDATE for dc in self._world.datacenters)
        self.columns = [each for each in (*GROUPS, REST) if self._worth(each, candidates=candidates)]

    def _worth(self, column: str, *, candidates: bool) -> bool:
        """Whether a column is shown: that of coupling only where there is one to come, or something is wrong there."""
        rows = [row for (_, named), each in self._rows.items() if named == column for row in each]
        if column in ("coupling", REST):
            return candidates and column != REST if not rows else candidates or any(map(_wrong, rows))
        return True

    def cell(self, name: str, column: str, look: Look) -> Cell:
        """What there is to say of a datacenter and a column: the worst of it."""
        rows = self._rows.get((name, column), [])
        found = {row.result.outcome for row in rows}
        own = sorted({self._numbers[row.name] for row in rows if row.name in self._numbers})
        seen = {self._numbers[row.name] for row in rows if row.name in self._numbers and row.result.outcome == FAILED}
        if own:
            told = f"{look.cross if seen else '?'} {','.join(map(str, own))}"
            return Cell(told if len(told) <= _CELL else f"{told[: _CELL - 1].rstrip(',')}+", (BOLD, RED))
        if BROKEN in found:
            return Cell("broken", (BOLD, RED))
        if FAILED in found:
            return Cell(look.dot, (YELLOW,))
        if BLOCKED in found:
            return Cell("?", (YELLOW,))
        if WAIVED in found:
            return Cell("waived", (CYAN,))
        return Cell("ok", (GREEN,)) if PASSED in found else Cell("n/a" if rows else "-", (DIM,))

    def write(self, page: Page, most: int = MOST_ROWS) -> None:
        """The heading, and a row for each datacenter; of many only those in which something is wrong, so many of them."""
        names = sorted(self._world.inventory.datacenters, key=counting)
        shown = [name for name in names if self._has_findings(name)] if len(names) > most else names
        listed = sorted(sorted(shown, key=self._first_cause)[:most], key=counting)
        told = [[self.cell(name, column, page.look) for column in self.columns] for name in listed]
        width = min(_NAME, max((len(self._named(name)) for name in listed), default=0))
        for first, last, gap in self._folded(told, page.width - width - 3) if listed else ():
            widths = [self._width(told, index) + gap for index in range(first, last)]
            heads = zip(self.columns[first:last], widths, strict=True)
            page.painted(" " * (width + 3), ("".join(head.ljust(wide) for head, wide in heads), DIM))
            for name, cells in zip(listed, told, strict=True):
                row = ((c.text.ljust(wide), *c.colours) for c, wide in zip(cells[first:last], widths, strict=True))
                page.painted(f" {page.look.cut(self._named(name), width).ljust(width)}  ", *row)
        if len(shown) > len(listed):
            page.prose(f"and {counted(len(shown) - len(listed), 'more datacenter')} with findings: -v names them", 1)
        if len(names) > len(shown):
            page.line(
                f" {counted(len(names) - len(shown), 'datacenter')} {'more ' * bool(shown)}in which nothing is wrong"
            )

    def _width(self, told: list[list[Cell]], index: int) -> int:
        return max(len(self.columns[index]), *(len(row[index].text) for row in told))

    def _folded(self, told: list[list[Cell]], width: int) -> Iterator[tuple[int, int, int]]:
        """The columns in as many blocks as the width wants: first, last, and how much is between two columns."""
        wide = [self._width(told, index) for index in range(len(self.columns))]
        gap = 2 if sum(wide) + 2 * (len(wide) - 1) <= width else 1
        first = 0
        for index in range(1, len(wide) + 1):
            if index == len(wide) or sum(wide[first : index + 1]) + gap * (index - first) > width:
                yield first, index, gap
                first = index

    def _named(self, name: str) -> str:
        state = self._world.inventory.datacenters[name].state
        return f"{name} *" if state == MASTER else name

    def _first_cause(self, name: str) -> int:
        """The number of the gravest cause of a datacenter; high if it has none."""
        rows = (row for (named, _), each in self._rows.items() if named == name for row in each)
        return min(
            (self._numbers[row.name] for row in rows if row.name in self._numbers), default=len(self._numbers) + 1
        )

    def _has_findings(self, name: str) -> bool:
        return any(_wrong(row) for (named, _), rows in self._rows.items() if named == name for row in rows)


def counting(name: str) -> list[tuple[int, str]]:
    """Sorts dc-2 before dc-10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,9})", name) if part]


def _wrong(row: Judged) -> bool:
    return row.result.outcome not in (PASSED, NOT_APPLICABLE)
