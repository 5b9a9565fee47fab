"""One SSH connection per head node: commands, and connections from the head node to the services of its datacenter.

Nothing is asked of the terminal; `~/.ssh/config`, the agent and known_hosts are honoured; a host key that is not known
is refused, as ssh does.  Every failure becomes an UnansweredError with a sentence for the operator.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import getpass
import math
import pathlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import asyncssh

from evidence.inventory import Declared, Timeouts
from evidence.redact import cut

SESSIONS: Final = 8
"""Commands at once over one connection: OpenSSH's MaxSessions is 10 by default."""
LARGEST: Final = 8 << 20
Keys = tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]
LARGEST_TUNNELLED: Final = 16 << 20
"""Of what a service sends through a tunnel: no library behind it may be made to fill the memory."""
SYSTEM_KNOWN_HOSTS: Final = pathlib.Path("/etc/ssh/ssh_known_hosts")


class UnansweredError(Exception):
    """A question could not be put, or no answer came.  Its text says why."""


class ClosedError(Exception):
    """The head node could not connect to a service (that is an answer).  Its text says what it said."""


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


class Way(Protocol):
    """How services are reached: from a head node, or from here."""

    async def connect(self, host: str, port: int) -> tuple[Any, Any]:
        """A TCP connection to a service.  Raises ClosedError or UnansweredError."""

    def tunnel(self, host: str, port: int, most: int = ...) -> contextlib.AbstractAsyncContextManager[Tunnel]:
        """See HeadNode.tunnel."""


class HeadNode:
    """An open connection to a head node."""

    def __init__(self, connection: asyncssh.SSHClientConnection, timeouts: Timeouts) -> None:
        self._connection = connection
        self._timeouts = timeouts
        self._sessions = asyncio.Semaphore(SESSIONS)

    @property
    def software(self) -> str:
        """What the server says of itself, such as "OpenSSH_9.8"."""
        return cut(str(self._connection.get_extra_info("server_version", "")))

    async def run(self, command: str, stdin: str = "") -> Output:
        """Runs a command.  What it printed until its time was over, or its output too long, is not lost."""
        async with self._sessions:
            try:
                async with asyncio.timeout(self._timeouts.command):
                    process = await self._connection.create_process(command, encoding=None)
            except TimeoutError:
                raise UnansweredError(f"the head node opened no session within {self._timeouts.command:g} s") from None
            except (asyncssh.Error, OSError) as error:
                raise UnansweredError(f"the connection to the head node broke: {_reason(error)}") from None
            try:
                return await self._finish(process, stdin.encode())
            finally:
                process.close()

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
            why = f"lost its connection: {_reason(error)}"
        code = None if why else process.exit_status
        if not why and code is None:
            why = "lost its connection before it ended"
        return Output(b"".join(parts), bytes(errors).decode("utf-8", "replace"), code, why)

    async def connect(self, host: str, port: int) -> tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]:
        """A TCP connection from the head node to a service.  Raises ClosedError if the head node cannot make one."""
        try:
            return await self._connection.open_connection(host, port, encoding=None)
        except asyncssh.ChannelOpenError as error:
            raise ClosedError(_closed(error)) from None
        except (asyncssh.Error, OSError) as error:
            raise UnansweredError(f"the connection to the head node broke: {_reason(error)}") from None

    @contextlib.asynccontextmanager
    async def tunnel(self, host: str, port: int, most: int = LARGEST_TUNNELLED) -> AsyncIterator[Tunnel]:
        """A port on 127.0.0.1 that takes one connection, and passes it on to a service.  Closed with the block.

        Of what the service sends, `most` bytes are handed on.
        """
        tunnel = Tunnel(self, host, port, most)
        await tunnel.open()
        try:
            yield tunnel
        finally:
            await tunnel.close()

    async def close(self) -> None:
        self._connection.close()
        with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._connection.wait_closed()


async def _drain(stream: asyncssh.SSHReader[bytes], into: bytearray) -> None:
    """Reads a stream to its end and keeps the first 4 KiB."""
    while part := await stream.read(65536):
        into += part[: max(0, 4096 - len(into))]


class Tunnel:
    """See HeadNode.tunnel.  `failure` holds why the head node could not connect, if it could not."""

    def __init__(self, head: Way, host: str, port: int, most: int) -> None:
        self._head, self._host, self._target, self._most = head, host, port, most
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._taken = False
        self.failure: Exception | None = None
        self.port = 0

    async def open(self) -> None:
        try:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, family=socket.AF_INET)
        except OSError as error:
            raise UnansweredError(f"no port could be opened on this machine: {_reason(error)}") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Only the first connection is ours: nobody else on this machine is let into the admin network."""
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
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer, self._most))
            finally:
                far_writer.close()
        except (asyncio.CancelledError, asyncssh.Error, OSError):
            pass  # the tunnel is closed, or one of its ends is
        finally:
            writer.transport.abort() if self.failure else writer.close()


async def _pump(reader: Any, writer: Any, most: float = math.inf) -> None:
    """Copies until the end, or until it is more than `most` bytes, and passes the end on."""
    while most > 0 and (data := await reader.read(65536)):
        most -= len(data)
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def connect(declared: Declared, timeouts: Timeouts) -> HeadNode:
    """Connects to a datacenter's head node.  Raises UnansweredError."""
    user, _, host = declared.headnode.rpartition("@")
    options: asyncssh.SSHClientConnectionOptions | None = None
    peer = _Peer()
    try:
        async with asyncio.timeout(timeouts.connect):
            options = await _options(user, host)
            known = functools.partial(_matching, options)
            connection = await asyncssh.connect(
                host, config=None, options=options, client_factory=lambda: peer, known_hosts=known
            )
            return HeadNode(connection, timeouts)
    except Exception as error:
        raise UnansweredError(_why(error, declared.headnode, host, options, timeouts, peer)) from None


class _Peer(asyncssh.SSHClient):
    """Remembers whether the TCP connection came to be, so that a timeout can be told in full."""

    connected = False

    def connection_made(self, _: asyncssh.SSHClientConnection) -> None:
        self.connected = True


async def _options(user: str, host: str) -> asyncssh.SSHClientConnectionOptions:
    configuration = pathlib.Path.home() / ".ssh/config"
    given: dict[str, Any] = {"username": user} if user else {}
    options: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(
        host=host,
        config=[str(configuration)] if configuration.is_file() else None,
        agent_forwarding=False,  # whatever ~/.ssh/config says: the head node gets neither agent, display nor terminal
        x11_forwarding=False,
        request_pty=False,
        compression_algs=["none"],
        keepalive_interval=10,
        connect_timeout=None,
        login_timeout=0,
        **given,
    )
    return options


def _matching(options: asyncssh.SSHClientConnectionOptions, host: str, _address: str, port: int | None) -> Keys:
    return _known_keys(options, host, port)


def _known_keys(options: asyncssh.SSHClientConnectionOptions, host: str, port: int | None) -> Keys:
    """The keys that known_hosts has for a name: trusted, certificate authorities, revoked.

    By its name alone, not by its address, as OpenSSH does.  `UserKnownHostsFile none` does not switch the refusal off.
    """
    named = options.known_hosts
    if isinstance(named, (list, tuple)) and named:
        files = [pathlib.Path(str(name)).expanduser() for name in named]
    else:
        files = [pathlib.Path.home() / ".ssh/known_hosts", SYSTEM_KNOWN_HOSTS] if named is not None else []
    found = [str(path) for path in files if path.is_file()]
    if not found:
        return [], [], []
    trusted, authorities, revoked, *_ = asyncssh.match_known_hosts(found, host, "", port)
    return trusted, authorities, revoked


def _why(
    error: Exception,
    headnode: str,
    host: str,
    options: asyncssh.SSHClientConnectionOptions | None,
    timeouts: Timeouts,
    peer: _Peer,
) -> str:
    """A sentence for the operator: what failed, and what he may do."""
    name = str(getattr(options, "host", "") or host)
    port = int(getattr(options, "port", 22) or 22)
    if isinstance(error, TimeoutError):
        if peer.connected:
            return f"{headnode} accepted the connection, but SSH was not ready within {timeouts.connect:g} s"
        return f"no answer from {headnode} within {timeouts.connect:g} s (is it up? is there a route, a firewall?)"
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _host_key(error, name, port, options)
    if isinstance(error, asyncssh.PermissionDenied):
        user = str(getattr(options, "username", "") or getpass.getuser())
        return f"permission denied for {user} at {headnode}: it accepts none of your keys (`ssh {headnode}` shows more)"
    if isinstance(error, socket.gaierror):
        return f"the name {name} is unknown ({error.strerror}); neither DNS nor ~/.ssh/config has it"
    if isinstance(error, ConnectionRefusedError):
        return f"{headnode} refused the connection: nothing listens on port {port}"
    if isinstance(error, asyncssh.ConfigParseError):
        return f"~/.ssh/config cannot be used: {_reason(error)}"
    return f"no connection to {headnode}: {_reason(error)}"


def _host_key(
    error: Exception,
    host: str,
    port: int,
    options: asyncssh.SSHClientConnectionOptions | None,
) -> str:
    shown = host if port == 22 else f"[{host}]:{port}"
    scan = f"ssh-keyscan {'' if port == 22 else f'-p {port} '}{host} >> ~/.ssh/known_hosts"
    if "revoked" in str(error):
        return f"the host key of {shown} is revoked in known_hosts"
    known: Any = ()
    if options is not None:
        try:
            trusted, authorities, _ = _known_keys(
                options, str(options.host_key_alias or host), None if port == 22 else port
            )
            known = [*trusted, *authorities]
        except (OSError, ValueError):
            known = ()
    if known:
        return (
            f"the host key of {shown} has changed: it is not the one in known_hosts.  Ask why (a new installation, or "
            f"somebody in between?); if that is settled: ssh-keygen -R '{shown}', then {scan}"
        )
    return f"the host key of {shown} is unknown.  Compare its fingerprint, then: {scan}"


def _closed(error: asyncssh.ChannelOpenError) -> str:
    text = " ".join(str(error.reason).split())[:200]
    lower = text.lower()
    if "refused" in lower:
        return "connection refused"
    if "unreachable" in lower or "no route" in lower:
        return "no route to host"
    if "timed out" in lower:
        return "connection timed out"
    if "prohibited" in lower:
        return "the head node's SSH server does not allow forwarding (AllowTcpForwarding)"
    return cut(text) or "the head node could not connect"


def _reason(error: Exception) -> str:
    text = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
    return cut(" ".join(str(text).split())[:300]) or type(error).__name__
