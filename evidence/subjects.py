"""Subjects: what a check is about.  They come from the inventory × the roles that Triton has; evidence adds instances.

A role without evidence is one placeholder subject (ROLE0), and touching it raises Missing, so nothing vanishes when a head
node goes dark.  Subject ids are ASCII and stable: see contract "Subjects".
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from evidence.facts import Fact, Missing, OutOfSight, graver, missing
from evidence.inventory import BY_ENDPOINTS, CANDIDATE, Declared, Inventory, Waiver

if TYPE_CHECKING:
    from evidence.accounts import Account, Accounts, Collisions
    from evidence.claims import Mistake
    from evidence.comparison import Comparison
    from evidence.headnode import Clock, Instance, Trouble, UsbKey
    from evidence.model import (
        Attempt,
        ConfigFile,
        Configuration,
        DatacenterEvidence,
        Directory,
        DnsAnswer,
        Evidence,
        FirewallRule,
        HealthcheckRow,
        HealthRow,
        HttpAnswer,
        Listing,
        Network,
        Progress,
        SapiObject,
        Service,
        SysInfo,
        Vm,
        ZoneEvidence,
    )

ROLES = (
    "adminui", "binder", "cloudapi", "cnapi", "fwapi", "imgapi", "mahi", "moray", "napi", "sapi", "sdc", "ufds", "vmapi",
)  # fmt: skip
"""Core roles that every datacenter has."""

MANTA_ROLES = ("electric-moray", "webapi")
"""Roles of Manta's own zones, where the inventory expects Manta: tagged manta_role, and owned by poseidon."""

MANTA_PEERS = ("cnapi", "imgapi", "moray", "sapi", "vmapi")
"""Roles that Manta's zones, its deployment and SAPI in other datacenters ask: they need routes back."""

GLOBAL = "global"
"""The role and alias of a head node's global zone: the source of a link, and no subject of its own."""

INTERNAL_APIS = ("cnapi", "fwapi", "imgapi", "napi", "vmapi")
"""Roles whose health URL is http `/ping`, and that nobody outside asks.  As a check's subject: `api`."""

ADMIN_UUID = "930896af-bf8c-48d4-885c-6573a94b1853"
"""The uuid of admin in every datacenter: facts, "Zones"."""

RENDERED = ("adminui", "binder", "cloudapi", "sapi", "ufds", "webapi")
"""Roles of which rendered files are read (evidence.collect.zone.FILES)."""

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""What a datacenter name or a zone alias must look like to be part of a subject id."""

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The inventory, and the evidence if it was collected already (`--collect-only` has none).

    `told` is the inventory as the operator wrote it; `inventory` as the datacenters have it, where they agree with each other and not
    with the file (evidence.claims), which `mistakes` tells.  `as_told`: the file is taken at its word.
    """

    told: Inventory
    evidence: Evidence | None = None
    as_told: bool = False

    @functools.cached_property
    def _seen(self) -> tuple[Inventory, tuple[Mistake, ...]]:
        if self.evidence is None or self.as_told:
            return self.told, ()
        from evidence.claims import corrected  # it judges by worlds itself

        return corrected(self.told, self.evidence)

    @property
    def inventory(self) -> Inventory:
        return self._seen[0]

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """The lines of the inventory that the datacenters contradict."""
        return self._seen[1]

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

    @property
    def manta_datacenters(self) -> tuple[Datacenter, ...]:
        """Where Manta is expected: in the master's region, candidates too; nowhere without `expect.manta`."""
        region = self.master.declared.region
        return tuple(dc for dc in self.datacenters if self.inventory.expect.manta and dc.declared.region == region)

    def datacenter(self, name: str) -> Datacenter:
        return Datacenter(self, name)

    @property
    def day(self) -> datetime.date:
        """The day, UTC, that is judged: the evidence's, so that replaying it later gives the same verdict."""
        started = self.evidence.started[:10] if self.evidence is not None else ""
        try:
            return datetime.date.fromisoformat(started)
        except ValueError:
            return datetime.datetime.now(datetime.UTC).date()

    def waiver(self, check: str, subject: str) -> Waiver | None:
        """The first waiver in force for a finding, of those that the operator wrote for it itself."""
        covering = (waiver for waiver in self.inventory.waived if waiver.covers(check, subject))
        return next((waiver for waiver in covering if waiver.holds_on(self.day)), None)


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
    def _collected(self) -> DatacenterEvidence:
        """Whatever was collected under its name."""
        evidence = self.world.evidence
        seen = evidence.datacenters.get(self.name) if evidence is not None else None
        if seen is None:
            raise Missing(f"{self.name}: evidence", "collect", "nothing was collected for this datacenter")
        return seen

    @property
    def evidence(self) -> DatacenterEvidence:
        """What was seen of it.  Raises Missing where another datacenter answered in its place: that says nothing of this one."""
        seen = self._collected
        who = seen.sysinfo.value
        if who is not None and who.datacenter_name not in (None, self.name):
            why = f"the machine that answers is one of {who.datacenter_name}"
            raise Missing(f"{self.name}: evidence", "sysinfo", why)
        return seen

    @property
    def ssh(self) -> Fact[str]:
        return self._collected.ssh

    @property
    def sysinfo(self) -> SysInfo:
        return self._collected.sysinfo.get()

    @property
    def usbkey(self) -> Configuration:
        return self.evidence.usbkey.get()

    @property
    def networks(self) -> dict[str, Network]:
        return self.evidence.networks.get()

    @property
    def manta_applications(self) -> tuple[SapiObject, ...]:
        """The applications called manta that this datacenter's own moray holds."""
        return _asked(self.evidence.manta_applications, f"{self.name}: applications called manta").get()

    @property
    def ring_images(self) -> tuple[str, ...]:
        """The uuids of the hash ring images that this datacenter's IMGAPI has."""
        return _asked(self.evidence.ring_images, f"{self.name}: images of hash rings").get()

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What was wrong with its head node while it was asked, whichever datacenter's it is."""
        self.ssh.get()
        fact = self._collected.troubles
        if fact is None:
            asked = f"{self.name}: whether it can be used to the end"
            raise OutOfSight(asked, "ssh", "this evidence was collected by a version that did not look for that")
        return fact.get()

    @property
    def clock(self) -> Clock:
        return _asked(self.evidence.clock, f"{self.name}: its clock").get()

    @property
    def leftovers(self) -> tuple[str, ...]:
        return _asked(self.evidence.leftovers, f"{self.name}: what sdc-ufds-m2s leaves behind").get()

    @property
    def usbkey_mount(self) -> UsbKey:
        return _asked(self.evidence.usbkey_mount, f"{self.name}: whether its USB key can be mounted").get()

    @property
    def m2s_asks_password(self) -> bool:
        return _asked(self.evidence.m2s_asks_password, f"{self.name}: what its sdc-ufds-m2s asks for").get()

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The instances of sapi and ufds, with the versions of their images."""
        return _asked(self.evidence.instances, f"{self.name}: the images of sapi and ufds").get()

    @property
    def outside(self) -> HttpAnswer:
        """What cloudapi's public URL answers to the machine that these checks run on."""
        return _asked(self.evidence.outside, f"{self.name}: cloudapi's public URL").get()

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

    def leftovers_of(self, role: str) -> tuple[str, ...]:
        """Aliases of the role's zones that do not run, and that SAPI knows nothing of."""
        seen = self.evidence.zones.value or {}
        return tuple(alias for alias, zone in sorted(seen.items()) if zone.vm.role == role and zone.leftover)

    def zones(self, role: str) -> tuple[Zone, ...]:
        """The zones of one role: every instance seen, or one placeholder.  A head node has one global zone.

        What is left over from an upgrade counts only where there is nothing else.
        """
        if role == GLOBAL:
            return (Zone(self, GLOBAL, GLOBAL),)
        aliases: list[str] = []
        try:
            seen = self.evidence.zones.value or {}
            aliases = [alias for alias, zone in sorted(seen.items()) if zone.vm.role == role]
            aliases = [alias for alias in aliases if not seen[alias].leftover] or aliases
        except Missing:
            pass
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
        if seen is None and self.datacenter.declared.endpoints:
            raise OutOfSight(f"{self.id}: the zone", fact.how, BY_ENDPOINTS)
        if seen is None:
            tag = "manta_role" if self.role in MANTA_ROLES else "smartdc_role"
            why = f"the head node of {self.datacenter.name} lists no zone with {tag} {self.role}"
            raise Missing(f"{self.id}: the zone", fact.how, why)
        return seen

    @property
    def vm(self) -> Vm:
        if self.datacenter.declared.endpoints:
            raise OutOfSight(f"{self.id}: the zone", "vmadm lookup", BY_ENDPOINTS)
        return self.evidence.vm

    def address(self, *tags: str) -> str:
        found = self.vm.address(*tags) if self.role != GLOBAL else self.datacenter.sysinfo.admin_ip
        if not found:
            how = "vmadm lookup" if self.role != GLOBAL else "sysinfo"
            raise Missing(f"{self.id}: its address", how, f"no NIC tagged {' or '.join(tags)}")
        return found

    @property
    def inside(self) -> ZoneEvidence:
        """What was seen in the zone itself.  Raises OutOfSight if it runs on another server than the head node."""
        if self.vm.server:
            why = f"{self.id} runs on server {self.vm.server}; zones are entered on the head node only"
            raise OutOfSight(f"{self.id}: what is in the zone", "zlogin", why)
        return self.evidence

    @property
    def services(self) -> tuple[Service, ...]:
        return self.inside.services.get()

    @property
    def files(self) -> dict[str, ConfigFile]:
        return self.inside.files.get()

    def began_before(self, path: str) -> tuple[str, ...]:
        """The services that were started before a file of theirs was last written.  Raises Missing if that is not known."""
        fact, written = self.inside.services, self.file(path).written
        began = {service.fmri: service.began for service in fact.get() if service.began is not None}
        if written is None:
            raise Missing(f"{self.id}: when {path} was written", "ls -E (by zlogin)", "the zone did not say it")
        if not began:
            raise Missing(f"{self.id}: when its services began", "svcprop (by zlogin)", "the zone did not say it")
        return tuple(sorted(fmri for fmri, moment in began.items() if moment < written))

    def file(self, path: str) -> ConfigFile:
        """One rendered file of the zone."""
        fact = self.inside.files
        found = fact.get().get(path)
        if found is None:
            raise Missing(f"{self.id}: {path}", fact.how, "the file is not there, or is not JSON")
        return found

    def _own(self, fact: Fact[T] | None, what: str) -> T:
        return _asked(fact, f"{self.id}: {what}").get()

    @property
    def ping(self) -> HttpAnswer:
        return self._own(self.evidence.ping, "its health URL")

    @property
    def asks_master(self) -> HttpAnswer:
        return self._own(self.evidence.asks_master, "what it knows of the master")

    @property
    def listing(self) -> Listing:
        return self._own(self.evidence.listing, "a signed ListDatacenters")

    @property
    def elsewhere(self) -> dict[str, dict[str, DnsAnswer]]:
        return self._own(self.evidence.elsewhere, "what binder answers for other datacenters")

    @property
    def bind(self) -> Attempt:
        return self._own(self.evidence.bind, "the root bind")

    @property
    def poseidons(self) -> tuple[Account, ...]:
        return self._own(self.evidence.poseidons, "accounts with login poseidon")

    @property
    def directory(self) -> Directory:
        return self._own(self.evidence.directory, "what its directory holds")

    @property
    def accounts(self) -> Accounts:
        return self._own(self.evidence.accounts, "its accounts")

    @property
    def collisions(self) -> Collisions:
        return self._by_master(self.evidence.collisions, "its accounts that the master has too")

    @property
    def progress(self) -> Progress:
        return self._by_master(self.evidence.progress, "its replication")

    @property
    def comparison(self) -> Comparison:
        return self._by_master(self.evidence.comparison, "its directory compared with the master's")

    def _by_master(self, fact: Fact[T] | None, what: str) -> T:
        """What was collected by comparing with the master.  Raises Missing where that was none."""
        told = self.datacenter.world.told.master
        if fact is not None and told != self.datacenter.master.name:
            raise Missing(f"{self.id}: {what}", fact.how, f"it was compared with {told}, which is not the master")
        return self._own(fact, what)

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        return self._own(self.evidence.gaps, "its changelog")

    @property
    def rules(self) -> tuple[FirewallRule, ...]:
        """FWAPI's rules for the zone; of zones whose firewall is off nobody asks them."""
        return self._own(self.evidence.rules, "its firewall rules")

    @property
    def names(self) -> dict[str, DnsAnswer]:
        return self._own(self.evidence.names, "what binder answers")


def of_each(datacenters: Iterable[Datacenter], ask: Callable[[Datacenter], T]) -> tuple[dict[str, T], Missing | None]:
    """What is known of each datacenter, by name; and why that is not all, if it is not: a dark one must not hide what the others show."""
    found: dict[str, T] = {}
    unknown = None
    for datacenter in datacenters:
        try:
            found[datacenter.name] = ask(datacenter)
        except Missing as missing_one:
            unknown = graver(unknown, missing_one)
    return found, unknown


def _asked(fact: Fact[T] | None, what: str) -> Fact[T]:
    return missing(what, "collect", "this was not asked") if fact is None else fact
