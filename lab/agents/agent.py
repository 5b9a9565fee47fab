"""What every agent does: it looks again and again, at its own pace or when it is woken."""

from __future__ import annotations

import asyncio
import logging

from lab.servers import http

log = logging.getLogger("lab.agents")
TIMEOUT = 5.0


class Agent:
    """Something that looks again and again. `look_now` asks for a look that begins after the call, and waits for it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._looked = asyncio.Condition()
        self._begun = self._ended = 0
        self.failed = False
        """Whether the last look came to nothing, because somebody did not answer in time."""

    @property
    def running(self) -> bool:
        return self._task is not None

    async def start(self) -> None:
        self.reset()
        self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with self._looked:
            self._looked.notify_all()

    async def look_now(self) -> None:
        """Return when a whole look has been taken since the call, or when the agent does not run."""
        wanted = self._begun + 1
        self._due.set()
        async with self._looked:
            await self._looked.wait_for(lambda: self._ended >= wanted or not self.running)

    async def at_rest(self) -> None:
        """Return when no look is underway."""
        async with self._looked:
            await self._looked.wait_for(lambda: self._ended >= self._begun or not self.running)

    def wake(self) -> None:
        """Tell the agent that something has changed: it looks as soon as it can."""
        self._due.set()

    def reset(self) -> None:
        """Forget what the agent forgets when it starts."""

    def pause(self) -> float:
        raise NotImplementedError

    async def look(self) -> None:
        raise NotImplementedError

    async def _loop(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._due.wait(), self.pause())
            except TimeoutError:
                pass
            self._due.clear()
            self._begun += 1
            mine = self._begun
            try:
                self.failed = True
                await self.look()
                self.failed = False
            except (OSError, TimeoutError, EOFError, ValueError, http.BadMessageError) as error:
                log.info("%r: %r", self, error)
            except Exception:  # a defect of the lab, but whoever waits for a look must not wait for ever
                log.exception("%r", self)
            async with self._looked:
                self._ended = mine
                self._looked.notify_all()
