"""TCP servers of the lab: connections are counted and closed together, and a server can be told to misbehave."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

MISBEHAVIOURS = ("freeze", "garbage", "endless", "cut", "slow")
SLOW_SECONDS = 8.0  # longer than a cautious client waits for one answer

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Misbehaving:
    """A server whose `misbehaviour` may be set while it runs. "freeze" ends as if the process had been continued."""

    def __init__(self) -> None:
        self._misbehaviour: str | None = None
        self.slow_seconds = SLOW_SECONDS
        self._unfrozen = asyncio.Event()
        self._unfrozen.set()

    @property
    def misbehaviour(self) -> str | None:
        return self._misbehaviour

    @misbehaviour.setter
    def misbehaviour(self, value: str | None) -> None:
        if value is not None and value not in MISBEHAVIOURS:
            raise ValueError(f"no such misbehaviour: {value}")
        self._misbehaviour = value
        if value == "freeze":
            self._unfrozen.clear()
        else:
            self._unfrozen.set()

    async def unfrozen(self) -> None:
        """Return at once unless frozen. A frozen process answers the waiting requests when it goes on."""
        await self._unfrozen.wait()


class StreamServer:
    """Listens on sockets that a Place made. stop() closes the listeners and every open connection."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> bool:
        return bool(self._servers)

    async def listen(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._servers.append(await asyncio.start_server(self._connected, sock=listener, ssl=tls))

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._one(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, ssl.SSLError):
            pass  # the peer went away, so nobody reads the answer
        finally:
            writer.close()

    async def stop(self) -> None:
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
