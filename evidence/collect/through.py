"""Blocking work that goes through a tunnel, in a thread, within the time of one command."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from typing import TypeVar

from evidence.collect.tunnel import LARGEST_TUNNELLED, Reach, Tunnel, tunnel
from evidence.collect.unanswered import AgainError
from evidence.inventory.model import Timeouts

T = TypeVar("T")


class Through:
    """The way to the services of one datacenter."""

    def __init__(self, reach: Reach, timeouts: Timeouts, threads: Executor) -> None:
        self._reach, self._timeouts, self._threads = reach, timeouts, threads

    async def run(
        self,
        host: str,
        port: int,
        work: Callable[[int], T],
        good: Callable[[T], bool],
        most: int = LARGEST_TUNNELLED,
        hold: Callable[[T, Tunnel, AsyncExitStack], None] = lambda *_: None,
    ) -> T:
        """Run blocking work with the port of a tunnel, for at most the time of one command.

        An answer that is not `good` counts as the service's only if the way to it is still open. If there is a new way by then, the
        question is asked again. After a good one, whoever wants to `hold` the tunnel takes over what closes it.
        """
        while True:
            try:
                return await self._once(host, port, work, good, most, hold)
            except AgainError:
                continue

    async def _once(
        self,
        host: str,
        port: int,
        work: Callable[[int], T],
        good: Callable[[T], bool],
        most: int,
        hold: Callable[[T, Tunnel, AsyncExitStack], None],
    ) -> T:
        """When this ends, the tunnel is closed unless it is held, and with it everything that the thread still waits for."""
        begun = asyncio.get_running_loop().time()
        async with AsyncExitStack() as closing:
            opened = await closing.enter_async_context(tunnel(self._reach, host, port, most))
            result = await self.within_a_command(functools.partial(work, opened.port))
            if opened.failure is not None:
                raise opened.failure
            if good(result):
                hold(result, opened, closing)
            else:
                await self._reach.check(asyncio.get_running_loop().time() - begun)
            return result

    async def within_a_command(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread. Raises TimeoutError if the way there is open, and UnansweredError if it is not."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(self._timeouts.command):
                return await loop.run_in_executor(self._threads, work)
        except TimeoutError:
            await self._reach.check(loop.time() - begun)
            raise
