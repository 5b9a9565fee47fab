"""The changelog of a UFDS, which the replicators of other datacenters read."""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lab.ufds import dn, filters, query
from lab.ufds.errors import LdapError
from lab.ufds.filters import And, Equal, Filter, Ordered, Present, Substrings
from lab.ufds.query import Bucket
from lab.ufds.store import DEFAULT_LIMIT

SUFFIX = "cn=changelog"
BUCKET = Bucket("ufds_cn_changelog", {"changetype": "string", "changetime": "number", "targetdn": "string"}, SUFFIX)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})*Z)*")
Modification = tuple[str, str, list[str]]


@dataclass(frozen=True)
class Change:
    """One entry of the changelog. `after` is the entry as it was afterwards (or before, if it was deleted)."""

    number: int
    kind: str
    target: str
    time: int
    after: Mapping[str, list[str]]
    modifications: tuple[Modification, ...] = ()

    @property
    def key(self) -> str:
        return f"changenumber={self.number}, {SUFFIX}"

    def indexed(self) -> dict[str, list[str]]:
        """The attributes that its filters can see in SQL."""
        return {
            "_id": [str(self.number)],
            "_key": [self.key],
            "changetype": [self.kind],
            "targetdn": [self.target],
            "changetime": [str(self.time)],
        }

    def attributes(self) -> dict[str, list[str]]:
        """The entry as the server shows it, with hidden attributes and password hashes, which it guards only elsewhere."""
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
        """cn=latestchangenumber: the highest number that exists."""
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
        """Skip numbers, as sequences do when transactions fail: there is a gap before the next change."""
        self._next += count

    def fill(self) -> int:
        """Put changes that change nothing in place of missing numbers; returns how many."""
        there = {change.number: change for change in self._changes}
        found = len(self._changes)
        for number in range(self.latest, 0, -1):
            if number not in there:
                there[number] = replace(there[number + 1], number=number, kind="modify", modifications=())
        self._changes = [there[number] for number in sorted(there)]
        return len(self._changes) - found

    def backdate(self, after: int, milliseconds: int) -> None:
        """Make the changes after a number older."""
        self._changes = [
            replace(each, time=each.time - milliseconds) if each.number > after else each for each in self._changes
        ]

    def drop(self, first: int, last: int) -> int:
        """Remove first … last behind everybody's back; returns how many there were."""
        kept = [change for change in self._changes if not first <= change.number <= last]
        dropped = len(self._changes) - len(kept)
        self._changes = kept
        return dropped

    def search(self, base: str, scope: int, wanted: Filter, limit: int | None) -> Iterator[Change]:
        """No base search exists, neither for cn=changelog nor below it."""
        if scope == 0:
            return iter(())
        wanted = filters.mapped(wanted, _translated)
        return self._found(base, scope, wanted, query.compiled(BUCKET, wanted), limit or DEFAULT_LIMIT)

    def _found(self, base: str, scope: int, wanted: Filter, clause: query.Clause, left: int) -> Iterator[Change]:
        low, high = _bounds(wanted)
        start = bisect.bisect_left(self._changes, low, key=lambda change: change.number) if low else 0
        for change in self._changes[start:]:
            if (high is not None and change.number > high) or left <= 0:
                return
            row = change.indexed()
            if clause(row) is not True:
                continue
            left -= 1
            depth = 2 - len(dn.parse(base).rdns)
            if not (base in (SUFFIX, change.key) and (depth == 1 if scope == 1 else depth >= 0)):
                continue
            if _cheap(wanted) or query.matches(BUCKET, wanted, change.attributes() | row):
                yield change


def _translated(part: Filter) -> Filter:
    """The filter as the real server translates it: changenumber is moray's _id, and dates are milliseconds."""
    if not isinstance(part, Equal | Ordered | Present | Substrings):
        return part
    if part.attribute == "changenumber":
        return replace(part, attribute="_id")
    if part.attribute == "changetime" and isinstance(part, Equal | Ordered) and (found := _DATE.search(part.value)):
        if isinstance(part, Equal):
            raise LdapError(1, "value (string|buffer) required", SUFFIX)
        moment = datetime.fromisoformat(found[0])
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return replace(part, value=str(int(moment.timestamp() * 1000)))
    return part


def _bounds(wanted: Filter) -> tuple[int | None, int | None]:
    """The range of numbers that a conjunction asks for."""
    low: int | None = None
    high: int | None = None
    for part in wanted.parts if isinstance(wanted, And) else (wanted,):
        if not _counts(part):
            continue
        value = int(part.value)  # type: ignore[union-attr]
        if isinstance(part, Equal) or part.sign > 0:  # type: ignore[union-attr]
            low = max(low or 0, value)
        if isinstance(part, Equal) or part.sign < 0:  # type: ignore[union-attr]
            high = value if high is None else min(high, value)
    return low, high


def _counts(part: Filter) -> bool:
    return isinstance(part, Ordered | Equal) and part.attribute == "_id" and part.value.isdigit()


def _cheap(wanted: Filter) -> bool:
    """Whether the range of numbers already decides the filter."""
    parts = wanted.parts if isinstance(wanted, And) else (wanted,)
    return all(part == filters.EVERYTHING or _counts(part) for part in parts)
