"""The way in to one head node, step by step: its name, its host key, the login, and what a run needs beyond that."""

from __future__ import annotations

import asyncio
import math
import re
import socket
import time
from collections.abc import Awaitable, Callable

from evidence.collect import openssh, parse, services
from evidence.collect.login import connect
from evidence.collect.sessions import AT_ONCE
from evidence.collect.ssh import HeadNode
from evidence.collect.unanswered import ClosedError, UnansweredError, reason
from evidence.headnode import FORWARDING, SESSIONS
from evidence.inventory.model import Declared, Inventory
from evidence.model import Vm
from evidence.subjects.triton import UUID
from prepare.asking import answer
from prepare.told import Looked

NAME, REACHED, HOST_KEY, LOGIN = "name", "connection", "host key", "login"
STEPS = (NAME, REACHED, HOST_KEY, LOGIN)
_STEP = (
    (HOST_KEY, r"^the host key of |^RevokedHostKeys |^the certificate that "),
    (NAME, r"^the name |names no host as ssh does|^ssh cannot use its configuration|goes round in a circle|^`ssh -G "),
    (
        REACHED,
        r"^no answer from |refused the connection|^no connection to |could not connect to |forbids forwarding|ProxyCommand of ",
    ),
)
"""At which step a login failed, by the sentence that says why (evidence/collect/refused.py).  Anything else is the login itself."""
COMMANDS = (
    "bash", "cat", "date", "ls", "netstat", "sdc-healthcheck", "sdcadm", "ssh", "svcs", "sysinfo", "true", "vmadm", "zlogin",
)  # fmt: skip
"""What a run types on every head node."""
FILES = ("/lib/sdc/config.sh", "/usbkey/config")
FOUND = f"type -P {' '.join(COMMANDS)}; ls -1d {' '.join(FILES)}"


async def look(declared: Declared, inventory: Inventory) -> list[Looked]:
    """Each step as far as one gets: after one that is wrong the others cannot be looked at."""
    if declared.endpoints:
        return [
            Looked(declared.name, "endpoints", f"{', '.join(declared.endpoints)}: no SSH leads there, so none is tried")
        ]
    rows = [await _named(declared)]
    if not rows[-1].well:
        return rows
    try:
        head = await connect(declared, inventory.timeouts)
    except UnansweredError as error:
        return [*rows, *_failed(declared.name, str(error))]
    try:
        return [*rows, Looked(declared.name, HOST_KEY, "known"), *await _inside(head, declared, inventory)]
    finally:
        await head.close()


async def _named(declared: Declared) -> Looked:
    """What ssh makes of the name."""
    try:
        async with asyncio.timeout(10):
            last = (await openssh.way_to(openssh.target(declared.headnode)))[-1]
            plain = last.get("proxycommand", "none") == "none" and last.get("proxyjump", "none") == "none"
            if plain:
                await asyncio.get_running_loop().getaddrinfo(last.host, last.port, type=socket.SOCK_STREAM)
    except openssh.NoOpenSshError:
        return Looked(declared.name, NAME, declared.headnode)
    except (UnansweredError, TimeoutError) as error:
        return Looked(declared.name, NAME, str(error) or f"`ssh -G {declared.headnode}` does not end", False)
    except OSError as error:
        why = f"the name {last.host} is unknown ({reason(error)}); neither DNS nor ~/.ssh/config has it: correct `headnode`, or add it"
        return Looked(declared.name, NAME, why, False)
    way = "" if plain else ", by a jump host or a ProxyCommand"
    return Looked(declared.name, NAME, f"{declared.headnode} is {last.user}@{last.host} port {last.port}{way}")


def _failed(name: str, why: str) -> list[Looked]:
    """The steps before the one that failed are well."""
    step = next((step for step, form in _STEP if re.search(form, why)), LOGIN)
    known = [Looked(name, HOST_KEY, "known")] if step == LOGIN else []
    if why.startswith("no connection to "):
        why = f"{why}: is there a route to it, a VPN that is not up, a firewall?"
    return [*known, Looked(name, step, why, False)]


async def _inside(head: HeadNode, declared: Declared, inventory: Inventory) -> list[Looked]:
    """What a run needs of a head node that lets us in; each question alone, so that one that hangs costs one line."""
    name = declared.name
    steps: tuple[tuple[str, Callable[[], Awaitable[Looked]]], ...] = (
        ("sessions", lambda: _sessions(head, name)),
        ("datacenter", lambda: _identity(head, name)),
        ("forwarding", lambda: _forwarding(head, name)),
        ("zlogin", lambda: _zlogin(head, name)),
        ("commands", lambda: _commands(head, name)),
        ("clock", lambda: _clock(head, name, inventory.expect.clock_skew)),
    )
    rows = [Looked(name, LOGIN, f"{declared.headnode} lets you in ({head.software or 'SSH'})")]
    for what, step in steps:
        try:
            rows.append(await step())
        except (UnansweredError, parse.UnreadableError) as error:
            rows.append(Looked(name, what, str(error), False))
        if head.lost:
            break
    return rows


async def _sessions(head: HeadNode, name: str) -> Looked:
    """As many at once as a run opens."""
    answers = await asyncio.gather(*(head.run("true") for _ in range(AT_ONCE)), return_exceptions=True)
    refused = [str(each) for each in head.troubles if each.kind == SESSIONS]
    failed = [str(each) if isinstance(each, BaseException) else each.why for each in answers]
    why = next(filter(None, (*refused, *failed)), "")
    if head.lost:
        why = f"{why}. Something on the way ends a connection that asks several things at once: a firewall? sshd's own limits?"
        return Looked(name, "sessions", why, False)
    if why:
        return Looked(
            name, "sessions", f"{why}: see its sshd_config (MaxSessions, ForceCommand), and root's login shell", False
        )
    if head.at_once < AT_ONCE:
        return Looked(name, "sessions", f"{head.at_once} at once (MaxSessions): a run only takes longer")
    return Looked(name, "sessions", f"{AT_ONCE} at once")


async def _identity(head: HeadNode, name: str) -> Looked:
    seen = parse.sysinfo(await answer(head, "sysinfo"))
    if seen.datacenter_name and seen.datacenter_name != name:
        why = f"this is the head node of {seen.datacenter_name}: correct `headnode` or the name in the inventory"
        return Looked(name, "datacenter", why, False)
    return Looked(name, "datacenter", seen.datacenter_name or "it does not say which it is")


async def _forwarding(head: HeadNode, name: str) -> Looked:
    """To SAPI in its zone, as a run connects to the services."""
    zone = await _sapi(head)
    address = services.address(zone)
    try:
        _, writer = await head.connect(address, 80)
        writer.close()
    except ClosedError:
        pass  # the head node tried: it forbids nothing
    except UnansweredError as error:
        forbidden = [str(each) for each in head.troubles if each.kind == FORWARDING]
        advice = ": its sshd_config wants AllowTcpForwarding yes (or local), and no PermitOpen"
        return Looked(name, "forwarding", f"{forbidden[0]}{advice}" if forbidden else str(error), False)
    return Looked(name, "forwarding", f"to {zone.alias}, {address}")


async def _zlogin(head: HeadNode, name: str) -> Looked:
    zone = await _sapi(head)
    output = await head.run(f"zlogin -Q {zone.uuid} true")
    if output.why or output.code:
        said = output.why or " ".join(output.stderr.split())[:200] or f"exit status {output.code}"
        return Looked(name, "zlogin", f"`zlogin {zone.alias}` does not get in ({said}): try it on the head node", False)
    return Looked(name, "zlogin", f"gets into {zone.alias}")


async def _sapi(head: HeadNode) -> Vm:
    """The zone of SAPI, which every datacenter has, as long as it has one that runs."""
    zones = parse.vms(await answer(head, "zones")).value
    found = [vm for _, vm in sorted(zones.items()) if vm.role == "sapi" and UUID.fullmatch(vm.uuid)]
    if not found:
        raise UnansweredError("`vmadm lookup` lists no zone of SAPI, so it was not tried")
    return found[-1]


async def _commands(head: HeadNode, name: str) -> Looked:
    output = await head.run(FOUND)
    if output.why:
        raise UnansweredError(f"`type -P` {output.why}")
    there = {line.rpartition("/")[2] for line in output.text.splitlines()[: parse.MOST]}
    lacking = [each for each in (*COMMANDS, *FILES) if each.rpartition("/")[2] not in there]
    if lacking:
        return Looked(
            name, "commands", f"{', '.join(lacking)}: not there. Is this a head node, in its global zone?", False
        )
    return Looked(name, "commands", f"all {len(COMMANDS) + len(FILES)} that a run needs")


async def _clock(head: HeadNode, name: str, most: float) -> Looked:
    before = time.time()
    text = (await answer(head, "clock")).strip()
    after = time.time()
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise parse.UnreadableError("date printed something else than the seconds since 1970")
    least, greatest = math.floor(int(text) - after), math.ceil(int(text) + 1 - before)
    off = max(least, -greatest, 0)
    if off > most:
        side = "ahead of" if least > 0 else "behind"
        why = (
            f"{off} s {side} this machine (clock_skew: {most:g}s): see its ntp (svcs ntp, ntpq -p), and this machine's"
        )
        return Looked(name, "clock", why, False)
    return Looked(name, "clock", f"{f'{off} s' if off else 'less than a second or two'} from this machine's")
