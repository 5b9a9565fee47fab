"""Everything that is asked about one datacenter, as much at once as its head node bears.

First what the others need to know (zones and their addresses, SAPI's metadata); what needs only the zones meanwhile;
and, once every datacenter has told that or is known to be dark, the one script per zone that probes the links.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from typing import Any

from evidence.collect import cloudapi, endpoints, files, headnode, names, parse, services, ufds, zone
from evidence.collect.accounts import Meeting
from evidence.collect.comparison import Comparing
from evidence.collect.draft import HOW, MANTA_VMADM, PINGS, VMADM, Draft, doubtful, firewalled
from evidence.collect.login import connect
from evidence.collect.render import auto_metadata
from evidence.collect.replication import Changelog
from evidence.collect.ssh import HeadNode, Output
from evidence.collect.tunnel import Way
from evidence.collect.unanswered import UnansweredError
from evidence.fact import Fact, Missing, OutOfSight, missing
from evidence.headnode import ZLOGIN, Trouble
from evidence.inventory.model import BY_ENDPOINTS, MASTER, Timeouts
from evidence.model import Configuration, HttpAnswer, Probe, SapiObject, Vm
from evidence.redact import cut
from evidence.subjects.links import Link
from evidence.subjects.triton import GLOBAL, MANTA_ROLES, RENDERED, UUID


class Collector:
    """Collects one datacenter's evidence into its draft.  `links` is asked once all datacenters are known."""

    def __init__(
        self,
        draft: Draft,
        timeouts: Timeouts,
        threads: Executor,
        changelog: Changelog,
        meeting: Meeting,
        comparing: Comparing,
        turns: names.Turns,
    ) -> None:
        self._draft, self._timeouts, self._threads = draft, timeouts, threads
        self._changelog, self._meeting, self._comparing = changelog, meeting, comparing
        self._turns = turns
        self._secrets: dict[str, dict[str, Any]] = {"sapi": {}, "usbkey": {}, "endpoints": {}}
        self._configs: dict[str, asyncio.Task[None]] = {}
        self._entered: dict[str, str] = {}
        """Zone that was to be entered to why it could not be, or nothing."""
        self._head: HeadNode
        self._way: Way
        self._services: services.Services
        self._names: names.Names

    async def collect(self, links: Callable[[], Awaitable[Iterable[Link]]]) -> None:
        """Everything.  Failures are facts; only cancelling ends it early."""
        draft = self._draft
        head: HeadNode | None = None
        if draft.declared.endpoints:
            await self._collect_from_here()
            return

        async def open_connection() -> str:
            nonlocal head
            head = await connect(draft.declared, self._timeouts)
            return head.software or "SSH"

        try:
            await draft.ask("ssh", open_connection)
            if head is None:
                draft.unanswered = draft.why("ssh")
                draft.known.set()
                for each in (self._changelog, self._meeting, self._comparing):
                    each.end(draft.name, master=draft.declared.state == MASTER)
                self._dark(await links())
                return
            self._head = self._way = head
            self._services = services.Services(head, self._timeouts, self._threads, draft.vault)
            self._names = names.Names(head, self._timeouts, self._turns)
            async with asyncio.TaskGroup() as tasks:
                asking = headnode.Asking(head, draft.vault)
                for key, answer in asking.answers(draft.questions).items():
                    tasks.create_task(draft.ask(key, answer))
                tasks.create_task(draft.ask("check_health", self._check_health))
                tasks.create_task(draft.ask("healthcheck", self._healthcheck))
                sysinfo = tasks.create_task(draft.ask("sysinfo", self._sysinfo))
                usbkey = tasks.create_task(draft.ask("usbkey", self._usbkey))
                await draft.ask("zones", self._zones)
                tasks.create_task(draft.ask("leftovers", lambda: asking.leftovers(draft.vms.values())))
                sapi = tasks.create_task(self._sapi())
                tasks.create_task(draft.ask("networks", self._networks))
                manta = []
                if draft.manta:
                    manta.append(tasks.create_task(draft.ask("manta_applications", self._manta_applications)))
                    tasks.create_task(draft.ask("ring_images", self._ring_images))
                for vm in draft.vms.values():
                    if vm.role in PINGS:
                        tasks.create_task(self._ping(vm))
                    if firewalled(vm):
                        tasks.create_task(self._rules(vm))
                    if vm.role == "sapi":
                        tasks.create_task(self._asks_master(vm))
                    if vm.role in RENDERED and not vm.server:
                        self._configs[vm.alias] = tasks.create_task(self._config(vm))
                await asyncio.wait([sysinfo, usbkey, sapi, *manta])
                draft.known.set()
                for vm in draft.vms.values():
                    if vm.role == "ufds":
                        tasks.create_task(self._ufds(vm))
                    if vm.role == "binder":
                        tasks.create_task(self._binder(vm))
                    if vm.role == "cloudapi":
                        tasks.create_task(self._listing(vm))
                tasks.create_task(draft.ask("outside", self._outside))
                by_source: dict[str, list[Link]] = {}
                for link in await links():
                    by_source.setdefault(link.source.alias, []).append(link)
                if GLOBAL in by_source:
                    tasks.create_task(self._global_zone(by_source.pop(GLOBAL)))
                for alias in sorted(by_source.keys() - draft.vms.keys()):
                    self._dark(by_source[alias])
                for vm in draft.vms.values():
                    if not vm.server:
                        tasks.create_task(self._zone(vm, by_source.get(vm.alias, [])))
            await draft.ask("troubles", self._troubles)
        finally:
            if head is not None and head.troubles and "troubles" not in draft.facts:
                draft.answer("troubles", head.troubles)  # the run's time is over, and that is why
            draft.known.set()
            for each in (self._changelog, self._meeting, self._comparing):
                each.end(draft.name, master=draft.declared.state == MASTER)
            if head is not None:
                await head.close()

    async def _collect_from_here(self) -> None:
        """What the services themselves answer, of a datacenter that is named by endpoints."""
        draft, known = self._draft, self._draft.declared.endpoints
        self._way = endpoints.Direct(known, self._timeouts)
        self._services = services.Services(self._way, self._timeouts, self._threads, draft.vault)
        self._names = names.Names(self._way, self._timeouts, self._turns)
        self._secrets["endpoints"] = endpoints.root_of(draft.name)
        draft.vault.learn_all(self._secrets["endpoints"])
        draft.vms = endpoints.zones(draft.declared)
        draft.facts["zones"] = Fact(asked=f"{draft.name}: its endpoints", how="the inventory", value={})
        try:
            async with asyncio.TaskGroup() as tasks:
                for vm in draft.vms.values():
                    if vm.role in PINGS:
                        tasks.create_task(self._ping(vm))
                    if vm.role == "sapi":
                        tasks.create_task(self._asks_master(vm))
                if "sapi" in known:
                    await self._sapi()
                    tasks.create_task(draft.ask("outside", self._outside))
                    if draft.manta:
                        tasks.create_task(draft.ask("manta_applications", self._manta_applications))
                draft.known.set()
                for vm in draft.vms.values():
                    if vm.role == "ufds":
                        tasks.create_task(self._ufds(vm))
                    if vm.role == "binder":
                        tasks.create_task(self._binder(vm))
        finally:
            draft.known.set()
            for each in (self._changelog, self._meeting, self._comparing):
                each.end(draft.name, master=draft.declared.state == MASTER)

    async def _troubles(self) -> tuple[Trouble, ...]:
        """What was wrong with the head node itself; that no zone at all can be entered says nothing of the zones."""
        found = self._head.troubles
        whys = [why for _, why in sorted(self._entered.items())]
        if whys and all(whys) and not self._head.lost:
            found += (Trouble(ZLOGIN, whys[0]),)
        return found

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
        found = parse.vms((await self._run(VMADM)).text)
        if self._draft.manta:
            found = parse.vms((await self._run(MANTA_VMADM)).text, tag="manta_role", besides=found)
            found = await self._on_other_servers(found)
        self._draft.vms = found
        return {}  # the draft puts the zones in when it makes the evidence

    async def _on_other_servers(self, found: dict[str, Vm]) -> dict[str, Vm]:
        """Manta's zones that VMAPI knows beside those of the head node; none if it does not answer, which has its own check."""
        vmapis = [vm for vm in found.values() if vm.role == "vmapi"]
        try:
            where = services.address(vmapis[0])
        except (IndexError, UnansweredError):
            return found
        asked = [
            self._services.read(where, f"/vms?state=active&tag.manta_role={role}", "VMAPI") for role in MANTA_ROLES
        ]
        for text in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(text, str):
                try:
                    found = parse.vms(text, tag="manta_role", besides=found, elsewhere=True)
                except parse.UnreadableError:
                    continue
        return found

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
        await asyncio.gather(*(self._instance(vm) for vm in draft.vms.values() if doubtful(vm)))

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
        if sdc is None or not UUID.fullmatch(sdc.uuid):
            raise UnansweredError("SAPI lists no application named sdc")
        text = await self._read("sapi", f"/services?application_uuid={sdc.uuid}")
        return services.sapi_objects(text, self._draft.vault, application=False)

    async def _instance(self, vm: Vm) -> None:
        """Whether SAPI has an instance of the zone.  One that lists none of the service at all has lost more than that."""

        async def answer() -> bool:
            found = self._draft.facts["services"]
            service = (found.value or {}).get(vm.role)
            if service is None or not UUID.fullmatch(service.uuid):
                raise UnansweredError(f"SAPI lists no service {vm.role}: {self._draft.why('services')}")
            text = await self._read("sapi", f"/instances?service_uuid={service.uuid}")
            known = {
                parse.an_object(item, "an instance").get("uuid") for item in parse.json_list(text, "SAPI's answer")
            }
            if not known:
                raise UnansweredError(f"SAPI lists no instance of {vm.role}")
            return vm.uuid in known

        await self._draft.ask_zone(vm, "instance", "sdc-sapi '/instances?service_uuid=SERVICE'", answer)

    async def _manta_applications(self) -> tuple[SapiObject, ...]:
        """Without include_master: what this datacenter's own moray holds."""
        found = services.sapi_list(
            await self._read("sapi", "/applications?name=manta"), self._draft.vault, services.MANTA_SETTINGS
        )
        return tuple(each for each in found if each.name == "manta")

    async def _ring_images(self) -> tuple[str, ...]:
        return parse.images(await self._read("imgapi", "/images?name=manta-hash-ring"), "manta-hash-ring")

    async def _asks_master(self, vm: Vm) -> None:
        async def answer() -> HttpAnswer:
            return await self._services.asks_master(services.address(vm))

        how = (
            f"curl -m {services.PATIENCE_WITH_MASTER:g} 'http://{vm.address('admin') or vm.alias}{services.NO_SERVICE}'"
        )
        await self._draft.ask_zone(vm, "asks_master", how, answer)

    async def _rules(self, vm: Vm) -> None:
        path = f"/firewalls/vms/{vm.uuid}"

        async def answer() -> object:
            return parse.firewall_rules(await self._read("fwapi", path))

        await self._draft.ask_zone(vm, "rules", f"sdc-fwapi {path}", answer)

    async def _networks(self) -> object:
        return parse.networks(await self._read("napi", "/networks"))

    async def _config(self, vm: Vm) -> None:
        """SAPI's /configs of a zone.  It holds secrets and stays in memory; why it is missing goes with the files.

        Asked by uuid SAPI always asks its master's moray too, and hangs as long as that does: then lists of what it has
        itself say the same of this datacenter's zones.
        """
        try:
            try:
                wanted = files.wanted(await self._read("sapi", f"/configs/{vm.uuid}"))
            except UnansweredError:
                wanted = await self._listed_config(vm)
            self._draft.vault.learn_all(wanted.metadata)
            self._draft.configs[vm.alias] = wanted
        except (UnansweredError, parse.UnreadableError) as error:
            self._draft.configs[vm.alias] = self._draft.vault.scrub(f"what would be rendered is not known: {error}")

    async def _listed_config(self, vm: Vm) -> files.Wanted:
        kinds = ("applications", "services", "instances", "manifests")
        lists = await asyncio.gather(*(self._read("sapi", f"/{kind}") for kind in kinds))
        return files.merged(vm.uuid, *lists)

    async def _ping(self, vm: Vm) -> None:
        scheme, port, path = PINGS[vm.role]

        async def answer() -> HttpAnswer:
            return await self._services.ping(scheme, services.address(vm), port, path)

        await self._draft.ask_zone(vm, "ping", f"curl -k {scheme}://{vm.address('admin') or vm.alias}{path}", answer)

    async def _ufds(self, vm: Vm) -> None:
        root = services.root_of(self._secrets["endpoints"], self._secrets["sapi"], self._secrets["usbkey"])
        told = self._changelog, self._meeting, self._comparing
        await ufds.Ufds(self._draft, self._services, *told, root).ask(vm)

    async def _binder(self, vm: Vm) -> None:
        asked = self._names

        async def own() -> object:
            name, domain = self._named()
            return await asked.own(services.address(vm), f"{name}.{domain}")

        async def elsewhere() -> object:
            _, domain = self._named()
            host, peers = services.address(vm), self._draft.peers
            here = self._draft.zone_facts[vm.alias, "names"].value or {}
            if {answer.rcode for answer in here.values()} <= {"TIMEOUT", "UNREACHABLE"}:
                raise UnansweredError("it does not answer for its own datacenter")
            found = await asyncio.gather(*(asked.elsewhere(host, f"{dc}.{domain}") for dc in peers))
            return dict(zip(peers, found, strict=True))

        how = f"dig +tcp @{vm.address('admin') or vm.alias}"
        await self._draft.ask_zone(vm, "names", f"{how} ufds.{self._draft.name}.DOMAIN (also moray, sapi)", own)
        await self._draft.ask_zone(
            vm, "elsewhere", f"{how} moray.DATACENTER.DOMAIN (also ufds; SRV _moray._tcp.moray)", elsewhere
        )

    def _named(self) -> tuple[str, str]:
        """The datacenter's name and domain, by its own configuration."""
        sapi, usbkey = self._draft.values("applications"), self._draft.values("usbkey")
        domain = sapi.get("dns_domain") or usbkey.get("dns_domain")
        if not domain and endpoints.hidden(self._draft.declared, "applications"):
            raise OutOfSight(self._draft.name, "SAPI", BY_ENDPOINTS)
        if not isinstance(domain, str) or not domain:
            raise UnansweredError("the datacenter's dns_domain is not known")
        return str(sapi.get("datacenter_name") or usbkey.get("datacenter_name") or self._draft.name), domain

    async def _listing(self, vm: Vm) -> None:
        async def answer() -> object:
            key_id = self._draft.values("applications").get("SDC_KEY_ID")
            command = cloudapi.listing_command(self._draft.running("sdc").uuid, services.address(vm), key_id)
            return cloudapi.listing(await self._head.run(command), self._draft.vault)

        how = (
            f"sdc-listdatacenters -a admin -u https://{vm.address('admin') or vm.alias} -k SDC_KEY_ID (in the sdc zone)"
        )
        await self._draft.ask_zone(vm, "listing", how, answer)

    async def _outside(self) -> HttpAnswer:
        found = self._draft.facts["services"]
        if found.value is None:
            raise UnansweredError(self._draft.why("services"))
        settings = found.value["cloudapi"].metadata.values if "cloudapi" in found.value else {}
        url = cloudapi.public_url(self._draft.name, settings.get("CLOUDAPI_DATACENTERS"))
        return await cloudapi.outside(url, self._timeouts.connect, self._draft.vault)

    # What is asked inside a zone

    def _dark(self, links: Iterable[Link]) -> None:
        """Links whose source zone was not seen."""
        for link in links:
            why = self._draft.why("zones")
            if self._draft.vms or why == "no answer was recorded":
                why = f"the head node lists no zone {link.source.alias}"
            self._draft.links[link.id] = missing(f"{link.id}: the probe", "zlogin", why)

    def _targets(self, links: Iterable[Link]) -> dict[str, tuple[zone.Target, ...]]:
        """What is to be tried for each link; one whose address is not known is missing."""
        wanted: dict[str, tuple[zone.Target, ...]] = {}
        for link in links:
            try:
                wanted[link.id] = zone.targets(link)
            except Missing as error:
                why, hidden = f"{error.asked}: {error.why}", isinstance(error, OutOfSight)
                self._draft.links[link.id] = missing(f"{link.id}: the probe", "zlogin", why, hidden=hidden)
        return wanted

    def _script(self, role: str, wanted: Iterable[tuple[zone.Target, ...]]) -> str:
        """The command that runs the script, wherever it is run."""
        seconds = max(1.0, min(self._timeouts.connect, self._timeouts.command - 2))
        words = zone.words(role, (target for found in wanted for target in found), seconds)
        return f"/usr/bin/bash -s -- {' '.join(words)}"

    async def _global_zone(self, links: list[Link]) -> None:
        wanted = self._targets(links)
        command = self._script(GLOBAL, wanted.values())
        answers, why = await self._answers(command, "the script in the global zone")
        for name, found in wanted.items():
            self._draft.links[name] = self._link(name, found, answers, f"{cut(command)} < zone.sh", why)

    async def _zone(self, vm: Vm, links: list[Link]) -> None:
        draft = self._draft
        wanted = self._targets(links)
        command = f"zlogin -Q {vm.uuid} {self._script(vm.role, wanted.values())}"
        if vm.state == "running":
            answers, why = await self._answers(command, "the script in the zone")
            self._entered[vm.alias] = "" if answers.seen else why
        else:
            answers, why = zone.Answers(), f"the zone is {cut(vm.state)}"
        how = f"{cut(command)} < zone.sh"

        async def smf() -> object:
            if answers.services is None:
                raise UnansweredError(answers.services_why or why)
            return answers.services

        async def rendered() -> object:
            if not answers.complete and any(path not in answers.files for path in RENDERED.get(vm.role, ())):
                raise UnansweredError(why)
            return await self._rendered(vm, answers)

        await draft.ask_zone(vm, "services", HOW["services"], smf)
        await draft.ask_zone(vm, "files", f"cat {' '.join(RENDERED.get(vm.role, ()))} (by zlogin)", rendered)
        for name, found in wanted.items():
            draft.links[name] = self._link(name, found, answers, how, why)

    async def _answers(self, command: str, what: str) -> tuple[zone.Answers, str]:
        """What the script printed, and what to say of anything that is not in it."""
        try:
            output = await self._head.run(command, zone.SCRIPT)
        except UnansweredError as error:
            return zone.Answers(), str(error)
        answers = zone.read(output.stdout)
        said = " ".join(output.stderr.split())[:200]
        why = f"{what} {output.why}" if output.why else f"{what} did not print it"
        if output.code not in (0, None):
            why = f"the zone could not be entered: zlogin's exit status is {output.code}"
            if not command.startswith("zlogin"):
                why = f"{what} failed with exit status {output.code}"
        return answers, self._draft.vault.scrub(why + (f": {said}" if said else ""))

    async def _rendered(self, vm: Vm, answers: zone.Answers) -> object:
        draft = self._draft
        info, app = draft.facts.get("sysinfo"), draft.values("applications")
        server = info.value.uuid if info is not None and info.value is not None else ""
        auto = auto_metadata(vm, server, str(app.get("datacenter_name", draft.name)))
        paths = RENDERED.get(vm.role, ())
        if not paths:
            return {}
        await asyncio.wait([self._configs[vm.alias]])
        want = draft.configs[vm.alias]
        return files.rendered_files(paths, answers.files, want, auto, draft.vault, answers.written, draft.names)

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
