"""One SSH connection per head node: commands, and connections from the head node to the services of its datacenter.

Every failure becomes an UnansweredError with a sentence for the operator.  What goes wrong with the connection itself is
kept as a Trouble: it is told once, and nobody takes it for an answer of a service.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncssh

from evidence.collect.unanswered import ClosedError, UnansweredError, reason
from evidence.headnode import CUT, FORWARDING, FROZEN, SESSIONS, Trouble
from evidence.inventory.model import Timeouts
from evidence.redact import cut
from evidence.subjects.triton import EXPORT_PATH

AT_ONCE: Final = 8
"""Commands at once over one connection: OpenSSH's MaxSessions is 10 by default."""
LARGEST: Final = 8 << 20
MOST_SHOWN: Final = 3
"""Of the places that forwarding is refused to."""
AT_ONCE_SECONDS: Final = 0.9
STILL_THERE: Final = "true"
"""What is run to see whether a connection is still alive."""


@dataclass(frozen=True)
class Output:
    """What a command printed.  `why` says why it did not come to an end, if so; then `code` is None."""

    stdout: bytes
    stderr: str
    code: int | None
    why: str = ""

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")


class Peer(asyncssh.SSHClient):
    """Remembers whether the TCP connection came to be, and when and how it was lost."""

    connected = False
    lost = ""
    frozen = False
    since = ""
    closing = False

    def connection_made(self, _: asyncssh.SSHClientConnection) -> None:
        self.connected = True

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closing:
            self.lost = reason(error) if error is not None else "it was closed"
            self.frozen = "keepalive" in self.lost
            self.since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def sent(command: str) -> str:
    """What is really sent for a command: all of them pass here."""
    return EXPORT_PATH + command


class HeadNode:
    """An open connection to a head node, by way of `hops`."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        timeouts: Timeouts,
        peer: Peer,
        hops: Sequence[asyncssh.SSHClientConnection] = (),
    ) -> None:
        self._connection, self._timeouts, self._peer, self._hops = connection, timeouts, peer, hops
        self._sessions = asyncio.Semaphore(AT_ONCE)
        self._looking = asyncio.Lock()
        self._there_at = 0.0
        self._answers = 0
        self._forbidden: set[str] = set()
        self._refused = ""

    @property
    def software(self) -> str:
        """What the server says of itself, such as "OpenSSH_9.8"."""
        return cut(str(self._connection.get_extra_info("server_version", "")))

    @property
    def lost(self) -> bool:
        """Whether the connection is gone: nothing can be asked any more."""
        return bool(self._peer.lost)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What was wrong with the connection so far."""
        found = []
        if self._peer.lost:
            kind = FROZEN if self._peer.frozen else CUT
            found.append(Trouble(kind, self._peer.lost, self._peer.since, self._answers))
        if self._forbidden:
            shown = sorted(self._forbidden)
            more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
            found.append(Trouble(FORWARDING, f"to {', '.join(shown[:MOST_SHOWN])}{more}"))
        if self._refused:
            found.append(Trouble(SESSIONS, self._refused))
        return tuple(found)

    async def run(self, command: str, stdin: str = "") -> Output:
        """Runs a command.  What it printed until its time was over, or its output too long, is not lost."""
        async with self._sessions:
            process = await self._begin(command)
            try:
                output = await self._finish(process, stdin.encode())
            finally:
                process.close()
        self._answers += not output.why
        return output

    async def _begin(self, command: str) -> asyncssh.SSHClientProcess[bytes]:
        self._raise_if_lost()
        try:
            async with asyncio.timeout(self._timeouts.command):
                return await self._start(command)
        except TimeoutError:
            raise UnansweredError(f"the head node opened no session within {self._timeouts.command:g} s") from None
        except (asyncssh.Error, OSError) as error:
            await self._notice_loss()
            self._refused = reason(error)
            raise UnansweredError(f"the head node refused a session: {self._refused}") from None

    async def _finish(self, process: asyncssh.SSHClientProcess[bytes], stdin: bytes) -> Output:
        parts: list[bytes] = []
        errors = bytearray()
        why = ""
        try:
            async with asyncio.timeout(self._timeouts.command):
                drained = asyncio.ensure_future(_drain(process.stderr, errors))
                try:
                    with contextlib.suppress(BrokenPipeError, ConnectionError):
                        process.stdin.write(stdin)
                        process.stdin.write_eof()
                    size = 0
                    while part := await process.stdout.read(65536):
                        parts.append(part)
                        size += len(part)
                        if size > LARGEST:
                            why = f"printed more than {LARGEST >> 20} MiB, and was stopped"
                            break
                    else:
                        await drained
                        await process.wait_closed()
                finally:
                    drained.cancel()
        except TimeoutError:
            why = f"did not end within {self._timeouts.command:g} s"
        except (asyncssh.Error, OSError) as error:
            why = f"lost its connection: {reason(error)}"
        code = None if why else process.exit_status
        if not why and code is None:
            why = "lost its connection before it ended"
        return Output(b"".join(parts), bytes(errors).decode("utf-8", "replace"), code, why)

    async def connect(self, host: str, port: int) -> tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]:
        """A TCP connection from the head node to a service.  Raises ClosedError if the head node cannot make one.

        Only one reason code of RFC 4254 says that it tried; OpenSSH's text is the same for a forwarding that it forbids.
        """
        self._raise_if_lost()
        try:
            opened = await self._connection.open_connection(host, port, encoding=None)
        except asyncssh.ChannelOpenError as error:
            await self._notice_loss()
            if error.code == asyncssh.OPEN_CONNECT_FAILED:
                self._answers += 1
                raise ClosedError(_closed(error)) from None
            self._forbidden.add(f"{host}:{port}")
            raise UnansweredError("the head node's SSH server forbids forwarding to it") from None
        except (asyncssh.Error, OSError) as error:
            await self._notice_loss()
            raise UnansweredError(f"the connection to the head node broke: {reason(error)}") from None
        self._answers += 1
        return opened

    async def check(self, waited: float) -> None:
        """After an answer that did not come.  Raises UnansweredError if it is the head node that does not answer.

        What came to an end at once, a frozen connection did not end.  Else whatever the head node says now, also a refusal,
        shows that it is there; a frozen one ends by keepalive.
        """
        loop = asyncio.get_running_loop()
        arrived = loop.time()
        await self._notice_loss()
        if waited < AT_ONCE_SECONDS:
            return
        async with self._looking:
            self._raise_if_lost()
            if self._there_at >= arrived:
                return
            begun = loop.time()
            try:
                async with asyncio.timeout(self._timeouts.command):
                    process = await self._start(STILL_THERE)
                    process.stdin.write_eof()
                    await process.wait_closed()
            except TimeoutError:
                raise UnansweredError("the head node did not answer at that time") from None
            except (asyncssh.Error, OSError):
                await self._notice_loss()
            self._there_at = begun

    async def _start(self, command: str) -> asyncssh.SSHClientProcess[bytes]:
        """The one door through which a command goes."""
        process: asyncssh.SSHClientProcess[bytes] = await self._connection.create_process(sent(command), encoding=None)
        return process

    async def _notice_loss(self) -> None:
        """asyncssh tells its client of a lost connection one turn later than those who wait for an answer."""
        await asyncio.sleep(0)
        self._raise_if_lost()

    def _raise_if_lost(self) -> None:
        if self._peer.lost:
            how = "froze" if self._peer.frozen else "was cut"
            raise UnansweredError(f"the connection to the head node {how} before this was answered")

    async def close(self) -> None:
        self._peer.closing = True
        for connection in (self._connection, *reversed(self._hops)):
            connection.close()
            with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await connection.wait_closed()


async def _drain(stream: asyncssh.SSHReader[bytes], into: bytearray) -> None:
    """Reads a stream to its end and keeps the first 4 KiB."""
    while part := await stream.read(65536):
        into += part[: max(0, 4096 - len(into))]


def _closed(error: asyncssh.ChannelOpenError) -> str:
    text = " ".join(str(error.reason).split())[:200]
    lower = text.lower()
    if "refused" in lower:
        return "connection refused"
    if "unreachable" in lower or "no route" in lower:
        return "no route to host"
    if "timed out" in lower:
        return "connection timed out"
    return cut(text) or "the head node could not connect"
