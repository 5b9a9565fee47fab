"""/usbkey/config as Triton's tools on a head node read it: through config.sh, which evaluates it. They fail if it fails.

Sources: smartos-live:src/lib/sdc/config.sh, sdc-headnode:tools/lib/wrap.sh, tools/bin/sdc-ldap.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from lab.commands.call import Call, UsageError
from lab.machine.sshd import enter, environment

FILE, CACHE = "/lib/sdc/config.sh", "tmp/.config.json"
NO_OPTION = ("/usr/bin/bash", FILE, "-json")
LOADED = ("/usr/bin/bash", "-ec", f'. {FILE}; load_sdc_config; printf "%s" "${{!1}}"', "config.sh")


async def printed(call: Call) -> str:
    """What `config.sh -json` prints: its cache, if that is not older than the configuration."""
    cache, config = call.site.headnode.root / CACHE, call.site.headnode.root / "usbkey/config"
    if cache.is_file() and config.stat().st_mtime_ns <= cache.stat().st_mtime_ns:
        return cache.read_text(encoding="utf-8", errors="replace")
    return (await _run(call, *NO_OPTION))[1]


async def parsed(call: Call) -> dict[str, Any]:
    """The same, as the tools read it. Raises ValueError if a value makes it invalid JSON."""
    found: dict[str, Any] = json.loads(await printed(call))
    return found


async def loaded(call: Call, key: str, *, errexit: bool = False) -> str:
    """One setting as `load_sdc_config` sets it in a script. What cannot be evaluated ends a script with `set -o errexit`."""
    try:
        found = str((await parsed(call)).get(key) or "")
    except ValueError:
        found = ""  # not JSON, but the shell may well have it
    if found:
        return found
    code, text = await _run(call, *LOADED, f"CONFIG_{key}")
    if code and errexit:
        raise UsageError("", code)
    return text


async def _run(call: Call, *argv: str) -> tuple[int, str]:
    """Run bash in the global zone. Whoever typed the command sees its error messages."""
    process = await asyncio.create_subprocess_exec(
        *enter(call.site.headnode, *argv), env=environment(call.site.headnode),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    call.err(err.decode("utf-8", "replace"))
    return process.returncode or 0, out.decode("utf-8", "replace")


async def find_sdc_zone(call: Call) -> None:
    """The first thing that the wrappers do: get admin's uuid from config.sh, and with it the zone `sdc` that has the real tools."""
    try:
        uuid = (await parsed(call)).get("ufds_admin_uuid")
    except ValueError as error:
        raise UsageError(f"json: error: input is not JSON: {error}", 1) from None
    if not uuid:
        raise UsageError(f"error: {call.name}: unable to find a 'sdc' core zone on this node", 1)
