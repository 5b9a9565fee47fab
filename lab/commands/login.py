"""sdc-login."""

from __future__ import annotations

import getopt

from lab.commands import Call, UsageError, command
from lab.commands.host import enter_zone


@command("sdc-login")
async def login(call: Call) -> int | None:
    """sdc-login [-l] [-c N] ZONE [COMMAND…]: by uuid, or by the beginning of an alias or a role."""
    try:
        given, words = getopt.getopt(call.arguments, "lc:")
    except getopt.GetoptError as error:
        raise UsageError(f"sdc-login: the lab does not imitate this: {error}", 127) from None
    if not words:
        raise UsageError("Usage: /opt/smartdc/bin/sdc-login [-c choice] <alias | VM uuid | zone role>", 2)
    wanted, choice = words[0], dict(given).get("-c", "")
    found = [
        machine
        for machine in call.site.core.values()
        if wanted == machine.zone.uuid or machine.zone.role.startswith(wanted) or machine.alias.startswith(wanted)
    ]
    if choice.isdigit() and int(choice) < len(found):
        found = [found[int(choice)]]
    if not found:
        raise UsageError("/opt/smartdc/bin/sdc-login: fatal error: No VMs found matching criteria", 1)
    if len(found) > 1:
        listed = "".join(f"{number}  {each.zone.uuid} {each.alias}\n" for number, each in enumerate(found))
        raise UsageError(f"{listed}sdc-login: found {len(found)} VMs; the lab does not ask: -c NUMBER chooses", 1)
    enter_zone(call, found[0], words[1:])
    return None
