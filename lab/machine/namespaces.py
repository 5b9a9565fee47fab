"""Network namespaces: sockets in them, `ip` for them, their routes.

Every zone, head node and router is a network namespace with the name of its id. `ip netns` keeps them under /run/netns, which is a tmpfs of
the lab.
"""

# ruff: noqa: ASYNC109  a Dial has a timeout of its own: it closes the socket when the time is over

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping

from lab.machine import kinds

NETNS = "/run/netns"
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class NetworkError(Exception):
    """`ip` refused something. The message is that of `ip`."""


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Put the calling thread into `namespace` for the duration. Nothing may be awaited in it.

    A socket keeps the namespace in which it was made. A namespace belongs to a thread, so other threads are not disturbed.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"{NETNS}/{namespace}", os.O_RDONLY)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def socket_in(
    namespace: str,
    family: socket.AddressFamily = socket.AF_INET,
    kind: socket.SocketKind = socket.SOCK_STREAM,
    protocol: int = 0,
) -> socket.socket:
    """A new non-blocking socket that lives in `namespace`."""
    with inside(namespace):
        made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made


def listen_in(
    namespace: str, port: int, host: str = "0.0.0.0", kind: socket.SocketKind = socket.SOCK_STREAM
) -> socket.socket:
    """A bound, non-blocking socket in `namespace`, listening if it is a stream."""
    with inside(namespace):
        return kinds.listening_socket(host, port, kind)


class NamespaceDial:
    """`Dial` from one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    async def tcp(self, host: str, port: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await kinds.connect(socket_in(self.namespace), host, port, timeout)

    async def udp(self, host: str, port: int, payload: bytes, timeout: float) -> bytes:
        made = socket_in(self.namespace, kind=socket.SOCK_DGRAM)
        return await kinds.exchange(made, host, port, payload, timeout)


def ip(arguments: Iterable[str]) -> str:
    """Run `ip` once; returns what it printed."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NetworkError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def begin_batch(lines: Iterable[str], namespace: str | None = None) -> subprocess.Popen[str]:
    where = ["-n", namespace] if namespace else []
    process = subprocess.Popen(
        ["ip", *where, "-batch", "-"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write("\n".join(lines) + "\n")
    process.stdin.close()
    return process


def finish_batch(process: subprocess.Popen[str], what: str) -> None:
    assert process.stderr is not None
    said = process.stderr.read()
    if process.wait() != 0:
        raise NetworkError(f"{what}: {said.strip()}")


def run_batch(lines: Iterable[str], namespace: str | None = None) -> None:
    """Run several `ip` commands in one process, in `namespace` if one is given."""
    finish_batch(begin_batch(lines, namespace), f"ip -batch in {namespace or 'the lab'}")


def set_routes(namespace: str, add: Mapping[str, str], remove: Iterable[str] = ()) -> None:
    """Put routes {destination: gateway} into a namespace's kernel and remove others. Removing an absent one is not an error."""
    present = set(routes(namespace))
    lines = [f"route del {to}" for to in remove if (to if "/" in to or to == "default" else f"{to}/32") in present]
    lines += [f"route replace {to} via {gateway}" for to, gateway in add.items()]
    if lines:
        run_batch(lines, namespace)


def routes(namespace: str) -> dict[str, tuple[str | None, str]]:
    """The kernel's table: destination ("default", "10.2.1.0/24", "10.2.2.29/32") → gateway, interface."""
    found: dict[str, tuple[str | None, str]] = {}
    for line in ip(["-n", namespace, "-4", "route", "show"]).splitlines():
        words = line.split()
        to = words[0]
        if to in {"blackhole", "unreachable"}:
            continue
        if "/" not in to and to != "default":
            to += "/32"
        gateway = words[words.index("via") + 1] if "via" in words else None
        found[to] = (gateway, words[words.index("dev") + 1] if "dev" in words else "")
    return found
