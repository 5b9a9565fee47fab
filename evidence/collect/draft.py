"""Evidence in the making: one datacenter's facts as they come in, and the frozen evidence made of them at any moment.

What was not answered yet is missing with a reason. So the run's time may end, and there is still a verdict.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from evidence.collect import endpoints
from evidence.collect.files import Wanted
from evidence.collect.parse import Rows, UnreadableError
from evidence.collect.position import Parted
from evidence.collect.unanswered import UnansweredError
from evidence.fact import Fact, Missing, OutOfSight, missing
from evidence.inventory.model import BY_ENDPOINTS, MASTER, Declared
from evidence.model import DatacenterEvidence, Probe, Vm, ZoneEvidence
from evidence.redact import Vault, cut
from evidence.subjects.links import LINKS
from evidence.subjects.questions import (
    DOUBTFUL,
    FIREWALLED,
    MANTA,
    MANTAS_MASTER,
    MASTER_ELSEWHERE,
    OF_DATACENTER,
    OF_ZONE,
    REPLICAS_ELSEWHERE,
    SPREAD,
    WITH_CANDIDATES,
    Question,
    applies,
)
from evidence.subjects.triton import ROLES
from evidence.timeline import asking

log = logging.getLogger(__name__)
T = TypeVar("T")

PEERS_CONNECT_TO = frozenset(kind.target_role for kind in LINKS.values())
"""The roles of zones that other datacenters connect to."""


def firewalled(vm: Vm) -> bool:
    """Whether FWAPI is asked for a zone's rules: for a ufds zone always, else if its firewall is on and others connect to it."""
    return not vm.unread and (vm.role == "ufds" or (vm.firewall_enabled and vm.role in PEERS_CONNECT_TO))


def doubtful(vm: Vm) -> bool:
    """Whether SAPI is asked if it knows a zone: one that does not run may be left over from an upgrade."""
    return vm.state != "running" and vm.role in ROLES and not vm.unread


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Draft:
    """What is known of one datacenter so far. `secrets` and `configs` hold passwords, and are dropped when the run ends.

    `secrets` are the settings that name UFDS's root, by the place where they were read: sapi, usbkey, endpoints.
    """

    declared: Declared
    vault: Vault
    manta: bool = False
    candidates: bool = False
    """Whether the inventory has candidates for coupling."""
    peers: tuple[str, ...] = ()
    """The other coupled datacenters of its region."""
    names: tuple[str, ...] = ()
    """All datacenters of the inventory."""
    unanswered: str = "the run ended before this was answered"
    broke: bool = False
    """Whether `unanswered` is a defect of the suite."""
    facts: dict[str, Fact[Any]] = field(default_factory=dict)
    vms: dict[str, Vm] = field(default_factory=dict)
    zone_facts: dict[tuple[str, str], Fact[Any]] = field(default_factory=dict)
    links: dict[str, Fact[tuple[Probe, ...]]] = field(default_factory=dict)
    configs: dict[str, Wanted | str] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    asking: dict[tuple[str, str], float] = field(default_factory=dict)
    """What is asked and not answered yet, subject and question, each with the moment since when."""
    apart: Mapping[str, str] = field(default_factory=dict)
    """The questions about its zones that cannot be answered where only some datacenters are asked, each with the reason."""
    parted: Parted | None = None
    """What replication needs here, if the other side is asked elsewhere."""
    known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once everything that others need to know of this datacenter is known, or known to be unknown."""

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def circumstances(self) -> frozenset[str]:
        """The circumstances that decide which facts this datacenter has."""
        found = {self.declared.state}
        if self.manta:
            found.update({MANTA} | ({MANTAS_MASTER} if self.declared.state == MASTER else set()))
        if self.candidates and self.declared.state == MASTER:
            found.add(WITH_CANDIDATES)
        if any(vm.server for vm in self.vms.values()):
            found.add(SPREAD)
        if self.parted is not None:
            found.add(REPLICAS_ELSEWHERE if self.declared.state == MASTER else MASTER_ELSEWHERE)
        return frozenset(found)

    @property
    def questions(self) -> dict[str, Question]:
        """The questions for this datacenter."""
        return {key: each for key, each in OF_DATACENTER.items() if applies(each, self.circumstances)}

    def questions_about(self, vm: Vm) -> dict[str, Question]:
        """The questions about one of its zones."""
        own = {FIREWALLED: firewalled(vm), DOUBTFUL: doubtful(vm)}
        known = self.circumstances.union(name for name, holds in own.items() if holds)
        return {
            key: each for key, each in OF_ZONE.items() if vm.role in (each.roles or (vm.role,)) and applies(each, known)
        }

    async def ask(self, key: str, answer: Callable[[], Awaitable[object]]) -> None:
        """Answer one of `questions`, whatever happens."""
        question = self._question(key)
        self.facts[key] = await self._fact(self.name, question, question.how, answer)

    def answer(self, key: str, value: object) -> None:
        """Answer one of `questions` whose answer is there already."""
        question = self._question(key)
        self.facts[key] = Fact(subject=self.name, asked=question.asked, how=question.how, at=now(), value=value)

    def _question(self, key: str) -> Question:
        """One of `questions`, as this datacenter is asked it."""
        question = OF_DATACENTER[key]
        sapi = self.declared.endpoints.get("sapi")
        if key in ("ssh", "troubles") and self.declared.headnode:
            return replace(question, how=f"{question.how} {self.declared.headnode}")
        if sapi is not None:
            return replace(question, how=question.how.replace("sdc-sapi '", f"curl 'http://{sapi.host}:{sapi.port}"))
        return question

    async def ask_zone(self, vm: Vm, key: str, answer: Callable[[], Awaitable[object]], **known: object) -> None:
        """Answer a question about one zone, whatever happens. `known` goes into the command as one would type it."""
        question = OF_ZONE[key]
        how = question.typed.format(address=vm.address("admin") or vm.alias, datacenter=self.name, **known)
        if key in self.apart:
            self.zone_facts[vm.alias, key] = missing(self._id(vm), question.asked, how or question.how, self.apart[key])
            return
        self.zone_facts[vm.alias, key] = await self._fact(self._id(vm), question, how or question.how, answer)

    def _id(self, vm: Vm) -> str:
        return f"{self.name}.{vm.alias}"

    async def _fact(
        self, subject: str, question: Question, how: str, answer: Callable[[], Awaitable[object]]
    ) -> Fact[Any]:
        at, asked = now(), question.asked
        self.asking.setdefault((subject, asked), time.monotonic())
        try:
            with asking(subject, asked):
                value = await answer()
            if isinstance(value, Rows):
                because = self.vault.scrub(value.unread[0]) if value.unread else ""
                return Fact(subject, asked, how, at, value.value, unread=len(value.unread), because=because)
            return Fact(subject=subject, asked=asked, how=how, at=at, value=value)
        except (UnansweredError, UnreadableError) as error:
            return missing(subject, asked, how, self.vault.scrub(str(error)), at)
        except Missing as error:
            return missing(subject, asked, how, self.vault.scrub(error.why), at, hidden=isinstance(error, OutOfSight))
        except Exception as error:  # a defect of ours must not end the run, and a traceback could hold a secret
            log.debug("%s: %s", subject, asked, exc_info=True)
            why = f"the suite could not read the answer ({type(error).__name__})"
            return missing(subject, asked, how, why, at, ours=True)
        finally:
            self.asking.pop((subject, asked), None)

    def why(self, key: str) -> str:
        """Why one of `questions` has no answer."""
        fact = self.facts.get(key)
        return self.unanswered if fact is None else fact.why or "no answer was recorded"

    def running(self, role: str) -> Vm:
        """A running zone of a role. Raises UnansweredError that says why there is none."""
        if self.facts.get("zones") is None or self.facts["zones"].why is not None:
            raise UnansweredError(self.why("zones"))
        zones = [vm for _, vm in sorted(self.vms.items()) if vm.role == role]
        zones.sort(key=lambda vm: vm.server != "")  # the head node's own zones first
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
        """Everything that is known now, as evidence."""
        facts = {key: self._datacenter_fact(key) for key in self.questions}
        zones = facts["zones"]
        if zones.value is not None:
            seen = {alias: self._zone(vm) for alias, vm in sorted(self.vms.items())}
            facts["zones"] = msgspec.structs.replace(zones, value=seen)
        return DatacenterEvidence(**facts, links=dict(sorted(self.links.items())))

    def _datacenter_fact(self, key: str) -> Fact[Any]:
        question = self._question(key)
        if key not in self.facts and endpoints.hidden(self.declared, question):
            return missing(self.name, question.asked, question.how, BY_ENDPOINTS, hidden=True)
        return self.facts.get(key) or missing(self.name, question.asked, question.how, self.unanswered, ours=self.broke)

    def _zone(self, vm: Vm) -> ZoneEvidence:
        asked = self.questions_about(vm)
        return ZoneEvidence(vm=vm, **{key: self._zone_fact(vm, key, question) for key, question in asked.items()})

    def _zone_fact(self, vm: Vm, key: str, question: Question) -> Fact[Any]:
        found = self.zone_facts.get((vm.alias, key))
        if found is not None:
            return found
        if endpoints.hidden(self.declared, question):
            return missing(self._id(vm), question.asked, question.how, BY_ENDPOINTS, hidden=True)
        why = f"the zone is {cut(vm.state)}" if vm.state != "running" else self.unanswered
        why = f"its row cannot be read: {vm.unread}" if vm.unread else why
        ours = self.broke and why == self.unanswered
        return missing(self._id(vm), question.asked, question.how, why, ours=ours)


FREE_TEXT = frozenset({"why", "because", "unread", "detail", "error", "errors", "body", "settings", "differs"})


def blotted(evidence: DatacenterEvidence, vault: Vault) -> DatacenterEvidence:
    """The same evidence, without secrets that became known only after a text had been taken down."""
    return msgspec.convert(_blot(msgspec.to_builtins(evidence), vault, False), type=DatacenterEvidence)


def _blot(value: Any, vault: Vault, free: bool) -> Any:
    if isinstance(value, dict):
        return {key: _blot(item, vault, free or key in FREE_TEXT) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_blot(item, vault, free) for item in value]
    if isinstance(value, str):
        return vault.scrub(value) if free else vault.scrub_name(value)
    return value
