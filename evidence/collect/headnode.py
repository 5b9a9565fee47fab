"""What a head node's own commands tell: its identity, its zones and health, and whether its tools can do the next coupling.

The table of questions holds the commands. The USB key's command asks what sdc-usbkey itself asks before it mounts
(sdc-headnode:tools/lib/usbkey.js, bootpool.js, oscmds.js), and mounts nothing.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from evidence.collect import before, configuration, elsewhere, health, parse, printed, services
from evidence.collect.draft import Draft
from evidence.collect.everywhere import Everywhere
from evidence.collect.ssh import HeadNode
from evidence.collect.unanswered import UnansweredError
from evidence.headnode import Clock, CouplingTools, Instance, Room, Server, UsbKey, UsbkeyCopy
from evidence.model import Configuration, HealthcheckRow, HealthRow, Service, SysInfo, ZoneEvidence
from evidence.redact import SECRET_NAME, Vault, cut
from evidence.subjects.questions import OF_DATACENTER

LEFT_BEHIND = ("tmp/fixufds", "tmp/config.[0-9]*", "var/tmp/sapi.out", "var/tmp/backup.ldif", "var/tmp/restore.ldif")
LEFT_IN_ZONE = ("tmp/cnt", "tmp/.bootstrap.ldif.in.0", "tmp/.bootstrap_remote.ldif.in.1", "var/tmp/metadata.json")
"""Paths from the root of the global zone, and of the ufds zone."""
USBKEY_FILE = "cat /usbkey/config"
LARGEST_USBKEY = 1 << 20
"""A real one has some kB."""
_PARTS = re.compile(r"[\s'\"`;&|<>()$\\]+")


@dataclass(frozen=True)
class Asking:
    """Asks one head node the questions."""

    draft: Draft
    head: HeadNode

    async def _ask(self, key: str, *codes: int, printing: bool = False) -> str:
        """What the command of a question prints."""
        return await self._run(OF_DATACENTER[key].how, *codes, printing=printing)

    async def _run(self, command: str, *codes: int, printing: bool = False) -> str:
        """The output of a command that ended with 0 or one of these exit statuses; if `printing`, with any status, but not in silence."""
        output = await self.head.run(command)
        name = " ".join(command.split()[:2])
        if output.why:
            raise UnansweredError(f"`{name}` {output.why}")
        if output.code not in (codes or (0,)) and not (printing and output.stdout.strip()):
            said = " ".join(output.stderr.split())[:200]
            raise UnansweredError(f"`{name}` failed with exit status {output.code}" + (f": {said}" if said else ""))
        return output.text

    async def sysinfo(self) -> SysInfo:
        return parse.sysinfo(await self._ask("sysinfo"))

    async def usbkey(self) -> Configuration:
        """The file's settings. The whole file, with its secrets, goes into the draft's memory.

        As config.sh gives them, which is what its tools work with; as they are written where it gives nothing.
        """
        file, text = await asyncio.gather(self._run(USBKEY_FILE), self._ask("usbkey"), return_exceptions=True)
        read, unreadable = self._printed(text)
        if isinstance(file, BaseException):
            raise file
        if len(file) > LARGEST_USBKEY:
            raise parse.UnreadableError(f"/usbkey/config is larger than {LARGEST_USBKEY >> 20} MiB")
        found = configuration.written(file, None if unreadable else read)
        self.draft.vault.learn_all(found.settings)
        for key in filter(SECRET_NAME.search, found.doubtful):
            for part in _PARTS.split(found.settings[key]):  # what bash complains of is a part of it
                self.draft.vault.learn(part)
        if unreadable and not found.settings:
            raise unreadable
        self.draft.secrets["usbkey"] = found.given
        kept = self.draft.vault.configuration(found.given, services.SETTINGS, services.SECRETS)
        return replace(kept, bad=found.bad, effect=found.effect)

    def _printed(self, text: str | BaseException) -> tuple[dict[str, Any], parse.UnreadableError | None]:
        """What config.sh printed, and why that is useless, if it is. From now on its passwords are known as secrets."""
        if isinstance(text, BaseException):
            raise text
        try:
            read = parse.json_object(text, "the configuration")
        except parse.UnreadableError as error:
            return {}, error
        self.draft.secrets["usbkey"] = read  # UFDS is asked with it even if the file itself cannot be read
        self.draft.vault.learn_all(read)
        return read, None

    async def check_health(self) -> parse.Rows[tuple[HealthRow, ...]]:
        return health.check_health(await self._ask("check_health", printing=True))

    async def healthcheck(self) -> parse.Rows[tuple[HealthcheckRow, ...]]:
        return health.healthcheck(await self._ask("healthcheck", printing=True))

    async def zones(
        self, ask: services.Services, located: Callable[[], Awaitable[object]]
    ) -> parse.Rows[dict[str, ZoneEvidence]]:
        """Put its zones, and those on other servers, into the draft, which makes the evidence of them.

        `located` waits until it is known which server the head node is, and what its services are called.
        """
        found = parse.vms(await self._ask("zones"))
        self.draft.vms = found.value
        found = await Everywhere(self.draft, ask, self._run, located).zones(found)
        return parse.Rows({}, found.unread)

    async def agents_of(self, server: Server) -> Server:
        """A compute node with the states of its net-agent and ur, or with why they are not known."""
        try:
            output = await self.head.run(f'{elsewhere.SSH} {server.address} "{elsewhere.AGENTS}"')
        except UnansweredError as error:
            return replace(server, why=self.draft.vault.scrub(str(error)))
        return replace(server, **elsewhere.agents(output, self.draft.vault))

    async def global_services(self) -> parse.Rows[tuple[Service, ...]]:
        """The services of its global zone."""
        return printed.svcs(await self._ask("global_services"))

    async def clock(self) -> Clock:
        """How far the head node's clock is ahead of this machine's. The quicker the answer, the surer the result."""
        before = time.time()
        text = (await self._ask("clock")).strip()
        after = time.time()
        if not re.fullmatch(r"[0-9]{1,11}", text):
            raise parse.UnreadableError("date printed something else than the seconds since 1970")
        return Clock(least=math.floor(int(text) - after), most=math.ceil(int(text) + 1 - before))

    @property
    def answers(self) -> dict[str, Callable[[], Awaitable[object]]]:
        """The answers to those questions about this datacenter that need no other answer first."""
        found: dict[str, Callable[[], Awaitable[object]]] = {
            "clock": self.clock,
            "usbkey_mount": self.usbkey_mount,
            "m2s_asks_password": self.m2s_asks_password,
            "coupling_tools": self.coupling_tools,
            "m2s_room": self.m2s_room,
            "usbkey_copy": self.usbkey_copy,
            "instances": self.instances,
            "check_health": self.check_health,
            "healthcheck": self.healthcheck,
            "global_services": self.global_services,
        }
        return {key: answer for key, answer in found.items() if key in self.draft.questions}

    async def leftovers(self) -> tuple[str, ...]:
        """The files that are there. `/` is in the list, so that an answer proves that ls looked."""
        here = [f"/{path}" for path in LEFT_BEHIND]
        zones = [
            f"/zones/{vm.uuid}/root/{path}"
            for vm in self.draft.vms.values()
            if vm.role == "ufds" and not vm.server
            for path in LEFT_IN_ZONE
        ]
        if not zones:
            raise UnansweredError("no zone with smartdc_role ufds is known, in which half of them would be")
        lines = (await self._run(" ".join(["ls -1d /", *here, *zones]), 0, 1, 2)).splitlines()
        if "/" not in lines:
            raise UnansweredError("ls did not even list /")
        return tuple(sorted(cut(line) for line in lines[: parse.MOST] if line.startswith("/") and line != "/"))

    async def usbkey_mount(self) -> UsbKey:
        return usbkey(await self._ask("usbkey_mount"), self.draft.vault)

    async def usbkey_copy(self) -> UsbkeyCopy:
        """The key's file is compared here, for it holds passwords."""
        file, printed = await asyncio.gather(self._run(USBKEY_FILE), self._ask("usbkey_copy"))
        if max(len(file), len(printed)) > LARGEST_USBKEY:
            raise parse.UnreadableError(f"the configuration is larger than {LARGEST_USBKEY >> 20} MiB")
        return before.usbkey_copy(file, printed, self.draft.vault)

    async def m2s_room(self) -> Room:
        return before.room(await self._ask("m2s_room", 0, 1))

    async def coupling_tools(self) -> CouplingTools:
        return before.coupling_tools(await self._ask("coupling_tools"))

    async def m2s_asks_password(self) -> bool:
        """Newer versions ask for it and put it into SAPI. grep exits with 1 if it finds nothing."""
        text = (await self._ask("m2s_asks_password", 0, 1)).strip()
        if not re.fullmatch(r"[0-9]{1,6}", text):
            raise parse.UnreadableError("grep printed no number")
        return int(text) > 0

    async def instances(self) -> parse.Rows[tuple[Instance, ...]]:
        return instances(await self._ask("instances"))


def usbkey(text: str, vault: Vault) -> UsbKey:
    """Read what USBKEY prints: the status on one line, the pool from which it was booted, and a type for each file system."""
    lines = text.splitlines()[: parse.MOST]
    status: dict[str, Any] = {}
    for line in lines:
        if line.startswith("{"):
            status = parse.json_object(line, "sdc-usbkey's status")
            break
    pool = next((line.partition("=")[2] for line in lines if line.startswith("triton_bootpool=")), "")
    return UsbKey(
        status=vault.scrub(parse.text_of(status, "message", "sdc-usbkey's status", "")) if status else "",
        ok=status.get("ok") is True,
        bootpool=cut(pool.strip()),
        devices=sum(line.strip() == "pcfs" for line in lines),
    )


def instances(text: str) -> parse.Rows[tuple[Instance, ...]]:
    """Read `sdcadm insts -j`. `version` is null if IMGAPI does not know the image."""
    rows = parse.each(parse.json_list(text, "sdcadm's answer"), _instance)
    return parse.Rows(tuple(sorted(rows.value, key=lambda each: (each.service, each.version))), rows.unread)


def _instance(item: Any) -> Instance:
    read = parse.an_object(item, "an instance")
    return Instance(**{key: parse.text_of(read, key, "an instance", "") for key in ("service", "version")})
