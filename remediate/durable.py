"""Steps that give a zone a route which lasts: into NAPI's network, and from there by net-agent into the zone.

`vmadm update` alone does not last: net-agent removes what NAPI does not know (facts, hazard 1).  NAPI's routes are per
network, so each step names the zones that the route reaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address

from msgspec.structs import replace

from evidence.fact import Missing
from evidence.model import Network
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.network.ground import router, zones_of
from evidence.subjects.network.paths import Way
from evidence.subjects.network.routes import has_route, napi_route, network_of, passing
from evidence.subjects.triton import NET_AGENT
from evidence.subjects.zone import Zone
from remediate import napi
from remediate.actions.network import NapiRoutes
from remediate.actions.smf import Smf
from remediate.actions.vm import VmRoutes
from remediate.elsewhere import sent, way_to
from remediate.lookup import headnode
from remediate.neighbours import networks, own, routable
from remediate.steps import DISRUPTIVE, RESTARTS, SAFE, Note, Step, acting
from remediate.typed import NotOfTheFormError, refusal


def destination(host: str, target: Datacenter) -> str:
    """The destination to route: the admin or Manta network of the other datacenter if the host lies there, else the host alone.

    A host route that exists somewhere else already is written in the same form.  Raises NotOfTheFormError if the address cannot be
    that datacenter's.
    """
    address = IPv4Address(own(host, target))
    for _, net in sorted(networks(target).items()):
        if address in net:
            return routable(net, host, target)
    for dc in target.world.datacenters:
        try:
            routed = [key for net in dc.networks.values() for key in net.routes]
        except Missing:
            continue
        for key in sorted(routed):
            if key in (host, f"{host}/32"):
                return key
    return host


def route_steps(zone: Zone, host: str, target: Datacenter) -> Iterator[Step | Note]:
    """The steps that give the zone a durable route to a host of another datacenter; none if it has one."""
    datacenter, vm = zone.datacenter, zone.vm
    if has_route(zone, host):
        return
    known = napi_route(zone, host)
    if known is not None:
        network, key = known
        yield from _into_the_zone(zone, key, network.routes[key])
        return
    admin = [net for nic in vm.nics if nic.nic_tag == "admin" and (net := network_of(datacenter, nic)) is not None]
    if not admin:
        yield Note(f"NAPI of {datacenter.name} shows no admin network for {zone.id}: give the zone a route to {host}.")
        return
    key, network = destination(host, target), admin[0]
    yield from into_napi(datacenter, network, {key: router(datacenter, network)}, f"leads to {target.name}")


def adding(step: Step, routes: NapiRoutes) -> Step:
    """The step that adds these routes, and can remove them. Other routes that the network has by then stay."""
    return replace(
        step,
        run=napi.routes_in(routes.network, routes.added),
        undo=napi.routes_out(routes.network, routes.added),
        actions=(routes,),
    )


def into_napi(
    datacenter: Datacenter, network: Network, added: Mapping[str, str | None], use: str, had: tuple[str, ...] = ()
) -> Iterator[Step | Note]:
    """The step that adds routes to a network, and the zones that it reaches.

    `added` maps destinations to routers. A router that is None is not known. `had` are the zones that have them, set by hand.
    """
    if not napi.sound(network.uuid, added):
        told = ", ".join(f"{to} via {via}" for to, via in sorted(added.items()))
        yield Note(f"No command is given for {told} in network {network.name}: not all of these are IPv4 addresses.")
        return
    routes = NapiRoutes(network.uuid, {to: via or napi.ROUTER for to, via in added.items()}, had=had)
    reached = sorted(
        zone.alias for zone in zones_of(datacenter) if any(nic.network_uuid == network.uuid for nic in zone.vm.nics)
    )
    unknown = (
        f" Nothing in {datacenter.name} shows which router on the network {use}: find out its "
        "address, and type it for ROUTER. Pasted as it stands, NAPI refuses it."
    )
    known = all(added.values())
    step = Step(
        on=headnode(datacenter),
        run="",
        risk=DISRUPTIVE,
        why=f"NAPI's network {network.name} has no route to {', '.join(sorted(added))}. A PUT replaces all routes, so the "
        "function reads them first, and writes only if nobody has changed them since. It reaches every zone of the network: "
        f"{', '.join(reached)}, and those on other servers; net-agent sets it within moments."
        + ("" if known else unknown),
        undo_note="takes out what this step adds, and nothing else"
        + (f"; net-agent then takes it out of {', '.join(had)} too, where it was set by hand" if had else ""),
        applied_by_suite=known,
    )
    yield adding(step, routes)


def napi_steps(datacenter: Datacenter, ways: Iterable[Way]) -> Iterator[Step | Note]:
    """One step for each network, with everything that its zones need and NAPI does not know."""
    known: dict[str, Network] = {}
    wanted: dict[str, dict[str, Datacenter]] = {}
    for way in ways:
        nics = [nic for nic in way.zone.vm.nics if nic.nic_tag == "admin"]
        network = next((net for nic in nics if (net := network_of(datacenter, nic)) is not None), None)
        if network is None:
            yield Note(
                f"NAPI of {datacenter.name} shows no admin network for {way.zone.id}: give it a route to {way.host}."
            )
        else:
            known[network.uuid] = network
            try:
                wanted.setdefault(network.uuid, {})[destination(way.host, way.target)] = way.target
            except NotOfTheFormError as error:
                yield Note(refusal(error, datacenter.world))
    for uuid, targets in ((uuid, each) for uuid, each in wanted.items() if each):
        names = sorted({target.name for target in targets.values()})
        added = dict.fromkeys(sorted(targets), router(datacenter, known[uuid]))
        yield from into_napi(datacenter, known[uuid], added, f"leads to {' and to '.join(names)}")


def _into_the_zone(zone: Zone, key: str, via: str) -> Iterator[Step | Note]:
    if not napi.sound(zone.vm.uuid, {key: via}):
        yield Note(f"No command is given for {key} via {via} in {zone.id}: not all of these are IPv4 addresses.")
        return
    yield acting(
        headnode(zone.datacenter),
        VmRoutes(zone.vm.uuid, {key: via}),
        risk=SAFE,
        why=f"NAPI has the route to {key}, but {zone.alias} has not got it; this sets it at once",
    )
    yield _restart_net_agent(zone)


def _restart_net_agent(zone: Zone) -> Step | Note:
    """net-agent of the zone's own server sets the route."""
    cut = doomed(zone.datacenter, zone.vm.server)
    step = acting(
        headnode(zone.datacenter),
        Smf("", "enable", (NET_AGENT,)),
        Smf("", "restart", (NET_AGENT,)),
        risk=DISRUPTIVE if cut else RESTARTS,
        why="net-agent brings NAPI's routes into the zones, at its start and at changes; it did not here"
        + (f". It takes out of the zones what NAPI does not know: {'; '.join(cut)}" if cut else ""),
        undo_note="only if it was disabled on purpose: it keeps routes and NICs right",
    )
    if not zone.vm.server:
        return step
    server = way_to(zone.datacenter, zone.vm.server)
    if server is None:
        return Note(f"net-agent did not set it on the zone's server {zone.vm.server}. Type there: {step.run}")
    return sent(step, server.address)


def doomed(datacenter: Datacenter, server: str) -> tuple[str, ...]:
    """The routes that net-agent of a server ("" is the head node) removes at its start, each with its zone (facts, hazard 1)."""
    found: list[str] = []
    for zone in zones_of(datacenter):
        try:
            if zone.vm.server != server:
                continue
            held = passing(zone)
        except Missing as missing:
            found.append(f"perhaps routes of {zone.alias} ({missing})")
            continue
        found += [f"{to} via {via} of {zone.alias}" for to, via in sorted(held.by_vmadm.items())]
    return tuple(found)
