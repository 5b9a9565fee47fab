"""ssh from a head node to a compute node's global zone, as sdc-login and operators use it.

A head node knows the host keys of its compute nodes, and they know its key. So the options of ssh change nothing here.
"""

from __future__ import annotations

from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.commands.probing import is_alive
from lab.machine import roots
from lab.machine.machines import Machine

FAILED = 255
TAKES_ALL = '"$@" < <(exec cat); code=$?; kill "$!" 2>/dev/null; exit "$code"'
"""Standard input goes to the server, whether the command there reads it or not: what is pasted behind is gone."""
TAKES_NOTHING = 'exec "$@" < /dev/null'
PATIENCE = 5.0


@command("ssh")
async def ssh(call: Call) -> int | None:
    """`ssh [-n] [-t] [-o OPTION]… [root@]ADDRESS COMMAND…`."""
    address, words, flags = _read(call.arguments)
    server = next((each for each in call.site.compute_nodes if each.zone.admin_ip == address), None)
    if server is None or not await is_alive(call.machine, address, PATIENCE):
        raise UsageError(f"ssh: connect to host {address} port 22: Connection timed out", FAILED)
    if server.alias in call.site.strangers:
        raise UsageError("Host key verification failed.", FAILED)
    _enter(
        call, server, " ".join(words), 'exec "$@"' if "-t" in flags else TAKES_NOTHING if "-n" in flags else TAKES_ALL
    )
    return None


def _read(arguments: list[str]) -> tuple[str, list[str], set[str]]:
    words, flags = list(arguments), set()
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option not in ("-n", "-o", "-t"):
            raise UsageError(f"ssh: the lab does not imitate {option}", NOT_IMITATED)
        flags.add(option)
        if option == "-o":
            del words[:1]
    if len(words) < 2:
        raise UsageError(
            "ssh: the lab imitates `ssh [-n] [-t] [-o OPTION]… ADDRESS COMMAND…` from a head node", NOT_IMITATED
        )
    return words[0].removeprefix("root@"), words[1:], flags


def _enter(call: Call, server: Machine, line: str, how: str) -> None:
    """Make the stub become root's shell in the global zone of the server. `how` says what becomes of standard input."""
    root = f"/.servers/{server.zone.alias}"
    call.execute(
        "/usr/bin/bash", "-c", how, "ssh",
        "/.lab/bin/nsenter", f"--net=/.netns/{server.namespace}", f"--root={root}", f"--wd={root}/root", "--",
        "/usr/bin/env", f"PATH={roots.SSH_PATH}", "/usr/bin/bash", "-c", line,
    )  # fmt: skip
