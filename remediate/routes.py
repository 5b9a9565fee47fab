"""Chapter: routes.  Give the target's zones the way back, tell NAPI the routes that only vmadm knows, and lead by a router that works."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from evidence.fact import Missing
from evidence.model import Network
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.links import Link
from evidence.subjects.network.ground import doubt_about_destination, doubt_about_router, routers
from evidence.subjects.network.paths import first_host, unknown_to_napi, without_manta_routes, without_way_back
from evidence.subjects.network.routes import network_of, nic_towards, passing, subnet
from evidence.subjects.network.tomography import Element, Fault, PathFault, Segment, of, routes_by
from evidence.subjects.world import Coupling
from evidence.subjects.zone import Zone
from remediate import napi, typed
from remediate.actions.network import NapiRoutes
from remediate.durable import into_napi, napi_steps, route_steps
from remediate.lookup import headnode
from remediate.registry import Advised, proved_by, remedy
from remediate.steps import DISRUPTIVE, Note, Step, acting

ASK = {
    Fault.SILENT: "they must arrive, and the answers must come back",
    Fault.LARGE: "packets of 1500 bytes must pass both ways, and the ICMP message that asks for smaller ones must not be dropped",
    Fault.LOSSY: "no more than one packet in a hundred may be lost",
}
"""What the people who run the network are asked for."""


def once(said: Iterable[Step | Note]) -> Advised:
    """Each step once: two routes of a zone need the same agent enabled."""
    seen: set[str] = set()
    for each in said:
        key = each.run if isinstance(each, Step) else ""
        if key not in seen or not key:
            yield each
        seen.add(key)


@remedy("routes-go-both-ways")
def add_the_way_back(target: Zone) -> Advised:
    """Add routes on the head node of the zone that cannot answer: the routes of the asking zones are right."""
    found, unknown = without_way_back(target)
    proof = (f"routes-go-both-ways[{target.id}]", *(f"{link.check}[{link.id}]" for link, _ in found.values()))

    def back(way: tuple[Link, str]) -> Advised:
        yield from route_steps(target, way[1], way[0].source.datacenter)

    yield from proved_by(once(typed.each(target.datacenter.world, found.values(), back)), *proof)
    if unknown is not None:
        yield Note(f"The suite does not know all zones that ask: {unknown}.")


@remedy("routes-are-durable")
def tell_napi(zone: Zone) -> Advised:
    """NAPI first: once it knows the route, net-agent keeps it, and gives it to every zone of the network."""
    datacenter, found = zone.datacenter, passing(zone)
    for to, via in sorted((found.by_vmadm | found.by_hand).items()):
        nic = nic_towards(zone.vm, via)
        network = network_of(datacenter, nic) if nic is not None else None
        if network is None:
            yield Note(f"{via}, the gateway of {zone.id} to {to}, lies on none of its networks in NAPI.")
        elif doubt := doubt_about_destination(datacenter, to) or doubt_about_router(zone, network, via):
            yield Note(
                f"The route of {zone.id} to {to} via {via} is not put into NAPI, from where it would reach every zone of the "
                f"network: {doubt}. Find out what it is for."
            )
        elif other := next((hop for net, hop in network.routes.items() if subnet(net) == subnet(to)), None):
            yield Note(
                f"NAPI's network {network.name} has {to} via {other}, the zone via {via}: find out which is "
                "right. net-agent will set NAPI's."
            )
        else:
            yield from into_napi(datacenter, network, {to: via}, f"leads to {to}", (zone.id,))


@remedy("triton-zones-have-manta-routes")
def give_it_the_routes_of_manta(manta_peer: Zone) -> Advised:
    """Add one route for each network that it lacks.  NAPI's routes reach the other zones too, which is intended here."""

    def there(lacking: tuple[Datacenter, Network]) -> Advised:
        yield from route_steps(manta_peer, first_host(lacking[1]), lacking[0])

    yield from once(typed.each(manta_peer.datacenter.world, without_manta_routes(manta_peer), there))


@remedy("napi-has-the-routes")
def tell_napi_the_routes(datacenter: Datacenter) -> Advised:
    """Add them with one PUT per network, which keeps the routes that are there.  net-agent brings them into every zone of it."""
    found, unknown = unknown_to_napi(datacenter)
    yield from napi_steps(datacenter, found)
    if unknown is not None:
        yield Note(f"The suite does not know all routes that zones need: {unknown}.")


@remedy("networks-do-not-overlap")
def renumber(coupling: Coupling) -> Advised:
    """No command can help: NAPI does not change a network's subnet, and an admin network is chosen at installation."""
    _ = coupling
    yield Note(
        "No command renumbers a network. A Manta network that nothing uses can be created again in NAPI with "
        "another subnet. If a datacenter's admin network overlaps another's, install that datacenter again, or have the people "
        "who run the network translate its addresses, before it is coupled."
    )


@remedy("no-path-loses-packets")
def lead_by_a_router_that_works(datacenter: Datacenter) -> Advised:
    """Only a gateway can be changed in Triton, if nothing else can be at fault, and the network reaches others by another one."""
    faults = of(datacenter)
    wrong = {element.what for fault in faults for element in fault.elements if element.part is Segment.GATEWAY}
    for fault in faults:
        alone = fault.elements[0] if len(fault.elements) == 1 and fault.fault is Fault.SILENT else None
        if alone is not None and alone.part is Segment.GATEWAY:
            yield from _by_another(datacenter, alone.what, fault, wrong)
        yield Note(_whom_to_ask(fault))


def _by_another(
    datacenter: Datacenter, gateway: str, fault: PathFault, doubtful: Collection[str]
) -> Iterator[Step | Note]:
    """Lead by the router that the network uses most of those that no fault names."""
    try:
        networks = [net for _, net in sorted(datacenter.networks.items())]
    except Missing as missing:
        yield Note(f"The suite does not know NAPI's routes: {missing}.")
        return
    lead = routes_by(gateway, fault)
    for network in networks:
        wrong = {to: gateway for to in lead if network.routes.get(to) == gateway}
        other = next((hop for hop, _ in routers(datacenter, network).most_common() if hop not in doubtful), None)
        if not wrong or other is None or not napi.sound(network.uuid, {**wrong, other: None}):
            continue
        yield acting(
            headnode(datacenter),
            NapiRoutes(network.uuid, dict.fromkeys(wrong, other), wrong),
            risk=DISRUPTIVE,
            why=f"nothing comes back by {gateway}; {other} is the router by which NAPI's network {network.name} reaches other datacenters. "
            "It reaches every zone of the network; net-agent sets it within moments",
        )


def _whom_to_ask(fault: PathFault) -> str:
    ways = ", ".join(sorted({f"{link.source.id} to {link.host}" for link in fault.links}))
    return f"The network is not Triton's: ask the people who run it. {_place(fault.elements[0])} {ASK[fault.fault]}. It concerns {ways}."


def _place(element: Element) -> str:
    match element.part:
        case Segment.GATEWAY:
            return f"Of packets by {element.what}, the gateway of {element.where[0]}:"
        case Segment.BETWEEN | Segment.TOWARDS | Segment.PORT:
            what = f" ({element.what})" if element.what else ""
            return f"Between {element.where[0]} and {element.where[1]}{what}:"
        case Segment.DATACENTER | Segment.ZONE | Segment.ENDPOINT:
            what = f" ({element.what})" if element.what else ""
            return f"Of packets to and from {element.where[0]}{what}:"
