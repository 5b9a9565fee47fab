"""Everything that is asked about one datacenter, as much at once as its head node bears.

First what the others need to know (zones and their addresses, SAPI's metadata); what needs only the zones meanwhile;
and, once every datacenter has told that or is known to be dark, the one script per zone that probes the links.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from typing import Any

from evidence.collect import files, ldap, parse, services, zone
from evidence.collect.draft import HOW, PINGS, VMADM, Draft
from evidence.collect.render import auto_metadata
from evidence.collect.ssh import HeadNode, Output, UnansweredError, connect
from evidence.facts import Fact, Missing, missing
from evidence.inventory import Timeouts
from evidence.model import Configuration, HttpAnswer, Probe, SapiObject, Vm
from evidence.redact import cut
from evidence.subjects import Link


class Collector:
    """Collects one datacenter's evidence into its draft.  `links` is asked once all datacenters are known."""

    def __init__(self, draft: Draft, timeouts: Timeouts, threads: Executor) -> None:
        self._draft, self._timeouts, self._threads = draft, timeouts, threads
        self._secrets: dict[str, dict[str, Any]] = {"sapi": {}, "usbkey": {}}
        self._configs: dict[str, asyncio.Task[None]] = {}
        self._head: HeadNode
        self._services: services.Services

    async def collect(self, links: Callable[[], Awaitable[Iterable[Link]]]) -> None:
        """Everything.  Failures are facts; only cancelling ends it early."""
        draft = self._draft
        head: HeadNode | None = None

        async def open_connection() -> str:
            nonlocal head
            head = await connect(draft.declared, self._timeouts)
            return head.software or "SSH"

        try:
            await draft.ask("ssh", open_connection)
            if head is None:
                draft.unanswered = draft.why("ssh")
                draft.known.set()
                self._dark(await links())
                return
            self._head = head
            self._services = services.Services(head, self._timeouts, self._threads, draft.vault)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(draft.ask("check_health", self._check_health))
                tasks.create_task(draft.ask("healthcheck", self._healthcheck))
                sysinfo = tasks.create_task(draft.ask("sysinfo", self._sysinfo))
                usbkey = tasks.create_task(draft.ask("usbkey", self._usbkey))
                await draft.ask("zones", self._zones)
                sapi = tasks.create_task(self._sapi())
                tasks.create_task(draft.ask("networks", self._networks))
                for vm in draft.vms.values():
                    if vm.role in PINGS:
                        tasks.create_task(self._ping(vm))
                    if vm.role in zone.FILES:
                        self._configs[vm.alias] = tasks.create_task(self._config(vm))
                await asyncio.wait([sysinfo, usbkey, sapi])
                draft.known.set()
                for vm in draft.vms.values():
                    if vm.role == "ufds":
                        tasks.create_task(self._ufds(vm))
                    if vm.role == "binder":
                        tasks.create_task(self._binder(vm))
                by_source: dict[str, list[Link]] = {}
                for link in await links():
                    by_source.setdefault(link.source.alias, []).append(link)
                for alias in sorted(by_source.keys() - draft.vms.keys()):
                    self._dark(by_source[alias])
                for vm in draft.vms.values():
                    tasks.create_task(self._zone(vm, by_source.get(vm.alias, [])))
        finally:
            draft.known.set()
            if head is not None:
                await head.close()

    # What the head node's commands print

    async def _run(self, command: str, *, failing: bool = False) -> Output:
        """A command that came to an end, and with success unless `failing` is normal for it."""
        output = await self._head.run(command)
        name = " ".join(command.split()[:2])
        if output.why:
            raise UnansweredError(f"`{name}` {output.why}")
        if output.code != 0 and not (failing and output.stdout.strip()):
            said = " ".join(output.stderr.split())[:200]
            raise UnansweredError(f"`{name}` failed with exit status {output.code}" + (f": {said}" if said else ""))
        return output

    async def _sysinfo(self) -> object:
        return parse.sysinfo((await self._run("sysinfo")).text)

    async def _usbkey(self) -> Configuration:
        read = parse.json_object((await self._run("bash /lib/sdc/config.sh -json")).text, "the configuration")
        self._secrets["usbkey"] = read
        self._draft.vault.learn_all(read)
        return self._draft.vault.configuration(read, services.SETTINGS, services.SECRETS)

    async def _zones(self) -> object:
        self._draft.vms = parse.vms((await self._run(VMADM)).text)
        return {}  # the draft puts the zones in when it makes the evidence

    async def _check_health(self) -> object:
        return parse.check_health((await self._run("sdcadm check-health -j", failing=True)).text)

    async def _healthcheck(self) -> object:
        return parse.healthcheck((await self._run("sdc-healthcheck -p", failing=True)).text)

    # What the services answer

    async def _read(self, role: str, path: str) -> str:
        return await self._services.read(services.address(self._draft.running(role)), path, role.upper())

    async def _sapi(self) -> None:
        draft = self._draft
        await draft.ask("applications", self._applications)
        await draft.ask("services", self._sapi_services)

    async def _applications(self) -> dict[str, SapiObject]:
        text = await self._read("sapi", "/applications?name=sdc")
        found = services.sapi_objects(text, self._draft.vault, application=True)
        for item in parse.json_list(text):
            if item.get("name") == "sdc" and isinstance(item.get("metadata"), dict):
                self._secrets["sapi"] = item["metadata"]
        return found

    async def _sapi_services(self) -> dict[str, SapiObject]:
        applications = self._draft.facts["applications"]
        if applications.value is None:
            raise UnansweredError(self._draft.why("applications"))
        sdc = applications.value.get("sdc")
        if sdc is None or not parse.UUID.fullmatch(sdc.uuid):
            raise UnansweredError("SAPI lists no application named sdc")
        text = await self._read("sapi", f"/services?application_uuid={sdc.uuid}")
        return services.sapi_objects(text, self._draft.vault, application=False)

    async def _networks(self) -> object:
        return parse.networks(await self._read("napi", "/networks"))

    async def _config(self, vm: Vm) -> None:
        """SAPI's /configs of a zone.  It holds secrets and stays in memory; why it is missing goes with the files."""
        try:
            wanted = files.wanted(await self._read("sapi", f"/configs/{vm.uuid}"))
            self._draft.vault.learn_all(wanted.metadata)
            self._draft.configs[vm.alias] = wanted
        except (UnansweredError, parse.UnreadableError) as error:
            self._draft.configs[vm.alias] = self._draft.vault.scrub(f"what would be rendered is not known: {error}")

    async def _ping(self, vm: Vm) -> None:
        scheme, port, path = PINGS[vm.role]

        async def answer() -> HttpAnswer:
            return await self._services.ping(scheme, services.address(vm), port, path)

        await self._draft.ask_zone(vm, "ping", f"curl -k {scheme}://{vm.address('admin') or vm.alias}{path}", answer)

    async def _ufds(self, vm: Vm) -> None:
        asking = asyncio.ensure_future(self._ask_ufds(vm))

        async def bind() -> object:
            return services.attempt(await asyncio.shield(asking))

        async def poseidons() -> object:
            return services.accounts(await asyncio.shield(asking))

        where = f"ldapsearch -x -H ldaps://{vm.address('admin') or vm.alias} -D cn=root -W"
        try:
            await self._draft.ask_zone(vm, "bind", where, bind)
            how = f"{where} -b '{ldap.USERS}' login=poseidon uuid login"
            await self._draft.ask_zone(vm, "poseidons", how, poseidons)
        finally:
            asking.cancel()

    async def _ask_ufds(self, vm: Vm) -> ldap.Reply:
        host = services.address(vm)
        root = services.root_of(self._secrets["sapi"], self._secrets["usbkey"])
        if root is None:
            whys = f"SAPI: {self._draft.facts['applications'].why}; /usbkey/config: {self._draft.facts['usbkey'].why}"
            raise UnansweredError(f"its root password is not known ({whys})")
        return await self._services.poseidons(host, root)

    async def _binder(self, vm: Vm) -> None:
        sapi, usbkey = self._draft.values("applications"), self._draft.values("usbkey")

        async def answer() -> object:
            domain = sapi.get("dns_domain") or usbkey.get("dns_domain")
            if not isinstance(domain, str) or not domain:
                raise UnansweredError("the datacenter's dns_domain is not known")
            name = sapi.get("datacenter_name") or usbkey.get("datacenter_name") or self._draft.name
            names = [f"{role}.{name}.{domain}" for role in ("moray", "sapi", "ufds")]
            return await self._services.names(services.address(vm), names)

        how = f"dig +tcp @{vm.address('admin') or vm.alias} ufds.{self._draft.name}.DOMAIN (also moray, sapi)"
        await self._draft.ask_zone(vm, "names", how, answer)

    # What is asked inside a zone

    def _dark(self, links: Iterable[Link]) -> None:
        """Links whose source zone was not seen."""
        for link in links:
            why = self._draft.why("zones")
            if self._draft.vms or why == "no answer was recorded":
                why = f"the head node lists no zone {link.source.alias}"
            self._draft.links[link.id] = missing(f"{link.id}: the probe", "zlogin", why)

    async def _zone(self, vm: Vm, links: list[Link]) -> None:
        draft = self._draft
        wanted: dict[str, tuple[zone.Target, ...]] = {}
        for link in links:
            try:
                wanted[link.id] = zone.targets(link)
            except Missing as error:
                draft.links[link.id] = missing(f"{link.id}: the probe", "zlogin", f"{error.asked}: {error.why}")
        seconds = max(1.0, min(self._timeouts.connect, self._timeouts.command - 2))
        words = zone.words(vm.role, (target for found in wanted.values() for target in found), seconds)
        command = f"zlogin -Q {vm.uuid} /usr/bin/bash -s -- {' '.join(words)}"
        answers, why = await self._answers(vm, command)
        how = f"{cut(command)} < zone.sh"

        async def smf() -> object:
            if answers.services is None:
                raise UnansweredError(answers.services_why or why)
            return answers.services

        async def rendered() -> object:
            if not answers.complete and any(path not in answers.files for path in zone.FILES.get(vm.role, ())):
                raise UnansweredError(why)
            return await self._rendered(vm, answers)

        await draft.ask_zone(vm, "services", HOW["services"], smf)
        await draft.ask_zone(vm, "files", f"cat {' '.join(zone.FILES.get(vm.role, ()))} (by zlogin)", rendered)
        for name, found in wanted.items():
            draft.links[name] = self._link(name, found, answers, how, why)

    async def _answers(self, vm: Vm, command: str) -> tuple[zone.Answers, str]:
        """What the script printed, and what to say of anything that is not in it."""
        if vm.state != "running":
            return zone.Answers(), f"the zone is {cut(vm.state)}"
        try:
            output = await self._head.run(command, zone.SCRIPT)
        except UnansweredError as error:
            return zone.Answers(), str(error)
        answers = zone.read(output.stdout)
        said = " ".join(output.stderr.split())[:200]
        why = f"the script in the zone {output.why}" if output.why else "the script in the zone did not print it"
        if output.code not in (0, None):
            why = f"the zone could not be entered: zlogin's exit status is {output.code}"
        return answers, self._draft.vault.scrub(why + (f": {said}" if said else ""))

    async def _rendered(self, vm: Vm, answers: zone.Answers) -> object:
        draft = self._draft
        info, app = draft.facts.get("sysinfo"), draft.values("applications")
        server = info.value.uuid if info is not None and info.value is not None else ""
        auto = auto_metadata(vm, server, str(app.get("datacenter_name", draft.name)))
        paths = zone.FILES.get(vm.role, ())
        if not paths:
            return {}
        await asyncio.wait([self._configs[vm.alias]])
        want = draft.configs[vm.alias]
        return files.rendered_files(paths, answers.files, want, auto, draft.vault)

    def _link(
        self, name: str, wanted: tuple[zone.Target, ...], answers: zone.Answers, how: str, why: str
    ) -> Fact[tuple[Probe, ...]]:
        probes = []
        for target in wanted:
            if not zone.usable(target.host):
                detail = "the address is not one"
                probes.append(Probe(cut(target.host), target.port, target.protocol, "dns", detail, "none"))
            elif target in answers.probes:
                probes.append(answers.probes[target])
            else:
                return missing(f"{name}: the probe", how, why)
        return Fact(asked=f"{name}: the probe", how=how, value=tuple(probes))
