"""The way to a head node that OpenSSH makes: its jumps (ProxyJump), or the operator's ProxyCommand as it is.

One process carries the bytes to the head node's SSH server. Each jump is a separate `ssh -W` with its own log. So it is known which host
failed, and why: advice about one host must never be given about another.
"""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import re
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evidence.collect.openssh import GRACE, PROGRAM, Settings, configuration, end, environment, files_of, quoted, shell
from evidence.collect.unanswered import UnansweredError, reason

MOST_SAID: Final = 4096
_CONNECTED = re.compile(r"^(?:debug1: )?Authenticat(?:ion succeeded|ed to )", re.MULTILINE)
_HARMLESS = re.compile(
    r"debug|Authenticated to |Warning: |OpenSSH_|Transferred: |Bytes per second|Killed by signal|\s*$"
)
"""Beginnings of lines that do not report a failure."""


@dataclass(frozen=True)
class Failed:
    """The host on the way that failed, by its `index`, and what `ssh` said about it."""

    index: int
    said: str
    connected: bool = False
    offered: int = 0


class Process:
    """The running process, and the socket that leads through it."""

    def __init__(self, process: asyncio.subprocess.Process, near: socket.socket, logs: _Logs) -> None:
        self.socket = near
        self._process, self._logs = process, logs
        self._said = bytearray()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self._process.stderr is not None
        while part := await self._process.stderr.read(65536):
            self._said += part[: max(0, MOST_SAID - len(self._said))]

    async def failed(self) -> Failed | None:
        """The first host on the way that failed; None if nobody reported a failure."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await asyncio.shield(self._reading)
        for index, text in enumerate(self._logs.texts()):
            said = "\n".join(line for line in text.splitlines() if not _HARMLESS.match(line))
            connected = _CONNECTED.search(text) is not None
            if said or (not connected and text):
                taken = "Server accepts key" in text  # and yet nobody could sign with it
                return Failed(index, said, connected, 0 if taken else text.count("debug1: Offering public key"))
        lines = self._said.decode("utf-8", "replace").split("\n")
        said = "; ".join(line.strip() for line in lines if line.strip())
        return Failed(-1, said) if said or self._process.returncode is not None else None

    async def close(self) -> None:
        self.socket.close()
        await end(self._process)
        self._reading.cancel()
        self._logs.close()


class _Logs:
    """A file for each jump, in a folder that only its owner can read, and that disappears with the connection."""

    def __init__(self, jumps: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="az-checks-ssh-") if jumps else None
        self._paths = [pathlib.Path(self._folder.name) / str(at) for at in range(jumps)] if self._folder else []

    def __getitem__(self, index: int) -> str:
        return str(self._paths[index])

    def texts(self) -> list[str]:
        found = []
        for path in self._paths:
            with contextlib.suppress(OSError):
                found.append(path.read_bytes()[-65536:].decode("utf-8", "replace"))
        return found

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()


async def start(way: Sequence[Settings], patience: float) -> Process | None:
    """Start what leads to the last host of a way. None if that one is connected to directly. Raises UnansweredError."""
    first = way[0].get("proxycommand", "none")
    if len(way) == 1 and first == "none":
        return None
    logs = _Logs(len(way) - 1)
    if len(way) == 1:
        command = [shell(), "-c", f"exec {way[0].expanded(first)}"]
    else:
        command = _through(way, logs, patience)
    near, far = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=far.fileno(),
            stdout=far.fileno(),
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=environment(),
        )
    except OSError as error:
        near.close()
        logs.close()
        raise UnansweredError(f"{command[0]} cannot be started on this machine: {reason(error)}") from error
    finally:
        far.close()
    return Process(process, near, logs)


def _through(way: Sequence[Settings], logs: _Logs, patience: float) -> list[str]:
    """`ssh -W` to the next to last host, which itself goes through the hosts before it. None of them asks anybody."""
    *before, via, last = way
    inner = ["-o", f"ProxyCommand={quoted(_through([*before, via], logs, patience))}"] if before else []
    limit = ["-o", f"ConnectTimeout={int(patience * 0.8)}"] if patience >= 2 else []
    return [
        PROGRAM, "-T", *configuration(), *files_of(via), "-E", logs[len(before)],
        "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=DEBUG1", *limit, *inner,
        "-W", f"[{last.host}]:{last.port}", *via.target.words,
    ]  # fmt: skip
