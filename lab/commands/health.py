"""sdcadm check-health, sdcadm insts, sdc-healthcheck: what they say follows from real pings and from SMF.

Formats: facts, "Exact forms" and "Health commands".  What they do not see is true to Triton, too: a ufds, binder or
moray is healthy once its services are online (hazard 10).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from lab import plan
from lab.commands import Call, UsageError, command
from lab.commands.ldap import root_search
from lab.commands.services import explanation
from lab.commands.web import Ask, CurlError, perform
from lab.machine import Machine

PINGS = {"cloudapi": "https://{}/--ping", "sapi": "http://{}/ping", "napi": "http://{}/ping", "fwapi": "http://{}/ping"}
AGENTS = ("net-agent", "ur")
# sdcadm's ping has no timeout at all (hazard 10); the lab's has one beyond everybody's patience.
PATIENCE = 120.0
Row = dict[str, Any]


async def _ping_error(call: Call, machine: Machine, patience: float = PATIENCE) -> str | None:
    url = PINGS[machine.zone.role].format(machine.zone.admin_ip)
    try:
        answer = await perform(call.site.headnode, Ask(url=url, insecure=True, timeout=patience))
    except CurlError as error:
        return f"ping check to {machine.zone.admin_ip} failed: {error.text}"
    if answer.status != 200:
        return f"ping check to {machine.zone.admin_ip} failed with HTTP code {answer.status}"
    return None


def _smf_error(machine: Machine) -> str | None:
    """As `svcs -vxz ZONE`: what is enabled and does not run; a disabled service is none of its business."""
    said = "".join(explanation(service, machine) for service in machine.services)
    return f"SMF svcs check failed: stdout: {said.rstrip()}" if said else None


async def _error(call: Call, machine: Machine) -> str | None:
    """SMF first, then the ping of those that have one (sdcadm:lib/sdcadm.js checkInst)."""
    error = _smf_error(machine)
    return await _ping_error(call, machine) if error is None and machine.zone.role in PINGS else error


async def _rows(call: Call, wanted: list[str]) -> list[Row]:
    site = call.site
    machines = [each for each in site.zones.values() if not wanted or each.zone.role in wanted]
    errors = await asyncio.gather(*(_error(call, machine) for machine in machines))
    rows: list[Row] = []
    for machine, error in zip(machines, errors, strict=True):
        row: Row = {
            "type": "vm", "healthy": error is None, "hostname": "headnode", "instance": machine.zone.uuid,
            "alias": machine.alias, "service": machine.zone.role,
        }  # fmt: skip
        rows.append(row | ({"health_errors": [{"message": error}]} if error else {}))
    for name in AGENTS if not wanted else [agent for agent in AGENTS if agent in wanted]:
        service = site.headnode.services.get(f"svc:/smartdc/agent/{name}:default")
        row = {
            "type": "agent", "healthy": service.state == "online", "hostname": "headnode",
            "instance": plan.made_uuid(site.datacenter.name, "agent", name), "service": name,
        }  # fmt: skip
        if service.state != "online":
            row["health_errors"] = [{"message": f"SMF svcs check failed: {service.fmri} is {service.shown_state}"}]
        rows.append(row)
    rows.append({
        "type": "global", "healthy": True, "hostname": "headnode", "instance": site.datacenter.server_uuid,
        "alias": "global", "service": "global",
    })  # fmt: skip
    rows.sort(key=lambda row: (row["service"], row["hostname"], row["instance"]))
    rows.sort(key=lambda row: str(row["type"]), reverse=True)
    return rows


@command("sdcadm")
async def sdcadm(call: Call) -> int:
    match call.arguments:
        case ["check-health" | "health", *rest]:
            return await _check_health(call, rest)
        case ["insts" | "instances", "-j"]:
            call.out(json.dumps(_instances(call), indent=4) + "\n")
            return 0
    raise UsageError("sdcadm: the lab imitates `check-health [-j] [SERVICE…]` and `insts -j`", 127)


async def _check_health(call: Call, words: list[str]) -> int:
    services = [word for word in words if not word.startswith("-")]
    unknown = set(words) - {"-j", "--json", "-H"} - set(services)
    if unknown:
        raise UsageError(f"sdcadm check-health: the lab does not imitate {sorted(unknown)[0]}", 127)
    rows = await _rows(call, services)
    ill = [row for row in rows if not row["healthy"]]
    if set(words) & {"-j", "--json"}:
        call.out(json.dumps(rows, indent=4) + "\n")
    else:
        names = ("instance", "service", "hostname", "alias", "healthy")
        table = [[name.upper() for name in names]]
        table += [[str(row.get(name, "-")).lower() if name == "healthy" else str(row.get(name, "-")) for name in names]
                  for row in rows]  # fmt: skip
        widths = [max(len(line[index]) for line in table) for index in range(len(names))]
        for line in table:
            call.out("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")
        for row in ill:
            call.err("".join(f"{row['instance']} {each['message']}\n" for each in row["health_errors"]))
    if ill:
        call.err("sdcadm check-health: error: Some instances appear unhealthy\n")
    return 1 if ill else 0


def _instances(call: Call) -> list[Row]:
    site = call.site
    return [
        {
            "type": "vm", "alias": machine.alias, "version": "master-20251120T000000Z",
            "instance": machine.zone.uuid, "zonename": machine.zone.uuid, "service": machine.zone.role,
            "image": plan.made_uuid("image", machine.zone.role), "state": "running",
            "server": site.datacenter.server_uuid, "hostname": "headnode",
            "server_ip": site.headnode.zone.admin_ip, "ip": machine.zone.admin_ip,
        }
        for machine in site.zones.values()
    ]  # fmt: skip


async def _end_to_end(call: Call, machine: Machine) -> bool:
    """The zone-specific test.  Not imitated: cloudapi's is a signed ListDatacenters, here it is the ping."""
    match machine.zone.role:
        case "cloudapi":
            return await _ping_error(call, machine, 20.0) is None
        case "sapi":
            return await _answers(call, machine, "/services?name=sapi")
        case "napi":
            return await _answers(call, machine, "/networks?name=admin")
        case "ufds":
            return bool(await root_search(call, "o=smartdc", 2, "(login=admin)"))
    return True


async def _answers(call: Call, machine: Machine, path: str) -> bool:
    url = f"http://{machine.zone.role}.{call.site.datacenter.suffix}{path}"
    try:
        return (await perform(call.site.headnode, Ask(url=url, connect_timeout=10.0, timeout=PATIENCE))).status == 200
    except CurlError:
        return False


async def _status(call: Call, machine: Machine) -> str:
    if _smf_error(machine):
        return "svc-err"
    return "online" if await _end_to_end(call, machine) else "error"


@command("sdc-healthcheck")
async def healthcheck(call: Call) -> int:
    parsable = "-p" in call.arguments
    if set(call.arguments) - {"-p"}:
        raise UsageError("sdc-healthcheck: the lab imitates `sdc-healthcheck [-p]`", 127)
    site = call.site
    machines = sorted(site.zones.values(), key=lambda machine: machine.zone.alias)
    states = await asyncio.gather(*(_status(call, machine) for machine in machines))
    rows = [("global", "running", "-", "online" if not _smf_error(site.headnode) else "svc-err")]
    rows += [(machine.zone.role, "running", "-", state) for machine, state in zip(machines, states, strict=True)]
    ur = site.headnode.services.get("svc:/smartdc/agent/ur:default").state == "online"
    rows += [("global", "running", "ur", "online" if ur else "offline"), ("global", "running", "smartlogin", "online")]
    for row in rows:
        call.out(":".join(row) + "\n" if parsable else f"{row[0]:<36} {row[1]:<15} {row[2]:<9} {row[3]}\n")
    return 0 if all(row[3] == "online" for row in rows) else 1
