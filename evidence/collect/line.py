"""One SSH connection, and everything that must be closed with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncssh

from evidence.collect.hops import Process
from evidence.collect.keys import Identities
from evidence.collect.marked import Marker
from evidence.collect.unanswered import reason


class Peer(asyncssh.SSHClient):
    """Offers the operator's keys, and remembers what happened to the connection."""

    def __init__(self, identities: Identities | None = None) -> None:
        self._keys = list(identities.offered) if identities is not None else []
        self.offered = 0
        self.exhausted = False
        """Whether the server asked for more keys than there are. If a login ends before that, the keys were not all refused."""
        self.shown: asyncssh.SSHKey | None = None
        """The host key that was not trusted."""
        self.connected = self.let_in = False
        self.lost, self.frozen, self.since = "", False, ""
        self.closing = False

    def connection_made(self, _: asyncssh.SSHClientConnection) -> None:
        self.connected = True

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.shown = key
        return False

    def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        if not self._keys:
            self.exhausted = True
            return None
        self.offered += 1
        return self._keys.pop(0)

    def auth_completed(self) -> None:
        self.let_in = True

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closing:
            self.lost = reason(error) if error is not None else "it was closed"
            self.frozen = "keepalive" in self.lost
            self.since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Line:
    """An open connection to a head node, through `hops` or a process."""

    connection: asyncssh.SSHClientConnection
    peer: Peer
    hops: Sequence[asyncssh.SSHClientConnection] = ()
    process: Process | None = None
    marker: Marker = field(default_factory=Marker)

    @property
    def lost(self) -> bool:
        return bool(self.peer.lost)

    async def close(self) -> None:
        self.peer.closing = True
        for connection in (self.connection, *reversed(self.hops)):
            connection.close()
            with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await connection.wait_closed()
        if self.process is not None:
            await self.process.close()
