"""sdc-login."""

from __future__ import annotations

import getopt

from lab.commands import configuration
from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.commands.host import enter_zone

# $0: how many; $1: their table; then what was typed.
ASK = """
if [[ ! -t 0 ]]; then
    echo "/opt/smartdc/bin/sdc-login: fatal error: Found $0 VMs but stdin is not a TTY" >&2
    exit 1
fi
printf '%s' "$1"
until [[ $choice =~ ^[0-9]+$ ]] && (( choice < $0 )); do
    printf 'Choose a number [0-%d]: ' $(( $0 - 1 ))
    read -r choice || exit 1
done
exec sdc-login -c "$choice" "${@:2}"
"""


@command("sdc-login")
async def login(call: Call) -> int | None:
    """sdc-login [-l] [-c N] ZONE [COMMAND…]: by uuid, or by the beginning of an alias or a role."""
    try:
        given, words = getopt.getopt(call.arguments, "lc:")
    except getopt.GetoptError as error:
        raise UsageError(f"sdc-login: the lab does not imitate this: {error}", NOT_IMITATED) from None
    if not await configuration.loaded(call, "ufds_admin_uuid"):
        raise UsageError("sdc-login: error: Unable to find UUID for admin.", 1)
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
        listed = "".join(
            f"{number:<6}   {each.zone.uuid} {each.alias} ({each.zone.hostname})\n" for number, each in enumerate(found)
        )
        call.execute("/usr/bin/bash", "-c", ASK, str(len(found)), f"NUMBER   {'VM_UUID':<36} ALIAS\n{listed}", *words)
        return None
    if found[0].zone.server:
        address, line = call.site.server_of(found[0]).zone.admin_ip, f"zlogin {found[0].zone.uuid}"
        call.execute("/usr/bin/ssh", "-t", address, f"{line} '{' '.join(words[1:])}'" if words[1:] else line)
    else:
        enter_zone(call, found[0], words[1:])
    return None
