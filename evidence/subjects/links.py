"""Links: from a zone to a target in another datacenter, as the catalogue wants them probed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from evidence.fact import Missing, OutOfSight, need
from evidence.inventory.model import BY_ENDPOINTS, CANDIDATE, MASTER, REPLICA
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.needs import needs_no_master
from evidence.subjects.triton import GLOBAL, AnyRole, Role
from evidence.subjects.world import World
from evidence.subjects.zone import Zone

if TYPE_CHECKING:
    from evidence.model import DnsAnswer, Probe

DATACENTER: Final = "datacenter"
REGION: Final = "region"
RING: Final = "ring"
PROBE: Final = "the probe"
"""What is asked of a link."""
STALLED: Final = "stalled"
"""The result of a connection that opened, and on which what the server sends first does not arrive."""
LOST: Final = "lost"
"""The result of a measurement: packets that were sent do not come back."""
MEASURES: Final = frozenset({"size", "loss"})
"""What is tried beside connecting, in place of a protocol."""


@dataclass(frozen=True)
class LinkKind:
    """One kind of link: from every zone of a role to a target, over the given ports.

    `target` "master" is the inventory's master (the sources are then all others in one of `states`); "region" every other
    datacenter of the region, instance by instance, and "datacenter" every other coupled one as a whole; "ring" the IMGAPI
    from which Manta's zones fetch the hash ring. `srv` adds the ports that the target's SRV records name. Links that are not
    `probed` from the zone are asked in another way. `tls`: what the server sends first must arrive, and that is large. `measured`: it is
    tried whether large packets and many datagrams get through, once for each pair of datacenters.
    """

    source: AnyRole
    target_role: Role
    port: int
    target: Literal["master", "datacenter", "region", "ring"] = MASTER
    protocols: tuple[str, ...] = ("tcp",)
    srv: bool = False
    probed: bool = True
    states: tuple[str, ...] = (REPLICA, CANDIDATE)
    tls: bool = False
    measured: bool = False


LINKS = {
    "adminui-reaches-master-ufds": LinkKind("adminui", "ufds", 636, tls=True),
    "binder-answers-other-datacenters": LinkKind("binder", "binder", 53, DATACENTER, probed=False),
    "binder-reaches-binder": LinkKind("binder", "binder", 53, REGION, ("tcp", "udp"), measured=True),
    "cloudapi-reaches-master-ufds": LinkKind("cloudapi", "ufds", 636, tls=True),
    "electric-moray-reaches-ring-imgapi": LinkKind("electric-moray", "imgapi", 80, RING, states=(MASTER, REPLICA)),
    "headnode-reaches-master-ufds": LinkKind(GLOBAL, "ufds", 636, states=(REPLICA,), tls=True),
    "sapi-reaches-master-moray": LinkKind("sapi", "moray", 2020, srv=True),
    "ufds-reaches-master-ufds": LinkKind("ufds", "ufds", 636, tls=True),
}
"""The links of each check, by its id."""


@dataclass(frozen=True, repr=False)
class Link:
    """A link from a source zone to a target. It belongs to its source."""

    source: Zone
    target: Datacenter
    kind: LinkKind
    instance: str = ""

    @property
    def id(self) -> str:
        where = self.instance or self.kind.target_role
        return f"{self.source.id}--{self.target.name}.{where}.{self.kind.port}"

    def __repr__(self) -> str:
        return self.id

    @property
    def check(self) -> str:
        """The check that the link belongs to."""
        return next(check for check, kind in LINKS.items() if kind == self.kind)

    @property
    def target_zones(self) -> tuple[Zone, ...]:
        """The target's instance, or all instances of the target's role."""
        zones = self.target.zones(self.kind.target_role)
        return tuple(zone for zone in zones if self.instance in ("", zone.alias))

    @property
    def host(self) -> str:
        """The address to connect to, as contract "Subjects" says.  Raises Missing when it is not known."""
        if self.kind.target_role == "ufds":
            return self._configured() or self.target.ufds_address
        return self.target_zones[0].address("admin")

    @property
    def misses(self) -> bool:
        """Whether its address is known not to be its target's. Then the address is wrong, and not the way there."""
        try:
            held = {nic.ip for zone in self.target_zones for nic in zone.vm.nics}
            return self.host not in held | {self.target.declared.ufds_address}
        except Missing:
            return False

    @property
    def idle(self) -> str:
        """Why nobody uses it: SAPI asks no master's moray. Empty if it is used, and if that is not known."""
        try:
            return needs_no_master(self.source.datacenter) if self.kind.target_role == "moray" else ""
        except Missing:
            return ""

    @property
    def doubt(self) -> str:
        """Why no step may use its address; empty if a zone of its target has the address, or the inventory declares it."""
        what = f"{self.kind.target_role} zone of {self.target.name}"
        if self.misses:
            return (
                f"No {what} has the address {self.host}, so the suite gives no route and no firewall rule for it: the address "
                "itself may be wrong. See replica-points-at-master."
            )
        try:
            if self.host != self.target.declared.ufds_address:
                need(*(zone.vm for zone in self.target_zones))
        except Missing as missing:
            return f"The suite does not know whether a {what} has the address {self.host}: {missing}."
        return ""

    def _configured(self) -> str | None:
        """The ufds_remote_ip of a replica's SAPI. If SAPI is silent, the way to the right address is judged all the same."""
        if self.source.datacenter.state != REPLICA:
            return None
        try:
            told = self.source.datacenter.sdc_metadata.values.get("ufds_remote_ip")
            return told if isinstance(told, str) and told else None
        except Missing:
            return None

    @property
    def ports(self) -> tuple[int, ...]:
        """The port, and for moray the ports behind its haproxy that the SRV records name (facts "SAPI")."""
        return (self.kind.port, 2021, 2022, 2023, 2024) if self.kind.srv else (self.kind.port,)

    @property
    def measures(self) -> bool:
        """Whether large packets and many at once are sent: by one zone to one for each pair of datacenters, whose way is the same."""
        if not self.kind.measured:
            return False
        ends = self.source.datacenter.zones(self.kind.source)[0], self.target.zones(self.kind.target_role)[0]
        return (self.source.id, self.instance) == (ends[0].id, ends[1].alias)

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The results of connecting, one probe per protocol and port."""
        return tuple(probe for probe in self._tried if probe.protocol not in MEASURES)

    @property
    def measured(self) -> tuple[Probe, ...]:
        """Whether packets of full size, and all of many, came back, where that could be measured.

        On a path that loses packets of any size, a large one that is lost says nothing.
        """
        found = tuple(probe for probe in self._tried if probe.protocol in MEASURES and probe.result in ("open", LOST))
        lossy = any(probe.protocol == "loss" and probe.result == LOST for probe in found)
        return tuple(probe for probe in found if not (lossy and probe.protocol == "size"))

    @property
    def _tried(self) -> tuple[Probe, ...]:
        source = self.source.datacenter.evidence
        if self.source.datacenter.declared.endpoints:
            raise OutOfSight(self.id, PROBE, "zlogin", BY_ENDPOINTS)
        if self.source.role != GLOBAL:
            need(self.source.inside)
        found = source.links.get(self.id)
        if found is None:
            raise Missing(self.id, PROBE, "probe", "this link was not probed")
        return found.get()

    @property
    def answers(self) -> dict[str, DnsAnswer]:
        """What the source, a binder, answers for names of the target."""
        found = self.source.elsewhere.get(self.target.name)
        if found is None:
            raise Missing(self.id, "what binder answers", "dig", "this was not asked")
        return found


def links(world: World, check: str) -> tuple[Link, ...]:
    """All links of one check, sorted by id."""
    kind = LINKS[check]
    found: list[Link] = []
    for dc in world.datacenters:
        for source in dc.zones(kind.source):
            for target in _target_datacenters(dc, kind):
                if kind.target == REGION:
                    found.extend(Link(source, target, kind, zone.alias) for zone in target.zones(kind.target_role))
                else:
                    found.append(Link(source, target, kind))
    return tuple(sorted(found, key=lambda link: link.id))


def _target_datacenters(source: Datacenter, kind: LinkKind) -> tuple[Datacenter, ...]:
    if kind.target == REGION:
        return source.peers
    if kind.target == DATACENTER:
        return tuple(peer for peer in source.peers if peer.state != CANDIDATE)
    if source.state not in kind.states or (kind.target == RING and source not in source.world.manta_datacenters):
        return ()
    return (ring_datacenter(source.world),) if kind.target == RING else (source.master,)


def ring_datacenter(world: World) -> Datacenter:
    """The datacenter whose IMGAPI has the hash ring, as the master's application manta says; if unknown, the master."""
    try:
        applications = world.master.manta_applications
    except Missing:
        return world.master
    named = [
        str(each.metadata.values.get("HASH_RING_IMGAPI_SERVICE")).lower().partition("//")[2] for each in applications
    ]
    services = {f"imgapi.{dc.name}.".lower(): dc for dc in world.manta_datacenters}
    found = [dc for start, dc in services.items() for name in named if name.startswith(start)]
    return found[0] if found else world.master


def links_to(zone: Zone) -> tuple[Link, ...]:
    """The links that lead to a zone, of all checks, sorted by id."""
    return tuple(link for link in _links_into(zone.datacenter) if leads_to(link, zone))


def astray(zone: Zone) -> tuple[Link, ...]:
    """The links that should lead to a zone and have an address that is nobody's there, sorted by id."""
    return tuple(link for link in _links_into(zone.datacenter) if link.misses and zone in link.target_zones)


def _links_into(datacenter: Datacenter) -> list[Link]:
    probed = [check for check, kind in LINKS.items() if kind.probed]
    found = [link for check in probed for link in links(datacenter.world, check) if link.target.name == datacenter.name]
    return sorted((link for link in found if not link.source.absent and not link.idle), key=lambda link: link.id)


def leads_to(link: Link, zone: Zone) -> bool:
    """Whether a link leads to this zone: of several instances of a role, the one that has the address.

    If nobody has the address, the link leads to none of them.
    """
    if link.misses:
        return False
    holders = [each.id for each in link.target_zones if _holds(each, link)]
    return zone.id in (holders or [each.id for each in link.target_zones])


def _holds(zone: Zone, link: Link) -> bool:
    try:
        return any(nic.ip == link.host for nic in zone.vm.nics)
    except Missing:
        return False


def targets(world: World) -> tuple[Zone, ...]:
    """Every zone that a link leads to, or may lead to, sorted by id."""
    found = {zone.id: zone for check in LINKS for link in links(world, check) for zone in link.target_zones}
    return tuple(found[name] for name in sorted(found))
