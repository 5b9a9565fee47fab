"""No chapter of its own: between-HOW puts a broken device before a port of a zone, or before a head node's sshd.

They are no faults of Triton, so nothing prints what heals them, and `python -m lab --list-faults` does not list them: the matrix of
tests/proofs/matrix.py plants them all.
"""

from __future__ import annotations

import contextlib
import pathlib
import ssl
import tempfile

from lab.faults.registry import FAMILIES, Fault, Target, Undo, UnknownFaultError
from lab.machine import namespaces, tls
from lab.machine.between import HOW, Between, end_connections
from lab.machine.openssh import OpensshServer
from lab.plan.datacenters import Zone
from lab.state.lab import Lab

PORTS = {
    "global": 22, "ufds": 636, "cloudapi": 443, "adminui": 443, "binder": 53, "moray": 2020, "sapi": 80, "napi": 80, "imgapi": 80,
    "cnapi": 80, "vmapi": 80, "fwapi": 80, "webapi": 80,
}  # fmt: skip
"""The port of a service that others ask."""
DROP = "drop"
PREFIX = "between-"
WHERE = "port"
OWN_ADDRESSES_LAST = ("rule add pref 500 lookup local", "rule del pref 0")


def named(name: str) -> Fault | None:
    """The fault of a name, if it is one of these."""
    how = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or how not in (*HOW, DROP):
        return None

    async def plant(lab: Lab, target: Target) -> Undo:
        return await _plant(lab, target, how)

    return Fault(name, WHERE, f"a device between, {how}", "my-dc-1.sapi0", plant)


FAMILIES.append(named)


async def _plant(lab: Lab, target: Target, how: str) -> Undo:
    zone = target.machine.zone
    if zone.role not in PORTS:
        raise UnknownFaultError(f"{zone.id}: none of {', '.join(PORTS)}")
    if how == DROP:
        return _drop(zone, PORTS[zone.role])
    if zone.role == "global":
        return await _before_ssh(lab, target, how)
    device = Between(target.machine, PORTS[zone.role], how)
    await device.begin(_expired() if how == "expired" else None)
    return device.end


async def _before_ssh(lab: Lab, target: Target, how: str) -> Undo:
    """sshd listens on one address, which the device takes; it listens behind it then."""
    server = lab.ssh[target.site.datacenter.name]
    if isinstance(server, OpensshServer):
        raise UnknownFaultError("only before the lab's own SSH server")
    was = server.host
    await server.stop()
    server.host = "127.0.0.1"
    await server.start()
    device = Between(target.machine, 22, how)
    await device.begin()

    async def undo() -> None:
        await device.end()
        await server.stop()
        server.host = was
        await server.start()

    return undo


def _drop(zone: Zone, port: int) -> Undo:
    """No packet for the port comes in, and nobody is told."""
    for line in OWN_ADDRESSES_LAST:
        with contextlib.suppress(namespaces.NetworkError):
            namespaces.ip(["-n", zone.id, *line.split()])
    rules = [
        f"pref 20 iif {nic.interface} ipproto {protocol} dport {port} blackhole"
        for nic in zone.nics
        for protocol in ("tcp", "udp")
    ]
    namespaces.run_batch([f"rule add {rule}" for rule in rules], zone.id)
    end_connections(zone.id, port)

    async def undo() -> None:
        namespaces.run_batch([f"rule del {rule}" for rule in rules], zone.id)

    return undo


def _expired() -> ssl.SSLContext:
    with tempfile.TemporaryDirectory() as folder:
        return tls.server_context(*tls.make_certificate(pathlib.Path(folder), expired=True))
