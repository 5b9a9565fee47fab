"""sysinfo, vmadm, zlogin and small commands: what a SmartOS global zone has. Formats: facts, "Exact forms", "Zones"."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

from lab.commands import configuration
from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.machine import namespaces, roots
from lab.machine.machines import Machine
from lab.machine.vm import vm_object
from lab.plan import cnapi

ZLOGIN_BROKEN = "zlogin: could not start zone shell: Resource temporarily unavailable"
VMADM_USAGE = "Usage: /usr/vm/sbin/vmadm get|list|lookup|update [options] (the lab imitates no other subcommand)"


def pretty(value: object, indent: int = 2) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False) + "\n"


@command("sysinfo")
async def sysinfo(call: Call) -> int:
    site = call.site
    if site.garbage_sysinfo and call.on_headnode:
        call.out('{"Live Image": "2025\x1b[31m", <<<\x00 bus error\n')
        return 0
    shown = cnapi.sysinfo(site.datacenter, call.server.zone)
    if call.on_headnode and site.sysinfo_name:
        shown["Datacenter Name"] = site.sysinfo_name
    call.out(pretty(shown))
    return 0


def _field(vm: dict[str, Any], path: str) -> Any:
    value: Any = vm
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _matches(vm: dict[str, Any], condition: str) -> bool:
    key, sign, wanted = condition.partition("=")
    if not sign:
        raise UsageError(f"Invalid filter: {condition}", 1)
    value = _field(vm, key)
    if value is None:
        return False
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.search(wanted[1:], text) is not None if wanted.startswith("~") else text == wanted


@command("vmadm")
async def vmadm(call: Call) -> int:
    match call.arguments:
        case ["lookup", *rest]:
            return _lookup(call, rest)
        case ["get", uuid]:
            call.out(pretty(vm_object(_vm(call, uuid))))
            return 0
        case ["list", *rest]:
            return _list(call, rest)
        case ["update", uuid, *rest]:
            return await _update(call, _vm(call, uuid), rest)
    raise UsageError(VMADM_USAGE, NOT_IMITATED)


def _vm(call: Call, uuid: str) -> Machine:
    machine = call.zone(uuid)
    if machine is None:
        raise UsageError(f"Unable to load VM: No such zone: {uuid}", 1)
    return machine


def _lookup(call: Call, words: list[str]) -> int:
    fields, as_json, unique, conditions = None, False, False, []
    rest = iter(words)
    for word in rest:
        if word == "-o":
            fields = next(rest, "").split(",")
        elif word in ("-j", "-1"):
            as_json, unique = as_json or word == "-j", unique or word == "-1"
        elif word.startswith("-"):
            raise UsageError(f"vmadm {call.arguments[0]}: the lab does not imitate {word}", NOT_IMITATED)
        else:
            conditions.append(word)
    vms = [vm_object(machine) for machine in call.zones]
    found = [vm for vm in vms if all(_matches(vm, condition) for condition in conditions)]
    if unique and len(found) != 1:
        raise UsageError(f"Requested unique lookup but found {len(found)} results.", 1)
    if as_json:
        shown = [{field: vm[field] for field in fields if field in vm} for vm in found] if fields else found
        call.out(pretty(shown))
    else:
        call.out("".join(f"{vm['uuid']}\n" for vm in found))
    return 0


def _list(call: Call, words: list[str]) -> int:
    fields, header, parsable, conditions = ["uuid", "type", "ram", "state", "alias"], True, False, []
    rest = iter(words)
    for word in rest:
        if word == "-o":
            fields = next(rest, "").split(",")
        elif word == "-H":
            header = False
        elif word == "-p":
            header, parsable = False, True
        elif word.startswith("-"):
            raise UsageError(f"vmadm {call.arguments[0]}: the lab does not imitate {word}", NOT_IMITATED)
        else:
            conditions.append(word)
    rows = [[field.upper() for field in fields]] if header else []
    for machine in call.zones:
        vm = vm_object(machine)
        if all(_matches(vm, condition) for condition in conditions):
            rows.append([str(_field(vm, field) or "-") for field in fields])
    for row in rows:
        call.out((":".join(row) if parsable else "  ".join(f"{cell:<36}" for cell in row).rstrip()) + "\n")
    return 0


async def _update(call: Call, machine: Machine, rest: list[str]) -> int:
    match rest:
        case []:
            text = (await call.stdin()).decode()
        case ["-f", name]:
            text = call.path(name).read_text(encoding="utf-8")
        case _:
            raise UsageError("vmadm update: the lab takes JSON on standard input or with -f", NOT_IMITATED)
    try:
        wanted = json.loads(text)
    except ValueError as error:
        raise UsageError(f"Invalid JSON payload: {error}", 1) from None
    if not isinstance(wanted, dict):
        raise UsageError("vmadm update: the lab takes a JSON object", NOT_IMITATED)
    unknown = set(wanted) - {"set_routes", "remove_routes", "firewall_enabled"}
    if unknown:
        raise UsageError(f"vmadm update: the lab does not imitate {', '.join(sorted(unknown))}", NOT_IMITATED)
    _change_routes(machine, wanted.get("remove_routes", []), wanted.get("set_routes", {}))
    if "firewall_enabled" in wanted:
        machine.firewall_enabled = wanted["firewall_enabled"] is True
        for firewaller in call.lab.shared[call.site.datacenter.name].firewallers:
            firewaller.wake()
    call.err(f"Successfully updated VM {machine.zone.uuid}\n")
    return 0


def _change_routes(machine: Machine, gone: Any, come: Any) -> None:
    """Change routes. Invalid routes, and gateways that no NIC of the zone reaches, are refused before anything changes."""
    for name, value, kind in (("remove_routes", gone, list), ("set_routes", come, dict)):
        if not isinstance(value, kind) or not all(map(_is_route, value)):
            raise UsageError(f"Invalid value(s) for: {name}", 1)
    if not all(isinstance(gateway, str) and _is_route(gateway) for gateway in come.values()):
        raise UsageError("Invalid value(s) for: set_routes", 1)
    try:
        machine.add_routes(come)
    except namespaces.NetworkError as error:
        text = str(error).partition("Error: ")[2].partition("\n")[0]
        raise UsageError(f"vmadm update: the zone's kernel refuses these routes: {text}", 1) from None
    machine.remove_routes([route for route in gone if route not in come])


def _is_route(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(ipaddress.IPv4Network(text, strict=False))
    except ValueError:
        return False


@command("zlogin")
async def zlogin(call: Call) -> int | None:
    if call.site.zlogin_broken and call.on_headnode:
        raise UsageError(ZLOGIN_BROKEN, 1)
    words = list(call.arguments)
    null = False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if set(option[1:]) - set("QnES"):
            raise UsageError(f"zlogin: the lab does not imitate {option}", NOT_IMITATED)
        null = null or "n" in option
    if not words:
        raise UsageError("usage: zlogin [ -QnES ] zonename [command [args ...]]", 2)
    machine = call.zone(words[0])
    if machine is None:
        raise UsageError(f"zlogin: zone '{words[0]}' unknown", 1)
    enter_zone(call, machine, words[1:], null=null)
    return None


def enter_zone(call: Call, machine: Machine, words: list[str], *, null: bool = False) -> None:
    """Make the stub become a shell in a zone: for one line, or for whoever typed it."""
    root = f"/zones/{machine.zone.uuid}/root"
    shell = ["/usr/bin/bash", "-c", " ".join(words)] if words else ["/usr/bin/bash", "--norc"]
    prompt = f"PS1=[root@{machine.zone.uuid} ({machine.datacenter.name}:{machine.alias}) \\w]# "
    # A login finds what the zone's own profile adds.
    own = [f"/{folder}" for folder in roots.IN_ZONES_OF.get(machine.zone.role, ())]
    path = roots.ZLOGIN_PATH if words else ":".join([*own, roots.LOGIN_PATH])
    argv = [
        "/.lab/bin/nsenter", f"--net=/.netns/{machine.namespace}", f"--root={root}", f"--wd={root}/root", "--",
        "/.lab/bin/env", prompt, f"PATH={path}", *shell,
    ]  # fmt: skip
    if null:
        argv = ["/usr/bin/bash", "-c", 'exec "$0" "$@" </dev/null', *argv]
    call.execute(*argv)


@command("sdc-vmname")
async def vmname(call: Call) -> int:
    """Find a zone by the beginning of a role's name. Several zones are as bad as none (sdc-headnode:tools/bin/sdc-vmname)."""
    if not call.arguments:
        call.out("Usage: /opt/smartdc/bin/sdc-vmname <zone role>\n")
        return 2
    if not await configuration.loaded(call, "ufds_admin_uuid"):
        call.out("Unable to find UUID for admin.\n")
        return 1
    role = call.arguments[0]
    found = [each for each in call.zones if each in call.site.core.values() and each.zone.role.startswith(role)]
    if len(found) != 1:
        call.err(f"Requested unique lookup but found {len(found)} results.\n")
        call.out(f"Did not find exactly 1 zone matching: {role}\n")
        return 1
    call.out(f"{found[0].zone.uuid}\n")
    return 0


@command("mdata-get")
async def mdata_get(call: Call) -> int:
    metadata = {} if call.in_global_zone else vm_object(call.machine)["customer_metadata"]
    if call.arguments[:1] == [] or call.arguments[0] not in metadata:
        raise UsageError(f"No metadata for {' '.join(call.arguments)}", 1)
    call.out(f"{metadata[call.arguments[0]]}\n")
    return 0


@command("zonename")
async def zonename(call: Call) -> int:
    call.out("global\n" if call.in_global_zone else f"{call.machine.zone.uuid}\n")
    return 0
