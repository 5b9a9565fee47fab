"""sdcadm check-health, sdcadm insts, sdc-healthcheck: their answers follow from real pings and from SMF.

Formats: facts, "Exact forms" and "Health commands". They miss what Triton's tools miss, too: a ufds, binder or moray is healthy once its
services are online (hazard 10).
"""

from __future__ import annotations

import asyncio
import getopt
import json
from collections.abc import Sequence
from typing import Any

from lab.commands import configuration
from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.commands.cloudapi import listing
from lab.commands.ldap import root_search
from lab.commands.services import explanation
from lab.machine.machines import NEWEST, Machine, Site
from lab.plan import sdckey
from lab.plan.names import made_uuid
from lab.plan.sshkeys import fingerprint
from lab.servers.curl import Ask, CurlError, perform

PINGS = {"cloudapi": "https://{}/--ping"} | dict.fromkeys(
    ("cnapi", "fwapi", "imgapi", "napi", "sapi", "vmapi"), "http://{}/ping"
)
AGENTS = ("cn-agent", "config-agent", "firewaller", "net-agent", "ur", "vm-agent")
LOOKED_UP = ("cloudapi", "vmapi")
"""The roles whose zone sdc-healthcheck finds by `vmadm lookup -1`. If the head node has several, it finds none."""
UR_SILENT = "ur command timed out"
SEARCHES = {  # what sdc-healthcheck asks each of them
    "sapi": "/services?name=sapi", "napi": "/networks?name=admin", "cnapi": "/servers?headnode=true",
    "fwapi": "/rules", "imgapi": "/images?name=imgapi", "vmapi": "/vms",
}  # fmt: skip
# sdcadm's ping has no timeout at all (hazard 10); the lab's has one that is beyond anybody's patience.
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
    """Like `svcs -vxz ZONE`: services that are enabled and do not run. A disabled service is not reported."""
    said = "".join(explanation(service, machine) for service in machine.services)
    return f"SMF svcs check failed: stdout: {said.rstrip()}" if said else None


async def _error(call: Call, machine: Machine) -> str | None:
    """SMF first, and then the ping of those that have one (sdcadm:lib/sdcadm.js checkInst)."""
    error = _smf_error(machine)
    return await _ping_error(call, machine) if error is None and machine.zone.role in PINGS else error


async def _rows(call: Call, wanted: list[str]) -> list[Row]:
    site = call.site
    machines = [each for each in site.core.values() if not wanted or each.zone.role in wanted]
    errors = await asyncio.gather(*(_error(call, machine) for machine in machines))
    rows: list[Row] = []
    for machine, error in zip(machines, errors, strict=True):
        row: Row = {
            "type": "vm", "healthy": error is None, "hostname": machine.zone.hostname, "instance": machine.zone.uuid,
            "alias": machine.alias, "service": machine.zone.role,
        }  # fmt: skip
        rows.append(row | ({"health_errors": [{"message": error}]} if error else {}))
    for server in (site.headnode, *site.compute_nodes):
        rows += [_agent(server, name) for name in AGENTS if not wanted or name in wanted]
    ill = _smf_error(site.headnode)
    row = {
        "type": "global", "healthy": ill is None, "hostname": "headnode", "instance": site.datacenter.server_uuid,
        "alias": "global", "service": "global",
    }  # fmt: skip
    rows.append(row | ({"health_errors": [{"message": ill}]} if ill else {}))
    rows = [_unheard(site, row) for row in rows]
    rows.sort(key=lambda row: (row["service"], row["hostname"], row["instance"]))
    rows.sort(key=lambda row: str(row["type"]), reverse=True)
    return rows


def _agent(server: Machine, name: str) -> Row:
    """Like `svcs -vx AGENT`, which reports a disabled service too, because it is asked for by name."""
    service = server.services.get(f"svc:/smartdc/agent/{name}:default")
    uuid = made_uuid(server.zone.datacenter, *([server.alias] if server.zone.server else []), "agent", name)
    row: Row = {
        "type": "agent", "healthy": service.state == "online", "hostname": server.zone.hostname, "instance": uuid, "service": name,
    }  # fmt: skip
    if service.state != "online":
        row["health_errors"] = [
            {"message": f"SMF svcs check failed: stdout: {service.fmri} State: {service.shown_state}"}
        ]
    return row


def _unheard(site: Site, row: Row) -> Row:
    """If ur of another server does not run, nothing is known about the row: it has an error, and no `healthy`."""
    silent = {
        each.zone.hostname
        for each in site.compute_nodes
        if each.services.get("svc:/smartdc/agent/ur:default").state != "online"
    }
    if row["hostname"] not in silent:
        return row
    return {key: value for key, value in row.items() if key != "healthy"} | {"health_errors": [{"message": UR_SILENT}]}


@command("sdcadm")
async def sdcadm(call: Call) -> int:
    """It merges its settings over its defaults before anything else, and ends if they are not JSON (lib/common.js)."""
    settings = call.path("/var/sdcadm/sdcadm.conf")
    if settings.exists():
        try:
            json.loads(settings.read_text(encoding="utf-8", errors="replace"))
        except ValueError as error:
            call.err(f"sdcadm: error: Unexpected token in JSON: {error}\n")
            return 1
    try:
        config = await configuration.parsed(call)
    except ValueError:
        raise UsageError("sdcadm: error (InternalError): unexpected /usbkey/config content", 1) from None
    if not config.get("datacenter_name"):
        raise UsageError("sdcadm: error (SapiClientError): getaddrinfo ENOTFOUND sapi..", 1)
    match call.arguments:
        case ["check-health" | "health", *rest]:
            return await _check_health(call, rest)
        case ["insts" | "instances", "-j", *services]:
            rows = [row for row in _instances(call) if not services or row["service"] in services]
            call.out(json.dumps(rows, indent=4) + "\n")
            return 0
        case ["update", "-y", service]:
            for machine in call.site.of_role(service):
                machine.version = NEWEST
            return 0
        case ["insts" | "instances", *services] if not [word for word in services if word.startswith("-")]:
            rows = [row for row in _instances(call) if not services or row["service"] in services]
            rows.sort(key=lambda row: (row["service"], row["hostname"], row["version"], row["alias"]))
            _table(call, ("instance", "service", "hostname", "version", "alias"), rows)
            return 0
        case ["check-config"]:
            return await _check_config(call)
    imitated = (
        "`check-health [-jHq] [SERVICE|INSTANCE…]`, `insts [-j] [SERVICE…]`, `check-config` and `update -y SERVICE`"
    )
    raise UsageError(f"sdcadm: the lab imitates {imitated}", NOT_IMITATED)


def _table(call: Call, names: Sequence[str], rows: list[Row], *, header: bool = True) -> None:
    table = [[name.upper() for name in names], *([_cell(row.get(name, "-")) for name in names] for row in rows)]
    widths = [max(len(line[index]) for line in table) for index in range(len(names))]
    for line in table[0 if header else 1 :]:
        call.out("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


def _cell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _check_config(call: Call) -> int:
    """Compare SAPI's `sdc` with NAPI and UFDS. Differences are printed, and the exit status is 0 (hazard 10)."""
    sdc = call.lab.sdc(call.site.datacenter.name)["metadata"]
    wrong = []
    for network in call.lab.shared[call.site.datacenter.name].networks.by_uuid.values():
        if network["name"] == "admin" and network["subnet"].partition("/")[0] != sdc.get("admin_network"):
            wrong.append("SAPI sdc admin_network did not match with value defined in NAPI")
    entries = await root_search(call, "o=smartdc", 2, f"(datacenter={call.site.datacenter.name})")
    for name, entry in entries or []:
        if "datacenter" in entry["objectclass"] and entry["region"] != [sdc.get("region_name")]:
            wrong.append(f"region did not match with region_name for entry with DN: {name}")
    admin = await root_search(call, f"uuid={sdc.get('ufds_admin_uuid')}, ou=users, o=smartdc", 2, "(objectclass=*)")
    if not admin:
        wrong.append("Cannot find UFDS admin user")
    elif not any("sdckey" in entry["objectclass"] for _, entry in admin):
        wrong.append("Cannot find UFDS admin key")
    if str(sdc.get("ufds_is_master")).lower() != "true" and not sdc.get("ufds_remote_ip"):
        wrong.append('Missing SAPI variable "ufds_remote_ip"')
    call.err("".join(f"{each}\n" for each in wrong))
    call.out("" if wrong else "All good!\n")
    return 0


async def _check_health(call: Call, words: list[str]) -> int:
    """The table and the lines below it are as in the seed. Today's sdcadm writes its errors over several lines."""
    try:
        given, names = getopt.gnu_getopt(words, "jHq", ["json", "quiet"])
    except getopt.GetoptError as error:
        raise UsageError(f"sdcadm check-health: the lab does not imitate this: {error}", NOT_IMITATED) from None
    options = {name.lstrip("-")[0] for name, _ in given}
    roles = {machine.zone.role for machine in call.site.core.values()} | set(AGENTS)
    services = {word for word in names if word in roles}
    uuids = {machine.zone.uuid: machine.zone.role for machine in call.site.core.values()}
    aliases = {machine.alias: uuid for uuid, machine in zip(uuids, call.site.core.values(), strict=True)}
    instances = {aliases.get(word, word) for word in names if word in aliases or word in uuids}
    unknown = [word for word in names if word not in roles and word not in aliases and word not in uuids]
    if unknown:
        raise UsageError(f"sdcadm check-health: error: unrecognized service or instance: {', '.join(unknown)}", 1)
    rows = await _rows(call, [*services, *(uuids[each] for each in instances)])
    rows = [row for row in rows if row["service"] in {*services, "global"} or not names or row["instance"] in instances]
    ill = [row for row in rows if "health_errors" in row]
    if "j" in options:
        call.out(json.dumps(ill if "q" in options else rows, indent=4) + "\n")
    else:
        if "q" not in options:
            _table(call, ("instance", "service", "hostname", "alias", "healthy"), rows, header="H" not in options)
        for row in ill:
            call.err("".join(f"{row['instance']} {each['message']}\n" for each in row["health_errors"]))
    if ill and not options & {"j", "q"}:
        call.err("sdcadm check-health: error: Some instances appear unhealthy\n")
    return 1 if ill else 0


def _instances(call: Call) -> list[Row]:
    site = call.site
    return [
        {
            "type": "vm", "alias": machine.alias, "version": machine.version,
            "instance": machine.zone.uuid, "zonename": machine.zone.uuid, "service": machine.zone.role,
            "image": made_uuid("image", machine.zone.role), "state": "running",
            "server": site.server_of(machine).zone.uuid, "hostname": machine.zone.hostname,
            "server_ip": site.server_of(machine).zone.admin_ip, "ip": machine.zone.admin_ip,
        }
        for machine in site.core.values()
    ]  # fmt: skip


async def _end_to_end(call: Call, machine: Machine) -> bool:
    """The test for the zone's role."""
    match machine.zone.role:
        case "cloudapi":
            return await _lists_itself(call, machine)
        case role if role in SEARCHES:
            return await _answers(call, machine, SEARCHES[role])
        case "ufds":
            return bool(await root_search(call, "o=smartdc", 2, "(login=admin)"))
    return True


async def _lists_itself(call: Call, machine: Machine) -> bool:
    """Whether cloudapi's ListDatacenters, signed in the sdc zone, names the datacenter (sdc-healthcheck check_cloudapi)."""
    for zone in call.site.of_role("sdc"):
        try:
            key_id = fingerprint((zone.root / sdckey.PUBLIC).read_text(encoding="utf-8"))
        except (OSError, ValueError, IndexError):
            return False
        code, text = await listing(zone, "admin", key_id, f"https://{machine.zone.admin_ip}", PATIENCE)
        found = {} if code else json.loads(text)
        return isinstance(found, dict) and str(found.get(call.site.datacenter.name)).startswith("https://")
    return True


async def _answers(call: Call, machine: Machine, path: str) -> bool:
    url = f"http://{machine.zone.role}.{call.site.datacenter.suffix}{path}"
    try:
        await configuration.find_sdc_zone(call)  # by the wrapper of its name
        return (await perform(call.site.headnode, Ask(url=url, connect_timeout=10.0, timeout=PATIENCE))).status == 200
    except (CurlError, UsageError):
        return False


def _local(site: Site) -> list[Machine]:
    """Triton's own zones of the head node. sdc-healthcheck knows no others."""
    return [machine for machine in site.core.values() if not machine.zone.server]


async def _status(call: Call, machine: Machine) -> str:
    if _smf_error(machine):
        return "svc-err"
    role = machine.zone.role
    if role in LOOKED_UP and sum(each.zone.role == role for each in _local(call.site)) > 1:
        return "error"
    return "online" if await _end_to_end(call, machine) else "error"


@command("sdc-healthcheck")
async def healthcheck(call: Call) -> int:
    parsable = "-p" in call.arguments
    if set(call.arguments) - {"-p"}:
        raise UsageError("sdc-healthcheck: the lab imitates `sdc-healthcheck [-p]`", NOT_IMITATED)
    site = call.site
    admin = await configuration.loaded(call, "ufds_admin_uuid")
    if not admin:
        raise UsageError(": unable to find admin UUID.", 1)
    machines = sorted(_local(site), key=lambda machine: machine.zone.alias) if admin == admin.strip() else []
    states = await asyncio.gather(*(_status(call, machine) for machine in machines))
    rows = [("global", "running", "-", "online" if not _smf_error(site.headnode) else "svc-err")]
    rows += [(machine.zone.role, "running", "-", state) for machine, state in zip(machines, states, strict=True)]
    ur = site.headnode.services.get("svc:/smartdc/agent/ur:default").state == "online"
    rows += [("global", "running", "ur", "online" if ur else "offline"), ("global", "running", "smartlogin", "online")]
    for row in rows if parsable else [("ZONE", "STATE", "AGENT", "STATUS"), *rows]:
        call.out(":".join(row) + "\n" if parsable else f"{row[0]:<36} {row[1]:<15} {row[2]:<15} {row[3]:>10}\n")
    return 0 if all(row[3] == "online" for row in rows) else 1
