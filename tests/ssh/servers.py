"""SSH servers on loopback for the tests of logging in: a head node, jump hosts, and the operator's ~/.ssh."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

Key = asyncssh.SSHKey
MAX_AUTH_TRIES = 6


@functools.cache
def key(name: str, kind: str = "ssh-ed25519") -> Key:
    """The same key for the same name, because making one takes time."""
    return asyncssh.generate_private_key(kind, comment=name)


def public(one: Key) -> str:
    return one.export_public_key().decode().strip()


@dataclass
class Server:
    """A server that lets in the keys it knows, runs commands in a real shell, and may set limits like sshd."""

    host_keys: list[Any] = field(default_factory=lambda: [key("host")])
    lets_in: list[Key] = field(default_factory=lambda: [key("id")])
    authority: Key | None = None
    forwards: bool = True
    max_sessions: int = 10
    shell: str = "/bin/bash"
    home: str = "/nonexistent"
    banner: str = ""
    host: str = "127.0.0.1"
    answers: Callable[[str], str] | None = None
    """If set, it answers each command, and no command is run."""
    cut_at: tuple[int, ...] = ()
    """The numbers of the sessions, counted from the start, at which the connection is cut."""
    options: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    begun: int = 0
    most: int = 0
    connections: int = 0
    variables: dict[str, str] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        acceptor = await asyncssh.listen(
            self.host, self.port, server_factory=lambda: _Connection(self), server_host_keys=self.host_keys,
            encoding=None, **self.options,
        )  # fmt: skip
        self.port = acceptor.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            acceptor.close()

    async def process(self, process: asyncssh.SSHServerProcess[bytes], number: int) -> None:
        self.variables.update(process.env)
        if number in self.cut_at:
            process.channel.get_connection().abort()
            return
        try:
            if self.answers is not None:
                process.stdout.write(self.answers(process.command or "").encode())
                process.exit(0)
                return
            running = await asyncio.create_subprocess_exec(
                self.shell, "-c", process.command or "true",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env={"HOME": self.home, "SSH_CLIENT": "127.0.0.1 1 22", "SHLVL": "0", "PATH": os.defpath},
            )  # fmt: skip
            out, errors = await running.communicate(await process.stdin.read())
            process.stdout.write(out)
            process.stderr.write(errors)
            process.exit(running.returncode or 0)
        except (OSError, asyncssh.Error):
            pass  # the client went away


class _Connection(asyncssh.SSHServer):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._refused = self._sessions = 0

    def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
        self._connection = connection
        self._server.connections += 1

    def begin_auth(self, username: str) -> bool:
        if self._server.banner:
            self._connection.send_auth_banner(self._server.banner)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: Key) -> bool:
        if username == "root" and key.public_data in {each.public_data for each in self._server.lets_in}:
            return True
        self._refused += 1
        if self._refused >= MAX_AUTH_TRIES:
            self._connection.disconnect(asyncssh.DISC_PROTOCOL_ERROR, "Too many authentication failures")
        return False

    def validate_ca_key(self, username: str, key: Key) -> bool:
        return self._server.authority is not None and key.public_data == self._server.authority.public_data

    def session_requested(self) -> Any:
        if self._sessions >= self._server.max_sessions:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed")
        self._sessions += 1
        self._server.begun += 1
        self._server.most = max(self._server.most, self._sessions)
        return _Session(functools.partial(self._server.process, number=self._server.begun), self._ended)

    def _ended(self) -> None:
        self._sessions -= 1

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        if not self._server.forwards:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed")
        return True


class _Session(asyncssh.SSHServerProcess[bytes]):
    """A session that counts until it has ended."""

    def __init__(self, run: Any, ended: Callable[[], None]) -> None:
        super().__init__(run, None, 3, False)
        self._count_down: Callable[[], None] | None = ended

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        ended, self._count_down = self._count_down, None
        if ended is not None:
            ended()


class Home:
    """An operator's home, with a ~/.ssh."""

    def __init__(self, path: Path) -> None:
        self.path, self.ssh = path, path / ".ssh"
        self.ssh.mkdir(parents=True, mode=0o700)
        self.agents: list[Agent] = []

    def private(self, name: str, one: Key, passphrase: str | None = None, mode: int = 0o600) -> Path:
        path = self.ssh / name
        path.write_bytes(one.export_private_key())
        path.chmod(mode)
        if passphrase:
            subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", path], check=True)
        return path

    def public(self, name: str, one: Key) -> None:
        (self.ssh / name).write_text(public(one) + "\n")

    def knows(self, host: str, port: int, one: Key) -> None:
        with (self.ssh / "known_hosts").open("a") as file:
            file.write(f"[{host}]:{port} {public(one)}\n")


@dataclass
class Agent:
    """A real ssh-agent."""

    socket: Path
    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, folder: Path, keys: list[Path]) -> Agent:
        socket = folder / "agent"
        process = await asyncio.create_subprocess_exec(
            "ssh-agent", "-D", "-a", str(socket), stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(10):
            while not socket.exists():  # noqa: ASYNC110  it is another process that makes it
                await asyncio.sleep(0.01)
        adding = await asyncio.create_subprocess_exec(
            "ssh-add", "-q", *map(str, keys), env={**os.environ, "SSH_AUTH_SOCK": str(socket)}
        )
        assert await adding.wait() == 0
        return cls(socket, process)

    async def end(self) -> None:
        self.process.terminate()
        await self.process.wait()
