"""Asks everything about one datacenter, as much at once as its head node bears, and decides which question waits for what.

First come the answers that other datacenters need (zones and their addresses, SAPI's metadata), and at the same time the questions that
need only the zones. When every datacenter has told its part or is known to be dark, one script per zone probes the links.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass

from evidence.collect import elsewhere, endpoints, names, parse, services
from evidence.collect.accounts import Meeting
from evidence.collect.apis import Apis
from evidence.collect.binder import Binder
from evidence.collect.cloudapi import Cloudapi
from evidence.collect.comparison import Comparing
from evidence.collect.draft import Draft, firewalled
from evidence.collect.headnode import Asking
from evidence.collect.inside import Inside, dark
from evidence.collect.login import connect
from evidence.collect.replication import Changelog
from evidence.collect.sapi import Sapi
from evidence.collect.ssh import HeadNode
from evidence.collect.tunnel import Reach
from evidence.collect.ufds import Ufds
from evidence.fact import Fact
from evidence.headnode import Server
from evidence.inventory.model import MASTER, Timeouts
from evidence.model import Vm
from evidence.subjects.links import Link
from evidence.subjects.questions import PINGS
from evidence.subjects.triton import GLOBAL, RENDERED
from evidence.timeline import BETWEEN, asking

Links = Callable[[], Awaitable[Iterable[Link]]]


@dataclass(frozen=True)
class Shared:
    """What the datacenters of one run share: what each tells the others, and where they take turns."""

    timeouts: Timeouts
    threads: Executor
    changelog: Changelog
    meeting: Meeting
    comparing: Comparing
    turns: names.Turns
    ufds_connections: int

    def leave(self, draft: Draft) -> None:
        """Let nobody wait any longer for answers of this datacenter."""
        draft.known.set()
        for each in (self.changelog, self.meeting, self.comparing):
            each.end(draft.name, master=draft.declared.state == MASTER)


class Collector:
    """Collects one datacenter's evidence into its draft. `links` is called once all datacenters are known."""

    def __init__(self, draft: Draft, shared: Shared) -> None:
        self._draft, self._shared = draft, shared

    async def collect(self, links: Links) -> None:
        """Collect everything. Failures are facts; only cancelling ends this early."""
        try:
            with asking(self._draft.name, BETWEEN):
                if self._draft.declared.endpoints:
                    await self._collect_from_here()
                else:
                    await self._collect_by_ssh(links)
        finally:
            self._shared.leave(self._draft)

    async def _collect_by_ssh(self, links: Links) -> None:
        draft = self._draft
        head: HeadNode | None = None

        async def open_connection() -> str:
            nonlocal head
            head = await connect(draft.declared, self._shared.timeouts)
            return head.software or "SSH"

        await draft.ask("ssh", open_connection)
        if head is None:
            draft.unanswered = draft.why("ssh")
            self._shared.leave(draft)
            dark(draft, await links())
            return
        try:
            await self._ask_all(head, links)
        finally:
            if head.troubles and "troubles" not in draft.facts:
                draft.answer("troubles", head.troubles)  # the run's time is over, which is the reason
            self._shared.leave(draft)
            await head.close()

    async def _ask_all(self, head: HeadNode, links: Links) -> None:
        draft, timeouts = self._draft, self._shared.timeouts
        asking = Asking(draft, head)
        services_of = _Services(draft, head, self._shared)
        cloudapi = Cloudapi(draft, timeouts)
        configuring: dict[str, asyncio.Task[None]] = {}
        inside = Inside(draft, head, timeouts, configuring)
        async with contextlib.aclosing(services_of), asyncio.TaskGroup() as tasks:
            for key, answer in asking.answers.items():
                tasks.create_task(draft.ask(key, answer))
            sysinfo = tasks.create_task(draft.ask("sysinfo", asking.sysinfo))
            usbkey = tasks.create_task(draft.ask("usbkey", asking.usbkey))
            await draft.ask(
                "zones", lambda: asking.zones(services_of.services, lambda: asyncio.wait([sysinfo, usbkey]))
            )
            networks = tasks.create_task(draft.ask("networks", services_of.apis.networks))
            listed = tasks.create_task(services_of.ask_servers(asking, networks))
            tasks.create_task(draft.ask("leftovers", asking.leftovers))
            needed = [sysinfo, usbkey, tasks.create_task(services_of.sapi.ask())]
            if "manta_applications" in draft.questions:
                applications = tasks.create_task(services_of.sapi.manta())
                needed.append(applications)
                tasks.create_task(services_of.sapi.manta_services(applications))
            if draft.manta:
                tasks.create_task(draft.ask("ring_images", services_of.apis.ring_images))
            services_of.ask_zones(tasks)
            for vm in draft.vms.values():
                if firewalled(vm):
                    tasks.create_task(services_of.apis.rules(vm))
                if vm.role in RENDERED and not vm.unread:
                    configuring[vm.alias] = tasks.create_task(services_of.sapi.config(vm))
            await asyncio.wait(needed)
            draft.known.set()
            services_of.ask_directories_and_names(tasks)
            for vm in _of_role(draft, "cloudapi"):
                tasks.create_task(cloudapi.listing(vm, head))
            tasks.create_task(draft.ask("outside", cloudapi.outside))
            started = await links()
            await asyncio.wait([listed])
            _enter(draft, inside, started, tasks)
        await draft.ask("troubles", inside.troubles)

    async def _collect_from_here(self) -> None:
        """Collect the services' own answers, in a datacenter that the inventory names by endpoints."""
        draft, known, timeouts = self._draft, self._draft.declared.endpoints, self._shared.timeouts
        draft.secrets["endpoints"] = endpoints.root_of(draft.name)
        draft.vault.learn_all(draft.secrets["endpoints"])
        services_of = _Services(draft, endpoints.Direct(known, timeouts), self._shared)
        draft.vms = endpoints.zones(draft.declared)
        draft.facts["zones"] = Fact(subject=draft.name, asked="its endpoints", how="the inventory", value={})
        async with contextlib.aclosing(services_of), asyncio.TaskGroup() as tasks:
            services_of.ask_zones(tasks)
            if "sapi" in known:
                await services_of.sapi.ask()
                tasks.create_task(draft.ask("outside", Cloudapi(draft, timeouts).outside))
                if "manta_applications" in draft.questions:
                    tasks.create_task(services_of.sapi.manta_services(tasks.create_task(services_of.sapi.manta())))
            draft.known.set()
            services_of.ask_directories_and_names(tasks)


class _Services:
    """Asks the services of one datacenter over one way to reach them: from its head node, or from here."""

    def __init__(self, draft: Draft, reach: Reach, shared: Shared) -> None:
        self.services = services.Services(reach, shared.timeouts, shared.threads, draft.vault, shared.ufds_connections)
        self.sapi, self.apis = Sapi(draft, self.services), Apis(draft, self.services)
        self._binder = Binder(draft, names.Names(reach, shared.timeouts, shared.turns))
        self._draft, self._shared = draft, shared

    async def aclose(self) -> None:
        """Nothing is asked any more."""
        await self.services.end()

    async def ask_servers(self, asking: Asking, networks: asyncio.Task[None]) -> None:
        """Ask about the servers of zones that are not on the head node, and whether their agents run."""
        draft = self._draft
        used = {vm.server for vm in draft.vms.values()} - {""}

        async def answer() -> parse.Rows[dict[str, Server]]:
            rows = await self.apis.servers()
            await asyncio.wait([networks])
            admin = elsewhere.admin_networks(draft, (draft.facts["networks"].value or {}).values())
            found = {uuid: elsewhere.inside(each, admin) for uuid, each in rows.value.items()}
            known = [uuid for uuid in sorted(used & found.keys()) if found[uuid].address]
            seen = await asyncio.gather(*(asking.agents_of(found[uuid]) for uuid in known))
            return parse.Rows(found | dict(zip(known, seen, strict=True)), rows.unread)

        if used:
            await self._draft.ask("servers", answer)

    def ask_zones(self, tasks: asyncio.TaskGroup) -> None:
        """Ask what needs only the zones' addresses."""
        for vm in self._draft.vms.values():
            if vm.role in PINGS:
                tasks.create_task(self.apis.ping(vm))
        for vm in _of_role(self._draft, "sapi"):
            tasks.create_task(self.sapi.asks_master(vm))

    def ask_directories_and_names(self, tasks: asyncio.TaskGroup) -> None:
        """Ask what needs the datacenter's metadata, which holds UFDS's password and the domain of binder's names."""
        draft, shared = self._draft, self._shared
        root = services.root_of(*(draft.secrets.get(source, {}) for source in ("endpoints", "sapi", "usbkey")))
        waited = (shared.changelog, shared.meeting, shared.comparing)
        ufds = Ufds(draft, self.services, *waited, root, self.sapi.vouch)
        for vm in _of_role(draft, "ufds"):
            tasks.create_task(ufds.ask(vm))
        for vm in _of_role(draft, "binder"):
            tasks.create_task(self._binder.ask(vm))


def _of_role(draft: Draft, role: str) -> list[Vm]:
    return [vm for vm in draft.vms.values() if vm.role == role]


def _enter(draft: Draft, inside: Inside, links: Iterable[Link], tasks: asyncio.TaskGroup) -> None:
    """Run the script in each zone, and in the global zone if links start there."""
    by_source: dict[str, list[Link]] = {}
    for link in links:
        by_source.setdefault(link.source.alias, []).append(link)
    if GLOBAL in by_source:
        tasks.create_task(inside.ask_global(by_source.pop(GLOBAL)))
    for alias in sorted(by_source.keys() - draft.vms.keys()):
        dark(draft, by_source[alias])
    for vm in draft.vms.values():
        tasks.create_task(inside.ask(vm, by_source.get(vm.alias, [])))
