"""Chapter: reachability. A connection from zone to zone does not come through."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

from lab.faults.changes import overlooked, restart_who_dials, routes_away
from lab.faults.registry import Target, Undo, fault
from lab.machine import net
from lab.state.lab import Lab


@fault("route-missing", "zone", "my-dc-3.cloudapi0")
async def route_missing(lab: Lab, target: Target) -> None:
    """The zone lacks its route to the other datacenters (cloudapi, adminui, ufds: to the master's UFDS): somebody removed it.

    net-agent acts only at changes, and the zone's services were restarted since then. The seed: "adminui and cloudapi must be able to talk
    to the master's ufds, too".
    """
    await overlooked(lab, target)
    target.machine.remove_routes(list(routes_away(lab, target)))
    await restart_who_dials(target)


@fault("port-dropped", "zone", "my-dc-2.ufds0")
async def port_dropped(lab: Lab, target: Target) -> Undo:
    """The router drops packets from elsewhere to the zone's port (ICMP passes): a packet filter between the datacenters."""
    ports = {"ufds": 636, "binder": 53, "moray": 2020, "cloudapi": 443, "adminui": 443}
    port = ports.get(target.machine.zone.role, 80)
    name, addresses = target.site.datacenter.name, [nic.ip for nic in target.machine.zone.nics]
    for address in addresses:
        net.drop(name, address, port)

    async def undo() -> None:
        for address in addresses:
            net.drop(name, address, port, on=False)

    return undo
