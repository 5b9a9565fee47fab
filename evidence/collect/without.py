"""Logs in where there is no `ssh`: the library reads ~/.ssh/config itself, and makes the jumps.

It understands less of that file than OpenSSH does. So whatever fails here also says that this machine has no `ssh`. The suite logs in to
each host on the way itself, so it is known which host refused a key.
"""

from __future__ import annotations

import asyncio
import getpass
import pathlib
import socket
from typing import Any, Final

import asyncssh

from evidence.collect import refused
from evidence.collect.attempt import plain
from evidence.collect.known import Known, known
from evidence.collect.line import Line, Peer
from evidence.collect.openssh import MOST_HOPS, Host, target
from evidence.collect.unanswered import UnansweredError, reason
from evidence.inventory.model import Timeouts

SYSTEM_KNOWN_HOSTS: Final = pathlib.Path("/etc/ssh/ssh_known_hosts")
NO_SSH: Final = "there is no `ssh` on this machine, and without it ~/.ssh/config is understood in part only"
Options = asyncssh.SSHClientConnectionOptions


async def line(last: Host, timeouts: Timeouts) -> Line:
    """Connect to the head node. Raises UnansweredError."""
    route = _Route(last, timeouts)
    try:
        async with asyncio.timeout(timeouts.connect):
            connection = await route.reach(route.target)
            return Line(connection, route.peer, route.connections[:-1])
    except Exception as error:
        for opened in reversed(route.connections):
            opened.close()
        raise UnansweredError(f"{_why(error, route)} ({NO_SSH})") from None


class _Route:
    """The way to a head node while it is being made. `hop`, `options` and `peer` belong to the next host."""

    def __init__(self, last: Host, timeouts: Timeouts) -> None:
        self.target = self.hop = last
        self.options: Options | None = None
        self.known = Known()
        self.peer = Peer()
        self.via = ""
        self.connections: list[asyncssh.SSHClientConnection] = []
        self.timeouts = timeouts

    async def reach(
        self, hop: Host, through: asyncssh.SSHClientConnection | None = None, before: tuple[str, ...] = ()
    ) -> asyncssh.SSHClientConnection:
        """Log in to a host, after the hosts that ~/.ssh/config puts before it."""
        self.hop, self.options, self.peer = hop, None, Peer()
        if hop.host in before or len(before) >= MOST_HOPS:
            raise UnansweredError(
                f"~/.ssh/config goes round in a circle: ProxyJump of {before[-1]} leads to {hop.host}"
            )
        options = await _options(hop, self.timeouts)
        via = self.via if through is not None else ""
        if through is None and isinstance(options.tunnel, str):
            for name in options.tunnel.split(","):
                through = await self.reach(target(name), through, (*before, hop.host))
                self.via = via = name.strip()
        self.hop, self.options, self.peer, self.via = hop, options, Peer(), via
        self.known = found = known(_files(options), options.host, options.port, str(options.host_key_alias or ""))
        peer = self.peer
        connection = await asyncssh.connect(
            hop.host,
            config=None,
            options=options,
            client_factory=lambda: peer,
            known_hosts=lambda *_: found.keys,
            tunnel=through,
        )
        self.connections.append(connection)
        return connection

    @property
    def name(self) -> str:
        """The next host, as the operator reads it."""
        if self.hop is self.target:
            return self.target.shown
        return f"{self.hop.shown} (a jump host on the way to {self.target.shown})"


async def _options(hop: Host, timeouts: Timeouts) -> Options:
    configuration = pathlib.Path.home() / ".ssh/config"
    given: dict[str, Any] = {"username": hop.user} if hop.user else {}
    if hop.port is not None:
        given["port"] = hop.port
    fixed = {key: value for key, value in plain(timeouts).items() if key not in ("client_keys", "agent_path")}
    read = [str(configuration)] if configuration.is_file() else None
    options: Options = await Options.construct(host=hop.host, config=read, **fixed, **given)
    return options


def _files(options: Options) -> list[pathlib.Path]:
    named = options.known_hosts
    if isinstance(named, (list, tuple)) and named:
        return [pathlib.Path(str(name)).expanduser() for name in named]
    return [pathlib.Path.home() / ".ssh/known_hosts", SYSTEM_KNOWN_HOSTS] if named is not None else []


def _why(error: Exception, route: _Route) -> str:
    """A sentence for the operator: what failed, at which host, and what the operator may do."""
    options, name = route.options, route.name
    host = str(getattr(options, "host", "") or route.hop.host)
    port = int(getattr(options, "port", 22) or 22)
    limit = f"{route.timeouts.connect:g} s"
    if isinstance(error, UnansweredError):
        return str(error)
    if isinstance(error, TimeoutError):
        return refused.not_ready(name, limit) if route.peer.connected else refused.no_answer(name, limit)
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _host_key(error, host, port, route)
    if isinstance(error, asyncssh.PermissionDenied):
        return _denied(route)
    if isinstance(error, asyncssh.ChannelOpenError) and route.via:
        return f"the jump host {route.via} could not connect to {name}: {reason(error)}"
    if isinstance(error, socket.gaierror):
        return refused.unknown_name(host, str(error.strerror))
    if isinstance(error, ConnectionRefusedError):
        return refused.refused(name, port)
    if isinstance(error, asyncssh.ConfigParseError):
        return f"~/.ssh/config cannot be used: {reason(error)}"
    return f"no connection to {name}: {reason(error)}"


def _denied(route: _Route) -> str:
    user = str(getattr(route.options, "username", "") or getpass.getuser())
    said = f"permission denied for {user} at {route.name}: "
    if route.options is not None and not route.options.client_keys and not route.options.agent_path:
        return f"{said}no key was offered, for there is no agent and none of your keys can be read without a passphrase"
    return f"{said}it accepts none of your keys"


def _host_key(error: Exception, host: str, port: int, route: _Route) -> str:
    kind = refused.CHANGED if route.known.trusted and route.known.of_kind(route.peer.shown) else refused.UNKNOWN
    alias = str(getattr(route.options, "host_key_alias", "") or "")
    jump_to = "" if route.hop is route.target else route.target.shown
    kind = refused.REVOKED if "revoked" in str(error) else kind
    return refused.host_key(refused.HostKey(kind, route.hop.shown, host, port, alias, jump_to, route.via))
