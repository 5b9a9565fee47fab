"""manta-oneach: a command typed in every zone of Manta in the own datacenter."""

from __future__ import annotations

import asyncio

from lab.commands.call import Call, UsageError, command
from lab.commands.manta_tools import SERVICES, manta_zones, read_options
from lab.machine import sshd
from lab.machine.machines import Machine


@command("manta-oneach")
async def oneach(call: Call) -> int:
    """manta-oneach -s SERVICE | -a  COMMAND: in the zones of this datacenter, each with a bash of its own.

    It shows the standard output of a command, and its standard error if it fails. Its own exit status is 0 in both cases
    (sdc-manta:lib/oneach/oneach.js).
    """
    options, free = read_options(call, "as:N")
    if len(free) != 1 or ("-a" in options) == ("-s" in options):
        raise UsageError("manta-oneach: the lab imitates `[-N] -s SERVICE COMMAND` and `[-N] -a COMMAND`", 127)
    if options.get("-s", "webapi") not in SERVICES:
        raise UsageError(f'manta-oneach: unrecognized service: "{options["-s"]}"', 1)
    zones = [machine for machine in manta_zones(call) if options.get("-s", machine.zone.role) == machine.zone.role]
    if not zones:
        raise UsageError("manta-oneach: no matching zones found", 1)
    said = await asyncio.gather(*(_typed(machine, free[0]) for machine in zones))
    if "-N" in options or all(len(text.splitlines()) <= 1 for text in said):
        call.out(f"{'SERVICE':<16} {'ZONE':<8} OUTPUT\n")
        for machine, text in zip(zones, said, strict=True):
            last = [line for line in text.splitlines() if line][-1:]
            call.out(f"{machine.zone.role:<16} {machine.zone.uuid[:8]} {''.join(last)}\n")
        return 0
    for machine, text in zip(zones, said, strict=True):
        call.out(f"=== Output from {machine.zone.uuid} on headnode ({machine.zone.role}):\n{text}\n")
    return 0


async def _typed(machine: Machine, line: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *sshd.enter(machine, "/usr/bin/bash", "-c", line), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=sshd.environment(machine),
    )  # fmt: skip
    said, failure = await process.communicate()
    return (said + (failure if process.returncode else b"")).decode("utf-8", "replace")
