"""Tells whom the run waits for while it collects, what was asked, and for how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from evidence.collect.draft import Draft

PAUSE = 0.5


class Waited:
    """The line of progress. `done` names the datacenters of which all is known; what is counted has an end."""

    def __init__(
        self,
        drafts: Mapping[str, Draft],
        progress: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        reading: Callable[[], str] = str,
    ) -> None:
        self._drafts, self._progress, self._clock, self._reading = drafts, progress, clock, reading
        self._start = clock()
        self.done: set[str] = set()

    async def watch(self) -> None:
        """Tell it again and again, so that one sees the time go by; until it is cancelled."""
        while True:
            self._progress(self.line())
            await asyncio.sleep(PAUSE)

    def line(self) -> str:
        """ "12 s, 2 of 3 datacenters asked; waits for my-dc-3: SSH to the head node (9 s)", the longest wait; else how far large
        directories are read.
        """
        now = self._clock()
        told = f"{now - self._start:.0f} s, {len(self.done)} of {len(self._drafts)} datacenters asked"
        open_ones = [
            (since, subject, asked)
            for name, draft in sorted(self._drafts.items())
            if name not in self.done
            for (subject, asked), since in draft.asking.items()
        ]
        if not open_ones:
            left = sorted(self._drafts.keys() - self.done)
            return f"{told}; waits for {left[0]}" if left else told
        if reading := self._reading():
            return f"{told}; {reading}"
        since, subject, asked = min(open_ones)
        return f"{told}; waits for {subject}: {asked} ({now - since:.0f} s)"
