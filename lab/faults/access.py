"""Chapter: access. The head nodes, their clocks, and the services of their zones."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncssh

from lab.faults.changes import own_services
from lab.faults.registry import NoSymptomError, Target, Undo, fault
from lab.machine import net
from lab.machine.machines import Machine
from lab.machine.openssh import OpensshServer
from lab.machine.sshd import SshServer
from lab.state.lab import Lab

HEADNODE_SLOW = 200.0
CLOCK_OFF = 900  # seconds; cloudapi and adminui refuse signatures that are off by more than 300


@fault("headnode-dark", "datacenter", "my-dc-3")
async def headnode_dark(lab: Lab, target: Target) -> Undo:
    """The router drops packets to the head node: a datacenter without power, or a new rule of a firewall."""
    name, address = target.site.datacenter.name, str(target.machine.zone.external_ip)
    net.drop(name, address)

    async def undo() -> None:
        net.drop(name, address, on=False)

    return undo


@fault("headnode-refuses", "datacenter", "my-dc-3")
async def headnode_refuses(lab: Lab, target: Target) -> Undo:
    """Nothing listens on port 22 of the head node: sshd was not started after a boot."""
    server = lab.ssh[target.site.datacenter.name]
    await server.stop()
    return server.start


@fault("headnode-key", "datacenter", "my-dc-3")
async def headnode_key(lab: Lab, target: Target) -> Undo:
    """The head node's host key is not the one in known_hosts: it was installed anew, or it is another machine."""
    server = lab.ssh[target.site.datacenter.name]
    old = server.key

    async def use(key: asyncssh.SSHKey) -> None:
        await server.stop()
        server.key = key
        await server.start()

    await use(asyncssh.generate_private_key("ssh-ed25519"))
    return lambda: use(old)


@fault("headnode-denies", "datacenter", "my-dc-3")
async def headnode_denies(lab: Lab, target: Target) -> Undo:
    """The head node no longer accepts the operator's key: authorized_keys was overwritten."""
    server = lab.ssh[target.site.datacenter.name]
    server.permits = False

    async def undo() -> None:
        server.permits = True

    return undo


@fault("headnode-sysinfo", "datacenter", "my-dc-3")
async def headnode_sysinfo(lab: Lab, target: Target) -> Undo:
    """sysinfo prints something that is not JSON: it does not escape its values, and a BIOS string can hold anything."""
    target.site.garbage_sysinfo = True

    async def undo() -> None:
        target.site.garbage_sysinfo = False

    return undo


@fault("headnode-is-another", "datacenter", "my-dc-3")
async def headnode_is_another(lab: Lab, target: Target) -> Undo:
    """The address leads to the head node of a datacenter that the inventory does not mean: a swapped DNS entry."""
    target.site.sysinfo_name = "my-dc-elsewhere"

    async def undo() -> None:
        target.site.sysinfo_name = None

    return undo


@fault("headnode-forbids-forwarding", "datacenter", "my-dc-3")
async def headnode_forbids_forwarding(lab: Lab, target: Target) -> Undo:
    """sshd_config of the head node has `AllowTcpForwarding no`, as in hardening guides: commands run, but tunnels do not open."""
    server = lab.ssh[target.site.datacenter.name]
    await _forwards(server, allowed=False)

    async def undo() -> None:
        await _forwards(server, allowed=True)

    return undo


async def _forwards(server: SshServer | OpensshServer, *, allowed: bool) -> None:
    server.forwards = allowed
    if isinstance(server, OpensshServer):
        await server.reload()


def _breaks(lab: Lab, target: Target, how: Callable[[asyncssh.SSHServerConnection], None]) -> Undo:
    server = lab.ssh[target.site.datacenter.name]
    if isinstance(server, OpensshServer):
        raise NoSymptomError("only the lab's own SSH server breaks a connection, not --openssh")
    server.broken = how

    async def undo() -> None:
        server.broken = None

    return undo


@fault("headnode-cuts", "datacenter", "my-dc-3")
async def headnode_cuts(lab: Lab, target: Target) -> Undo:
    """The head node drops a connection that asks several things at once: a firewall on the way counts them."""
    return _breaks(lab, target, lambda connection: connection.abort())


@fault("headnode-freezes", "datacenter", "my-dc-3")
async def headnode_freezes(lab: Lab, target: Target) -> Undo:
    """A connection that asks several things at once stays open, but passes nothing any more in either direction.

    A firewall has forgotten it.
    """

    frozen: list[
        asyncssh.SSHServerConnection
    ] = []  # held, because the loop forgets, and so closes, connections that it does not read from

    def freeze(connection: asyncssh.SSHServerConnection) -> None:
        frozen.append(connection)
        transport = connection._transport
        if transport is not None:
            transport.pause_reading()
            vars(transport)["write"] = lambda _: None  # the answers of what still runs are not heard either

    return _breaks(lab, target, freeze)


@fault("zlogin-broken", "datacenter", "my-dc-3")
async def zlogin_broken(lab: Lab, target: Target) -> Undo:
    """zlogin enters no zone: the global zone has no memory left for a shell."""
    target.site.zlogin_broken = True

    async def undo() -> None:
        target.site.zlogin_broken = False

    return undo


@fault("headnode-slow", "datacenter", "my-dc-3")
async def headnode_slow(lab: Lab, target: Target) -> Undo:
    """Every command on the head node begins only after seconds: it swaps, or sshd waits for a DNS server that is gone."""
    server = lab.ssh[target.site.datacenter.name]
    server.delay = HEADNODE_SLOW

    async def undo() -> None:
        server.delay = 0.0

    return undo


@fault("clock-off", "datacenter", "my-dc-3")
async def clock_off(lab: Lab, target: Target) -> Undo:
    """The head node's clock is a quarter of an hour ahead, as `date` shows: NTP lost its servers.

    The zones share this clock. The other datacenters refuse signatures that are off by five minutes.
    """
    for machine in target.site.machines:
        _date(machine).unlink()
        _date(machine).write_text(
            "#!/usr/bin/bash\n# A clock that is off; the kernel's cannot be, it is the host's.\n"
            'for word in "$@"; do case $word in -*[!uR]*) echo "date: illegal option" >&2; exit 1 ;; esac; done\n'
            f'exec /.lab/bin/date -d "@$(( $(/.lab/bin/date +%s) + {CLOCK_OFF} ))" "$@"\n',
            encoding="utf-8",
        )
        _date(machine).chmod(0o755)

    async def undo() -> None:
        for machine in target.site.machines:
            _date(machine).unlink()
            _date(machine).symlink_to("/.lab/strict")

    return undo


def _date(machine: Machine) -> Any:
    return machine.root / "usr/bin/date"


@fault("service-stopped", "zone", "my-dc-1.moray0")
async def service_stopped(lab: Lab, target: Target) -> None:
    """The zone's services are disabled: somebody typed svcadm disable for maintenance work, and forgot it."""
    await asyncio.gather(*(service.disable() for service in own_services(target.machine)))
