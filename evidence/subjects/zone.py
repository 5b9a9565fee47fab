"""A zone of a datacenter, and what was seen of it and in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from evidence.fact import Fact, Missing, OutOfSight, asked
from evidence.inventory.model import BY_ENDPOINTS
from evidence.subjects.triton import GLOBAL, MANTA_ROLES, AnyRole

if TYPE_CHECKING:
    from evidence.accounts import Account, Accounts, Collisions
    from evidence.comparison import Comparison
    from evidence.model import (
        Attempt,
        ConfigFile,
        Directory,
        DnsAnswer,
        FirewallRule,
        HttpAnswer,
        Listing,
        Progress,
        Service,
        Vm,
        ZoneEvidence,
    )
    from evidence.subjects.datacenter import Datacenter

T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Zone:
    """One core zone of a datacenter."""

    datacenter: Datacenter
    role: AnyRole
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
        return asked(fact, f"{self.id}: {what}").get()

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
