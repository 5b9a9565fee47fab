"""A head node that can be asked: it runs commands, and connects to the services of its datacenter.

Every failure becomes an UnansweredError with a sentence for the operator. A broken connection is made once more, and the questions under
way are asked again, which is safe because all of them only read. What stays broken is kept as a Trouble. So it is told once, and nobody
takes it for an answer of a service.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import asyncssh

from evidence.collect.line import Line
from evidence.collect.marked import Stream
from evidence.collect.sessions import Sessions
from evidence.collect.unanswered import AgainError, ClosedError, UnansweredError, reason
from evidence.headnode import CUT, FORWARDING, FROZEN, SESSIONS, Trouble
from evidence.inventory.model import Timeouts
from evidence.redact import cut

LARGEST: Final = 8 << 20
MOST_SHOWN: Final = 3
"""A sentence names so many of the places to which forwarding is refused."""
AT_ONCE_SECONDS: Final = 0.9
STILL_THERE: Final = "true"
"""The command that shows whether a connection is still alive."""


@dataclass(frozen=True)
class Output:
    """What a command printed. If it did not come to an end, `why` says why, and `code` is None."""

    stdout: bytes
    stderr: str
    code: int | None
    why: str = ""

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")


class HeadNode:
    """A head node over one connection; `again` makes another one."""

    def __init__(self, line: Line, timeouts: Timeouts, again: Callable[[], Awaitable[Line]]) -> None:
        self._line, self._timeouts, self._again = line, timeouts, again
        self._sessions = Sessions()
        self._looking, self._renewing = asyncio.Lock(), asyncio.Lock()
        self._there_at = self._renewed_at = 0.0
        self._answers = 0
        self._forbidden: set[str] = set()
        self._refused = self._no_shell = ""
        self._broken: Trouble | None = None

    @property
    def software(self) -> str:
        """The server's own version, such as "OpenSSH_9.8"."""
        return cut(str(self._line.connection.get_extra_info("server_version", "")))

    @property
    def at_once(self) -> int:
        """How many sessions it bears at once, as far as that was tried."""
        return self._sessions.most

    @property
    def lost(self) -> bool:
        """Whether the connection is gone for good, so nothing can be asked any more."""
        return self._broken is not None

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What was wrong with the head node so far and cost an answer."""
        found = []
        if self._broken is not None:
            found.append(Trouble(self._broken.kind, self._broken.detail, self._broken.since, self._answers))
        if self._forbidden:
            shown = sorted(self._forbidden)
            more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
            found.append(Trouble(FORWARDING, f"to {', '.join(shown[:MOST_SHOWN])}{more}"))
        if self._refused or (self._no_shell and not self._answers):
            found.append(Trouble(SESSIONS, self._refused or self._no_shell))
        return tuple(found)

    async def run(self, command: str, stdin: str = "") -> Output:
        """Run a command. If its time ends, or its output gets too long, what it printed before is not lost."""
        while True:
            line = self._line
            try:
                output = await self._run_over(line, command, stdin.encode())
            except AgainError:
                continue
            if not (output.why and line.lost and await self._renewed(line)):
                self._answers += not output.why
                return output

    async def _run_over(self, line: Line, command: str, stdin: bytes) -> Output:
        process = await self._begin(line, command)
        try:
            return await self._finish(line, process, stdin)
        finally:
            process.close()
            await self._sessions.close()
            await asyncio.sleep(0)  # asyncssh tells its client of a lost connection one turn later

    async def _begin(self, line: Line, command: str) -> asyncssh.SSHClientProcess[bytes]:
        await self._raise_if_lost(line)

        async def begin() -> asyncssh.SSHClientProcess[bytes]:
            async with asyncio.timeout(self._timeouts.command):
                return await self._start(line, command)

        try:
            return await self._sessions.open(begin)
        except TimeoutError:
            raise UnansweredError(f"the head node opened no session within {self._timeouts.command:g} s") from None
        except (asyncssh.Error, OSError) as error:
            await self._notice_loss(line)
            self._refused = reason(error)
            raise UnansweredError(f"the head node refused a session: {self._refused}") from None

    async def _finish(self, line: Line, process: asyncssh.SSHClientProcess[bytes], stdin: bytes) -> Output:
        out, errors = line.marker.stream(), line.marker.stream()
        parts: list[bytes] = []
        told = bytearray()
        why = ""
        try:
            async with asyncio.timeout(self._timeouts.command):
                drained = asyncio.ensure_future(_drain(process.stderr, errors, told))
                try:
                    with contextlib.suppress(BrokenPipeError, ConnectionError):
                        process.stdin.write(stdin)
                        process.stdin.write_eof()
                    size = 0
                    while part := await process.stdout.read(65536):
                        parts.append(out.answer(part))
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
        if not why and not out.begun:
            why, code = self._unmarked(out, errors), None
        return Output(b"".join(parts), bytes(told).decode("utf-8", "replace"), code, why)

    def _unmarked(self, out: Stream, errors: Stream) -> str:
        """Why a command ended without being started: a forced command, or a shell that starts none."""
        came = out.instead if out.instead != "''" else errors.instead
        said = f"instead of an answer came {came}" if came != "''" else "nothing at all came back"
        self._no_shell = f"no command is run: {said}"
        return f"was not run by the head node: {said}"

    async def connect(self, host: str, port: int) -> tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]:
        """Open a TCP connection from the head node to a service. Raises ClosedError if the head node cannot make one.

        Only one reason code of RFC 4254 means that it tried. OpenSSH's text is the same for a forwarding that it forbids.
        """
        while True:
            line = self._line
            try:
                await self._raise_if_lost(line)
                try:
                    opened = await line.connection.open_connection(host, port, encoding=None)
                except (asyncssh.Error, OSError) as error:
                    await self._notice_loss(line)
                    raise self._not_connected(error, f"{host}:{port}") from None
            except AgainError:
                continue
            self._answers += 1
            return opened

    def _not_connected(self, error: Exception, place: str) -> Exception:
        if not isinstance(error, asyncssh.ChannelOpenError):
            return UnansweredError(f"the connection to the head node broke: {reason(error)}")
        if error.code == asyncssh.OPEN_CONNECT_FAILED:
            self._answers += 1
            return ClosedError(_closed(error))
        self._forbidden.add(place)
        return UnansweredError("the head node's SSH server forbids forwarding to it")

    async def check(self, waited: float) -> None:
        """Call this after an answer that did not come. Raises UnansweredError if the head node itself does not answer.

        Raises AgainError if the connection broke meanwhile and there is a new one: then the question can be asked again. A frozen
        connection cannot be the reason for an answer that ended at once. Otherwise, whatever the head node says now (even a refusal) shows
        that it is there. A frozen connection ends by keepalive.
        """
        loop = asyncio.get_running_loop()
        line, arrived = self._line, loop.time()
        if self._renewed_at > arrived - waited:
            raise AgainError("the connection to the head node was made once more")
        await self._notice_loss(line)
        if waited < AT_ONCE_SECONDS:
            return
        async with self._looking:
            await self._raise_if_lost(line)
            if self._there_at >= arrived:
                return
            begun = loop.time()
            try:
                async with asyncio.timeout(self._timeouts.command):
                    process = await self._start(line, STILL_THERE)
                    process.stdin.write_eof()
                    await process.wait_closed()
            except TimeoutError:
                raise UnansweredError("the head node did not answer at that time") from None
            except (asyncssh.Error, OSError):
                await self._notice_loss(line)
            self._there_at = begun

    async def _start(self, line: Line, command: str) -> asyncssh.SSHClientProcess[bytes]:
        """Start a command. No command goes another way."""
        sent = line.marker.sent(command)
        process: asyncssh.SSHClientProcess[bytes] = await line.connection.create_process(sent, encoding=None)
        return process

    async def _notice_loss(self, line: Line) -> None:
        """Wait one turn: asyncssh tells its client of a lost connection one turn later than those who wait for an answer."""
        await asyncio.sleep(0)
        await self._raise_if_lost(line)

    async def _raise_if_lost(self, line: Line) -> None:
        """Raise AgainError if the connection is lost and there is a new one, UnansweredError if there is none."""
        if not line.lost:
            return
        if await self._renewed(line):
            raise AgainError("the connection to the head node was made once more")
        how = "froze" if line.peer.frozen else "was cut"
        raise UnansweredError(f"the connection to the head node {how} before this was answered")

    async def _renewed(self, line: Line) -> bool:
        """Whether a new connection replaces this lost one. It is made only once."""
        async with self._renewing:
            if self._line is not line:
                return True
            if self._renewed_at or self._broken is not None:
                self._give_up(line)
                return False
            try:
                self._line = await self._again()
            except UnansweredError:
                self._give_up(line)
                return False
            self._renewed_at = asyncio.get_running_loop().time()
        await line.close()
        return True

    def _give_up(self, line: Line) -> None:
        if self._broken is None:
            kind = FROZEN if line.peer.frozen else CUT
            self._broken = Trouble(kind, line.peer.lost, line.peer.since)

    async def close(self) -> None:
        await self._line.close()


async def _drain(stream: asyncssh.SSHReader[bytes], marked: Stream, into: bytearray) -> None:
    """Read a stream to its end, and keep the first 4 KiB of the answer."""
    while part := await stream.read(65536):
        into += marked.answer(part)[: max(0, 4096 - len(into))]


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
