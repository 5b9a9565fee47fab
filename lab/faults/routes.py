"""Chapter: routes. NAPI, vmadm and the kernel do not have the same ones."""

from __future__ import annotations

import asyncio

from lab.faults.changes import overlooked, restart_who_dials, routes_away
from lab.faults.registry import NoSymptomError, Target, Undo, fault
from lab.machine import namespaces
from lab.machine.impairment import Impairment
from lab.state.lab import Lab


@fault("napi-route-missing", "datacenter", "my-dc-3")
async def napi_route_missing(lab: Lab, target: Target) -> None:
    """NAPI's admin network has lost its routes, so net-agent removed them from every zone (hazard 1).

    A PUT that was meant to add one route replaced all of them.
    """
    shared = lab.shared[target.site.datacenter.name]
    network = shared.networks.find("admin")
    assert network is not None
    network["routes"] = {}
    await asyncio.gather(*(each.look_now() for each in shared.net_agents))
    for machine in target.site.zones.values():
        await restart_who_dials(Target(target.site, machine))


@fault("route-one-way", "zone", "my-dc-2.moray0")
async def route_one_way(lab: Lab, target: Target) -> None:
    """The zone has no route back to one datacenter (the last of its peers): somebody removed it.

    net-agent acts only at changes. Packets from there arrive, but the answers do not leave. So the other side waits until its patience
    ends, although its own routes are right. The seed: routes are needed on both sides.
    """
    peer = lab.plan.peers(target.site.datacenter)[-1]
    await overlooked(lab, target)
    target.machine.remove_routes([peer.admin_subnet])


@fault("route-vmadm-only", "zone", "my-dc-1.adminui0")
async def route_vmadm_only(lab: Lab, target: Target) -> None:
    """NAPI lacks the routes that the zone needs. Somebody has set them with vmadm and saw that this works.

    It works until the next round of net-agent, which removes what NAPI does not know (hazard 1).
    """
    shared = lab.shared[target.site.datacenter.name]
    routes = routes_away(lab, target)
    network = shared.networks.find("admin")
    assert network is not None
    network["routes"] = {to: via for to, via in network["routes"].items() if to not in routes}
    await asyncio.gather(*(each.look_now() for each in shared.net_agents))
    target.machine.add_routes(routes)


@fault("route-by-hand", "zone", "my-dc-3.imgapi0")
async def route_by_hand(lab: Lab, target: Target) -> None:
    """Somebody has set the zone's routes to the other datacenters' Manta networks with vmadm, as a preparation, and saw them there.

    NAPI does not know them, and net-agent removes them at the next change (hazard 1).
    """
    own = target.site.datacenter
    await overlooked(lab, target)
    target.machine.add_routes({peer.manta_subnet: own.admin_router for peer in lab.plan.peers(own)})


@fault("routes-typed", "datacenter", "my-dc-3", ("replica",))
async def routes_typed(lab: Lab, target: Target) -> None:
    """Neither NAPI nor vmadm knows the route to the master's UFDS: it was typed, with route(8), in the zones that need it.

    The seed tells it like that. It works until they boot.
    """
    own, shared = target.site.datacenter, lab.shared[target.site.datacenter.name]
    master = f"{lab.plan.master_ufds_address}/32"
    network = shared.networks.find("admin")
    assert network is not None
    if master not in network["routes"]:
        raise NoSymptomError(f"NAPI of {own.name} has no route to {master} that could be taken out")
    via = network["routes"][master]
    network["routes"] = {to: hop for to, hop in network["routes"].items() if to != master}
    await asyncio.gather(*(each.look_now() for each in shared.net_agents))
    for role in ("adminui", "cloudapi", "ufds"):
        namespaces.set_routes(own.zone(role).id, {master: via})


@fault("headnode-route-missing", "datacenter", "my-dc-3", ("replica",))
async def headnode_route_missing(lab: Lab, target: Target) -> None:
    """The head node's global zone has no route to the master's UFDS: it was set with route(8), and did not survive a boot.

    The zones have theirs. sdc-useradm, which writes to the master from the global zone, fails.
    """
    target.machine.remove_routes([f"{lab.plan.master_ufds_address}/32"])


@fault("gateway-wrong", "datacenter", "my-dc-3", ("replica",))
async def gateway_wrong(lab: Lab, target: Target) -> None:
    """NAPI leads to the master's UFDS by a gateway that does not exist: a slip of the pen, which net-agent brought into every zone."""
    own, shared = target.site.datacenter, lab.shared[target.site.datacenter.name]
    master, network = f"{lab.plan.master_ufds_address}/32", shared.networks.find("admin")
    assert network is not None
    if master not in network["routes"]:
        raise NoSymptomError(f"NAPI of {own.name} has no route to {master}")
    network["routes"] = network["routes"] | {master: f"{own.admin_router.rpartition('.')[0]}.254"}
    await asyncio.gather(*(each.look_now() for each in shared.net_agents))


@fault("path-drops-large", "datacenter", "my-dc-3", ("replica", "candidate"))
async def path_drops_large(lab: Lab, target: Target) -> Undo:
    """Packets of more than 500 bytes from the master's datacenter are lost on the way: a tunnel, and a filter that drops all ICMP.

    Connects succeed, and then TLS and every large answer hang.
    """
    return _impaired(lab, target, Impairment(largest=500))


@fault("path-loses", "datacenter", "my-dc-1", ("replica", "candidate"))
async def path_loses(lab: Lab, target: Target) -> Undo:
    """Two of five packets from the master's datacenter are lost on the way: a provider's link that is full."""
    return _impaired(lab, target, Impairment(loses=2, of=5))


def _impaired(lab: Lab, target: Target, impairment: Impairment) -> Undo:
    impairment.begin(lab.plan.master.name, f"10.{target.site.datacenter.number}.0.0/16")

    async def undo() -> None:
        impairment.end()

    return undo


@fault("network-overlaps", "datacenter", "my-dc-3")
async def network_overlaps(lab: Lab, target: Target) -> Undo:
    """NAPI's Manta network has the subnet of another datacenter's: both were installed from one example."""
    own = target.site.datacenter
    networks = lab.shared[own.name].networks.by_uuid
    network = networks[own.network_uuid("manta")]
    network["subnet"] = next(dc for dc in lab.plan.datacenters if dc != own).manta_subnet

    async def undo() -> None:
        network["subnet"] = own.manta_subnet

    return undo
