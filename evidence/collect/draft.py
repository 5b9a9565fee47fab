"""Evidence in the making: one datacenter's facts as they come in, and the frozen evidence made of them at any moment.

What was not answered yet is missing with a reason, so that the run's time may end and there is still a verdict.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from evidence.collect import endpoints, headnode
from evidence.collect.files import Wanted
from evidence.collect.parse import UnreadableError
from evidence.collect.unanswered import UnansweredError
from evidence.fact import Fact, Missing, OutOfSight, missing
from evidence.inventory.model import BY_ENDPOINTS, CANDIDATE, MASTER, REPLICA, Declared
from evidence.model import DatacenterEvidence, Probe, Vm, ZoneEvidence
from evidence.redact import Vault, cut
from evidence.subjects.links import LINKS
from evidence.subjects.triton import ADMIN_UUID, INTERNAL_APIS, ROLES

log = logging.getLogger(__name__)
T = TypeVar("T")

_FIELDS = "uuid,alias,state,nics,routes,tags,firewall_enabled"
VMADM = f"vmadm lookup -j -o {_FIELDS} owner_uuid={ADMIN_UUID}"
MANTA_VMADM = f"vmadm lookup -j -o {_FIELDS},owner_uuid 'tags.manta_role=~^[a-z]'"
"""Manta's zones are poseidon's, whose uuid is another in every region."""
QUESTIONS = {
    "ssh": ("SSH to the head node", "ssh"),
    "sysinfo": ("sysinfo of the head node", "sysinfo"),
    "usbkey": ("the head node's configuration", "bash /lib/sdc/config.sh -json"),
    "zones": ("the core zones", VMADM),
    "applications": ("SAPI's application sdc", "sdc-sapi '/applications?name=sdc'"),
    "services": ("the services of SAPI's application sdc", "sdc-sapi '/services?application_uuid=SDC'"),
    "networks": ("NAPI's networks", "sdc-napi /networks"),
    "check_health": ("sdcadm check-health", "sdcadm check-health -j"),
    "healthcheck": ("sdc-healthcheck", "sdc-healthcheck -p"),
    "troubles": ("whether it can be used to the end", "ssh -v"),
    "outside": ("cloudapi's public URL, asked from here", "curl -k https://…/--ping"),
}
"""The facts of a datacenter: what is asked, and how an operator could ask it."""
MANTA_QUESTIONS = {
    "manta_applications": ("applications called manta", "sdc-sapi '/applications?name=manta'"),
    "ring_images": ("images of hash rings", "sdc-imgapi '/images?name=manta-hash-ring'"),
}
"""Likewise, where Manta is expected."""
PINGS: dict[str, tuple[str, int, str]] = {
    "adminui": ("https", 443, "/api/ping"),
    "cloudapi": ("https", 443, "/--ping"),
    "sapi": ("http", 80, "/ping"),
    "webapi": ("http", 80, "/ping"),
    **dict.fromkeys(INTERNAL_APIS, ("http", 80, "/ping")),
}
"""Role to its health URL at the zone's admin address.  Source: facts, "Health commands", "cloudapi, adminui, muskie"."""
PEERS_CONNECT_TO = frozenset(kind.target_role for kind in LINKS.values())
"""Roles of zones that other datacenters connect to."""


def firewalled(vm: Vm) -> bool:
    """Whether FWAPI is asked for a zone's rules: where others connect to it, if they matter; those of UFDS always do."""
    return vm.role == "ufds" or (vm.firewall_enabled and vm.role in PEERS_CONNECT_TO)


def doubtful(vm: Vm) -> bool:
    """Whether SAPI is asked if it knows a zone: what does not run may be left over from an upgrade."""
    return vm.state != "running" and vm.role in ROLES


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Draft:
    """What is known of one datacenter so far.  `configs` holds secrets, and goes when the run ends."""

    declared: Declared
    vault: Vault
    answered: Callable[[], None]
    manta: bool = False
    candidates: bool = False
    """Whether the inventory has candidates for coupling."""
    peers: tuple[str, ...] = ()
    """The other coupled datacenters of its region."""
    names: tuple[str, ...] = ()
    """All datacenters of the inventory."""
    unanswered: str = "the run ended before this was answered"
    broke: bool = False
    """Whether `unanswered` is a defect of the suite's own."""
    facts: dict[str, Fact[Any]] = field(default_factory=dict)
    vms: dict[str, Vm] = field(default_factory=dict)
    zone_facts: dict[tuple[str, str], Fact[Any]] = field(default_factory=dict)
    links: dict[str, Fact[tuple[Probe, ...]]] = field(default_factory=dict)
    configs: dict[str, Wanted | str] = field(default_factory=dict)
    known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once what others need to know of this datacenter is known, or known to be unknown."""

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def questions(self) -> dict[str, tuple[str, str]]:
        """What is asked of this datacenter."""
        candidate = self.declared.state == CANDIDATE
        return {
            **QUESTIONS,
            **headnode.QUESTIONS,
            **(MANTA_QUESTIONS if self.manta else {}),
            **(headnode.CANDIDATE_QUESTIONS if candidate else {}),
            **(headnode.VERSION_QUESTIONS if candidate or (self.candidates and self.declared.state == MASTER) else {}),
        }

    async def ask(self, key: str, answer: Callable[[], Awaitable[object]]) -> None:
        """Answers one of `questions`, whatever happens."""
        asked, how = self._question(key)
        self.facts[key] = await self._fact(asked, how, answer)

    def answer(self, key: str, value: object) -> None:
        """Likewise, where the answer is there already."""
        asked, how = self._question(key)
        self.facts[key] = Fact(asked=asked, how=how, at=now(), value=value)

    def _question(self, key: str) -> tuple[str, str]:
        asked, how = self.questions[key]
        sapi = self.declared.endpoints.get("sapi")
        if key in ("ssh", "troubles") and self.declared.headnode:
            how = f"{how} {self.declared.headnode}"
        elif sapi is not None:
            how = how.replace("sdc-sapi '", f"curl 'http://{sapi.host}:{sapi.port}")
        return f"{self.name}: {asked}", how

    async def ask_zone(self, vm: Vm, key: str, how: str, answer: Callable[[], Awaitable[object]]) -> None:
        """Answers a question about one zone, whatever happens."""
        self.zone_facts[vm.alias, key] = await self._fact(f"{self.name}.{vm.alias}: {ZONE_QUESTIONS[key]}", how, answer)

    async def _fact(self, asked: str, how: str, answer: Callable[[], Awaitable[object]]) -> Fact[Any]:
        at = now()
        try:
            return Fact(asked=asked, how=how, at=at, value=await answer())
        except (UnansweredError, UnreadableError) as error:
            return missing(asked, how, self.vault.scrub(str(error)), at)
        except Missing as error:
            return missing(asked, how, self.vault.scrub(error.why), at, hidden=isinstance(error, OutOfSight))
        except Exception as error:  # a defect of ours must not end the run; a traceback could hold a secret
            log.debug("%s", asked, exc_info=True)
            why = f"the suite could not read the answer ({type(error).__name__})"
            return missing(asked, how, why, at, ours=True)
        finally:
            self.answered()

    def why(self, key: str) -> str:
        """Why one of QUESTIONS has no answer."""
        fact = self.facts.get(key)
        return self.unanswered if fact is None else fact.why or "no answer was recorded"

    def running(self, role: str) -> Vm:
        """A running zone of a role.  Raises UnansweredError with the reason why there is none."""
        if self.facts.get("zones") is None or self.facts["zones"].why is not None:
            raise UnansweredError(self.why("zones"))
        zones = [vm for _, vm in sorted(self.vms.items()) if vm.role == role]
        if not zones:
            raise UnansweredError(f"the head node lists no zone with smartdc_role {role}")
        for vm in zones:
            if vm.state == "running":
                return vm
        raise UnansweredError(f"zone {zones[0].alias} is {cut(zones[0].state)}")

    def values(self, key: str) -> dict[str, Any]:
        """Whitelisted values of the usbkey or of SAPI's application sdc; empty where they are missing."""
        fact = self.facts.get(key)
        if fact is None or fact.value is None:
            return {}
        if key == "applications":
            found = fact.value.get("sdc")
            return {} if found is None else dict(found.metadata.values)
        return dict(fact.value.values)

    def evidence(self) -> DatacenterEvidence:
        """What is known now, as evidence."""
        facts = {key: self._datacenter_fact(key) for key in self.questions}
        zones = facts["zones"]
        if zones.value is not None:
            seen = {alias: self._zone(vm) for alias, vm in sorted(self.vms.items())}
            facts["zones"] = Fact(asked=zones.asked, how=zones.how, at=zones.at, value=seen)
        return DatacenterEvidence(**facts, links=dict(sorted(self.links.items())))

    def _datacenter_fact(self, key: str) -> Fact[Any]:
        asked, how = self._question(key)
        if key not in self.facts and endpoints.hidden(self.declared, key):
            return missing(asked, how, BY_ENDPOINTS, hidden=True)
        return self.facts.get(key) or missing(asked, how, self.unanswered, ours=self.broke)

    def _zone(self, vm: Vm) -> ZoneEvidence:
        def fact(key: str) -> Fact[Any]:
            found = self.zone_facts.get((vm.alias, key))
            if found is None and endpoints.hidden_of_zone(self.declared, key):
                return missing(f"{self.name}.{vm.alias}: {ZONE_QUESTIONS[key]}", HOW[key], BY_ENDPOINTS, hidden=True)
            why = f"the zone is {cut(vm.state)}" if vm.state != "running" else self.unanswered
            why = f"the zone runs on server {vm.server}" if vm.server else why
            asked, ours = f"{self.name}.{vm.alias}: {ZONE_QUESTIONS[key]}", self.broke and why == self.unanswered
            return found or missing(asked, HOW[key], why, ours=ours)

        return ZoneEvidence(
            vm=vm,
            services=fact("services"),
            files=fact("files"),
            ping=fact("ping") if vm.role in PINGS else None,
            bind=fact("bind") if vm.role == "ufds" else None,
            poseidons=fact("poseidons") if vm.role == "ufds" else None,
            names=fact("names") if vm.role == "binder" else None,
            directory=fact("directory") if vm.role == "ufds" else None,
            progress=fact("progress") if vm.role == "ufds" and self.declared.state == REPLICA else None,
            comparison=fact("comparison") if vm.role == "ufds" and self.declared.state == REPLICA else None,
            gaps=fact("gaps") if vm.role == "ufds" and self.declared.state == MASTER and self.candidates else None,
            accounts=fact("accounts") if vm.role == "ufds" and self.declared.state == CANDIDATE else None,
            collisions=fact("collisions") if vm.role == "ufds" and self.declared.state == CANDIDATE else None,
            asks_master=fact("asks_master") if vm.role == "sapi" else None,
            listing=fact("listing") if vm.role == "cloudapi" else None,
            elsewhere=fact("elsewhere") if vm.role == "binder" else None,
            rules=fact("rules") if firewalled(vm) else None,
            instance=fact("instance") if doubtful(vm) else None,
        )


ZONE_QUESTIONS = {
    "services": "its SMF services",
    "files": "its rendered files",
    "ping": "its health URL",
    "bind": "the root bind",
    "poseidons": "accounts with login poseidon",
    "names": "what binder answers",
    "directory": "what it holds",
    "progress": "its replication",
    "comparison": "its directory compared with the master's",
    "gaps": "its changelog",
    "accounts": "its accounts",
    "collisions": "its accounts that the master has too",
    "asks_master": "whether it reaches the master's moray",
    "listing": "a signed ListDatacenters",
    "elsewhere": "what binder answers for other datacenters",
    "rules": "its firewall rules",
    "instance": "whether SAPI knows it",
}
HOW = {
    "services": "svcs -aH -o state,stime,fmri (by zlogin)",
    "files": "cat (by zlogin)",
    "ping": "curl",
    "bind": "ldapsearch",
    "directory": "ldapsearch",
    "progress": "ldapsearch",
    "comparison": "ldapsearch",
    "gaps": "ldapsearch",
    "accounts": "ldapsearch",
    "collisions": "ldapsearch",
    "poseidons": "ldapsearch",
    "names": "dig",
    "asks_master": "curl",
    "listing": "sdc-listdatacenters (in the sdc zone)",
    "elsewhere": "dig",
    "rules": "sdc-fwapi",
    "instance": "sdc-sapi",
}
FREE_TEXT = frozenset({"why", "detail", "error", "errors", "body", "settings", "differs"})


def blotted(evidence: DatacenterEvidence, vault: Vault) -> DatacenterEvidence:
    """The same without the secrets that came to be known only after a text had been taken down."""
    return msgspec.convert(_blot(msgspec.to_builtins(evidence), vault, False), type=DatacenterEvidence)


def _blot(value: Any, vault: Vault, free: bool) -> Any:
    if isinstance(value, dict):
        return {key: _blot(item, vault, free or key in FREE_TEXT) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_blot(item, vault, free) for item in value]
    if isinstance(value, str):
        return vault.scrub(value) if free else vault.scrub_name(value)
    return value
