"""Asks one binder: first for the names of its own datacenter, and then for those of the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from evidence.collect import endpoints, services
from evidence.collect.draft import Draft
from evidence.collect.names import Names
from evidence.collect.unanswered import UnansweredError
from evidence.fact import OutOfSight
from evidence.inventory.model import BY_ENDPOINTS
from evidence.model import DnsAnswer, Vm
from evidence.subjects.questions import OF_DATACENTER


@dataclass(frozen=True)
class Binder:
    """Asks the binders of one datacenter."""

    draft: Draft
    names: Names

    async def ask(self, vm: Vm) -> None:
        """Ask everything about one binder zone."""

        async def own() -> dict[str, DnsAnswer]:
            name, domain = self._named()
            return await self.names.own(services.address(vm), f"{name}.{domain}")

        await self.draft.ask_zone(vm, "names", own)
        await self.draft.ask_zone(vm, "elsewhere", lambda: self._elsewhere(vm))

    async def _elsewhere(self, vm: Vm) -> dict[str, dict[str, DnsAnswer]]:
        _, domain = self._named()
        host, peers = services.address(vm), self.draft.peers
        here = self.draft.zone_facts[vm.alias, "names"].value or {}
        if {answer.rcode for answer in here.values()} <= {"TIMEOUT", "UNREACHABLE"}:
            raise UnansweredError("it does not answer for its own datacenter")
        found = await asyncio.gather(*(self.names.elsewhere(host, f"{dc}.{domain}") for dc in peers))
        return dict(zip(peers, found, strict=True))

    def _named(self) -> tuple[str, str]:
        """The datacenter's name and domain, according to its own configuration."""
        draft = self.draft
        sapi, usbkey = draft.values("applications"), draft.values("usbkey")
        domain = sapi.get("dns_domain") or usbkey.get("dns_domain")
        metadata = OF_DATACENTER["applications"]
        if not domain and endpoints.hidden(draft.declared, metadata):
            raise OutOfSight(draft.name, metadata.asked, metadata.how, BY_ENDPOINTS)
        if not isinstance(domain, str) or not domain:
            raise UnansweredError("the datacenter's dns_domain is not known")
        return str(sapi.get("datacenter_name") or usbkey.get("datacenter_name") or draft.name), domain
