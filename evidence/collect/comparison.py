"""Whether a replica holds the same entries as the master, among those that the replicator copies.

A directory is read as its dns, with a keyed digest of each entry. Entries that differ are read once more on both sides, because a change
may have been on its way.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from msgspec.structs import replace

from evidence.collect import apart
from evidence.collect.covered import Covered
from evidence.collect.differing import MOST, Pair, counted, difference, differing, pair
from evidence.collect.digests import Digests
from evidence.collect.how import Memory
from evidence.collect.ldap import Found, Search
from evidence.collect.parse import UnreadableError
from evidence.collect.reading import Ask, ReadSoFar, read
from evidence.collect.remembering import read_remembering
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import EXTRA, Comparison, EntryDifference
from evidence.redact import cut
from evidence.timeline import asking

ALL: Final = Covered()
NO_ZONE: Final = ("", "")
"""The alias and the uuid of a zone."""
LARGEST: Final = 64 << 20
"""A UFDS may send so many bytes in one conversation."""
AT_A_TIME: Final = 200
"""So many entries are read again in one conversation."""
LOOKS: Final = 4
"""So often what differs is looked at again, as long as it changes meanwhile."""
ON_ITS_WAY: Final = 2.0
"""Seconds in which a change that is on its way arrives: facts "Replication" (normal lag clears in 1-2 s)."""


@dataclass(frozen=True)
class Offer:
    """What the master's UFDS holds, how far it was read, and how to ask it again. `admin` is the uuid of the coupling's admin."""

    listing: Digests
    reading: ReadSoFar
    admin: str
    ask: Ask


class Comparing:
    """Where the master tells what it holds, and waits until every replica has compared it.

    A directory that one answer does not hold has `seconds` of its own, and `grows` is told so. If nothing is `covered`, none is read.
    With a `memory`, only what changed since the last reading is read, where that is known.
    """

    def __init__(
        self,
        replicas: Iterable[str],
        seconds: float = math.inf,
        grows: Callable[[float], None] = lambda _: None,
        covered: Covered | None = ALL,
        memory: Memory | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._offer: asyncio.Future[Offer | str] = loop.create_future()
        self._done: dict[str, asyncio.Future[None]] = {name: loop.create_future() for name in replicas}
        self._seconds, self._grows, self._until = seconds, grows, math.inf
        self.covered, self._memory = covered, memory
        self.readings: dict[str, ReadSoFar] = {}

    def end(self, datacenter: str, *, master: bool) -> None:
        """This datacenter has been asked everything: nobody needs to wait for it."""
        if datacenter in self._done and not self._done[datacenter].done():
            self._done[datacenter].set_result(None)
        if master and not self._offer.done():
            self._offer.set_result("what the master's UFDS holds is not known")

    async def serve(self, name: str, ask: Ask, admin: str, zone: tuple[str, str] = NO_ZONE) -> None:
        """On the master: read its directory in this zone, and offer it to the replicas."""
        if not self._done or self.covered is None:
            return
        held = Digests()
        try:
            with asking(name, "the directory that the replicas' are compared with"):
                offer: Offer | str = Offer(held, await self._read(name, zone, held, ask), admin, ask)
        except (UnansweredError, UnreadableError) as error:
            offer = f"what the master's UFDS holds is not known: {error}"
        if not self._offer.done():
            self._offer.set_result(offer)
        try:
            await asyncio.gather(*map(asyncio.shield, self._done.values()))
        finally:
            held.close()

    async def compare(
        self, name: str, region: str, own: apart.Own, ask: Ask, zone: tuple[str, str] = NO_ZONE
    ) -> Comparison:
        """On a replica: compare its directory in this zone with the master's. Raises UnansweredError or UnreadableError."""
        assert self.covered is not None
        held = Digests()
        try:
            offer, reading = await asyncio.gather(asyncio.shield(self._offer), self._read(name, zone, held, ask))
            if isinstance(offer, str):
                raise UnansweredError(offer)
            seen = await _compare(self.covered, offer, held, reading, region, own, ask)
            return _as_read(seen, offer.reading, reading)
        finally:
            held.close()
            self.end(name, master=False)

    async def _read(self, name: str, zone: tuple[str, str], into: Digests, ask: Ask) -> ReadSoFar:
        assert self.covered is not None
        covered, reading = self.covered, ReadSoFar()
        self.readings[name] = reading

        async def read_all() -> None:
            listed = partial(covered.listed, into)
            await read(ask, covered.searches, listed, reading, lambda: self._until, self._more_time)

        try:
            await read_remembering(self._memory, name, zone, covered, ask, into, reading, read_all)
        except OSError as error:
            raise UnansweredError(f"its directory has no room on this machine: {error.strerror or error}") from None
        return reading

    def told(self) -> str:
        """How far directories are read that one answer does not hold, and why one is not read by what changed; else empty."""
        under_way = [(name, each) for name, each in sorted(self.readings.items()) if not each.whole and not each.why]
        large = ", ".join(f"{name} {each.entries} entries" for name, each in under_way)
        anew = "; ".join(f"reads all of {name}'s directory: {each.anew}" for name, each in under_way if each.anew)
        return "; ".join(
            filter(None, ("" if self._until == math.inf or not large else f"reads large directories: {large}", anew))
        )

    def _more_time(self) -> None:
        """The first directory that is large begins the time that all of them have."""
        if self._until == math.inf:
            self._until = asyncio.get_running_loop().time() + self._seconds
            self._grows(self._seconds)


def _as_read(seen: Comparison, *sides: ReadSoFar) -> Comparison:
    """The same comparison, which says what it rests on."""
    kept = [each for each in sides if each.since]
    full_at = (
        datetime.fromtimestamp(min(each.since for each in kept), UTC).isoformat(timespec="seconds") if kept else ""
    )
    anew = "; ".join(dict.fromkeys(each.anew for each in sides if each.anew))
    return replace(
        seen, full_at=full_at.replace("+00:00", "Z"), reread=sum(each.entries for each in kept), anew=cut(anew)
    )


def _unread(offer: Offer, reading: ReadSoFar) -> str:
    """Why the two directories could not be compared to their ends; empty if they could."""
    sides = (("the master's directory", offer.reading), ("its own", reading))
    parts = [
        f"{each.entries} entries of {whose} were read, then: {each.why}" for whose, each in sides if not each.whole
    ]
    return "; ".join(parts)


async def _compare(
    covered: Covered, offer: Offer, held: Digests, reading: ReadSoFar, region: str, own: apart.Own, ask: Ask
) -> Comparison:
    unread = _unread(offer, reading)
    differences = differing(offer.listing, held, region, whole=not unread)
    found = differences.kinds
    local = {dn for dn in differences.keys if found[dn] == EXTRA and own.may_be(dn, offer.admin)}
    for dn in local:
        del found[dn]
    if own.unread and local and not found:
        raise apart.UndecidedError(f"which of admin's keys is the datacenter's own is not known: {own.unread}")
    again = dict(itertools.islice(((dn, differences.seen[dn]) for dn in found), MOST))
    still = await settled(covered, offer.ask, ask, again) if again else []
    rest = [EntryDifference(cut(dn), kind) for dn, kind in found.items() if dn not in again]
    return counted(covered.extent, differences.compared, [*still, *rest], unread)


async def settled(covered: Covered, master: Ask, replica: Ask, seen: dict[str, Pair]) -> list[EntryDifference]:
    """What still differs of what was seen to differ. What has changed on a side meanwhile is looked at once more."""
    known: dict[str, EntryDifference | None] = dict.fromkeys(seen)
    for _ in range(LOOKS):
        await asyncio.sleep(ON_ITS_WAY)
        searches = [covered.again(dn) for dn in seen]
        theirs, ours = await asyncio.gather(each_of(master, searches), each_of(replica, searches))
        answers = list(zip(seen, theirs, ours, strict=True))
        known |= {dn: difference(covered, dn, there, here) for dn, there, here in answers}
        now = {dn: pair(covered, there, here) for dn, there, here in answers}
        seen = {dn: now[dn] for dn in seen if known[dn] is not None and now[dn] != seen[dn]}
        if not seen:
            break
    return [each for each in known.values() if each is not None]


async def each_of(ask: Ask, searches: Sequence[Search]) -> list[Found]:
    """The answers to many searches, a few conversations long."""
    found: list[Found] = []
    for start in range(0, len(searches), AT_A_TIME):
        found += await ask(searches[start : start + AT_A_TIME])
    return found
