"""A broken device before a port of a zone or a head node: it takes the connections in its place, and passes on what it likes.

It listens on the machine's own addresses, and whoever serves there on all of them: the kernel prefers the nearer one.
Source: Linux, ip(7) and socket(7), SO_REUSEPORT.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import struct
import subprocess
from collections.abc import Awaitable, Callable
from typing import Final

from lab.machine import namespaces, tls
from lab.machine.machines import Machine

HALF: Final = {22: 1200, 443: 900, 636: 900}
"""After so many bytes of the server's an answer is half done: behind the handshake, where there is one."""
SHORT: Final = 40
PAUSE = 1.0
"""Seconds by which each piece of an answer is late: a hundred times what a path to another continent takes."""
NOISE: Final = random.Random(7).randbytes(4096)
ANOTHER_PROTOCOL: Final = b"220 no such service, token=Xk7canary-answer\r\n"
IN_PLAIN: Final = frozenset({22, 53, 80, 2020})

Took = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Between:
    """One device, before one port. `how`: one of HOW; begin() and end() may be called once each."""

    def __init__(self, machine: Machine, port: int, how: str, behind: str = "127.0.0.1") -> None:
        self._machine, self._port, self._behind = machine, port, behind
        self._took = HOW[how]
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, certificate: ssl.SSLContext | None = None) -> None:
        """Take every connection from now on, with a certificate if it is to end TLS itself."""
        for nic in self._machine.zone.nics:
            sock = self._machine.listen(self._port, nic.ip)
            self._servers.append(await asyncio.start_server(self._accepted, sock=sock, ssl=certificate))
        end_connections(self._machine.namespace, self._port)

    async def end(self) -> None:
        """Let them through again, and close those that it has taken."""
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._took(self, reader, writer)
        except (OSError, EOFError, TimeoutError):
            pass  # one of the two went away
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _hang(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.wait_closed()

    async def _reset(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken: socket.socket = writer.get_extra_info("socket")
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _garbage(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(NOISE)
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE):
                await reader.read(1)

    async def _endless(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = b"HTTP/1.1 200 OK\r\n" if self._port in IN_PLAIN else b""
        writer.write(first)
        while True:
            writer.write(b"X-Noise: " + b"a" * 1000 + b"\r\n" if first else NOISE)
            await writer.drain()

    async def _other_protocol(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ANOTHER_PROTOCOL)
        await writer.drain()
        await reader.read(65536)

    async def _stall(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._half(reader, writer)
        await writer.wait_closed()

    async def _half(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes until the server has sent half an answer."""
        left = HALF.get(self._port, SHORT)

        async def some(piece: bytes) -> bool:
            nonlocal left
            writer.write(piece[:left])
            await writer.drain()
            left -= len(piece)
            return left > 0

        await self._through(reader, writer, some)

    async def _slow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def late(piece: bytes) -> bool:
            await asyncio.sleep(PAUSE)
            writer.write(piece)
            await writer.drain()
            return True

        await self._through(reader, writer, late)

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def drop_by_drop(piece: bytes) -> bool:
            for byte in piece:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
            return True

        await self._through(reader, writer, drop_by_drop)

    async def _whole(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def on(piece: bytes) -> bool:
            writer.write(piece)
            await writer.drain()
            return True

        await self._through(reader, writer, on)

    async def _through(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to_client: Callable[[bytes], Awaitable[bool]]
    ) -> None:
        """Connect to the server. Pass on what the client says, and of the server what `to_client` makes of it, while it is true."""
        with namespaces.inside(self._machine.namespace):
            made = socket.socket()
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (self._behind, self._port))
        blind = tls.client_context() if writer.get_extra_info("ssl_object") is not None else None
        there, back = await asyncio.open_connection(sock=made, ssl=blind, server_hostname="" if blind else None)

        async def up() -> None:
            while piece := await reader.read(65536):
                back.write(piece)
                await back.drain()
            back.close()

        asking = asyncio.ensure_future(up())
        try:
            while piece := await there.read(65536):
                if not await to_client(piece):
                    break
        finally:
            asking.cancel()
            back.close()


def end_connections(namespace: str, port: int) -> None:
    """Reset what is connected to a port of a namespace, so that everybody comes anew. Not every kernel can: then they stay."""
    words = ["nsenter", f"--net=/run/netns/{namespace}", "ss", "-K", "-tn", "sport", "=", f":{port}"]
    subprocess.run(words, capture_output=True, check=False)


HOW: Final = {
    "hang": Between._hang,
    "reset": Between._reset,
    "stall": Between._stall,
    "cut": Between._half,
    "garbage": Between._garbage,
    "endless": Between._endless,
    "other-protocol": Between._other_protocol,
    "expired": Between._whole,
    "slow": Between._slow,
    "drip": Between._drip,
}
"""What it does with a connection."""
