"""Chapter: routes.  The way back into the target's zones, what vmadm alone knows into NAPI."""

from __future__ import annotations

from collections.abc import Iterable

from evidence.subjects.datacenter import Datacenter
from evidence.subjects.network.ground import doubt_about_destination, doubt_about_router
from evidence.subjects.network.paths import first_host, unknown_to_napi, without_manta_routes, without_way_back
from evidence.subjects.network.routes import network_of, nic_towards, passing, subnet
from evidence.subjects.world import Coupling
from evidence.subjects.zone import Zone
from remediate.durable import into_napi, napi_steps, route_steps
from remediate.registry import Advised, proved_by, remedy
from remediate.steps import Note, Step


def once(said: Iterable[Step | Note]) -> Advised:
    """Each step once: two routes of a zone want the same agent enabled."""
    seen: set[str] = set()
    for each in said:
        key = each.run if isinstance(each, Step) else ""
        if key not in seen or not key:
            yield each
        seen.add(key)


@remedy("routes-go-both-ways")
def add_the_way_back(target: Zone) -> Advised:
    """On the head node of the zone that cannot answer: the routes of those who ask are right."""
    found, unknown = without_way_back(target)
    proof = (f"routes-go-both-ways[{target.id}]", *(f"{link.check}[{link.id}]" for link, _ in found.values()))
    steps = (step for link, address in found.values() for step in route_steps(target, address, link.source.datacenter))
    yield from proved_by(once(steps), *proof)
    if unknown is not None:
        yield Note(f"Not known of all who ask: {unknown}.")


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
            yield from into_napi(datacenter, network, {to: via}, f"leads to {to}")


@remedy("triton-zones-have-manta-routes")
def give_it_the_routes_of_manta(manta_peer: Zone) -> Advised:
    """One route for each network that it lacks; NAPI's reach the other zones too, which is meant here."""
    yield from once(
        step
        for peer, network in without_manta_routes(manta_peer)
        for step in route_steps(manta_peer, first_host(network), peer)
    )


@remedy("napi-has-the-routes")
def tell_napi_the_routes(datacenter: Datacenter) -> Advised:
    """One PUT a network, with what is there; net-agent brings the routes into every zone of it."""
    found, unknown = unknown_to_napi(datacenter)
    yield from napi_steps(datacenter, found)
    if unknown is not None:
        yield Note(f"Not known of all: {unknown}.")


@remedy("networks-do-not-overlap")
def renumber(coupling: Coupling) -> Advised:
    """No command can help: NAPI does not change a network's subnet, and an admin network is chosen at installation."""
    _ = coupling
    yield Note(
        "Networks cannot be renumbered by a command. A Manta network with nothing on it can be made anew in NAPI with "
        "another subnet; a datacenter whose admin network overlaps another's must be installed anew, or its traffic "
        "translated by those who run the network, before it is coupled."
    )
