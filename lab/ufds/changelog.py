"""The changelog of a UFDS: what the replicator of another datacenter reads."""

from __future__ import annotations

import bisect
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lab.ufds import dn, filters
from lab.ufds.filters import And, Equal, Filter, Ordered
from lab.ufds.store import DEFAULT_LIMIT

SUFFIX = "cn=changelog"
Modification = tuple[str, str, list[str]]


@dataclass(frozen=True)
class Change:
    """One entry of the changelog; `after` is the entry as it was afterwards (or, deleted, before)."""

    number: int
    kind: str
    target: str
    time: int
    after: Mapping[str, list[str]]
    modifications: tuple[Modification, ...] = ()

    @property
    def key(self) -> str:
        return f"changenumber={self.number}, {SUFFIX}"

    def attributes(self) -> dict[str, list[str]]:
        """As the server shows it, hidden attributes and password hashes included: it guards them only elsewhere."""
        entry = json.dumps(self.after)
        shown = {
            "changenumber": [str(self.number)],
            "changetype": [self.kind],
            "targetdn": [self.target],
            "objectclass": ["changeLogEntry"],
            "changetime": [datetime.fromtimestamp(self.time / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"],
            "changes": [entry],
        }
        if self.kind == "modify":
            changes = [
                {"operation": operation, "modification": {"type": attribute, "vals": values}}
                for operation, attribute, values in self.modifications
            ]
            shown["changes"] = [json.dumps(changes)]
            shown["entry"] = [entry]
        return shown


class Changelog:
    """Changes by number.  Numbers are never used twice, but may be missing."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._next = 1

    @property
    def latest(self) -> int:
        """cn=latestchangenumber: the highest number that is there."""
        return self._changes[-1].number if self._changes else 0

    def __len__(self) -> int:
        return len(self._changes)

    def append(
        self,
        kind: str,
        target: str,
        time: int,
        after: Mapping[str, list[str]],
        modifications: Iterable[Modification] = (),
    ) -> int:
        change = Change(self._next, kind, target, time, after, tuple(modifications))
        self._changes.append(change)
        self._next += 1
        return change.number

    def burn(self, count: int) -> None:
        """Skips numbers, as sequences do when transactions fail: a gap before the next change."""
        self._next += count

    def fill(self) -> int:
        """Puts changes that change nothing where numbers are missing; says how many."""
        there = {change.number: change for change in self._changes}
        found = len(self._changes)
        for number in range(self.latest, 0, -1):
            if number not in there:
                there[number] = replace(there[number + 1], number=number, kind="modify", modifications=())
        self._changes = [there[number] for number in sorted(there)]
        return len(self._changes) - found

    def backdate(self, after: int, milliseconds: int) -> None:
        """Makes the changes after a number older."""
        self._changes = [
            replace(each, time=each.time - milliseconds) if each.number > after else each for each in self._changes
        ]

    def drop(self, first: int, last: int) -> int:
        """Removes first … last behind everybody's back; says how many were there."""
        kept = [change for change in self._changes if not first <= change.number <= last]
        dropped = len(self._changes) - len(kept)
        self._changes = kept
        return dropped

    def search(self, base: str, scope: int, wanted: Filter, limit: int | None) -> Iterator[Change]:
        """There is no base search, neither on cn=changelog nor below."""
        if scope == 0:
            return
        low, high = _bounds(wanted)
        start = bisect.bisect_left(self._changes, low, key=lambda change: change.number) if low else 0
        left = limit or DEFAULT_LIMIT
        for change in self._changes[start:]:
            if (high is not None and change.number > high) or left <= 0:
                return
            depth = len(dn.parse(change.key).rdns) - len(dn.parse(base).rdns)
            if not (base in (SUFFIX, change.key) and (depth == 1 if scope == 1 else depth >= 0)):
                continue
            if _cheap(wanted) or wanted.matches(change.attributes()):
                left -= 1
                yield change


def _bounds(wanted: Filter) -> tuple[int | None, int | None]:
    """The range of numbers that a conjunction asks for."""
    low: int | None = None
    high: int | None = None
    for part in wanted.parts if isinstance(wanted, And) else (wanted,):
        if isinstance(part, Ordered) and part.attribute == "changenumber" and part.value.isdigit():
            if part.sign > 0:
                low = max(low or 0, int(part.value))
            else:
                high = min(high if high is not None else int(part.value), int(part.value))
        elif isinstance(part, Equal) and part.attribute == "changenumber" and part.value.isdigit():
            low = high = int(part.value)
    return low, high


def _cheap(wanted: Filter) -> bool:
    """Whether the range of numbers has decided the filter already."""
    parts = wanted.parts if isinstance(wanted, And) else (wanted,)
    return all(
        part == filters.EVERYTHING
        or (isinstance(part, Ordered | Equal) and part.attribute == "changenumber" and part.value.isdigit())
        for part in parts
    )
