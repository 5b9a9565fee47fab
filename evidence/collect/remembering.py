"""Reads a directory by what changed since it was read last, if that is known; else all of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from evidence.collect import changelog
from evidence.collect.changelog import ChangedEntries, MisfitError
from evidence.collect.covered import Covered
from evidence.collect.digests import Digests
from evidence.collect.how import Memory
from evidence.collect.kept import Header, Shelf
from evidence.collect.ldap import spelled
from evidence.collect.parse import UnreadableError
from evidence.collect.reading import Ask, ReadSoFar

log = logging.getLogger(__name__)

AT_A_TIME = 200
"""So many entries are read again in one conversation."""
FEW = 1000
SHARE = 8
"""Where more than FEW entries and one in SHARE changed, all of it is read: one answer with many entries is quicker than many with one."""


async def read_remembering(
    memory: Memory | None,
    name: str,
    zone: tuple[str, str],
    covered: Covered,
    ask: Ask,
    into: Digests,
    reading: ReadSoFar,
    read_all: Callable[[], Awaitable[None]],
) -> None:
    """Read a datacenter's directory in this zone, and keep its digests; without a memory, just read all of it.

    Raises UnansweredError and UnreadableError, and OSError if the disk is full.
    """
    if memory is None:
        await read_all()
        return
    shelf, full_at = memory.shelf(name, zone, covered), time.time()
    try:
        header = await asyncio.to_thread(shelf.look, memory.every, full_at)
        known = await _by_changes(shelf, header, covered, ask, into, reading)
        there, full_at = known.mark, header.full_at
        reading.whole, reading.since = True, full_at
    except (MisfitError, UnreadableError) as error:
        into.clear()
        reading.entries, reading.anew = 0, str(error)
        before = await mark(ask)
        await read_all()
        if before is None or not reading.whole:
            return
        there = before
    try:
        await asyncio.to_thread(shelf.keep, there, full_at, into)
    except OSError as error:
        log.debug("%s: %s", shelf.path, error)  # the next comparison reads all of it


async def mark(ask: Ask) -> changelog.Mark | None:
    """Where the changelog is now. None if it cannot be said, or read."""
    try:
        return await changelog.mark(ask)
    except UnreadableError:
        return None


async def _by_changes(
    shelf: Shelf, header: Header, covered: Covered, ask: Ask, into: Digests, reading: ReadSoFar
) -> ChangedEntries:
    known = await changelog.changed(ask, header.mark)
    if len(known.dns) > max(FEW, header.count // SHARE):
        raise MisfitError(f"{len(known.dns)} of its entries changed")
    await asyncio.to_thread(shelf.fetch, header, into, known.dns)
    searches = [search for dn in sorted(known.dns) for search in covered.searches_of(dn)]
    for start in range(0, len(searches), AT_A_TIME):
        some = searches[start : start + AT_A_TIME]
        for search, found in zip(some, await changelog.patiently(ask, some), strict=True):
            for entry in found.entries:
                if len(found.entries) > 1 or spelled(entry.dn) != search.base:
                    raise UnreadableError("it answers with another entry than it was asked for")
                covered.listed(into, entry)
                reading.entries += 1
    return known
