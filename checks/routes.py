"""Chapter: routes.  The way from one zone to another, and the way back."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest

from evidence.fact import Missing, need, untouched
from evidence.subjects.datacenter import Datacenter, of_each
from evidence.subjects.network.paths import unknown_to_napi, without_manta_routes, without_way_back
from evidence.subjects.network.routes import between, passing, subnet
from evidence.subjects.network.tomography import any_seen, of, told
from evidence.subjects.world import Coupling
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, WARNING, After, check
from fixtures.outcomes import Finding


@check(BOTH, CRITICAL, after=["networks-do-not-overlap", "napi-has-the-routes", "net-agent-runs"])
def test_routes_go_both_ways(target: Zone) -> None:
    """A zone has a route back to each zone of another datacenter that has a route to it but gets no answer from it.

    Without the route back, packets arrive but the answers do not leave.  The other zone sees a timeout, although its own routes
    are right.  Source: seed (routes on both sides); facts "UFDS" ("bi-directional" means that a return route exists).
    """
    found, unknown = without_way_back(target)
    without = {source: address for source, (_, address) in found.items()}
    assert without == {}, "zones with a route to this zone, and the address to which it has no route back"
    if unknown is not None:
        raise unknown


@check(BOTH, WARNING, after=[After("internal-apis-answer", at="napi"), "napi-has-the-routes"])
def test_routes_are_durable(zone: Zone) -> None:
    """Every route that vmadm has set in a zone, or that its kernel alone has, is known to NAPI, by the same gateway.

    At its next start, or at the next change of the VM, net-agent removes the routes that vmadm knows and NAPI does not.  A route that was
    typed in the zone is gone after its next boot, and one typed with `route -p` after its next image.  So the coupling breaks weeks after
    somebody saw that it works.  Source: facts, hazard 1; sdc-net-agent:lib/inst-fsm.js; seed (routes typed into cloudapi, adminui).
    """
    found = passing(zone)
    alone = "in its kernel alone: vmadm does not know it either"
    unknown = found.by_vmadm | {to: f"{via}, {alone}" for to, via in found.by_hand.items()}
    assert unknown == {}, "routes of the zone that NAPI does not know"
    if found.unseen is not None:
        raise found.unseen


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

    Manta's zones there ask them, and the answers need a way back.  A gateway of the admin network is enough.  Source: seed
    ("imgapi, cnapi, vmapi" need more routes for Manta; routes in sapi and moray zones); facts "Manta".
    """
    missing = sorted(f"{net.subnet} ({peer.name}, {net.name})" for peer, net in without_manta_routes(manta_peer))
    assert missing == [], "networks that the zone has no route to"


@check(
    BOTH,
    CRITICAL,
    after=["networks-do-not-overlap", After("internal-apis-answer", at="napi"), "replica-points-at-master"],
)
def test_napi_has_the_routes(datacenter: Datacenter) -> None:
    """NAPI has a route for every address in another datacenter that a zone must reach, unless the zone has a route itself.

    net-agent removes routes that NAPI lacks from every zone, so no route set by hand lasts.  Routes are missing in a datacenter
    that was never connected, and after a PUT that was meant to add one route, because PUT replaces all of them.  Source: facts,
    hazard 1 and "Routes".
    """
    found, unknown = unknown_to_napi(datacenter)
    zones: dict[str, set[str]] = {}
    for way in found:
        zones.setdefault(f"{way.host} ({way.target})", set()).add(way.zone.alias or way.zone.role)
    without = {host: ", ".join(sorted(aliases)) for host, aliases in zones.items()}
    assert without == {}, "addresses that zones must reach, without a route in the zones or in NAPI"
    if unknown is not None:
        raise unknown


@check(BOTH, CRITICAL)
def test_no_path_loses_packets(datacenter: Datacenter) -> None:
    """No gateway, network or firewall that a zone's connections to other datacenters share loses their packets.

    If several connections fail although both zones have their routes, what they share and no working connection uses is at fault: a
    gateway that does not exist, a port that a firewall drops, a network that passes no packet of full size.  A connect needs small packets
    alone, so it succeeds there, while TLS and every large answer hang.  Source: facts "Probing from inside a zone"; RFC 2923.
    """
    with untouched():
        faults = of(datacenter)
        observed = "; ".join(map(told, faults))
    links = {link.id: link for fault in faults for link in fault.links}
    need(*(link.probes for link in links.values()))
    if faults:
        raise Finding(
            expected="no fault that connections to other datacenters share",
            observed=observed,
            culprits={name for fault in faults for name in fault.names},
            covers=links,
        )
    if not any_seen(datacenter):
        pytest.skip(f"no connection from {datacenter} was tried")


@check(BOTH, CRITICAL, after=[After("internal-apis-answer", at="napi")])
def test_networks_do_not_overlap(coupling: Coupling) -> None:
    """The admin networks of all datacenters, and the Manta networks where Manta is expected or planned, are disjoint.

    If two datacenters use the same address, neither can reach it in the other one: the packets never leave the own network.  Without
    Manta nobody uses its networks.  Source: seed (routes between the admin networks); facts "Routes".
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
    for datacenter in coupling.datacenters:
        datacenter.need_all_networks()


def _admin_and_manta(datacenter: Datacenter) -> list[tuple[str, IPv4Network]]:
    """The admin and Manta networks that NAPI knows, by name.  Raises Missing if one cannot be read, or if there is no admin network."""
    meant = datacenter in datacenter.world.meant_for_manta
    nets = [net for _, net in sorted(datacenter.networks.items()) if between(net) and (meant or net.name == "admin")]
    found = [(net.name, read) for net in nets if (read := subnet(net.subnet)) is not None]
    if len(found) != len(nets) or "admin" not in {name for name, _ in found}:
        said = ", ".join(f"{net.name} {net.subnet!r}" for net in nets) or "none"
        raise Missing(datacenter.id, "its admin and Manta networks", "sdc-napi /networks", f"NAPI says: {said}")
    return found
