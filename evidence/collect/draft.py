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

from evidence.collect.files import Wanted
from evidence.collect.parse import UnreadableError
from evidence.collect.ssh import UnansweredError
from evidence.facts import Fact, Missing, missing
from evidence.inventory import Declared
from evidence.model import DatacenterEvidence, Probe, Vm, ZoneEvidence
from evidence.redact import Vault, cut

log = logging.getLogger(__name__)
T = TypeVar("T")

ADMIN_UUID = "930896af-bf8c-48d4-885c-6573a94b1853"
"""Of every datacenter: facts, "Zones"."""
VMADM = f"vmadm lookup -j -o uuid,alias,state,nics,routes,tags,firewall_enabled owner_uuid={ADMIN_UUID}"
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
}
"""The facts of a datacenter: what is asked, and how an operator could ask it."""
PINGS = {"adminui": ("https", 443, "/api/ping"), "cloudapi": ("https", 443, "/--ping"), "sapi": ("http", 80, "/ping")}
"""Role to its health URL at the zone's admin address.  Source: facts, "Health commands", "cloudapi, adminui"."""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Draft:
    """What is known of one datacenter so far.  `configs` holds secrets, and goes when the run ends."""

    declared: Declared
    vault: Vault
    answered: Callable[[], None]
    unanswered: str = "the run ended before this was answered"
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

    async def ask(self, key: str, answer: Callable[[], Awaitable[object]]) -> None:
        """Answers one of QUESTIONS, whatever happens."""
        asked, how = self._question(key)
        self.facts[key] = await self._fact(asked, how, answer)

    def _question(self, key: str) -> tuple[str, str]:
        asked, how = QUESTIONS[key]
        return f"{self.name}: {asked}", f"ssh {self.declared.headnode}" if key == "ssh" else how

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
            return missing(asked, how, self.vault.scrub(error.why), at)
        except Exception as error:  # a defect of ours must not end the run; a traceback could hold a secret
            log.debug("%s", asked, exc_info=True)
            return missing(asked, how, f"the suite could not read the answer ({type(error).__name__})", at)
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
        facts = {key: self._datacenter_fact(key) for key in QUESTIONS}
        zones = facts["zones"]
        if zones.value is not None:
            seen = {alias: self._zone(vm) for alias, vm in sorted(self.vms.items())}
            facts["zones"] = Fact(asked=zones.asked, how=zones.how, at=zones.at, value=seen)
        return DatacenterEvidence(**facts, links=dict(sorted(self.links.items())))

    def _datacenter_fact(self, key: str) -> Fact[Any]:
        asked, how = self._question(key)
        return self.facts.get(key) or missing(asked, how, self.unanswered)

    def _zone(self, vm: Vm) -> ZoneEvidence:
        def fact(key: str) -> Fact[Any]:
            found = self.zone_facts.get((vm.alias, key))
            why = f"the zone is {cut(vm.state)}" if vm.state != "running" else self.unanswered
            return found or missing(f"{self.name}.{vm.alias}: {ZONE_QUESTIONS[key]}", HOW[key], why)

        return ZoneEvidence(
            vm=vm,
            services=fact("services"),
            files=fact("files"),
            ping=fact("ping") if vm.role in PINGS else None,
            bind=fact("bind") if vm.role == "ufds" else None,
            poseidons=fact("poseidons") if vm.role == "ufds" else None,
            names=fact("names") if vm.role == "binder" else None,
        )


ZONE_QUESTIONS = {
    "services": "its SMF services",
    "files": "its rendered files",
    "ping": "its health URL",
    "bind": "the root bind",
    "poseidons": "accounts with login poseidon",
    "names": "what binder answers",
}
HOW = {
    "services": "svcs -aH -o state,stime,fmri (by zlogin)",
    "files": "cat (by zlogin)",
    "ping": "curl",
    "bind": "ldapsearch",
    "poseidons": "ldapsearch",
    "names": "dig",
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
