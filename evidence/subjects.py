"""Subjects: what a check is about.  They come from the inventory × the roles that Triton has; evidence adds instances.

A role without evidence is one placeholder subject (ROLE0), and touching it raises Missing, so nothing vanishes when a head
node goes dark.  Subject ids are ASCII and stable: see contract "Subjects".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from evidence.facts import Fact, Missing, missing
from evidence.inventory import CANDIDATE, MASTER, REPLICA, Declared, Inventory

if TYPE_CHECKING:
    from evidence.model import (
        Account,
        Attempt,
        ConfigFile,
        Configuration,
        DatacenterEvidence,
        DnsAnswer,
        Evidence,
        HealthcheckRow,
        HealthRow,
        HttpAnswer,
        Network,
        Probe,
        Service,
        SysInfo,
        Vm,
        ZoneEvidence,
    )

ROLES = ("adminui", "binder", "cloudapi", "moray", "napi", "sapi", "sdc", "ufds")
"""Core roles that every datacenter has (issue by issue, more of Triton's)."""

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""What a datacenter name or a zone alias must look like to be part of a subject id."""

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The inventory, and the evidence if it was collected already (`--collect-only` has none)."""

    inventory: Inventory
    evidence: Evidence | None = None

    @property
    def coupling(self) -> Coupling:
        return Coupling(self)

    @property
    def regions(self) -> tuple[Region, ...]:
        return tuple(Region(self, name) for name in self.inventory.regions)

    @property
    def datacenters(self) -> tuple[Datacenter, ...]:
        return tuple(Datacenter(self, name) for name in sorted(self.inventory.datacenters))

    @property
    def master(self) -> Datacenter:
        return Datacenter(self, self.inventory.master)

    def datacenter(self, name: str) -> Datacenter:
        return Datacenter(self, name)


@dataclass(frozen=True, repr=False)
class Coupling:
    """The datacenters that share one UFDS master."""

    world: World

    @property
    def id(self) -> str:
        return "coupling"

    def __repr__(self) -> str:
        return self.id

    @property
    def datacenters(self) -> tuple[Datacenter, ...]:
        return self.world.datacenters

    @property
    def coupled(self) -> tuple[Datacenter, ...]:
        """Master and replicas, without candidates."""
        return tuple(dc for dc in self.datacenters if dc.state != CANDIDATE)


@dataclass(frozen=True, repr=False)
class Region:
    """The datacenters of the coupling with one region name."""

    world: World
    name: str

    @property
    def id(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return self.id

    @property
    def datacenters(self) -> tuple[Datacenter, ...]:
        return tuple(dc for dc in self.world.datacenters if dc.declared.region == self.name)


@dataclass(frozen=True, repr=False)
class Datacenter:
    """One availability zone: what the inventory declares of it, and what was seen."""

    world: World
    name: str

    @property
    def id(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return self.id

    @property
    def declared(self) -> Declared:
        return self.world.inventory.datacenters[self.name]

    @property
    def state(self) -> str:
        return self.declared.state

    @property
    def master(self) -> Datacenter:
        return self.world.master

    @property
    def peers(self) -> tuple[Datacenter, ...]:
        """The other datacenters of its region."""
        return tuple(
            dc for dc in self.world.datacenters if dc.declared.region == self.declared.region and dc.name != self.name
        )

    @property
    def evidence(self) -> DatacenterEvidence:
        evidence = self.world.evidence
        seen = evidence.datacenters.get(self.name) if evidence is not None else None
        if seen is None:
            raise Missing(f"{self.name}: evidence", "collect", "nothing was collected for this datacenter")
        return seen

    @property
    def ssh(self) -> Fact[str]:
        return self.evidence.ssh

    @property
    def sysinfo(self) -> SysInfo:
        return self.evidence.sysinfo.get()

    @property
    def usbkey(self) -> Configuration:
        return self.evidence.usbkey.get()

    @property
    def networks(self) -> dict[str, Network]:
        return self.evidence.networks.get()

    @property
    def check_health(self) -> tuple[HealthRow, ...]:
        return self.evidence.check_health.get()

    @property
    def healthcheck(self) -> tuple[HealthcheckRow, ...]:
        return self.evidence.healthcheck.get()

    @property
    def sdc_metadata(self) -> Configuration:
        """Metadata of the SAPI application `sdc`: what config-agent renders into every zone."""
        fact = self.evidence.applications
        found = fact.get().get("sdc")
        if found is None:
            raise Missing(fact.asked, fact.how, "SAPI lists no application named sdc")
        return found.metadata

    def service_metadata(self, name: str) -> Configuration:
        """Metadata of one SAPI service of the application `sdc`."""
        fact = self.evidence.services
        found = fact.get().get(name)
        if found is None:
            raise Missing(fact.asked, fact.how, f"SAPI lists no service named {name}")
        return found.metadata

    @property
    def suffix(self) -> str:
        """What its own services' names end in, by its own metadata: judged so, it needs no other datacenter's evidence."""
        return f"{self.name}.{self.sdc_metadata.values.get('dns_domain', '')}"

    @property
    def dns_domain(self) -> str:
        """The domain that all share: the one that the inventory declares, or else the master's."""
        declared = self.world.inventory.dns_domain
        return declared or str(self.world.master.sdc_metadata.values.get("dns_domain", ""))

    @property
    def ufds_address(self) -> str:
        """The address that the others use for this datacenter's UFDS, if it is the master: see contract "Subjects"."""
        return self.declared.ufds_address or self.zones("ufds")[0].address("external", "internal", "admin")

    def zones(self, role: str) -> tuple[Zone, ...]:
        """The zones of one role: every instance seen, or one placeholder."""
        aliases: list[str] = []
        if self.world.evidence is not None:
            fact = self.evidence.zones
            if fact.value is not None:
                aliases = [alias for alias, seen in sorted(fact.value.items()) if seen.vm.role == role]
        return tuple(Zone(self, role, alias) for alias in aliases or [f"{role}0"])


@dataclass(frozen=True, repr=False)
class Zone:
    """One core zone of a datacenter."""

    datacenter: Datacenter
    role: str
    alias: str

    @property
    def id(self) -> str:
        return f"{self.datacenter.name}.{self.alias}"

    def __repr__(self) -> str:
        return self.id

    @property
    def evidence(self) -> ZoneEvidence:
        fact = self.datacenter.evidence.zones
        seen = fact.get().get(self.alias)
        if seen is None:
            why = f"the head node of {self.datacenter.name} lists no zone with smartdc_role {self.role}"
            raise Missing(f"{self.id}: the zone", fact.how, why)
        return seen

    @property
    def vm(self) -> Vm:
        return self.evidence.vm

    def address(self, *tags: str) -> str:
        found = self.vm.address(*tags)
        if found is None:
            raise Missing(f"{self.id}: its address", "vmadm lookup", f"no NIC tagged {' or '.join(tags)}")
        return found

    @property
    def services(self) -> tuple[Service, ...]:
        return self.evidence.services.get()

    @property
    def files(self) -> dict[str, ConfigFile]:
        return self.evidence.files.get()

    def file(self, path: str) -> ConfigFile:
        """One rendered file of the zone."""
        fact = self.evidence.files
        found = fact.get().get(path)
        if found is None:
            raise Missing(f"{self.id}: {path}", fact.how, "the file is not there, or is not JSON")
        return found

    def _own(self, fact: Fact[T] | None, what: str) -> T:
        if fact is None:
            fact = missing(f"{self.id}: {what}", "collect", "this was not asked")
        return fact.get()

    @property
    def ping(self) -> HttpAnswer:
        return self._own(self.evidence.ping, "its health URL")

    @property
    def bind(self) -> Attempt:
        return self._own(self.evidence.bind, "the root bind")

    @property
    def poseidons(self) -> tuple[Account, ...]:
        return self._own(self.evidence.poseidons, "accounts with login poseidon")

    @property
    def names(self) -> dict[str, DnsAnswer]:
        return self._own(self.evidence.names, "what binder answers")


@dataclass(frozen=True)
class LinkKind:
    """One row of the catalogue's reachability: from every zone of a role to a target, over the given ports.

    `target` "master" is the inventory's master (the sources are then all others); "region" every other datacenter of the
    region, instance by instance.  `srv` adds the ports that the target's SRV records name.
    """

    source: str
    target_role: str
    port: int
    target: str = MASTER
    protocols: tuple[str, ...] = ("tcp",)
    srv: bool = False


LINKS = {
    "adminui-reaches-master-ufds": LinkKind("adminui", "ufds", 636),
    "binder-reaches-binder": LinkKind("binder", "binder", 53, "region", ("tcp", "udp")),
    "cloudapi-reaches-master-ufds": LinkKind("cloudapi", "ufds", 636),
    "sapi-reaches-master-moray": LinkKind("sapi", "moray", 2020, srv=True),
    "ufds-reaches-master-ufds": LinkKind("ufds", "ufds", 636),
}
"""Check id to the links it is about."""


@dataclass(frozen=True, repr=False)
class Link:
    """From a source zone to a target.  It belongs to its source."""

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

    def _configured(self) -> str | None:
        """The ufds_remote_ip of a replica's SAPI; when SAPI is silent, the way to where it should be is judged all the same."""
        if self.source.datacenter.state != REPLICA:
            return None
        try:
            return str(self.source.datacenter.sdc_metadata.values.get("ufds_remote_ip") or "") or None
        except Missing:
            return None

    @property
    def ports(self) -> tuple[int, ...]:
        """The port, and for moray the ports behind its haproxy that the SRV records name (facts "SAPI")."""
        return (self.kind.port, 2021, 2022, 2023, 2024) if self.kind.srv else (self.kind.port,)

    @property
    def probes(self) -> tuple[Probe, ...]:
        """What came of connecting, one probe per protocol and port."""
        source = self.source.datacenter.evidence
        _ = self.source.vm
        found = source.links.get(self.id)
        if found is None:
            raise Missing(f"{self.id}: the probe", "probe", "this link was not probed")
        return found.get()


Subject = Coupling | Region | Datacenter | Zone | Link


def links(world: World, check: str) -> tuple[Link, ...]:
    """All links of one check, sorted by id."""
    kind = LINKS[check]
    found: list[Link] = []
    for dc in world.datacenters:
        masters = () if dc.state == MASTER else (world.master,)
        targets = masters if kind.target == MASTER else dc.peers
        for source in dc.zones(kind.source):
            for target in targets:
                if kind.target == MASTER:
                    found.append(Link(source, target, kind))
                else:
                    found.extend(Link(source, target, kind, zone.alias) for zone in target.zones(kind.target_role))
    return tuple(sorted(found, key=lambda link: link.id))


PREFLIGHT, POSTCHANGE, BOTH = "preflight", "postchange", "both"
_STATES = {PREFLIGHT: (CANDIDATE,), POSTCHANGE: (MASTER, REPLICA), BOTH: (MASTER, REPLICA, CANDIDATE)}


def subjects(world: World, name: str, stage: str, check: str) -> tuple[Subject, ...]:
    """What a check's first parameter `name` stands for, by stage: contract "Stages".

    coupling, region, datacenter, master, replica, candidate; `zone` (every core zone), a role (every zone of it), `link`.
    """
    allowed = tuple(dc for dc in world.datacenters if dc.state in _STATES[stage])
    if name == "coupling":
        return (world.coupling,) if stage != PREFLIGHT or allowed else ()
    if name == "region":
        return tuple(region for region in world.regions if set(region.datacenters) & set(allowed))
    if name == "datacenter":
        return allowed
    if name in (MASTER, REPLICA, CANDIDATE):
        return tuple(dc for dc in allowed if dc.state == name)
    if name == "link":
        return tuple(link for link in links(world, check) if link.source.datacenter in allowed)
    roles = ROLES if name == "zone" else (name,)
    if not set(roles) <= set(ROLES):
        raise ValueError(f"{check}: no subject is called {name}")
    return tuple(zone for dc in allowed for role in roles for zone in dc.zones(role))


def bind(world: World, subject: Subject, names: tuple[str, ...]) -> dict[str, Subject]:
    """Parameter names to subjects, for one subject: the first name is the subject, `master`, `datacenter` go with it.

    Checks and remedies both use it, so that a remedy sees what its check saw.
    """
    bound: dict[str, Subject] = {}
    for index, name in enumerate(names):
        if index == 0:
            bound[name] = subject
        elif name == MASTER:
            bound[name] = world.master
        elif name == "coupling":
            bound[name] = world.coupling
        elif name == "datacenter":
            bound[name] = datacenters_of(subject)[0]
        else:
            raise ValueError(f"a companion of a subject cannot be called {name}")
    return bound


def datacenters_of(subject: Subject) -> tuple[Datacenter, ...]:
    """The datacenters that a subject lies in (a link belongs to its source)."""
    if isinstance(subject, (Coupling, Region)):
        return subject.datacenters
    if isinstance(subject, Datacenter):
        return (subject,)
    if isinstance(subject, Zone):
        return (subject.datacenter,)
    return (subject.source.datacenter,)
