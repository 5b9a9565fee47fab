"""One attempt to log in: what it knows when it fails, and the options that every attempt uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from evidence.collect.hops import Process
from evidence.collect.keys import Identities
from evidence.collect.known import Known, known, revoked
from evidence.collect.line import Peer
from evidence.collect.openssh import Host, Settings
from evidence.collect.unanswered import UnansweredError, reason
from evidence.inventory.model import Timeouts

KEEPALIVES: Final = 3
"""After so many keepalives without an answer, each half a connect timeout apart, the connection counts as frozen."""


@dataclass
class LoggingIn:
    """`way` are the hosts to log in to, the head node last."""

    target: Host
    patience: float
    way: Sequence[Settings] = ()
    identities: Identities = field(default_factory=Identities)
    known: Known = field(default_factory=Known)
    peer: Peer = field(default_factory=Peer)
    process: Process | None = None

    async def clear(self) -> None:
        """Close what no connection needs any more, or never needed."""
        self.identities.close()
        if self.process is not None:
            await self.process.close()

    def name(self, index: int = -1) -> str:
        """The name of a host on the way, as the operator reads it."""
        hop = self.way[index].target
        return hop.shown if hop is self.target else f"{hop.shown} (a jump host on the way to {self.target.shown})"


def known_keys(settings: Settings) -> Known:
    """What known_hosts and RevokedHostKeys say about a host. `UserKnownHostsFile none` does not switch the refusal off."""
    files = settings.listed_paths("userknownhostsfile") + settings.listed_paths("globalknownhostsfile")
    found = known(files, settings.host, settings.port, settings.alias)
    try:
        found.revoked += revoked(settings.listed_paths("revokedhostkeys"))
    except (OSError, ValueError) as error:
        raise UnansweredError(f"RevokedHostKeys cannot be read, so no host key is trusted: {reason(error)}") from None
    return found


def plain(timeouts: Timeouts) -> dict[str, Any]:
    """The options that hold whatever the configuration says: the head node gets no agent, display, terminal or variable of ours."""
    return {
        "client_keys": None,
        "agent_path": None,
        "gss_host": None,
        "preferred_auth": ("publickey",),
        "agent_forwarding": False,
        "x11_forwarding": False,
        "request_pty": False,
        "env": {},
        "send_env": (),
        "command": None,
        "compression_algs": ["none"],
        "keepalive_interval": min(timeouts.connect, timeouts.command / 2) / 2,
        "keepalive_count_max": KEEPALIVES,
        "connect_timeout": None,
        "login_timeout": 0,
    }
