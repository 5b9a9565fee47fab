"""How many sessions run at once over one connection: as many as the server allows.

OpenSSH's MaxSessions is 10 by default, and somebody may have lowered it. If the server refuses a session, it is asked for again once one of
ours has ended, so nothing is lost. A server that allows no session at all refuses even the only one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncssh

AT_ONCE: Final = 8
PAUSES: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Pauses before a refused session is tried again although none of ours was open: the server may not have cleared the last one."""
T = TypeVar("T")


class Sessions:
    """The sessions of one head node. Whoever opens one with `open` must `close` it."""

    def __init__(self, most: int = AT_ONCE) -> None:
        self.most = most
        self._waiting_or_open = self._open = self._proven = 0
        self._none = False
        """Whether the server has refused even a single session, again and again."""
        self._changed = asyncio.Condition()

    async def open(self, begin: Callable[[], Awaitable[T]]) -> T:
        """Begin a session in its turn. Raises what `begin` raises, but ChannelOpenError only if no session is allowed at all."""
        pauses = list(PAUSES)
        while True:
            await self._turn()
            try:
                begun = await begin()
            except asyncssh.ChannelOpenError:
                alone = await self._refused()
                if alone and (self._none or not pauses):
                    self._none = True
                    raise
                if alone:
                    await asyncio.sleep(pauses.pop(0))
                continue
            except BaseException:
                await self._leave()
                raise
            self._open += 1
            self._proven, self._none = max(self._proven, self._open), False
            return begun

    async def _turn(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting_or_open < self.most)
            self._waiting_or_open += 1

    async def _refused(self) -> bool:
        """Note that the server allows no more than are open. Returns whether none was open; otherwise waits until one has ended."""
        async with self._changed:
            self._waiting_or_open -= 1
            self._changed.notify_all()
            if self._open >= self._proven:
                self.most = max(1, min(self.most, self._open))
            if not self._open:
                return True
            ended = self._open
            await self._changed.wait_for(lambda: self._open < ended or not self._open)
        return False

    async def _leave(self) -> None:
        async with self._changed:
            self._waiting_or_open -= 1
            self._changed.notify_all()

    async def close(self) -> None:
        """Note that a session has ended."""
        self._open -= 1
        await self._leave()
