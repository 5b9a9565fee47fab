"""Where the way between two zones ends: which links get no answer because a route back, or a firewall rule, is missing.

Each answer comes with the reason why it may be incomplete: a gap at one link must not hide what another shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evidence.fact import Missing, graver
from evidence.model import FirewallRule, Network
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.links import LINKS, STALLED, Link, astray, leads_to, links, links_to
from evidence.subjects.network.firewall import UnreadableRuleError, lets_in
from evidence.subjects.network.routes import between, by_default, has_route, napi_route, routed, source_address, subnet
from evidence.subjects.triton import GLOBAL, MANTA_PEERS
from evidence.subjects.zone import Zone

ANSWERED = frozenset({"open", "refused", STALLED})
"""Results that neither a packet filter nor a missing route produces: something came back."""


def unanswered(link: Link) -> bool:
    """Whether some probe of the link got no answer. A probe that got one proves that the way is free."""
    return any(probe.result not in ANSWERED for probe in link.probes)


def unsent(link: Link) -> bool:
    """Whether no packet left the source, because it has no route at all, not even a default one."""
    try:
        return all(probe.route == "none" for probe in link.probes if probe.result != "open") and unanswered(link)
    except Missing:
        return False


def leads_there(link: Link) -> bool:
    """Whether the source has its own route to the target, so that its packets arrive."""
    if link.source.role == GLOBAL:
        return all(probe.route.partition(" ")[0] not in ("", "default", "none", "unknown") for probe in link.probes)
    return has_route(link.source, link.host)


def without_way_back(target: Zone) -> tuple[dict[str, tuple[Link, str]], Missing | None]:
    """By source's id: the links that arrive at a zone without a route back, and the address that the route should lead to."""
    found: dict[str, tuple[Link, str]] = {}
    unknown = None
    for link in links_to(target):
        try:
            if unanswered(link) and leads_there(link):
                address = source_address(link.source, link.host)
                if not has_route(target, address):
                    found[link.source.id] = link, address
        except Missing as missing:
            unknown = graver(unknown, missing)
    return found, unknown


@dataclass(frozen=True)
class Way:
    """A zone that has to send to a host in another datacenter."""

    zone: Zone
    host: str
    target: Datacenter


def unknown_to_napi(datacenter: Datacenter) -> tuple[list[Way], Missing | None]:
    """The ways that the zones of a datacenter need, there and back, and that neither they nor NAPI have."""
    found: list[Way] = []
    unknown = None
    for way in _needed(datacenter):
        if isinstance(way, Missing):
            unknown = graver(unknown, way)
            continue
        try:
            if not has_route(way.zone, way.host) and napi_route(way.zone, way.host) is None:
                found.append(way)
        except Missing as missing:
            unknown = graver(unknown, missing)
    return found, unknown


def _needed(datacenter: Datacenter) -> Iterator[Way | Missing]:
    """The ways where something got no answer, and those that Manta needs. What cannot be told comes as its reason."""
    world, probed = datacenter.world, [check for check, kind in LINKS.items() if kind.probed]
    for link in (link for check in probed for link in links(world, check) if link.source.role != GLOBAL):
        if datacenter.name not in (link.source.datacenter.name, link.target.name) or link.source.absent or link.idle:
            continue
        try:
            if link.misses or not unanswered(link):
                continue
            if link.source.datacenter.name == datacenter.name:
                yield Way(link.source, link.host, link.target)
            elif leads_there(link):
                address = source_address(link.source, link.host)
                yield from (
                    Way(zone, address, link.source.datacenter) for zone in link.target_zones if leads_to(link, zone)
                )
        except Missing as missing:
            yield missing
    for zone in (
        (zone for role in MANTA_PEERS for zone in datacenter.zones(role))
        if datacenter in world.manta_datacenters
        else ()
    ):
        try:
            yield from (Way(zone, first_host(network), peer) for peer, network in without_manta_routes(zone))
        except Missing as missing:
            yield missing


def first_host(network: Network) -> str:
    """An address that lies in a network."""
    net = subnet(network.subnet)
    return str(net.network_address + 1) if net is not None else network.subnet


def without_manta_routes(zone: Zone) -> list[tuple[Datacenter, Network]]:
    """The admin and Manta networks of other datacenters in its region that a zone has no route to."""
    meant = zone.datacenter.world.manta_datacenters or zone.datacenter.peers
    peers = [peer for peer in zone.datacenter.peers if peer in meant]
    networks = [(peer, net) for peer in peers for net in peer.networks.values() if between(net)]
    lacking = [
        (peer, network)
        for peer, network in networks
        if not routed(zone.routes, network.subnet) and by_default(zone.vm, first_host(network)) is None
    ]
    if not lacking:
        for peer in peers:
            peer.need_all_networks()
    return lacking


def shut_out(target: Zone) -> tuple[dict[str, tuple[Link, str, tuple[str, ...]]], Missing | None]:
    """By source's id: the links that the firewall of a zone drops, the address they come from, and what is dropped.

    A zone without a firewall drops nothing, and a link that was answered was not dropped. One that is dropped shows what the rules mean:
    then those count, too, whose address is wrong for now, since they come as soon as it is right.
    """
    found: dict[str, tuple[Link, str, tuple[str, ...]]] = {}
    unknown = None

    def drops(link: Link, host: str) -> None:
        nonlocal unknown
        try:
            if not _arrives(link, host):
                return
            address = source_address(link.source, host)
            dropped = dropped_by(target, link, address, target.rules)
            if dropped:
                found[link.source.id] = link, address, dropped
        except Missing as missing:
            unknown = graver(unknown, missing)

    if target.vm.firewall_enabled:
        for link in links_to(target):
            drops(link, link.host)
        for link in astray(target) if found else ():
            drops(link, link.target.ufds_address)
    return found, unknown


def _arrives(link: Link, host: str) -> bool:
    """Whether a link's packets arrive and may have been dropped; of an address that was not asked for, whether they would.

    A head node's own routes are known only where they were probed.
    """
    if link.misses:
        return link.source.role != GLOBAL and has_route(link.source, host)
    return unanswered(link) and leads_there(link)


def dropped_by(target: Zone, link: Link, address: str, rules: Iterable[FirewallRule]) -> tuple[str, ...]:
    """What the rules of a link's target do not let in from an address: ("tcp/636", …)."""
    wanted = [(protocol, port) for protocol in link.kind.protocols for port in link.ports]
    try:
        return tuple(f"{name}/{port}" for name, port in wanted if not lets_in(rules, target.vm, address, name, port))
    except (UnreadableRuleError, ValueError):
        why = f"a rule, or the address {address}, cannot be read"
        raise Missing(target.id, "its firewall rules", "sdc-fwapi", why) from None
