"""Faults of head nodes that answer, and cannot be used to the end all the same."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncssh

from lab.faults import Target, Undo, fault

if TYPE_CHECKING:
    from lab.daemon import Lab


@fault("headnode-forbids-forwarding", "datacenter", "my-dc-3")
async def headnode_forbids_forwarding(lab: Lab, target: Target) -> Undo:
    """sshd_config of the head node has `AllowTcpForwarding no`, as hardening guides want it: commands run, tunnels do not open."""
    server = lab.ssh[target.site.datacenter.name]
    server.forwards = False

    async def undo() -> None:
        server.forwards = True

    return undo


def _breaks(lab: Lab, target: Target, how: Callable[[asyncssh.SSHServerConnection], None]) -> Undo:
    server = lab.ssh[target.site.datacenter.name]
    server.broken = how

    async def undo() -> None:
        server.broken = None

    return undo


@fault("headnode-cuts", "datacenter", "my-dc-3")
async def headnode_cuts(lab: Lab, target: Target) -> Undo:
    """The head node drops a connection over which several things are asked at once: a firewall on the way counts."""
    return _breaks(lab, target, lambda connection: connection.abort())


@fault("headnode-freezes", "datacenter", "my-dc-3")
async def headnode_freezes(lab: Lab, target: Target) -> Undo:
    """Such a connection stays open, and nothing comes through it any more, in either direction: a firewall forgot it."""

    frozen: list[asyncssh.SSHServerConnection] = []  # held: the loop forgets, and so closes, whom it does not read from

    def freeze(connection: asyncssh.SSHServerConnection) -> None:
        frozen.append(connection)
        transport = connection._transport
        if transport is not None:
            transport.pause_reading()
            vars(transport)["write"] = lambda _: None  # what still runs is not heard either

    return _breaks(lab, target, freeze)


@fault("zlogin-broken", "datacenter", "my-dc-3")
async def zlogin_broken(lab: Lab, target: Target) -> Undo:
    """zlogin enters no zone: the global zone has no memory left for a shell."""
    target.site.zlogin_broken = True

    async def undo() -> None:
        target.site.zlogin_broken = False

    return undo
