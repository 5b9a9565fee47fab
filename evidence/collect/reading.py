"""Reads a directory of any size, in stretches of the numbers that moray gives its entries, and no faster than it answers.

UFDS ignores paging, and stops at 1000 in silence (facts, "How a real UFDS answers").  It does not show an entry's number, `_id`, but
takes it in a filter.  So each conversation asks for a stretch of numbers, and whether there is any behind it: it has the time of one
command and a limit of bytes, and what it brought is reduced before the next.  What is added meanwhile has a higher number.
Source: sdc-ufds:lib/db/search.js; moray:docs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from evidence.collect.ldap import SMARTDC, Entry, Found, Search
from evidence.collect.parse import UnreadableError
from evidence.collect.unanswered import UnansweredError

FIRST: Final = 2000
"""How many numbers the first stretch has: as many entries at most."""
WANTED: Final = 1500
"""So many entries an answer should have. ldap3 takes about 13 kB for one while it reads an answer."""
WIDER: Final = 8
"""A stretch is at most so many times as wide as the one before. Where many were deleted, numbers are sparse."""
MOST: Final = 2 * WANTED
"""An answer with so many may lack some, and is asked for again in narrower stretches: behind a gap they may be dense."""
SILENT: Final = 1000
"""Where a limit is not honoured, an answer ends there in silence. One of just this size is asked for again in narrower stretches."""
SMALLEST: Final = 50
LATE: Final = 5.0
"""Seconds: after an answer that took longer UFDS rests as long, and is asked for less."""
TRIES: Final = 3
PAUSE: Final = 1.0
LAST: Final = 1 << 62

Ask = Callable[[Sequence[Search]], Awaitable[tuple[Found, ...]]]


@dataclass
class ReadSoFar:
    """How far one directory is read. `whole`: all of it; else `why` says what ended it.

    `since`: when all of it was read, if now only what changed was; `anew` says why not, although something was kept.
    """

    entries: int = 0
    whole: bool = False
    why: str = ""
    since: float = 0.0
    anew: str = ""


def stretch(search: Search, first: int, last: int) -> Search:
    """The part of a search with these numbers."""
    return replace(search, filter=f"(&{search.filter}(_id>={first})(_id<={last}))", limit=MOST)


def behind(last: int) -> Search:
    """Whether there is an entry with a higher number."""
    return Search(SMARTDC, f"(&(objectclass=*)(_id>={last + 1}))", limit=1)


async def read(
    ask: Ask,
    searches: Sequence[Search],
    take: Callable[[Entry], None],
    reading: ReadSoFar,
    until: Callable[[], float],
    grows: Callable[[], None],
) -> None:
    """Hand every entry to `take`, while the loop's time is before `until()`. `grows` is called when it has many.

    Raises UnreadableError if a search is refused, and UnansweredError if even the first stretch is not answered.
    """
    loop, first, width, failed = asyncio.get_running_loop(), 0, FIRST, 0
    while True:
        begun = loop.time()
        if begun >= until():
            reading.why = "its time was over"
            return
        last = min(first + width - 1, LAST)
        try:
            *answers, more = await ask([*(stretch(each, first, last) for each in searches), behind(last)])
        except UnansweredError as error:
            if not first:
                raise
            failed += 1
            if failed == TRIES:
                reading.why = str(error)
                return
            width = max(SMALLEST, width // 4)
            await asyncio.sleep(PAUSE)
            continue
        failed = 0
        for found in (*answers, more):
            if found.why:
                raise UnreadableError(found.why)
        for search, found in zip(searches, answers, strict=False):
            _plausible(search, found, width)
        if any(len(found.entries) >= MOST or len(found.entries) == SILENT < width for found in answers):
            width = max(1, width // WIDER)
            continue
        came = 0
        for entry in (entry for found in answers for entry in found.entries):
            take(entry)
            came += 1
        reading.entries += came
        if not more.entries:
            reading.whole = True
            return
        if reading.entries > FIRST:  # a small one may have high numbers, too
            grows()
        first, width = last + 1, _width(width, came)
        if (took := loop.time() - begun) > LATE:
            width = max(SMALLEST, width // 2)
            await asyncio.sleep(min(took, LATE))


def _plausible(search: Search, found: Found, width: int) -> None:
    """Raises UnreadableError if an answer cannot be true."""
    if len(found.entries) > width:
        raise UnreadableError(f"it answers {len(found.entries)} entries where there are at most {width}")
    for entry in found.entries:
        if not f", {entry.dn}".endswith(f", {search.base}"):
            raise UnreadableError(f"it answers with an entry that is not below {search.base}")


def _width(width: int, came: int) -> int:
    """As wide as brings about WANTED entries."""
    return max(SMALLEST, min(width * WIDER, width * WANTED // max(came, 1)))
