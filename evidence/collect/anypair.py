"""How the directories of any two datacenters differ, and how one differs from a listing that was kept.

Between two replicas neither is right: the one that is named first is what the other is compared with.  What the replicator copies is
compared, as far as both have it, and what differs is looked at again as between a master and a replica.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from evidence.collect.comparison import each_of, settled
from evidence.collect.covered import Covered
from evidence.collect.differing import MOST, Differences, Pair, differing, entry_of
from evidence.collect.digests import Digests
from evidence.collect.how import Memory
from evidence.collect.ldap import Found
from evidence.collect.listing import KeptListing, Side
from evidence.collect.opendirectory import OpenDirectory
from evidence.collect.parse import UnreadableError
from evidence.collect.reading import ReadSoFar, read
from evidence.collect.remembering import read_remembering
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import DIFFERENT, EXTRA, MISSING, EntryDifference
from evidence.inventory.model import MASTER
from evidence.redact import cut

T = TypeVar("T")


@dataclass(frozen=True)
class PairDifferences:
    """How many entries were compared, and what of the second directory differs from the first: all of it, parents first.

    `undecided`: keys of admin of which it is not known whether they are a datacenter's own, and why.  `unread`: why the directories were
    not compared to their ends; then only entries that both were seen to have are compared.
    """

    compared: int
    differences: tuple[EntryDifference, ...] = ()
    undecided: tuple[str, ...] = ()
    unread: str = ""

    def count(self, kind: str) -> int:
        return sum(each.kind == kind for each in self.differences)

    @property
    def equal(self) -> bool:
        """Whether all was compared, and nothing differs."""
        return not (self.differences or self.undecided or self.unread)


class PairReading:
    """Reads directories to their ends, for at most `seconds` each, and tells how far it is.

    With a `memory`, only what changed since the last reading is read, where that is known.
    """

    def __init__(self, covered: Covered, seconds: float, memory: Memory | None = None) -> None:
        self.covered, self._seconds, self._memory = covered, seconds, memory
        self._read: dict[str, ReadSoFar] = {}
        self._looked = 0

    async def read(self, holder: OpenDirectory, into: Digests) -> ReadSoFar:
        """Raises UnansweredError, which names the datacenter."""
        reading = self._read[holder.name] = ReadSoFar()
        until = asyncio.get_running_loop().time() + self._seconds
        listed = partial(self.covered.listed, into)

        async def read_all() -> None:
            await read(holder.ask, self.covered.searches, listed, reading, lambda: until, lambda: None)

        try:
            await read_remembering(
                self._memory, holder.name, holder.zone, self.covered, holder.ask, into, reading, read_all
            )
        except (UnansweredError, UnreadableError) as error:
            raise UnansweredError(f"{holder.name}: {error}") from None
        except OSError as error:
            why = f"its directory has no room on this machine: {error.strerror or error}"
            raise UnansweredError(f"{holder.name}: {why}") from None
        return reading

    def looks(self, number: int) -> None:
        """So many entries are looked at again."""
        self._looked += number

    def told(self) -> str:
        if self._looked:
            return f"{self._looked} entries that differ are looked at again"
        return ", ".join(f"{name}: {each.entries} entries read" for name, each in sorted(self._read.items()))


async def compare_two(reading: PairReading, first: OpenDirectory, second: OpenDirectory) -> PairDifferences:
    """How the second directory differs from the first, both as they are now. Raises UnansweredError."""
    with Digests() as there, Digests() as here:
        one, other = await together(reading.read(first, there), reading.read(second, here))
        unread = _unread((first.name, one), (second.name, other))
        region = region_of(Side.of(first), Side.of(second))
        differences = differing(there, here, region, whole=not unread)
        undecided = without_own(differences, Side.of(first), Side.of(second))
    found: list[EntryDifference] = []
    for some in _batches(differences):
        reading.looks(len(some))
        try:
            found += await settled(reading.covered, first.ask, second.ask, some)
        except (UnansweredError, UnreadableError) as error:
            raise UnansweredError(f"what differs could not be looked at again: {error}") from None
    return PairDifferences(differences.compared, tuple(found), undecided, unread)


async def compare_kept(reading: PairReading, kept: KeptListing, now: OpenDirectory) -> PairDifferences:
    """How a directory differs now from what was kept. What changed back meanwhile does not differ. Raises UnansweredError."""
    with Digests() as here:
        unread = _unread((now.name, await reading.read(now, here)))
        region = region_of(kept.side, Side.of(now))
        differences = differing(kept.held, here, region, whole=not unread)
        undecided = () if kept.datacenter == now.name else without_own(differences, kept.side, Side.of(now))
    found: list[EntryDifference] = []
    for some in _batches(differences):
        reading.looks(len(some))
        try:
            answers = await each_of(now.ask, [reading.covered.again(dn) for dn in some])
            looked = zip(some.items(), answers, strict=True)
            found += filter(None, (_since(reading.covered, dn, was, answer) for (dn, (was, _)), answer in looked))
        except (UnansweredError, UnreadableError) as error:
            raise UnansweredError(f"{now.name}: what differs could not be looked at again: {error}") from None
    return PairDifferences(differences.compared, tuple(found), undecided, unread)


async def together(*work: Awaitable[T]) -> tuple[T, ...]:
    """The results of what works at the same time; if one fails, the others have no reason to go on."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def region_of(*sides: Side) -> str | None:
    """Below regions a replica has its own region's entries alone, and the master all. None: what both have is all."""
    narrow = {side.region for side in sides if side.state != MASTER}
    return None if not narrow else narrow.pop() if len(narrow) == 1 else ""


def _unread(*sides: tuple[str, ReadSoFar]) -> str:
    return "; ".join(
        f"{each.entries} entries of {name} were read, then: {each.why}" for name, each in sides if not each.whole
    )


def without_own(differences: Differences, first: Side, second: Side) -> tuple[str, ...]:
    """Take out each side's own key, which no other has; what may be one is told, where that is not known.

    The master's own is everywhere, because the replicator copies it.
    """
    sides = {MISSING: first, EXTRA: second}
    undecided = []
    for dn in sorted(differences.keys):
        side = sides[differences.kinds[dn]]
        if side.state == MASTER or not side.own.may_be(dn, side.admin):
            continue
        differences.compared -= differences.kinds.pop(dn) == MISSING
        if side.own.unread:
            undecided.append(f"{cut(dn)}: whether it is {side.name}'s own key is not known: {side.own.unread}")
    return tuple(undecided)


def _batches(differences: Differences) -> Iterator[dict[str, Pair]]:
    """What differs, so much of it as one looks at again at once."""
    dns = iter(differences.kinds)
    while some := list(itertools.islice(dns, MOST)):
        yield {dn: differences.seen[dn] for dn in some}


def _since(covered: Covered, dn: str, was: bytes | None, answer: Found) -> EntryDifference | None:
    """What became of an entry that was kept with this digest, or was not there. Which values it had then nobody knows."""
    if answer.why:
        raise UnreadableError(answer.why)
    entry = entry_of(answer)
    now = None if entry is None else covered.digest(entry)
    if now == was:
        return None
    login = "" if entry is None else cut(entry.first("login"))
    kind = EXTRA if was is None else MISSING if now is None else DIFFERENT
    return EntryDifference(cut(dn), kind, (), login)
