"""A datacenter: what the inventory declares, and what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from evidence.fact import Fact, Missing, OutOfSight, graver, need
from evidence.inventory.model import Declared
from evidence.subjects.questions import OF_DATACENTER
from evidence.subjects.triton import GLOBAL, AnyRole
from evidence.subjects.zone import Zone, answer

if TYPE_CHECKING:
    from evidence.headnode import Clock, CouplingTools, Instance, Room, Server, Trouble, UsbKey, UsbkeyCopy
    from evidence.model import (
        Configuration,
        DatacenterEvidence,
        HealthcheckRow,
        HealthRow,
        HttpAnswer,
        MantaService,
        Network,
        SapiObject,
        Service,
        SysInfo,
    )
    from evidence.subjects.world import World

T = TypeVar("T")
OLDER = "this evidence was collected by a version that did not look for that"


@dataclass(frozen=True, repr=False)
class Datacenter:
    """One availability zone: what the inventory declares, and what was seen."""

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
        """Everything that was collected under its name."""
        evidence = self.world.evidence
        seen = evidence.datacenters.get(self.name) if evidence is not None else None
        if seen is None:
            raise Missing(self.name, "evidence", "collect", self.world.uncollected)
        return seen

    @property
    def evidence(self) -> DatacenterEvidence:
        """What was seen of it. Raises Missing if another datacenter answered in its place, because that says nothing about this one."""
        seen = self._collected
        who = seen.sysinfo.value
        if who is not None and who.datacenter_name not in (None, self.name):
            why = f"the machine that answers is one of {who.datacenter_name}"
            raise Missing(self.name, "evidence", "sysinfo", why)
        return seen

    def _answer(self, key: str, fact: Fact[T] | None) -> T:
        return answer(fact, self.id, OF_DATACENTER[key])

    def _younger(self, key: str, fact: Fact[T] | None) -> T:
        """An answer that evidence of earlier versions does not have."""
        question = OF_DATACENTER[key]
        if fact is None:
            raise OutOfSight(self.id, question.asked, question.how, OLDER)
        return fact.get()

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
        """NAPI's networks, as far as they could be read."""
        return self.evidence.networks.known()

    def need_all_networks(self) -> None:
        """Raise Missing if one of them could not be read: it may be the one that is looked for."""
        self.evidence.networks.need_all()

    @property
    def manta_applications(self) -> tuple[SapiObject, ...]:
        """The applications called manta that this datacenter's own moray holds."""
        return self._answer("manta_applications", self.evidence.manta_applications)

    @property
    def manta_services(self) -> tuple[MantaService, ...]:
        """The services of these applications."""
        return self._answer("manta_services", self.evidence.manta_services)

    @property
    def ring_images(self) -> tuple[str, ...]:
        """The uuids of the hash ring images that this datacenter's IMGAPI has."""
        return self._answer("ring_images", self.evidence.ring_images)

    @property
    def known_ring_images(self) -> tuple[str, ...]:
        """The same as far as they could be read: one that is there is there.  To miss one, ask for all."""
        fact = self.evidence.ring_images
        return self.ring_images if fact is None else fact.known()

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What was wrong with its head node while it was asked, whichever datacenter the head node belongs to."""
        need(self.ssh.get())
        fact = self._collected.troubles
        if fact is None:
            raise OutOfSight(self.id, OF_DATACENTER["troubles"].asked, "ssh", OLDER)
        return fact.get()

    @property
    def clock(self) -> Clock:
        return self._answer("clock", self.evidence.clock)

    @property
    def leftovers(self) -> tuple[str, ...]:
        return self._answer("leftovers", self.evidence.leftovers)

    @property
    def usbkey_mount(self) -> UsbKey:
        return self._answer("usbkey_mount", self.evidence.usbkey_mount)

    @property
    def m2s_asks_password(self) -> bool:
        return self._answer("m2s_asks_password", self.evidence.m2s_asks_password)

    @property
    def coupling_tools(self) -> CouplingTools:
        """What its sdc-ufds-m2s and ufds-reconcile-data can do."""
        return self._younger("coupling_tools", self.evidence.coupling_tools)

    @property
    def m2s_room(self) -> Room:
        """Where sdc-ufds-m2s saves what it deletes."""
        return self._younger("m2s_room", self.evidence.m2s_room)

    @property
    def usbkey_copy(self) -> UsbkeyCopy:
        """The USB key's own copy of the configuration."""
        return self._younger("usbkey_copy", self.evidence.usbkey_copy)

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The instances of sapi and ufds, with the versions of their images."""
        return self._answer("instances", self.evidence.instances)

    @property
    def outside(self) -> HttpAnswer:
        """What cloudapi's public URL answers to the machine that these checks run on."""
        return self._answer("outside", self.evidence.outside)

    @property
    def global_services(self) -> tuple[Service, ...]:
        """The services of its head node's global zone."""
        fact = self.evidence.global_services
        if fact is None:
            raise OutOfSight(self.id, OF_DATACENTER["global_services"].asked, "svcs", OLDER)
        return fact.get()

    def need_all_zones(self) -> None:
        """Raise Missing if VMAPI did not list the zones of all servers: then there may be others.  Older evidence does not say it."""
        if self.evidence.everywhere is not None:
            need(self.evidence.everywhere.get())

    def is_headnode(self, row: HealthRow) -> bool:
        """Whether a row of check-health is about the head node: its rows of zones that are there say what that is called."""
        zones = self.evidence.zones.value or {}
        own = {zone.vm.uuid for zone in zones.values() if not zone.vm.server}
        return row.server in {"headnode"} | {each.server for each in self.check_health if each.instance in own}

    @property
    def silent(self) -> frozenset[str]:
        """The hostnames of the compute nodes that sdcadm could not ask, because ur does not answer there."""
        agents = [
            row for row in self.check_health if (row.kind, row.name) == ("agent", "ur") and not self.is_headnode(row)
        ]
        return frozenset(row.server for row in agents if row.healthy is None and row.errors)

    @property
    def servers(self) -> Fact[dict[str, Server]]:
        """All of its servers by uuid; where every core zone is on the head node, nobody asks for them.  Raises Missing then."""
        fact = self.evidence.servers
        if fact is None:
            question = OF_DATACENTER["servers"]
            raise Missing(self.id, question.asked, question.how, "this was not asked")
        return fact

    @property
    def check_health(self) -> tuple[HealthRow, ...]:
        return self.evidence.check_health.known()

    @property
    def healthcheck(self) -> tuple[HealthcheckRow, ...]:
        return self.evidence.healthcheck.known()

    @property
    def sdc_metadata(self) -> Configuration:
        """Metadata of the SAPI application `sdc`: what config-agent renders into every zone."""
        fact = self.evidence.applications
        found = fact.known().get("sdc")
        if found is None:
            fact.need_all()
            raise Missing(fact.subject, fact.asked, fact.how, "SAPI lists no application named sdc")
        return found.metadata

    def service_metadata(self, name: str) -> Configuration:
        """Metadata of one SAPI service of the application `sdc`."""
        fact = self.evidence.services
        found = fact.known().get(name)
        if found is None:
            fact.need_all()
            raise Missing(fact.subject, fact.asked, fact.how, f"SAPI lists no service named {name}")
        return found.metadata

    @property
    def suffix(self) -> str:
        """The end of its own services' names, by its own metadata. So judging them needs no other datacenter's evidence."""
        return f"{self.name}.{self.sdc_metadata.values.get('dns_domain', '')}"

    @property
    def dns_domain(self) -> str:
        """The domain of all datacenters: the one in the inventory, or else the master's."""
        declared = self.world.inventory.dns_domain
        return declared or str(self.world.master.sdc_metadata.values.get("dns_domain", ""))

    @property
    def ufds_address(self) -> str:
        """The address that the others use for this datacenter's UFDS, if it is the master: see contract "Subjects"."""
        return self.declared.ufds_address or self.zones("ufds")[0].address("external", "internal", "admin")

    def leftovers_of(self, role: AnyRole) -> tuple[str, ...]:
        """Aliases of the role's zones that do not run and that SAPI does not know."""
        seen = self.evidence.zones.value or {}
        return tuple(alias for alias, zone in sorted(seen.items()) if zone.vm.role == role and zone.leftover)

    def zones(self, role: AnyRole) -> tuple[Zone, ...]:
        """The zones of one role: every instance that was seen, or one placeholder. A head node has one global zone.

        A zone left over from an upgrade counts only if there is no other.
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


def of_each(datacenters: Iterable[Datacenter], ask: Callable[[Datacenter], T]) -> tuple[dict[str, T], Missing | None]:
    """What is known of each datacenter, by name, and what is missing first: a dark datacenter must not hide the others."""
    found: dict[str, T] = {}
    unknown = None
    for datacenter in datacenters:
        try:
            found[datacenter.name] = ask(datacenter)
        except Missing as missing_one:
            unknown = graver(unknown, missing_one)
    return found, unknown
