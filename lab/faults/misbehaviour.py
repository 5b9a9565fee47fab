"""No chapter of its own: whatever answers can answer too late, too much, or nonsense."""

from __future__ import annotations

from typing import Any

from lab.faults.registry import Target, Undo, UnknownFaultError, fault
from lab.state.lab import Lab

SLOW = 400.0  # seconds on the lab's clock: longer than anybody likes to wait for one answer
HTTP_ROLES = ("sapi", "cloudapi", "adminui", "fwapi", "napi", "imgapi", "cnapi", "vmapi", "mahi")
MISBEHAVING = ("ufds", "binder", "moray", *HTTP_ROLES)
UFDS_MODES = {"freeze": "hang"}


async def misbehave(lab: Lab, target: Target, how: str) -> Undo:
    """Make the server of a zone misbehave. A restart of the service ends it.

    In a cloudapi zone, that server is haproxy, which restarts only with the zone.
    """
    zone, shared = target.machine.zone, lab.shared[target.site.datacenter.name]
    delay = SLOW * lab.clock.factor
    if zone.role == "ufds":
        await lab.ufds.mode(zone.id, UFDS_MODES.get(how, how), delay)
        return lambda: lab.ufds.mode(zone.id, "normal")
    if zone.role not in MISBEHAVING:
        raise UnknownFaultError(f"{zone.id}: none of {', '.join(MISBEHAVING)}")
    if zone.role == "binder" and how == "endless":
        raise UnknownFaultError(f"{zone.id}: a DNS answer says how long it is, and so it ends")
    # moray has a process for each port; the others have one server, which is known by its zone
    servers: list[Any] = [server for name, server in shared.servers.items() if f"{name}.".startswith(f"{zone.id}.")]
    if zone.role == "cloudapi":
        servers = [shared.servers[zone.id]]
    for server in servers:
        server.misbehaviour = how
        getattr(server, "http", server).slow_seconds = delay

    async def undo() -> None:
        for server in servers:
            server.misbehaviour = None

    return undo


@fault("service-hangs", "zone", "my-dc-1.napi0")
async def service_hangs(lab: Lab, target: Target) -> Undo:
    """The service (sapi, cloudapi, adminui, napi, ufds, moray, binder) accepts requests and answers none.

    Its process is stopped, or waits for ever for another one.
    """
    return await misbehave(lab, target, "freeze")


@fault("service-slow", "zone", "my-dc-1.napi0")
async def service_slow(lab: Lab, target: Target) -> Undo:
    """The service (sapi, cloudapi, adminui, napi, ufds, moray, binder) answers correctly, but only after seconds.

    Its moray has lost an index, or the head node swaps.
    """
    return await misbehave(lab, target, "slow")


@fault("service-cut", "zone", "my-dc-1.sapi0")
async def service_cut(lab: Lab, target: Target) -> Undo:
    """The service (sapi, cloudapi, adminui, napi, ufds, moray, binder) closes the connection in the middle of each answer.

    Its process runs out of memory and is started again, or a proxy has too short a timeout.
    """
    return await misbehave(lab, target, "cut")


@fault("service-garbage", "zone", "my-dc-1.sapi0")
async def service_garbage(lab: Lab, target: Target) -> Undo:
    """The port of the service (sapi, cloudapi, adminui, napi, ufds, moray, binder) speaks another protocol.

    The port was forwarded wrongly, or the address belongs to another program.
    """
    return await misbehave(lab, target, "garbage")


@fault("service-endless", "zone", "my-dc-1.adminui0")
async def service_endless(lab: Lab, target: Target) -> Undo:
    """The answers of the service (sapi, cloudapi, adminui, napi, ufds, moray) never end: a loop in paging, a broken proxy.

    Whoever reads to the end reads for ever.
    """
    return await misbehave(lab, target, "endless")
