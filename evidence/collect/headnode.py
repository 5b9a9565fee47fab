"""What a head node alone can tell: its clock, what a coupling left behind, and whether its tools can do the next one.

Commands and what they print are in one place here.  The USB key's command asks what sdc-usbkey itself asks before it
mounts (sdc-headnode:tools/lib/usbkey.js, bootpool.js, oscmds.js), and mounts nothing.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from evidence.collect import parse
from evidence.collect.ssh import HeadNode
from evidence.collect.unanswered import UnansweredError
from evidence.headnode import Clock, Instance, UsbKey
from evidence.model import Vm
from evidence.redact import Vault, cut

DATE = "date -u +%s"
USBKEY = (
    "sdc-usbkey status -j; bootparams | grep '^triton_bootpool='; for disk in $(diskinfo -Hp | cut -f2); do "
    "fstyp /dev/dsk/${disk}p1; fstyp /dev/dsk/${disk}s2; done 2>/dev/null; true"
)
M2S = "grep -c ufds_remote_ldap_root_pw /opt/smartdc/bin/sdc-ufds-m2s"
INSTANCES = "sdcadm insts -j sapi ufds"
LEFT_BEHIND = ("tmp/fixufds", "tmp/config.[0-9]*", "var/tmp/sapi.out", "var/tmp/backup.ldif", "var/tmp/restore.ldif")
LEFT_IN_ZONE = ("tmp/cnt", "tmp/.bootstrap.ldif.in.0", "tmp/.bootstrap_remote.ldif.in.1", "var/tmp/metadata.json")
"""From the root of the global zone, and of the ufds zone."""
QUESTIONS = {"clock": ("its clock", DATE), "leftovers": ("what sdc-ufds-m2s leaves behind", "ls -1d FILES")}
"""Asked of every head node."""
CANDIDATE_QUESTIONS = {
    "usbkey_mount": ("whether its USB key can be mounted", USBKEY),
    "m2s_asks_password": ("whether its sdc-ufds-m2s asks for the master's password", M2S),
}
"""Asked of candidates."""
VERSION_QUESTIONS = {"instances": ("the images of sapi and ufds", INSTANCES)}
"""Asked of candidates, and of a master that has any."""


@dataclass(frozen=True)
class Asking:
    """Puts these questions to one head node."""

    head: HeadNode
    vault: Vault

    async def _output(self, command: str, *codes: int) -> str:
        """What a command printed that ended with one of these exit statuses."""
        output = await self.head.run(command)
        name = " ".join(command.split()[:2])
        if output.why:
            raise UnansweredError(f"`{name}` {output.why}")
        if output.code not in codes:
            said = " ".join(output.stderr.split())[:200]
            raise UnansweredError(f"`{name}` failed with exit status {output.code}" + (f": {said}" if said else ""))
        return output.text

    async def clock(self) -> Clock:
        """How far the clock is ahead of this machine's: as sure as the answer was quick."""
        before = time.time()
        text = (await self._output(DATE, 0)).strip()
        after = time.time()
        if not re.fullmatch(r"[0-9]{1,11}", text):
            raise parse.UnreadableError("date printed something else than the seconds since 1970")
        return Clock(least=math.floor(int(text) - after), most=math.ceil(int(text) + 1 - before))

    def answers(self, questions: Iterable[str]) -> dict[str, Callable[[], Awaitable[object]]]:
        """Of these questions those that this answers without knowing the zones."""
        found: dict[str, Callable[[], Awaitable[object]]] = {
            "clock": self.clock,
            "usbkey_mount": self.usbkey_mount,
            "m2s_asks_password": self.m2s_asks_password,
            "instances": self.instances,
        }
        return {key: answer for key, answer in found.items() if key in questions}

    async def leftovers(self, vms: Iterable[Vm]) -> tuple[str, ...]:
        """Which of the files are there; `/` is in the list to know that ls looked."""
        here = [f"/{path}" for path in LEFT_BEHIND]
        zones = [f"/zones/{vm.uuid}/root/{path}" for vm in vms if vm.role == "ufds" for path in LEFT_IN_ZONE]
        if not zones:
            raise UnansweredError("no zone with smartdc_role ufds is known, in which half of them would be")
        lines = (await self._output(" ".join(["ls -1d /", *here, *zones]), 0, 1, 2)).splitlines()
        if "/" not in lines:
            raise UnansweredError("ls did not even list /")
        return tuple(sorted(cut(line) for line in lines[: parse.MOST] if line.startswith("/") and line != "/"))

    async def usbkey_mount(self) -> UsbKey:
        return usbkey(await self._output(USBKEY, 0), self.vault)

    async def m2s_asks_password(self) -> bool:
        """Newer versions ask for it, and put it into SAPI; grep's exit status is 1 where it finds nothing."""
        text = (await self._output(M2S, 0, 1)).strip()
        if not re.fullmatch(r"[0-9]{1,6}", text):
            raise parse.UnreadableError("grep printed no number")
        return int(text) > 0

    async def instances(self) -> tuple[Instance, ...]:
        return instances(await self._output(INSTANCES, 0))


def usbkey(text: str, vault: Vault) -> UsbKey:
    """What USBKEY prints: the status on one line, the pool that it was booted from, and a type for each file system."""
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


def instances(text: str) -> tuple[Instance, ...]:
    """`sdcadm insts -j`; `version` is null where IMGAPI does not know the image."""
    found = []
    for item in parse.json_list(text, "sdcadm's answer"):
        read = parse.an_object(item, "an instance")
        words = {key: parse.text_of(read, key, "an instance", "") for key in ("service", "alias", "version", "image")}
        found.append(Instance(**words))
    return tuple(sorted(found, key=lambda each: (each.service, each.alias)))
