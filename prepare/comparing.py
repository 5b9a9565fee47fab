"""Asks for the directories that `az-checks compare` compares, tells how far it is, and puts what it found into words."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import Struct

from evidence.collect import listing, remembering
from evidence.collect.anypair import PairDifferences, PairReading, compare_kept, compare_two, together
from evidence.collect.covered import Covered
from evidence.collect.digests import Digests
from evidence.collect.draft import now
from evidence.collect.how import Memory
from evidence.collect.lately import Lately, lately
from evidence.collect.listing import KeptListing
from evidence.collect.machine import make_room
from evidence.collect.opendirectory import OpenDirectory, opened
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Inventory
from prepare.compared import write_since, write_two
from reports.page import Page, counted, safe
from reports.progress import ProgressLine
from reports.tty import look_of
from triton_az_checks.errors import UsageError

THREADS: Final = 8
PAUSE: Final = 0.5
"""Seconds between two lines of progress."""


class CompareOutcome(Struct, frozen=True):
    """What is printed, and the exit code."""

    text: str
    code: int


@dataclass(frozen=True)
class TakenListing:
    """What a directory held when it was read, not written yet."""

    holder: OpenDirectory
    begun: str
    held: Digests
    changes: Lately | None = None

    @property
    def told(self) -> str:
        return f"{counted(self.held.count, 'entry', 'entries')} of {self.holder.name}, read from {self.begun} on"


class Work:
    """One comparison. Raises UnansweredError if a directory could not be asked; then nothing is told."""

    def __init__(self, inventory: Inventory, key: bytes, covered: Covered, memory: Memory | None = None) -> None:
        self._inventory, self._key, self._covered = inventory, key, covered
        self._reading = PairReading(covered, inventory.timeouts.compare, memory)
        self.progress = ProgressLine(sys.stderr)

    async def two(self, first: str, second: str) -> CompareOutcome:
        """Two datacenters, as they are now."""
        async with self._opened(first, second) as (one, other):
            seen = await compare_two(self._reading, one, other)
        page = Page.looking(look_of(sys.stdout))
        write_two(page, first, second, seen)
        return _outcome(page, seen)

    async def since(self, kept: KeptListing, file: str, name: str) -> CompareOutcome:
        """A datacenter now, and what was kept."""
        async with self._opened(name) as (holder,):
            seen = await compare_kept(self._reading, kept, holder)
        page = Page.looking(look_of(sys.stdout))
        write_since(page, kept, file, name, seen)
        return _outcome(page, seen)

    async def keep(self, name: str, target: Path) -> CompareOutcome:
        """Keep what a datacenter holds, if all of it could be read."""
        try:
            taken = await self.taken(name)
        except UnansweredError as error:
            raise UnansweredError(f"nothing was kept: {error}") from None
        with taken.held:
            try:
                self.write(taken, target)
            except OSError as error:
                raise UsageError(f"--keep: {target} cannot be written: {error.strerror or error}") from None
            told = f"{target}: {taken.told}; az-checks compare with this file tells what changed"
            return CompareOutcome(safe(told), 0)

    async def taken(self, name: str, *, with_changes: bool = False) -> TakenListing:
        """What a datacenter holds now, all of it, and what changed lately; whoever wants it closes it."""
        held = Digests()
        try:
            async with self._opened(name) as (holder,):
                begun = now()
                before = await remembering.mark(holder.ask) if with_changes else None
                reading = await self._reading.read(holder, held)
                changes = await lately(holder.ask, before)
            if not reading.whole:
                raise UnansweredError(f"{reading.entries} entries of {name} were read, then: {reading.why}")
        except BaseException:
            held.close()
            raise
        return TakenListing(holder, begun, held, changes)

    def write(self, taken: TakenListing, target: Path, started: str = "") -> None:
        """Raises OSError. `started`: of the evidence that it is written with."""
        listing.keep(
            target,
            self._inventory,
            self._key,
            self._covered,
            taken.holder,
            taken.begun,
            taken.held,
            started,
            taken.changes,
        )

    @contextlib.asynccontextmanager
    async def _opened(self, *names: str) -> AsyncIterator[tuple[OpenDirectory, ...]]:
        """The directories, found at the same time."""
        make_room(len(names))
        threads = ThreadPoolExecutor(max_workers=THREADS * len(names), thread_name_prefix="compare")
        watching = asyncio.ensure_future(self._watch(names))
        try:
            async with contextlib.AsyncExitStack() as stack:
                declared = [self._inventory.datacenters[name] for name in names]
                entered = [
                    stack.enter_async_context(opened(each, self._inventory.timeouts, threads, self._key))
                    for each in declared
                ]
                yield await together(*entered)
        finally:
            watching.cancel()
            threads.shutdown(wait=False, cancel_futures=True)

    async def _watch(self, names: tuple[str, ...]) -> None:
        clock = asyncio.get_running_loop().time
        begun = clock()
        while True:
            told = self._reading.told() or f"looks for the directories of {' and '.join(names)}"
            self.progress(f"{clock() - begun:.0f} s; {told}")
            await asyncio.sleep(PAUSE)


def _outcome(page: Page, seen: PairDifferences) -> CompareOutcome:
    return CompareOutcome(str(page), 0 if seen.equal else 1)
