"""A port on this machine that leads to a service, for libraries that can only connect to a port."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import asyncssh

from evidence.collect.unanswered import ClosedError, UnansweredError, reason

LARGEST_TUNNELLED: Final = 16 << 20
"""The most bytes that a service may send through a tunnel, so that no library behind it fills the memory."""


class Reach(Protocol):
    """How services are reached: from a head node, or from here."""

    async def connect(self, host: str, port: int) -> tuple[Any, Any]:
        """Open a TCP connection to a service. Raises ClosedError or UnansweredError."""

    async def check(self, waited: float) -> None:
        """Call this if no answer came in so many seconds. Raises UnansweredError if the way there is broken."""


@dataclass
class Allowance:
    """How many bytes may still come."""

    bytes: float


@contextlib.asynccontextmanager
async def tunnel(reach: Reach, host: str, port: int, most: int = LARGEST_TUNNELLED) -> AsyncIterator[Tunnel]:
    """A port on 127.0.0.1 that takes one connection and passes it on to a service. It is closed with the block.

    At most `most` bytes of what the service sends are handed on.
    """
    opened = Tunnel(reach, host, port, most)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


class Tunnel:
    """See `tunnel`. If the head node could not connect, `failure` holds the reason."""

    def __init__(self, head: Reach, host: str, port: int, most: int) -> None:
        self._head, self._host, self._target = head, host, port
        self._left = Allowance(most)
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._taken = False
        self.failure: Exception | None = None
        self.port = 0

    async def open(self) -> None:
        try:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, family=socket.AF_INET)
        except OSError as error:
            raise UnansweredError(f"no port could be opened on this machine: {reason(error)}") from None
        self.port = self._server.sockets[0].getsockname()[1]

    def allow(self, most: int) -> None:
        """From now on `most` bytes of what the service sends are handed on."""
        self._left.bytes = most

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Only the first connection is ours. Nobody else on this machine gets into the admin network."""
        if self._taken:
            writer.transport.abort()
            return
        self._taken = True
        self._task = asyncio.current_task()
        try:
            try:
                far_reader, far_writer = await self._head.connect(self._host, self._target)
            except (ClosedError, UnansweredError) as error:
                self.failure = error
                return
            try:
                await asyncio.gather(
                    _pump(reader, far_writer, Allowance(math.inf)), _pump(far_reader, writer, self._left)
                )
            finally:
                far_writer.close()
        except (asyncio.CancelledError, asyncssh.Error, OSError):
            pass  # the tunnel is closed, or one of its ends is
        finally:
            writer.transport.abort() if self.failure else writer.close()


async def _pump(reader: Any, writer: Any, left: Allowance) -> None:
    """Copy until the end, or until more bytes have come than are allowed, and pass the end on."""
    while left.bytes > 0 and (data := await reader.read(65536)):
        left.bytes -= len(data)
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
