"""What is asked inside a zone, with one script: its services, its files, and the links that start in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from evidence.collect import elsewhere, files, parse, zone
from evidence.collect.draft import Draft
from evidence.collect.render import auto_metadata
from evidence.collect.ssh import HeadNode
from evidence.collect.unanswered import UnansweredError
from evidence.fact import Fact, Missing, OutOfSight, missing
from evidence.headnode import ZLOGIN, Trouble
from evidence.inventory.model import Timeouts
from evidence.model import ConfigFile, Probe, Service, Vm
from evidence.redact import cut
from evidence.subjects.links import PROBE, Link
from evidence.subjects.questions import NOT_ENTERED
from evidence.subjects.triton import GLOBAL, RENDERED

NO_SSH = "the head node's ssh does not get there"


def dark(draft: Draft, links: Iterable[Link]) -> None:
    """Mark the links whose source zone was not seen as missing."""
    for link in links:
        why = draft.why("zones")
        if draft.vms or why == "no answer was recorded":
            why = f"the head node lists no zone {link.source.alias}"
        draft.links[link.id] = missing(link.id, PROBE, "zlogin", why)


@dataclass(frozen=True)
class Inside:
    """Enters the zones of one head node. `configuring` are the tasks that learn how each zone's files would be rendered."""

    draft: Draft
    head: HeadNode
    timeouts: Timeouts
    configuring: Mapping[str, asyncio.Task[None]]
    entered: dict[str, str] = field(default_factory=dict)
    """Why each zone could not be entered, by zone; empty for one that was."""

    async def troubles(self) -> tuple[Trouble, ...]:
        """What was wrong with the head node itself. If no zone at all can be entered, that says nothing about the zones."""
        found = self.head.troubles
        whys = [why for _, why in sorted(self.entered.items())]
        if whys and all(whys) and not self.head.lost:
            found += (Trouble(ZLOGIN, whys[0]),)
        return found

    def _targets(self, links: Iterable[Link]) -> dict[str, tuple[zone.Target, ...]]:
        """What to try for each link. A link with an unknown address is missing."""
        wanted: dict[str, tuple[zone.Target, ...]] = {}
        for link in links:
            try:
                wanted[link.id] = zone.targets(link)
            except Missing as error:
                hidden = isinstance(error, OutOfSight)
                self.draft.links[link.id] = missing(link.id, PROBE, "zlogin", str(error), hidden=hidden)
        return wanted

    def _script(self, role: str, wanted: Iterable[tuple[zone.Target, ...]]) -> str:
        """The command that runs the script, wherever it is run."""
        seconds = max(1.0, min(self.timeouts.connect, self.timeouts.command - 2))
        words = zone.words(role, (target for found in wanted for target in found), seconds)
        return f"/usr/bin/bash -s -- {' '.join(words)}"

    async def ask_global(self, links: list[Link]) -> None:
        wanted = self._targets(links)
        command = self._script(GLOBAL, wanted.values())
        answers, why = await self._answers(command, "the script in the global zone")
        for name, found in wanted.items():
            self.draft.links[name] = self._link(name, found, answers, f"{cut(command)} < zone.sh", why)

    async def ask(self, vm: Vm, links: list[Link]) -> None:
        draft = self.draft
        wanted = self._targets(links)
        command = f"zlogin -Q {vm.uuid} {self._script(vm.role, wanted.values())}"
        if vm.server and not vm.unread:
            try:
                command = f'{elsewhere.SSH} {elsewhere.server_of(draft, vm).address} "{command}"'
            except UnansweredError as error:
                await self._closed(vm, wanted, command, str(error))
                return
        if vm.state == "running":
            answers, why = await self._answers(command, "the script in the zone")
            if vm.server and not answers.seen and why.startswith(NO_SSH):
                await self._closed(vm, wanted, command, why)
                return
            if not vm.server:
                self.entered[vm.alias] = "" if answers.seen else why
        else:
            answers, why = zone.Answers(), f"the zone is {cut(vm.state)}"
        how = f"{cut(command)} < zone.sh"

        async def smf() -> parse.Rows[tuple[Service, ...]]:
            if answers.services is None:
                raise UnansweredError(answers.services_why or why)
            return parse.Rows(answers.services, answers.services_unread)

        async def kernel() -> tuple[tuple[str, str], ...]:
            if answers.kernel is None:
                raise UnansweredError(answers.kernel_why or why)
            return answers.kernel

        async def rendered() -> dict[str, ConfigFile]:
            if not answers.complete and any(path not in answers.files for path in RENDERED.get(vm.role, ())):
                raise UnansweredError(why)
            return await self._rendered(vm, answers)

        await draft.ask_zone(vm, "services", smf)
        await draft.ask_zone(vm, "kernel", kernel)
        await draft.ask_zone(vm, "files", rendered, paths=" ".join(RENDERED.get(vm.role, ())))
        for name, found in wanted.items():
            draft.links[name] = self._link(name, found, answers, how, why)

    async def _closed(self, vm: Vm, wanted: Iterable[str], command: str, why: str) -> None:
        """Everything inside a zone that the head node cannot enter is not applicable, with the reason."""
        told = f"{NOT_ENTERED}: {self.draft.name}.{vm.alias} is on server {self._name(vm)} ({why})"

        async def hidden() -> None:
            raise OutOfSight(self.draft.name, "what is in the zone", "ssh", told)

        paths = " ".join(RENDERED.get(vm.role, ()))
        await self.draft.ask_zone(vm, "services", hidden)
        await self.draft.ask_zone(vm, "kernel", hidden)
        await self.draft.ask_zone(vm, "files", hidden, paths=paths)
        for name in wanted:
            self.draft.links[name] = missing(name, PROBE, cut(command), told, hidden=True)

    def _name(self, vm: Vm) -> str:
        """The hostname of a zone's server, or its uuid if CNAPI does not say."""
        fact = self.draft.facts.get("servers")
        found = (fact.value or {}).get(vm.server) if fact is not None else None
        return found.hostname if found is not None else vm.server

    async def _answers(self, command: str, what: str) -> tuple[zone.Answers, str]:
        """What the script printed, and the reason for everything that is missing in it."""
        try:
            output = await self.head.run(command, zone.SCRIPT)
        except UnansweredError as error:
            return zone.Answers(), str(error)
        answers = zone.read(output.stdout)
        said = " ".join(output.stderr.split())[:200]
        why = f"{what} {output.why}" if output.why else f"{what} did not print it"
        if output.code == elsewhere.SSH_FAILED and command.startswith("ssh "):
            why = NO_SSH
        elif output.code not in (0, None):
            why = f"the zone could not be entered: zlogin's exit status is {output.code}"
            if "zlogin" not in command:
                why = f"{what} failed with exit status {output.code}"
        return answers, self.draft.vault.scrub(why + (f": {said}" if said else ""))

    async def _rendered(self, vm: Vm, answers: zone.Answers) -> dict[str, ConfigFile]:
        draft = self.draft
        info, app = draft.facts.get("sysinfo"), draft.values("applications")
        server = info.value.uuid if info is not None and info.value is not None else ""
        auto = auto_metadata(vm, vm.server or server, str(app.get("datacenter_name", draft.name)))
        paths = RENDERED.get(vm.role, ())
        if not paths:
            return {}
        await asyncio.wait([self.configuring[vm.alias]])
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
                return missing(name, PROBE, how, why)
        return Fact(subject=name, asked=PROBE, how=how, value=tuple(probes))
