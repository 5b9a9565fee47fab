"""A zone of a datacenter: what was seen of it, and inside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from evidence.fact import Fact, Missing, OutOfSight, need
from evidence.inventory.model import BY_ENDPOINTS
from evidence.subjects.questions import OF_ZONE, Question
from evidence.subjects.triton import GLOBAL, MANTA_ROLES, READERS, AnyRole

if TYPE_CHECKING:
    from evidence.accounts import Account, Accounts, Belongings, Collisions
    from evidence.comparison import Comparison
    from evidence.model import (
        Attempt,
        ConfigFile,
        Configuration,
        Directory,
        DnsAnswer,
        FirewallRule,
        HttpAnswer,
        Key,
        Listing,
        Progress,
        Service,
        Vm,
        ZoneEvidence,
    )
    from evidence.subjects.datacenter import Datacenter

T = TypeVar("T")


def answer(fact: Fact[T] | None, subject: str, question: Question) -> T:
    """The answer to a question about a subject. Raises Missing if there is none, or if this run did not ask."""
    if fact is None:
        raise Missing(subject, question.asked, "collect", "this was not asked")
    return fact.get()


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
        seen = fact.known().get(self.alias)
        if seen is None and self.datacenter.declared.endpoints:
            raise OutOfSight(self.id, "the zone", fact.how, BY_ENDPOINTS)
        if seen is None:
            fact.need_all()
            tag = "manta_role" if self.role in MANTA_ROLES else "smartdc_role"
            why = f"the head node of {self.datacenter.name} lists no zone with {tag} {self.role}"
            raise Missing(self.id, "the zone", fact.how, why)
        if seen.vm.unread:
            raise Missing(self.id, "the zone", fact.how, f"its row cannot be read: {seen.vm.unread}")
        return seen

    @property
    def absent(self) -> bool:
        """Whether the datacenter is known to have no such zone.  That is one finding, and says nothing about ways from it."""
        try:
            seen = self.datacenter.evidence.zones.value
        except Missing:
            return False
        return (
            seen is not None
            and self.role != GLOBAL
            and self.alias not in seen
            and not self.datacenter.declared.endpoints
        )

    @property
    def vm(self) -> Vm:
        if self.datacenter.declared.endpoints:
            raise OutOfSight(self.id, "the zone", "vmadm lookup", BY_ENDPOINTS)
        return self.evidence.vm

    def address(self, *tags: str) -> str:
        found = self.vm.address(*tags) if self.role != GLOBAL else self.datacenter.sysinfo.admin_ip
        if not found:
            how = "vmadm lookup" if self.role != GLOBAL else "sysinfo"
            raise Missing(self.id, "its address", how, f"no NIC tagged {' or '.join(tags)}")
        return found

    @property
    def inside(self) -> ZoneEvidence:
        """What was seen in the zone itself.  Raises OutOfSight if its server cannot be entered from the head node."""
        if self.vm.server and self.evidence.services.hidden:
            need(self.evidence.services.get())
        return self.evidence

    @property
    def services(self) -> tuple[Service, ...]:
        return self.inside.services.get()

    @property
    def known_services(self) -> tuple[Service, ...]:
        """Its services as far as they could be read: what is wrong with one of them is wrong.  For a pass, ask for all."""
        return self.inside.services.known()

    def service_state(self, fmri: str) -> str:
        """The state of one service; "absent" only if all could be read."""
        found = next((service.state for service in self.known_services if service.fmri == fmri), None)
        if found is None:
            self.inside.services.need_all()
        return found or "absent"

    @property
    def files(self) -> dict[str, ConfigFile]:
        return self.inside.files.get()

    @property
    def kernel(self) -> tuple[tuple[str, str], ...] | None:
        """The routes by a gateway that its kernel has, but for the default one; None where nobody asked (older evidence)."""
        fact = self.inside.kernel
        return fact.get() if fact is not None else None

    @property
    def routes(self) -> dict[str, str]:
        """The routes by which it sends: its kernel's, or those that vmadm has set where the kernel's are not known."""
        try:
            seen = self.kernel
        except Missing:
            seen = None
        return dict(self.vm.routes if seen is None else seen)

    def began_before(self, path: str) -> tuple[str, ...]:
        """The services that read a file and were started before it was last written. Raises Missing if that is not known."""
        fact, written, reader = self.inside.services, self.file(path).written, READERS[path]
        began = {
            service.fmri: service.began
            for service in fact.get()
            if service.began is not None and service.fmri.rpartition(":")[0] == reader
        }
        if written is None:
            raise Missing(self.id, f"when {path} was written", "ls -E (by zlogin)", "the zone did not say it")
        if not began:
            raise Missing(self.id, "when its services began", "svcprop (by zlogin)", "the zone did not say it")
        return tuple(sorted(fmri for fmri, moment in began.items() if moment < written))

    def file(self, path: str) -> ConfigFile:
        """One rendered file of the zone."""
        fact = self.inside.files
        found = fact.get().get(path)
        if found is None:
            raise Missing(self.id, path, fact.how, "the file is not there, or is not JSON")
        return found

    def _own(self, key: str, fact: Fact[T] | None) -> T:
        return answer(fact, self.id, OF_ZONE[key])

    @property
    def settings(self) -> Configuration:
        """What SAPI gives the zone: the metadata of application, service and instance, of which the later wins."""
        return self._own("settings", self.evidence.settings)

    @property
    def ping(self) -> HttpAnswer:
        return self._own("ping", self.evidence.ping)

    @property
    def asks_master(self) -> HttpAnswer:
        return self._own("asks_master", self.evidence.asks_master)

    @property
    def listing(self) -> Listing:
        return self._own("listing", self.evidence.listing)

    @property
    def elsewhere(self) -> dict[str, dict[str, DnsAnswer]]:
        return self._own("elsewhere", self.evidence.elsewhere)

    @property
    def bind(self) -> Attempt:
        return self._own("bind", self.evidence.bind)

    @property
    def poseidons(self) -> tuple[Account, ...]:
        return self._own("poseidons", self.evidence.poseidons)

    @property
    def poseidon_keys(self) -> tuple[Key, ...]:
        return self._own("poseidon_keys", self.evidence.poseidon_keys)

    @property
    def directory(self) -> Directory:
        return self._own("directory", self.evidence.directory)

    @property
    def accounts(self) -> Accounts:
        return self._own("accounts", self.evidence.accounts)

    @property
    def belongings(self) -> Belongings | None:
        """What is below admin; None where nobody asked (older evidence)."""
        fact = self.evidence.belongings
        return fact.get() if fact is not None else None

    @property
    def collisions(self) -> Collisions:
        return self._by_master("collisions", self.evidence.collisions)

    @property
    def progress(self) -> Progress:
        return self._by_master("progress", self.evidence.progress)

    @property
    def comparison(self) -> Comparison:
        return self._by_master("comparison", self.evidence.comparison)

    def _by_master(self, key: str, fact: Fact[T] | None) -> T:
        """The result of the comparison with the master. Raises Missing if the other side was not the master."""
        told = self.datacenter.world.told.master
        if fact is not None and told != self.datacenter.master.name:
            why = f"it was compared with {told}, which is not the master"
            raise Missing(self.id, OF_ZONE[key].asked, fact.how, why)
        return self._own(key, fact)

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        return self._own("gaps", self.evidence.gaps)

    @property
    def rules(self) -> tuple[FirewallRule, ...]:
        """FWAPI's rules for the zone. They are not asked for zones whose firewall is off."""
        return self._own("rules", self.evidence.rules)

    @property
    def known_rules(self) -> tuple[FirewallRule, ...]:
        """The same as far as they could be read: a rule that opens the zone opens it.  For a pass, ask for all."""
        fact = self.evidence.rules
        return self.rules if fact is None else fact.known()

    @property
    def names(self) -> dict[str, DnsAnswer]:
        return self._own("names", self.evidence.names)
