"""The SSH server of a head node: whatever is typed runs in a real bash in the global zone's files and network.

OpenSSH's defaults hold (facts): at most 10 sessions per connection, and forwarding allowed. A forwarded connection starts in the head
node's own network. A refused or silent target fails the channel, as in sshd.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import pty
import signal
from collections.abc import Awaitable, Callable

import asyncssh
from asyncssh.stream import SSHTCPStreamSession

from lab.machine import roots
from lab.machine.machines import Machine

MAX_SESSIONS = 10
CONNECT_TIMEOUT = 60.0
CHUNK = 65536
MUCH = 4
"""A fault may break a connection with so many sessions: the suite has more at once, and a typed command has only one."""
Resolve = Callable[[Machine, str], Awaitable[str]]


def environment(machine: Machine, term: str | None = None) -> dict[str, str]:
    """The environment of root in a zone."""
    shown = (
        f"headnode ({machine.datacenter.name})"
        if machine.zone.role == "global"
        else (f"{machine.zone.uuid} ({machine.datacenter.name}:{machine.zone.alias})")
    )
    found = {
        "PATH": roots.SSH_PATH, "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/usr/bin/bash",
        "PS1": f"[root@{shown} \\w]# ",
    }  # fmt: skip
    return found | ({"TERM": term} if term else {})


def enter(machine: Machine, *command: str) -> list[str]:
    """The argv that runs `command` in a machine's network and files."""
    return [
        "nsenter", f"--net=/run/netns/{machine.namespace}", f"--root={machine.root}", f"--wd={machine.root}/root",
        "--", *command,
    ]  # fmt: skip


class SshServer:
    """`ssh root@HEADNODE`, port 22 of the external address. Faults may change the key, or refuse the login or the port."""

    def __init__(self, machine: Machine, key: asyncssh.SSHKey, client_key: str, resolve: Resolve) -> None:
        self.machine = machine
        self.key = key
        self.permits = True
        self.delay = 0.0  # on the lab's clock: how long until a session begins
        self.forwards = True  # AllowTcpForwarding
        self.forced = ""  # the command= of the operator's key, which is started in place of what is asked for
        self.broken: Callable[[asyncssh.SSHServerConnection], None] | None = (
            None  # called for a connection that asks much
        )
        self._client_keys = asyncssh.import_authorized_keys(client_key)
        self.nobody = asyncssh.import_authorized_keys(
            asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        )
        self._resolve = resolve
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self.host = self.machine.zone.external_ip or ""

    async def start(self) -> None:
        self._acceptor = await asyncssh.listen(
            sock=self.machine.listen(22, self.host),
            server_host_keys=[self.key],
            server_factory=lambda: _Connection(self),
            encoding=None,
            server_version="OpenSSH_8.0",
            login_timeout=30,
            compression_algs=["none"],
        )

    async def stop(self) -> None:
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is not None:
            acceptor.close()
            await acceptor.wait_closed()

    async def dial(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            address = str(ipaddress.ip_address(host))
        except ValueError:
            address = await self._resolve(self.machine, host)
        return await self.machine.dial.tcp(address, port, CONNECT_TIMEOUT)

    def authorized(self) -> asyncssh.SSHAuthorizedKeys:
        return self._client_keys if self.permits else self.nobody


class _Connection(asyncssh.SSHServer):
    def __init__(self, server: SshServer) -> None:
        self._server = server
        self._sessions = 0
        self._begun = 0
        self._conn: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn

    def begin_auth(self, username: str) -> bool:
        assert self._conn is not None
        self._conn.set_authorized_keys(self._server.authorized() if username == "root" else self._server.nobody)
        return True

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        self._begun += 1
        if self._begun >= MUCH and self._server.broken is not None and self._conn is not None:
            self._server.broken(self._conn)
        if self._sessions >= MAX_SESSIONS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed")
        self._sessions += 1
        return _Session(self._server, self._ended)

    def _ended(self) -> None:
        self._sessions -= 1

    def connection_requested(
        self,
        dest_host: str,
        dest_port: int,
        orig_host: str,
        orig_port: int,
    ) -> Awaitable[asyncssh.SSHTCPSession[bytes]]:
        return self._forward(dest_host, dest_port)

    async def _forward(self, host: str, port: int) -> asyncssh.SSHTCPSession[bytes]:
        if not self._server.forwards:  # the text is the same as for a host that is not there: serverloop.c
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")
        try:
            reader, writer = await self._server.dial(host, port)
        except (OSError, TimeoutError) as error:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, str(error) or "timed out") from error

        async def pump(near: asyncssh.SSHReader[bytes], back: asyncssh.SSHWriter[bytes]) -> None:
            await _both(_copy(near, writer), _copy(reader, back))
            writer.close()
            back.close()

        return SSHTCPStreamSession[bytes](pump)


class _Session(asyncssh.SSHServerProcess[bytes]):
    """One session channel. It counts itself, and runs one command or a shell."""

    def __init__(self, server: SshServer, ended: Callable[[], None]) -> None:
        super().__init__(self._run, None, 3, False)
        self._server = server
        self._machine = server.machine
        self._ended: Callable[[], None] | None = ended

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end()

    def _end(self) -> None:
        """Stop counting the session now: asyncssh may read the next request before it says that a channel is closed."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        if self._server.delay:
            await self._machine.clock.sleep(self._server.delay)
        if process.term_type and not self._server.forced:
            await _run_on_terminal(self._machine, process)
            return
        asked = {"SSH_ORIGINAL_COMMAND": process.command or ""} if self._server.forced else {}
        running = await asyncio.create_subprocess_exec(
            *enter(self._machine, *_shell(process, self._server.forced)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=environment(self._machine) | asked, start_new_session=True, limit=CHUNK * 4,
        )  # fmt: skip
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        into = asyncio.create_task(_copy(process.stdin, running.stdin))
        watch = asyncio.create_task(_hang_up(process, running))
        try:
            await _both(_copy(running.stdout, process.stdout, close=False),
                        _copy(running.stderr, process.stderr, close=False))  # fmt: skip
            code = await running.wait()
        finally:
            into.cancel()
            watch.cancel()
            _kill(running)
        self._end()
        _exit(process, code)


def _shell(process: asyncssh.SSHServerProcess[bytes], forced: str = "") -> list[str]:
    """root's shell runs a command, that of the key first. Without one it is a login, with everything that root's profile sets."""
    command = forced or process.command
    return ["/usr/bin/bash", "--login"] if command is None else ["/usr/bin/bash", "-c", command]


def _exit(process: asyncssh.SSHServerProcess[bytes], code: int) -> None:
    if code >= 0:
        process.exit(code)
    else:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))


async def _hang_up(process: asyncssh.SSHServerProcess[bytes], running: asyncio.subprocess.Process) -> None:
    await process.channel.wait_closed()
    _kill(running)


def _kill(running: asyncio.subprocess.Process) -> None:
    if running.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


async def _both(*ways: Awaitable[None]) -> None:
    await asyncio.gather(*ways)


async def _copy(
    source: asyncio.StreamReader | asyncssh.SSHReader[bytes],
    target: asyncio.StreamWriter | asyncssh.SSHWriter[bytes],
    *,
    close: bool = True,
) -> None:
    """Copy to the end, and pass the end on. If a side has gone, this ends quietly."""
    with contextlib.suppress(OSError, asyncssh.Error, EOFError, asyncssh.BreakReceived, asyncssh.SignalReceived):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    if close:
        with contextlib.suppress(OSError, asyncssh.Error):
            if target.can_write_eof():
                target.write_eof()
            else:
                target.close()


async def _run_on_terminal(machine: Machine, process: asyncssh.SSHServerProcess[bytes]) -> None:
    """A shell or command with a terminal, as `ssh -t` and a login want it."""
    near, far = pty.openpty()
    os.set_blocking(near, False)
    running = await asyncio.create_subprocess_exec(
        "setsid", "--ctty", *enter(machine, *_shell(process)),  # not the child of a group leader, so it need not fork
        stdin=far, stdout=far, stderr=far, env=environment(machine, process.term_type),
    )  # fmt: skip
    os.close(far)
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def readable() -> None:
        try:
            data = os.read(near, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last process on the terminal is gone
            data = b""
        if data:
            process.stdout.write(data)
        else:
            loop.remove_reader(near)
            done.set()

    async def typed() -> None:
        with contextlib.suppress(OSError, asyncssh.Error):
            while True:
                try:
                    data = await process.stdin.read(CHUNK)
                except asyncssh.TerminalSizeChanged:
                    continue
                if not data:
                    return
                os.write(near, data)

    loop.add_reader(near, readable)
    into = asyncio.create_task(typed())
    watch = asyncio.create_task(_hang_up(process, running))
    try:
        code = await running.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), 1)
    finally:
        into.cancel()
        watch.cancel()
        loop.remove_reader(near)
        os.close(near)
        _kill(running)
    _exit(process, code)
