"""ssh from a head node to a compute node's global zone, as sdc-login and operators use it.

A head node knows the host keys of its compute nodes, and they know its key. So the options of ssh change nothing here.
"""

from __future__ import annotations

from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.commands.probing import is_alive
from lab.machine import roots
from lab.machine.machines import Machine

FAILED = 255
PATIENCE = 5.0


@command("ssh")
async def ssh(call: Call) -> int | None:
    """`ssh [-t] [-o OPTION]… [root@]ADDRESS COMMAND…`."""
    address, words = _read(call.arguments)
    server = next((each for each in call.site.compute_nodes if each.zone.admin_ip == address), None)
    if server is None or not await is_alive(call.machine, address, PATIENCE):
        raise UsageError(f"ssh: connect to host {address} port 22: Connection timed out", FAILED)
    if server.alias in call.site.strangers:
        raise UsageError("Host key verification failed.", FAILED)
    _enter(call, server, " ".join(words))
    return None


def _read(arguments: list[str]) -> tuple[str, list[str]]:
    words = list(arguments)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option not in ("-o", "-t"):
            raise UsageError(f"ssh: the lab does not imitate {option}", NOT_IMITATED)
        if option == "-o":
            del words[:1]
    if len(words) < 2:
        raise UsageError(
            "ssh: the lab imitates `ssh [-t] [-o OPTION]… ADDRESS COMMAND…` from a head node", NOT_IMITATED
        )
    return words[0].removeprefix("root@"), words[1:]


def _enter(call: Call, server: Machine, line: str) -> None:
    """Make the stub become root's shell in the global zone of the server."""
    root = f"/.servers/{server.zone.alias}"
    call.execute(
        "/.lab/bin/nsenter", f"--net=/.netns/{server.namespace}", f"--root={root}", f"--wd={root}/root", "--",
        "/usr/bin/env", f"PATH={roots.SSH_PATH}", "/usr/bin/bash", "-c", line,
    )  # fmt: skip
