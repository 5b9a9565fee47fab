"""Logging in to a head node, by way of the jump hosts that `~/.ssh/config` names.

Nothing is asked of the terminal; `~/.ssh/config`, the agent and known_hosts are honoured; a host key that is not known
is refused, as ssh does.  Each host on the way is logged in to here, and not by the library, so that it is known whose
key was refused: advice about one host must never be given about another.
"""

from __future__ import annotations

import asyncio
import functools
import getpass
import pathlib
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncssh

from evidence.collect.ssh import HeadNode, Peer
from evidence.collect.unanswered import UnansweredError, reason
from evidence.inventory.model import Declared, Timeouts

Keys = tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]
SYSTEM_KNOWN_HOSTS: Final = pathlib.Path("/etc/ssh/ssh_known_hosts")
MOST_HOPS: Final = 8
KEEPALIVES: Final = 3
"""So many without an answer, each half a connect timeout after the other, and the connection counts as frozen."""


@dataclass(frozen=True)
class Hop:
    """A host on the way, as the inventory or ProxyJump names it."""

    shown: str
    user: str
    host: str
    port: int | None = None


def _hop(shown: str) -> Hop:
    """[USER@]HOST[:PORT], or ssh://….  The inventory's have no port."""
    bare = shown.strip().removeprefix("ssh://")
    user, _, place = bare.rpartition("@")
    found = re.fullmatch(r"\[?([^\[\]]+?)\]?(?::([0-9]{1,5}))?", place)
    if found is None:
        return Hop(shown, user, place)
    return Hop(shown, user, found[1], int(found[2]) if found[2] else None)


class _Route:
    """The way to a head node while it is gone; `hop`, `options` and `peer` are those of the host that is next."""

    def __init__(self, target: Hop, timeouts: Timeouts) -> None:
        self.target = self.hop = target
        self.options: asyncssh.SSHClientConnectionOptions | None = None
        self.peer = Peer()
        self.via = ""
        self.connections: list[asyncssh.SSHClientConnection] = []
        self._timeouts = timeouts

    async def reach(
        self, hop: Hop, through: asyncssh.SSHClientConnection | None = None, before: tuple[str, ...] = ()
    ) -> asyncssh.SSHClientConnection:
        """Logs in to a host, and first to those that ~/.ssh/config puts before it."""
        self.hop, self.options, self.peer = hop, None, Peer()
        if hop.host in before or len(before) >= MOST_HOPS:
            raise UnansweredError(
                f"~/.ssh/config goes round in a circle: ProxyJump of {before[-1]} leads to {hop.host}"
            )
        options = await _options(hop, self._timeouts)
        via = self.via if through is not None else ""
        if through is None and isinstance(options.tunnel, str):
            for name in options.tunnel.split(","):
                through = await self.reach(_hop(name), through, (*before, hop.host))
                self.via = via = name.strip()
        self.hop, self.options, self.peer, self.via = hop, options, Peer(), via
        peer = self.peer
        connection = await asyncssh.connect(
            hop.host,
            config=None,
            options=options,
            client_factory=lambda: peer,
            known_hosts=functools.partial(_matching, options),
            tunnel=through,
        )
        self.connections.append(connection)
        return connection

    @property
    def name(self) -> str:
        """The host that is next, for the operator."""
        if self.hop is self.target:
            return self.target.shown
        return f"{self.hop.shown} (a jump host on the way to {self.target.shown})"


async def connect(declared: Declared, timeouts: Timeouts) -> HeadNode:
    """Connects to a datacenter's head node.  Raises UnansweredError."""
    user, _, host = declared.headnode.rpartition("@")
    route = _Route(Hop(declared.headnode, user, host), timeouts)
    try:
        async with asyncio.timeout(timeouts.connect):
            connection = await route.reach(route.target)
            return HeadNode(connection, timeouts, route.peer, route.connections[:-1])
    except Exception as error:
        for opened in reversed(route.connections):
            opened.close()
        raise UnansweredError(_why(error, route, timeouts)) from None


async def _options(hop: Hop, timeouts: Timeouts) -> asyncssh.SSHClientConnectionOptions:
    configuration = pathlib.Path.home() / ".ssh/config"
    given: dict[str, Any] = {"username": hop.user} if hop.user else {}
    if hop.port is not None:
        given["port"] = hop.port
    options: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(
        host=hop.host,
        config=[str(configuration)] if configuration.is_file() else None,
        agent_forwarding=False,  # whatever ~/.ssh/config says: the head node gets neither agent, display nor terminal
        x11_forwarding=False,
        request_pty=False,
        compression_algs=["none"],
        keepalive_interval=min(timeouts.connect, timeouts.command / 2) / 2,
        keepalive_count_max=KEEPALIVES,
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


def _why(error: Exception, route: _Route, timeouts: Timeouts) -> str:
    """A sentence for the operator: what failed, at which host, and what he may do."""
    options, name = route.options, route.name
    host = str(getattr(options, "host", "") or route.hop.host)
    port = int(getattr(options, "port", 22) or 22)
    if isinstance(error, UnansweredError):
        return str(error)
    if isinstance(error, TimeoutError):
        if route.peer.connected:
            return f"{name} accepted the connection, but SSH was not ready within {timeouts.connect:g} s"
        return f"no answer from {name} within {timeouts.connect:g} s (is it up? is there a route, a firewall?)"
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _host_key(error, host, port, route)
    if isinstance(error, asyncssh.PermissionDenied):
        return _denied(route)
    if isinstance(error, asyncssh.ChannelOpenError) and route.via:
        return f"the jump host {route.via} could not connect to {name}: {reason(error)}"
    if isinstance(error, socket.gaierror):
        return f"the name {host} is unknown ({error.strerror}); neither DNS nor ~/.ssh/config has it"
    if isinstance(error, ConnectionRefusedError):
        return f"{name} refused the connection: nothing listens on port {port}"
    if isinstance(error, asyncssh.ConfigParseError):
        return f"~/.ssh/config cannot be used: {reason(error)}"
    return f"no connection to {name}: {reason(error)}"


def _denied(route: _Route) -> str:
    user = str(getattr(route.options, "username", "") or getpass.getuser())
    shown = route.hop.shown
    if route.options is not None and not route.options.client_keys and not route.options.agent_path:
        return (
            f"permission denied for {user} at {route.name}: no key was offered, for there is no agent and none of your "
            f"keys can be read without a passphrase (`ssh-add`, or `ssh -v {shown}` shows more)"
        )
    return f"permission denied for {user} at {route.name}: it accepts none of your keys (`ssh {shown}` shows more)"


def _host_key(error: Exception, host: str, port: int, route: _Route) -> str:
    shown = host if port == 22 else f"[{host}]:{port}"
    scan = f"{f'ssh {route.via} ' if route.via else ''}ssh-keyscan {'' if port == 22 else f'-p {port} '}{host}"
    scan += " >> ~/.ssh/known_hosts"
    whose = f"the host key of {shown}" + (
        "" if route.hop is route.target else f", a jump host on the way to {route.target.shown},"
    )
    if "revoked" in str(error):
        return f"{whose} is revoked in known_hosts"
    if _is_known(host, port, route.options):
        return (
            f"{whose} has changed: it is not the one in known_hosts.  Ask why (a new installation, or "
            f"somebody in between?); if that is settled: ssh-keygen -R '{shown}', then {scan}"
        )
    return f"{whose} is unknown.  Compare its fingerprint, then: {scan}"


def _is_known(host: str, port: int, options: asyncssh.SSHClientConnectionOptions | None) -> bool:
    """Whether known_hosts has any key of this host."""
    if options is None:
        return False
    try:
        trusted, authorities, _ = _known_keys(
            options, str(options.host_key_alias or host), None if port == 22 else port
        )
    except (OSError, ValueError):
        return False
    return bool([*trusted, *authorities])
