"""Whether a replica holds the same entries as the master, among those that the replicator copies.

A directory is read as its dns, with a keyed digest of each entry. Entries that differ are read once more on both sides, because a change
may have been on its way.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from evidence.collect import apart
from evidence.collect.covered import Covered
from evidence.collect.differing import counted, difference, differing
from evidence.collect.digests import Digests
from evidence.collect.parse import UnreadableError
from evidence.collect.reading import Ask, ReadSoFar, read
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import Comparison, EntryDifference
from evidence.redact import cut

ALL: Final = Covered()
LARGEST: Final = 64 << 20
"""A UFDS may send so many bytes in one conversation."""
MOST_AGAIN: Final = 200
"""So many differing entries are read again. A moment's traffic makes fewer."""
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
    """

    def __init__(
        self,
        replicas: Iterable[str],
        seconds: float = math.inf,
        grows: Callable[[float], None] = lambda _: None,
        covered: Covered | None = ALL,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._offer: asyncio.Future[Offer | str] = loop.create_future()
        self._done: dict[str, asyncio.Future[None]] = {name: loop.create_future() for name in replicas}
        self._seconds, self._grows, self._until = seconds, grows, math.inf
        self.covered = covered
        self.readings: dict[str, ReadSoFar] = {}

    def end(self, datacenter: str, *, master: bool) -> None:
        """This datacenter has been asked everything: nobody needs to wait for it."""
        if datacenter in self._done and not self._done[datacenter].done():
            self._done[datacenter].set_result(None)
        if master and not self._offer.done():
            self._offer.set_result("what the master's UFDS holds is not known")

    async def serve(self, name: str, ask: Ask, admin: str) -> None:
        """On the master: read its directory, and offer it to the replicas."""
        if not self._done or self.covered is None:
            return
        held = Digests()
        try:
            offer: Offer | str = Offer(held, await self._read(name, held, ask), admin, ask)
        except (UnansweredError, UnreadableError) as error:
            offer = f"what the master's UFDS holds is not known: {error}"
        if not self._offer.done():
            self._offer.set_result(offer)
        try:
            await asyncio.gather(*map(asyncio.shield, self._done.values()))
        finally:
            held.close()

    async def compare(self, name: str, region: str, own: apart.Own, ask: Ask) -> Comparison:
        """On a replica: compare its directory with the master's. Raises UnansweredError or UnreadableError."""
        assert self.covered is not None
        held = Digests()
        try:
            offer, reading = await asyncio.gather(asyncio.shield(self._offer), self._read(name, held, ask))
            if isinstance(offer, str):
                raise UnansweredError(offer)
            return await _compare(self.covered, offer, held, reading, region, own, ask)
        finally:
            held.close()
            self.end(name, master=False)

    async def _read(self, name: str, into: Digests, ask: Ask) -> ReadSoFar:
        assert self.covered is not None
        listed = partial(self.covered.listed, into)
        reading = self.readings[name] = ReadSoFar()
        try:
            await read(ask, self.covered.searches, listed, reading, lambda: self._until, self._more_time)
        except OSError as error:
            raise UnansweredError(f"its directory has no room on this machine: {error.strerror or error}") from None
        return reading

    def told(self) -> str:
        """How far directories are read that one answer does not hold; empty if there is none, or all are read."""
        under_way = {name: each for name, each in self.readings.items() if not each.whole and not each.why}
        if self._until == math.inf or not under_way:
            return ""
        return f"reads large directories: {', '.join(f'{name} {each.entries} entries' for name, each in sorted(under_way.items()))}"

    def _more_time(self) -> None:
        """The first directory that is large begins the time that all of them have."""
        if self._until == math.inf:
            self._until = asyncio.get_running_loop().time() + self._seconds
            self._grows(self._seconds)


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
    local = {dn for dn in differences.keys if own.may_be(dn, offer.admin)}
    for dn in local:
        del found[dn]
    if own.unread and local and not found:
        raise apart.UndecidedError(f"which of admin's keys is the datacenter's own is not known: {own.unread}")
    compared = differences.compared
    if len(found) > MOST_AGAIN:
        return counted(covered, compared, [EntryDifference(cut(dn), kind) for dn, kind in found.items()], unread)
    if not found:
        return counted(covered, compared, (), unread)
    await asyncio.sleep(ON_ITS_WAY)
    again = [covered.again(dn) for dn in found]
    theirs, ours = await asyncio.gather(offer.ask(again), ask(again))
    seen = [difference(covered, *each) for each in zip(found, theirs, ours, strict=True)]
    return counted(covered, compared, [each for each in seen if each is not None], unread)
