"""What connections that fail have in common, and none that works has: Boolean tomography over the links. Pure functions.

A connection goes from a zone by a gateway into the network between two datacenters, and its answers come back by a gateway there. Each of
these is an element. One that a working connection uses is not at fault. The fewest others that explain all failures are the cause, and
where several explain the same failures, nobody can tell them apart from here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from evidence.fact import Missing, need
from evidence.inventory.model import CANDIDATE, MASTER, REPLICA
from evidence.model import Probe
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.links import LINKS, LOST, STALLED, Link, leads_to, links
from evidence.subjects.network.paths import ANSWERED, dropped_by, leads_there
from evidence.subjects.network.routes import by_default, covering, has_route, source_address
from evidence.subjects.triton import GLOBAL
from evidence.subjects.world import World, once
from evidence.subjects.zone import Zone


class Fault(Enum):
    """What becomes of packets."""

    SILENT = "nothing comes back"
    LARGE = "large packets are lost, and small ones arrive"
    LOSSY = "many packets are lost"


class Segment(Enum):
    """The kinds of elements, the most telling first: of two that explain the same, the first is named first."""

    ZONE = "zone"
    ENDPOINT = "endpoint"
    GATEWAY = "gateway"
    PORT = "port"
    TOWARDS = "towards"
    BETWEEN = "between"
    DATACENTER = "datacenter"


@dataclass(frozen=True)
class Element:
    """Something that connections go through: `where` are the datacenters that it lies in, `what` is its name."""

    part: Segment
    where: tuple[str, ...]
    what: str = ""


@dataclass(frozen=True)
class PathFault:
    """A fault that several connections share: the elements that each explain it alone, and the links that fail because of it."""

    fault: Fault
    elements: tuple[Element, ...]
    links: tuple[Link, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The datacenters that it lies in."""
        return tuple(sorted({name for element in self.elements[:1] for name in element.where}))


@dataclass
class _Seen:
    """The connections of one kind of fault: the failed ones by what they go through, and what the others go through."""

    failed: dict[tuple[str, int], tuple[Link, frozenset[Element]]] = field(default_factory=dict)
    sound: set[Element] = field(default_factory=set)


@once
def shared(world: World) -> list[PathFault]:
    """The faults that links share. What a zone that is not running, or a service that hangs, causes is not one of the network."""
    seen: dict[Fault, _Seen] = defaultdict(_Seen)
    for link in (link for check, kind in LINKS.items() if kind.probed for link in links(world, check)):
        try:
            _look(link, seen)
        except Missing:
            continue
    found = [each for fault, connections in seen.items() for each in _explained(fault, connections)]
    return [each for each in found if each.elements[0].part not in (Segment.ZONE, Segment.ENDPOINT) or _runs(each)]


def _runs(fault: PathFault) -> bool:
    """Whether the zone that a fault lies in runs, so that only packets to and from it are lost."""
    what = fault.elements[0].what.rpartition(" of ")[2]
    if fault.fault is Fault.LARGE:
        return False
    ends = {zone.id: zone for link in fault.links for zone in (link.source, *link.target_zones) if zone.role != GLOBAL}
    zones = [zone for zone in ends.values() if zone.id == what or any(nic.ip == what for nic in zone.vm.nics)]
    return all(zone.vm.state == "running" for zone in zones)


def told(fault: PathFault) -> str:
    """A fault as a sentence: what fails, what it has in common, and which links these are."""
    names = [_named(element, fault) for element in fault.elements]
    besides = f" (or {', or '.join(names[1:])}: nothing here tells them apart)" if names[1:] else ""
    ways = ", ".join(link.id for link in fault.links)
    return f"{names[0]}{besides}: {fault.fault.value}. All of these use it, and no connection that works does: {ways}"


def _named(element: Element, fault: PathFault) -> str:
    match element.part:
        case Segment.GATEWAY:
            routes = ", ".join(routes_by(element.what, fault))
            return f"the gateway {element.what} of {element.where[0]}" + (f" (it leads to {routes})" if routes else "")
        case Segment.ENDPOINT:
            return f"the way to {element.what} ({element.where[0]})"
        case Segment.PORT:
            return f"{element.what} from {element.where[0]} to {element.where[1]}"
        case Segment.TOWARDS:
            return f"the way from {element.where[0]} to {element.where[1]}"
        case Segment.BETWEEN:
            return f"the network between {element.where[0]} and {element.where[1]}"
        case Segment.DATACENTER:
            return f"the way in and out of {element.where[0]}"
        case Segment.ZONE:
            return f"the way to {element.what} of {element.where[0]}"


def routes_by(gateway: str, fault: PathFault) -> list[str]:
    """The destinations of the failed links that lead by a gateway."""
    ends = [(link.source, link.host) for link in fault.links if link.source.role != GLOBAL]
    ends += [(zone, source_address(link.source, link.host)) for link in fault.links for zone in link.target_zones]
    found = ((zone.routes, covering(zone.routes, host)) for zone, host in ends)
    return sorted({known for routes, known in found if known is not None and routes[known] == gateway})


def owner(world: World, fault: PathFault) -> Datacenter:
    """The datacenter to which a fault is told: of two the candidate, or else the replica."""
    found = [world.datacenter(name) for name in fault.names]
    return min(found, key=lambda dc: ((CANDIDATE, REPLICA, MASTER).index(dc.state), dc.name))


def of(datacenter: Datacenter) -> list[PathFault]:
    """The shared faults that are told to a datacenter."""
    world = datacenter.world
    return [each for each in shared(world) if owner(world, each).name == datacenter.name]


def any_seen(datacenter: Datacenter) -> bool:
    """Whether some connection from a datacenter was tried. Raises Missing if its zones are not known.

    What lacks beside it, the links' own checks tell.
    """
    need(datacenter.evidence.zones.known())
    probed = [check for check, kind in LINKS.items() if kind.probed]
    own = (link for check in probed for link in links(datacenter.world, check))
    return any(_tried(link) for link in own if link.source.datacenter.name == datacenter.name)


def _tried(link: Link) -> bool:
    try:
        return bool(link.probes)
    except Missing:
        return False


def _look(link: Link, seen: Mapping[Fault, _Seen]) -> None:
    """Sort the connections of a link. One whose failure its own route, way back, address or a firewall explains says nothing."""
    if link.source.absent or link.misses or link.idle:
        return
    for number, (fault, works, probe) in enumerate(_outcomes(link)):
        elements = frozenset(_through(link, probe))
        if works:
            seen[fault].sound |= elements
        elif fault is not Fault.SILENT or _unexplained(link):
            seen[fault].failed[link.id, number] = link, elements


def _outcomes(link: Link) -> Iterator[tuple[Fault, bool, Probe]]:
    """For each connection the kind of fault that it can show, and whether it shows none."""
    for probe in link.probes:
        yield Fault.SILENT, probe.result in ANSWERED, probe
        if link.kind.tls and probe.result in ("open", STALLED):
            yield Fault.LARGE, probe.result == "open", probe
    for probe in link.measured:
        yield Fault.LARGE if probe.protocol == "size" else Fault.LOSSY, probe.result != LOST, probe


def _unexplained(link: Link) -> bool:
    """Whether the packets leave, may come in, and have a way back, so that they are lost between the zones."""
    if not leads_there(link):
        return False
    address = source_address(link.source, link.host)
    reached = [zone for zone in link.target_zones if leads_to(link, zone)]
    return not any(
        not has_route(zone, address) or (zone.vm.firewall_enabled and dropped_by(zone, link, address, zone.rules))
        for zone in reached
    )


def _through(link: Link, probe: Probe) -> Iterator[Element]:
    """What a connection goes through, there and back."""
    here, there = link.source.datacenter.name, link.target.name
    yield from (Element(Segment.DATACENTER, (name,)) for name in (here, there))
    yield Element(Segment.BETWEEN, tuple(sorted((here, there))))
    yield Element(Segment.TOWARDS, (here, there))
    if probe.protocol in ("tcp", "udp"):
        yield Element(Segment.PORT, (here, there), f"{probe.protocol}/{probe.port}")
        yield Element(Segment.ENDPOINT, (there,), f"{probe.protocol}/{probe.port} of {link.host}")
    yield Element(Segment.ZONE, (here,), link.source.id)
    yield Element(Segment.ZONE, (there,), link.host)
    gateway = _gateway(link.source, link.host, probe)
    if gateway:
        yield Element(Segment.GATEWAY, (here,), gateway)
    for zone in link.target_zones:
        if leads_to(link, zone) and (back := _gateway(zone, source_address(link.source, link.host))):
            yield Element(Segment.GATEWAY, (there,), back)


def _gateway(zone: Zone, host: str, probe: Probe | None = None) -> str:
    """The gateway by which a zone sends to a host; empty if it is on its network, or not known."""
    if zone.role == GLOBAL:
        return probe.route.partition(" via ")[2] if probe is not None else ""
    known = covering(zone.routes, host)
    if known is not None:
        return zone.routes[known]
    nic = by_default(zone.vm, host)
    return nic.gateway if nic is not None else ""


def _explained(fault: Fault, seen: _Seen) -> Iterator[PathFault]:
    """The fewest elements that explain all failures: again and again those that explain the most of what is left."""
    left = {key: elements - seen.sound for key, (_, elements) in seen.failed.items()}
    left = {key: elements for key, elements in left.items() if elements}
    while left:
        by: dict[Element, set[tuple[str, int]]] = defaultdict(set)
        for key, elements in left.items():
            for element in elements:
                by[element].add(key)
        most = max(len(_links(keys)) for keys in by.values())
        if most < 2:
            return
        best = [element for element, keys in by.items() if len(_links(keys)) == most]
        first = min(best, key=_rank)
        same = [element for element in best if by[element] == by[first]]
        found = {link: seen.failed[link, number][0] for link, number in by[first]}
        ordered = tuple(sorted(same, key=_rank))
        yield PathFault(fault, ordered, tuple(link for _, link in sorted(found.items())))
        left = {key: elements for key, elements in left.items() if key not in by[first]}


def _links(keys: Iterable[tuple[str, int]]) -> set[str]:
    return {link for link, _ in keys}


def _rank(element: Element) -> tuple[int, str]:
    return list(Segment).index(element.part), f"{element.where} {element.what}"
