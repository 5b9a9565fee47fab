"""Chapter: routes.  What lies between two zones: the way there, and the way back."""

from ipaddress import IPv4Network
from itertools import combinations

from evidence.fact import Missing
from evidence.subjects.datacenter import Datacenter, of_each
from evidence.subjects.network.paths import unknown_to_napi, without_manta_routes, without_way_back
from evidence.subjects.network.routes import routed, subnet
from evidence.subjects.world import Coupling
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, WARNING, After, check
from fixtures.outcomes import Finding


@check(BOTH, CRITICAL, after=["networks-do-not-overlap", "napi-has-the-routes", "net-agent-runs"])
def test_routes_go_both_ways(target: Zone) -> None:
    """A zone that zones of other datacenters have a route to, and get no answer from, has a route back to each of them.

    Without one their packets arrive and the answers do not leave, which looks like a timeout although their own routes
    are right.  Source: seed (routes on both sides); facts "UFDS" ("bi-directional" means that a return route exists).
    """
    found, unknown = without_way_back(target)
    without = {source: address for source, (_, address) in found.items()}
    assert without == {}, "who has a route to this zone, and the address to which it has none back"
    if unknown is not None:
        raise unknown


@check(BOTH, WARNING, after=[After("internal-apis-answer", at="napi"), "napi-has-the-routes"])
def test_routes_are_durable(zone: Zone) -> None:
    """Every route that vmadm has set in a zone is known to NAPI, for one of the zone's networks and by the same gateway.

    net-agent takes out what NAPI does not know, at its next start or at the next change of the VM: the coupling breaks
    weeks after somebody saw that it works.  Source: facts, hazard 1; sdc-net-agent:lib/inst-fsm.js.
    """
    networks = {network.uuid: network for network in zone.datacenter.networks.values()}
    known: set[tuple[str, str]] = set()
    for nic in zone.vm.nics:
        if nic.network_uuid in networks:
            known |= set(networks[nic.network_uuid].routes.items())
    unknown = {to: via for to, via in zone.vm.routes.items() if not covered(to, via, known)}
    assert unknown == {}, "routes of the zone that NAPI does not know"


def covered(to: str, via: str, known: set[tuple[str, str]]) -> bool:
    """Whether NAPI has a route, or one by the same gateway that leads there as well."""
    return (to, via) in known or routed([net for net, hop in known if hop == via], to)


@check(
    BOTH,
    CRITICAL,
    after=[
        "networks-do-not-overlap",
        After("internal-apis-answer", at="napi"),
        "napi-has-the-routes",
        "net-agent-runs",
    ],
)
def test_triton_zones_have_manta_routes(manta_peer: Zone) -> None:
    """imgapi, cnapi, vmapi, sapi and moray have a route to the admin and Manta networks of the region's other datacenters.

    Manta's zones there ask them, and the answers have to find their way back.  A gateway of the admin network will
    do.  Source: seed ("imgapi, cnapi, vmapi" need more routes for Manta; routes in sapi and moray zones); facts "Manta".
    """
    missing = sorted(f"{net.subnet} ({peer.name}, {net.name})" for peer, net in without_manta_routes(manta_peer))
    assert missing == [], "networks that the zone has no route to"


@check(
    BOTH,
    CRITICAL,
    after=["networks-do-not-overlap", After("internal-apis-answer", at="napi"), "replica-points-at-master"],
)
def test_napi_has_the_routes(datacenter: Datacenter) -> None:
    """NAPI has a route for every way between datacenters that a zone has to go and has no route for itself.

    Where NAPI lacks them, net-agent takes them out of every zone, and nothing that is set by hand lasts: so it is after a
    PUT that was to add one route, since PUT replaces them all, and in a datacenter that was never connected.  Source:
    facts, hazard 1 and "Routes".
    """
    found, unknown = unknown_to_napi(datacenter)
    zones: dict[str, set[str]] = {}
    for way in found:
        zones.setdefault(f"{way.host} ({way.target})", set()).add(way.zone.alias or way.zone.role)
    without = {host: ", ".join(sorted(aliases)) for host, aliases in zones.items()}
    assert without == {}, "what zones have to reach, and neither they nor NAPI have a route to"
    if unknown is not None:
        raise unknown


@check(BOTH, CRITICAL, after=[After("internal-apis-answer", at="napi")])
def test_networks_do_not_overlap(coupling: Coupling) -> None:
    """The admin networks and Manta networks of all datacenters are disjoint.

    An address that two datacenters have cannot be routed to the other one: its packets never leave the own network.
    Source: seed (routes between the admin networks); facts "Routes".
    """
    seen, unknown = of_each(coupling.datacenters, _admin_and_manta)
    found = [(name, net, each) for name, nets in seen.items() for net, each in nets]
    pairs = [(one, other) for one, other in combinations(found, 2) if one[0] != other[0] and one[2].overlaps(other[2])]
    if pairs:
        raise Finding(
            expected="admin and Manta networks without a common address",
            observed="; ".join(
                f"{one[0]} {one[1]} {one[2]} overlaps {other[0]} {other[1]} {other[2]}" for one, other in pairs
            ),
            culprits={name for pair in pairs for name, _, _ in pair},
        )
    if unknown is not None:
        raise unknown


def _admin_and_manta(datacenter: Datacenter) -> list[tuple[str, IPv4Network]]:
    """The admin and Manta networks that NAPI knows, by name.  One that cannot be read, or no admin network, is not known."""
    nets = [net for key, net in sorted(datacenter.networks.items()) if key.split(" ")[0] in ("admin", "manta")]
    found = [(net.name, read) for net in nets if (read := subnet(net.subnet)) is not None]
    if len(found) != len(nets) or "admin" not in {name for name, _ in found}:
        said = ", ".join(f"{net.name} {net.subnet!r}" for net in nets) or "none"
        raise Missing(datacenter.id, "its admin and Manta networks", "sdc-napi /networks", f"NAPI says: {said}")
    return found
