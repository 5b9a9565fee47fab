"""How late this machine itself was while it asked. What comes too late because of that says nothing about a datacenter.

A machine that is busy with other things lets the run wait for a processor. Then answers that were there in time are read too late.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from evidence.model import Late

TICK: Final = 0.05


class Lateness:
    """Watches the run's own event loop: what a tick takes beyond its time, and beyond the processor's time that the run used itself."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._sum = self._most = 0.0

    async def watch(self) -> None:
        """Tick until cancelled."""
        while True:
            wall, used = time.monotonic(), time.process_time()
            await asyncio.sleep(TICK)
            waited = time.monotonic() - wall - TICK - (time.process_time() - used)
            if waited > TICK:  # less is what any scheduler takes
                self._sum += waited
                self._most = max(self._most, waited)

    @property
    def seen(self) -> Late:
        """The share of the time so far that the run had to wait, and the longest wait."""
        whole = max(time.monotonic() - self._began, TICK)
        return Late(round(min(1.0, self._sum / whole), 2), round(self._most, 2))
