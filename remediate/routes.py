"""Steps that give a zone a route which lasts: into NAPI's network, and from there by net-agent into the zone.

`vmadm update` alone does not last: net-agent removes what NAPI does not know (facts, hazard 1).  NAPI's routes are per
network, so each step names the zones that the route reaches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from evidence.facts import Missing
from evidence.model import Network
from evidence.paths import Way
from evidence.routes import address_in, has_route, napi_route, network_of, subnet
from evidence.subjects import GLOBAL, Datacenter, Zone
from remediate.lookup import headnode
from remediate.shell import NET_AGENT, compact, quote
from remediate.steps import DISRUPTIVE, SAFE, NapiRoutes, Note, Step


def destination(host: str, target: Datacenter) -> str:
    """What to route: the admin or Manta network of the other datacenter if the host lies there, else the host alone.

    A host route that stands somewhere else already is written as it stands there.
    """
    try:
        nets = {net.name: net for net in target.networks.values()}
    except Missing:
        nets = {}
    address = address_in(host)
    for name in ("admin", "manta"):
        net = subnet(nets[name].subnet) if name in nets else None
        if net is not None and address is not None and address in net:
            return str(net)
    for dc in target.world.datacenters:
        try:
            routed = [key for net in dc.networks.values() for key in net.routes]
        except Missing:
            continue
        for key in sorted(routed):
            if key.partition("/")[0] == host:
                return key
    return host


def gateway(datacenter: Datacenter, network: Network) -> str | None:
    """The router on a network that other routes use already, the head node's too; a router that nobody uses is not guessed."""
    net = subnet(network.subnet)
    used = Counter(network.routes.values())
    for zone in _zones(datacenter):
        used.update(zone.vm.routes.values())
    for name, link in datacenter.evidence.links.items():
        if name.startswith(f"{datacenter.name}.{GLOBAL}--"):
            used.update(probe.route.partition(" via ")[2] for probe in link.value or ())
    inside = [hop for hop, _ in used.most_common() if net is not None and (at := subnet(hop)) and at.subnet_of(net)]
    return inside[0] if inside else network.gateway or None


def _zones(datacenter: Datacenter) -> list[Zone]:
    seen = datacenter.evidence.zones.get()
    return [Zone(datacenter, seen[alias].vm.role, alias) for alias in sorted(seen)]


def route_steps(zone: Zone, host: str, target: Datacenter, proof: tuple[str, ...]) -> Iterator[Step | Note]:
    """What gives the zone a durable route to a host of another datacenter; nothing if it has one."""
    datacenter, vm = zone.datacenter, zone.vm
    if has_route(zone, host):
        return
    known = napi_route(zone, host)
    if known is not None:
        network, key = known
        yield from _into_the_zone(zone, key, network.routes[key], proof)
        return
    admin = [net for nic in vm.nics if nic.nic_tag == "admin" and (net := network_of(datacenter, nic)) is not None]
    if not admin:
        yield Note(f"NAPI of {datacenter.name} shows no admin network for {zone.id}: give the zone a route to {host}.")
        return
    key, network = destination(host, target), admin[0]
    yield from into_napi(datacenter, network, {key: gateway(datacenter, network)}, proof, f"leads to {target.name}")


def put(network: str, routes: Mapping[str, str]) -> str:
    """The command that replaces all routes of a NAPI network (facts "Routes")."""
    return f"sdc-napi /networks/{quote(network)} -X PUT -d {quote(compact({'routes': dict(routes)}))}"


def into_napi(
    datacenter: Datacenter, network: Network, added: Mapping[str, str | None], proof: tuple[str, ...], use: str
) -> Iterator[Step]:
    """The PUT that adds routes to a network, with those that are there, and the zones that it reaches.

    `added` leads from destinations to routers; a router that is None is not known.
    """
    after = network.routes | {key: router or "ROUTER" for key, router in added.items()}
    routes = NapiRoutes(network.uuid, network.routes, after)
    reached = sorted(
        zone.alias for zone in _zones(datacenter) if any(nic.network_uuid == network.uuid for nic in zone.vm.nics)
    )
    unknown = (
        f" Nothing in {datacenter.name} shows which router on the network {use}: find out its "
        "address, and type it for ROUTER. Pasted as it stands, NAPI refuses it."
    )
    known = all(added.values())
    yield Step(
        on=headnode(datacenter),
        run=put(routes.network, routes.after),
        risk=DISRUPTIVE,
        why=f"NAPI's network {network.name} has no route to {', '.join(sorted(added))}; the body also holds "
        "the routes that are there, because PUT replaces them all. It reaches every zone of the network: "
        f"{', '.join(reached)}, and those on other servers; net-agent sets it within moments."
        + ("" if known else unknown),
        undo=put(routes.network, routes.before),
        proof=proof,
        applied_by_suite=known,
        napi=routes,
    )


def napi_steps(datacenter: Datacenter, ways: Iterable[Way], proof: tuple[str, ...]) -> Iterator[Step | Note]:
    """One PUT for each network, with all that its zones need and NAPI does not know."""
    networks: dict[str, Network] = {}
    wanted: dict[str, dict[str, Datacenter]] = {}
    for way in ways:
        nics = [nic for nic in way.zone.vm.nics if nic.nic_tag == "admin"]
        network = next((net for nic in nics if (net := network_of(datacenter, nic)) is not None), None)
        if network is None:
            yield Note(
                f"NAPI of {datacenter.name} shows no admin network for {way.zone.id}: give it a route to {way.host}."
            )
        else:
            networks[network.uuid] = network
            wanted.setdefault(network.uuid, {})[destination(way.host, way.target)] = way.target
    for uuid, targets in wanted.items():
        router, names = gateway(datacenter, networks[uuid]), sorted({target.name for target in targets.values()})
        added = dict.fromkeys(sorted(targets), router)
        yield from into_napi(datacenter, networks[uuid], added, proof, f"leads to {' and to '.join(names)}")


def _into_the_zone(zone: Zone, key: str, router: str, proof: tuple[str, ...]) -> Iterator[Step | Note]:
    uuid = quote(zone.vm.uuid)
    yield Step(
        on=headnode(zone.datacenter),
        run=f"vmadm update {uuid} <<< {quote(compact({'set_routes': {key: router}}))}",
        risk=SAFE,
        why=f"NAPI has the route to {key}, but {zone.alias} has not got it; this sets it at once",
        undo=f"vmadm update {uuid} <<< {quote(compact({'remove_routes': [key]}))}",
        proof=proof,
    )
    yield Step(
        on=headnode(zone.datacenter),
        run=f"svcadm enable -s {NET_AGENT}\nsvcadm restart {NET_AGENT}",
        risk=SAFE,
        why="net-agent brings NAPI's routes into the zones, at its start and at changes; it did not here",
        undo=f"svcadm disable {NET_AGENT}",
        undo_note="only if it was disabled on purpose: it keeps routes and NICs right",
        proof=proof,
    )
