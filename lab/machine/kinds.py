"""The shapes that the parts of the lab share: the clock, how a server connects, where it runs, what a server is.

A server of the lab is written only against `Place` and `Dial`. So it runs in a zone's network namespace, or alone on loopback
(`LoopbackPlace`) for the conformance run and for tests that need no namespaces.
"""

# ruff: noqa: ASYNC109  a Dial has a timeout of its own: it closes the socket when the time is over

from __future__ import annotations

import asyncio
import pathlib
import socket
from collections.abc import Mapping
from typing import Protocol

from lab.plan.datacenters import Zone


class Clock:
    """One factor for every pace of Triton: config-agent 60-180 s, binder's refresh 300 s, haproxy's check 10 s."""

    def __init__(self, factor: float = 0.01) -> None:
        self.factor = factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.factor)


class Dial(Protocol):
    """How a server connects to others, from its own zone's network namespace."""

    async def tcp(self, host: str, port: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to an address (not a name). Raises OSError or TimeoutError if there is no connection in `timeout` seconds."""
        ...

    async def udp(self, host: str, port: int, payload: bytes, timeout: float) -> bytes:
        """The first datagram that comes back. Raises OSError or TimeoutError if none comes in `timeout` seconds."""
        ...


class Place(Protocol):
    """Where a server runs: its zone, the zone's files on the host, the zone's network."""

    @property
    def zone(self) -> Zone: ...

    @property
    def root(self) -> pathlib.Path:
        """The zone's file system as the lab sees it: root / "opt/smartdc/binder/etc/config.json"."""
        ...

    @property
    def dial(self) -> Dial: ...

    @property
    def clock(self) -> Clock: ...

    def listen(self, port: int, host: str = "0.0.0.0", kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """A non-blocking socket, bound in the zone's network namespace, and listening if it is a stream."""
        ...


class Daemon(Protocol):
    """One server process as SMF sees it. It reads its rendered configuration files in start()."""

    async def start(self) -> None:
        """Return when it listens, or when it has begun its own waiting (like cloudapi). Raises if it cannot run."""
        ...

    async def stop(self) -> None:
        """Close listeners and open connections."""
        ...


def listening_socket(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A bound, non-blocking socket in the current network namespace, listening if it is a stream."""
    made = socket.socket(socket.AF_INET, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if kind == socket.SOCK_STREAM:  # so a device can be put between: see between.py
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((host, port))
        if kind == socket.SOCK_STREAM:
            made.listen(128)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


async def connect(
    made: socket.socket, host: str, port: int, timeout: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect a new, non-blocking TCP socket and wrap it in streams. Closes it if that fails."""
    try:
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().sock_connect(made, (host, port))
        return await asyncio.open_connection(sock=made)
    except BaseException:
        made.close()
        raise


async def exchange(made: socket.socket, host: str, port: int, payload: bytes, timeout: float) -> bytes:
    """Send one datagram over a non-blocking UDP socket and return the first answer. Closes the socket."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            await loop.sock_connect(made, (host, port))
            await loop.sock_sendall(made, payload)
            return await loop.sock_recv(made, 65535)
    finally:
        made.close()


class LoopbackDial:
    """Dials from the current namespace. Addresses and ports of the lab are mapped to those on loopback."""

    def __init__(self, addresses: Mapping[tuple[str, int], tuple[str, int]]) -> None:
        self.addresses = addresses

    def _mapped(self, host: str, port: int) -> tuple[str, int]:
        return self.addresses.get((host, port), (host, port))

    @staticmethod
    def _socket(kind: socket.SocketKind) -> socket.socket:
        made = socket.socket(socket.AF_INET, kind)
        made.setblocking(False)
        return made

    async def tcp(self, host: str, port: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await connect(self._socket(socket.SOCK_STREAM), *self._mapped(host, port), timeout)

    async def udp(self, host: str, port: int, payload: bytes, timeout: float) -> bytes:
        return await exchange(self._socket(socket.SOCK_DGRAM), *self._mapped(host, port), payload, timeout)


class LoopbackPlace:
    """A place without namespaces: it listens at `host`, and remembers in `addresses` where each port is.

    Several places may share `addresses`: where one listens, the others dial by the zone's admin address. A port P of the zone is bound to
    `ports[P]`, or to a free port if `ports` does not name it.
    """

    def __init__(
        self,
        zone: Zone,
        root: pathlib.Path,
        *,
        addresses: dict[tuple[str, int], tuple[str, int]] | None = None,
        ports: Mapping[int, int] | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.zone = zone
        self.root = root
        self.clock = clock or Clock()
        self.addresses: dict[tuple[str, int], tuple[str, int]] = {} if addresses is None else addresses
        self.dial: Dial = LoopbackDial(self.addresses)
        self._ports = dict(ports or {})
        self._host = host

    def listen(
        self,
        port: int,
        host: str = "0.0.0.0",
        kind: socket.SocketKind = socket.SOCK_STREAM,
    ) -> socket.socket:
        made = listening_socket(self._host, self._ports.get(port, 0), kind)
        taken = made.getsockname()[1]
        self._ports[port] = taken  # TCP and UDP of one port get the same number, also after a restart
        for nic in self.zone.nics:
            self.addresses[(nic.ip, port)] = (self._host, taken)
        return made
