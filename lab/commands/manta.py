"""manta-init, manta-shardadm, manta-adm and manta-oneach, as sdc-manta has them: they ask UFDS, NAPI and SAPI of their own
datacenter, and what they make of the answers is all they know.
"""

from __future__ import annotations

import asyncio
import getopt
import json
from typing import Any

from lab.commands.call import Call, UsageError, command
from lab.commands.ldap import connect, packed
from lab.machine import sshd
from lab.machine.machines import Machine
from lab.plan import manta_objects
from lab.plan.files import Json
from lab.plan.names import POSEIDON_UUID, ROOT_DN, made_uuid
from lab.servers import http
from lab.state import manta
from lab.ufds.errors import LdapError

USERS, OPERATORS = "ou=users, o=smartdc", "cn=operators, ou=groups, o=smartdc"
PASSWORD = "trident123"  # sdc-manta:cmd/manta-init.js
TIMEOUT = 60.0
RING_EXISTS = 10
SERVICES = (  # sdc-manta:lib/services.js
    "nameservice", "postgres", "moray", "electric-moray", "storage", "authcache", "webapi", "loadbalancer", "ops", "madtom",
    "rebalancer", "reshard", "storinfo", "pgstatsmon", "garbage-collector", "prometheus", "buckets-api", "buckets-postgres",
    "buckets-mdplacement", "buckets-mdapi",
)  # fmt: skip
LOGS = "logs at /var/log/manta-adm.log\n"


async def _ask(call: Call, role: str, method: str, target: str, body: Json | None = None) -> Any:
    """What an API of the own datacenter answers; UsageError where a tool of Manta would end."""
    host = call.site.datacenter.zone(role).admin_ip
    headers = {"Accept": "application/json", "Content-Type": "application/json", "Accept-Version": "*"}
    content = b"" if body is None else json.dumps(body).encode()
    try:
        answer = await http.fetch(
            call.machine.dial, host, 80, target, method=method, headers=headers, body=content, within=TIMEOUT
        )
    except (OSError, TimeoutError, EOFError, http.BadMessageError) as error:
        raise UsageError(f"Error: {role} at {host}: {error or 'no answer'}", 1) from None
    if answer.status >= 400:
        raise UsageError(f"Error: {role}: {answer.body.decode('utf-8', 'replace')}", 1)
    return json.loads(answer.body or b"null")


async def _applications(call: Call, query: str = "&include_master=true") -> list[Json]:
    found: list[Json] = await _ask(call, "sapi", "GET", f"/applications?name=manta{query}")
    return found


def _options(call: Call, short: str, words: list[str] | None = None) -> tuple[dict[str, str], list[str]]:
    try:
        given, free = getopt.gnu_getopt(call.arguments if words is None else words, short)
    except getopt.GetoptError as error:
        raise UsageError(f"{call.name}: the lab does not imitate this: {error}", 127) from None
    return dict(given), free


# ---- manta-init


@command("manta-init")
async def init(call: Call) -> int:
    """manta-init -e EMAIL [-s SIZE] [-n] [-c N] [-B BRANCH] [-C CHANNEL] [-l LOGFILE]; no image is downloaded."""
    options, _ = _options(call, "e:s:nc:B:C:l:")
    if not options.get("-e"):
        raise UsageError("Usage:\tmanta-init -e <email>\n\nMissing required arguments: e", 1)
    if options.get("-s", "lab") not in ("coal", "lab", "production"):
        raise UsageError("Error: size option must be one of, coal, lab, or production.", 1)
    call.err(f"logs at {options.get('-l', '/var/log/manta-init.log')}\n")
    if await _ask(call, "sapi", "GET", "/mode") != "full":
        await _ask(call, "sapi", "POST", "/mode?mode=full")
    poseidon = await _poseidon(call, options["-e"])
    for name in ("manta", "admin"):
        await _own_network(call, name, poseidon)
    found = await _applications(call, f"&owner_uuid={poseidon}&include_master=true")
    if len(found) > 1:
        raise UsageError("Uncaught AssertionError: false == true (apps.length <= 1)", 1)
    application = found[0] if found else await _make_application(call, poseidon, options.get("-s", "lab"))
    await _make_services(call, application)
    return 0


async def _poseidon(call: Call, email: str) -> str:
    """The account of the *local* UFDS, made if there is none, and an operator in any case."""
    host, password = call.site.datacenter.zone("ufds").admin_ip, call.lab.root_password(call.site)
    client = await connect(call, host, 636, ROOT_DN, password)
    try:
        found = await client.search(USERS, 2, packed("(login=poseidon)"))
        if found:
            name, entry = found[0]
            uuid = entry["uuid"][0]
            if entry["email"] != [email]:
                await client.modify(name, [("replace", "email", [email])])
        else:
            uuid = _new_poseidon(call)
            name = f"uuid={uuid}, {USERS}"
            new = {
                "objectclass": "sdcperson",
                "login": "poseidon",
                "email": email,
                "userpassword": PASSWORD,
                "uuid": uuid,
            }
            await client.add(name, {kind: [value] for kind, value in new.items()})
        operators = await client.search(OPERATORS, 0, packed("(objectclass=*)"))
        if name not in operators[0][1].get("uniquemember", []):
            await client.modify(OPERATORS, [("add", "uniquemember", [name])])
    except LdapError as error:
        raise UsageError(f"Error: {error.message}", 1) from None
    finally:
        await client.close()
    return uuid


def _new_poseidon(call: Call) -> str:
    """At random in Triton; the same at every run in a lab."""
    datacenter = call.site.datacenter
    return POSEIDON_UUID if datacenter == call.lab.plan.master else made_uuid(datacenter.name, "poseidon")


async def _own_network(call: Call, name: str, owner: str) -> None:
    for network in await _ask(call, "napi", "GET", f"/networks?name={name}"):
        owners = network.get("owner_uuids", [])
        if owner not in owners:
            await _ask(call, "napi", "PUT", f"/networks/{network['uuid']}", {"owner_uuids": [*owners, owner]})


async def _make_application(call: Call, owner: str, size: str) -> Json:
    made = manta_objects.application(call.site.datacenter, owner)
    made["metadata"]["SIZE"] = size
    made["uuid"] = _uuid(call, made["uuid"])
    stored: Json = await _ask(call, "sapi", "POST", "/applications", made)
    return stored


async def _make_services(call: Call, application: Json) -> None:
    there = await _ask(call, "sapi", "GET", f"/services?application_uuid={application['uuid']}&include_master=true")
    names = {service["name"] for service in there}
    made = manta_objects.services(application["owner_uuid"])
    for manifest in made["manifests"]:
        if not names:
            await _ask(call, "sapi", "POST", "/manifests", manifest)
    for service in made["services"]:
        if service["name"] not in names:
            ours = {"uuid": _uuid(call, service["uuid"]), "application_uuid": application["uuid"]}
            await _ask(call, "sapi", "POST", "/services", service | ours)


def _uuid(call: Call, uuid: str) -> str:
    """What a SAPI keeps for itself, because it knows no master, is another object than the master's."""
    service = call.lab.sdc_service(call.site, "sapi")
    local = call.site.datacenter != call.lab.plan.master and not service["metadata"].get("MASTER_MORAY_IP")
    return made_uuid(call.site.datacenter.name, uuid) if local else uuid


# ---- manta-shardadm


@command("manta-shardadm")
async def shardadm(call: Call) -> int:
    """manta-shardadm list | set -i SHARDS -s SHARD [-b SHARDS].  It asks the own SAPI only, not the master's."""
    match call.arguments:
        case ["list"]:
            found = await _applications(call, "")
            if not found:
                call.out("No manta application configured\n")
                return 0
            metadata = found[0]["metadata"]
            call.out(f"{'TYPE':<12} SHARD NAME\n")
            storage = metadata.get("STORAGE_MORAY_SHARD")
            shards = [("Index", shard["host"]) for shard in metadata.get("INDEX_MORAY_SHARDS", [])]
            shards += [("Storage", storage)] if storage else []
            shards += [("Buckets", shard["host"]) for shard in metadata.get("BUCKETS_MORAY_SHARDS", [])]
            call.out("".join(f"{kind:<12} {host}\n" for kind, host in shards))
            return 0
        case ["set", *rest]:
            return await _set_shards(call, _options(call, "i:b:s:", rest)[0])
    raise UsageError("manta-shardadm: the lab imitates `list` and `set [-i SHARDS] [-s SHARD] [-b SHARDS]`", 127)


async def _set_shards(call: Call, options: dict[str, str]) -> int:
    found = await _applications(call, "")
    if not found:
        call.out("no manta application configured\n")
        return 0
    domain = f".{found[0]['metadata']['DOMAIN_NAME']}"

    def whole(name: str) -> str:
        return name if name.endswith(domain) else name + domain

    metadata: Json = {}
    if "-s" in options:
        metadata["STORAGE_MORAY_SHARD"] = whole(options["-s"])
    for option, key in (("-i", "INDEX_MORAY_SHARDS"), ("-b", "BUCKETS_MORAY_SHARDS")):
        if option in options:
            shards: list[Json] = [{"host": whole(name)} for name in options[option].split(" ")]
            shards[-1]["last"] = True
            metadata[key] = shards
    if not metadata:
        call.out("No shards to update\n")
        return 0
    await _ask(call, "sapi", "PUT", f"/applications/{found[0]['uuid']}", {"metadata": metadata})
    call.out("Updated Manta shards successfully\n")
    return 0


# ---- manta-adm


@command("manta-adm")
async def adm(call: Call) -> int:
    match call.arguments:
        case ["show", *rest]:
            return _show(call, *_options(call, "sj", rest))
        case ["create-topology", *rest]:
            return await _create_topology(call, _options(call, "t:v:p:f", rest)[0])
        case ["genconfig", "lab" | "coal"]:
            images = {role: {_image(role): 1} for role in sorted(manta_objects.ROLES)}
            call.out(json.dumps({call.site.datacenter.server_uuid: images}, indent=4) + "\n")
            return 0
        case ["update", *rest]:
            return await _update(call, *_options(call, "y", rest))
    imitated = "`show [-s|-js]`, `create-topology`, `genconfig lab` and `update -y FILE`"
    raise UsageError(f"manta-adm: the lab imitates {imitated}", 127)


def _zones(call: Call) -> list[Machine]:
    found = [machine for machine in call.site.zones.values() if machine.zone.role in manta_objects.ROLES]
    return sorted(found, key=lambda machine: machine.zone.role)


def _show(call: Call, options: dict[str, str], free: list[str]) -> int:
    if "-j" in options and "-s" not in options:
        raise UsageError("manta-adm show: error: -j cannot be used without -s or with -H", 1)
    zones = [machine for machine in _zones(call) if machine.zone.role in (free or manta_objects.ROLES)]
    server = call.site.datacenter.server_uuid
    if "-j" in options:
        counted: dict[str, Json] = {machine.zone.role: {_image(machine.zone.role): 1} for machine in zones}
        call.out(json.dumps({server: counted} if counted else {}, indent=4) + "\n")
    elif "-s" in options:
        call.out(f"{'SERVICE':<19} {'SH':>2} {'IMAGE':<36} {'COUNT':>5}\n")
        call.out("".join(f"{each.zone.role:<19} {'-':>2} {_image(each.zone.role)} {1:>5}\n" for each in zones))
    else:
        call.out(f"{'SERVICE':<19} {'SH':>2} {'ZONENAME':<36} {'GZ ADMIN IP':<16}\n")
        address = call.site.headnode.zone.admin_ip
        call.out("".join(f"{each.zone.role:<19} {1:>2} {each.zone.uuid} {address:<16}\n" for each in zones))
    return 0


def _image(role: str) -> str:
    return made_uuid("image", role)


async def _one_application(call: Call) -> Json:
    found = await _applications(call)
    if len(found) != 1:
        raise UsageError(
            'Uncaught AssertionError: exactly one application should exist with name "manta"'
            f" ({len(found)} == 1)", 134,
        )  # fmt: skip
    return found[0]


async def _create_topology(call: Call, options: dict[str, str]) -> int:
    kind = options.get("-t", "directory")
    if kind not in ("directory", "buckets"):
        text = f'unsupported value for -t: {kind}. Valid values are "directory" and "buckets".'
        raise UsageError(f"manta-adm create-topology: error: {text}", 1)
    for option in ("-v", "-p"):
        if not options.get(option, "").isdigit():
            raise UsageError(f"manta-adm create-topology: error: argument is required: {option}", 1)
    call.err(LOGS)
    application = await _one_application(call)
    metadata, key = application["metadata"], "HASH_RING_IMAGE" if kind == "directory" else "BUCKETS_HASH_RING_IMAGE"
    if metadata.get(key) and "-f" not in options:
        raise UsageError(
            "manta-adm create-topology: error: Hash ring image already exists in SAPI metadata", RING_EXISTS
        )
    if kind == "directory" and not metadata.get("INDEX_MORAY_SHARDS"):
        raise UsageError("manta-adm create-topology: error: no shards are assigned", 1)
    ring = manta_objects.ring(call.site.datacenter)
    images = manta_objects.ring_images(application["owner_uuid"])
    call.lab.shared[call.site.datacenter.name].images[ring[key]] = images[ring[key]]
    service = "HASH_RING_IMGAPI_SERVICE"
    change = {key: ring[key], service: ring[service]}
    await _ask(call, "sapi", "PUT", f"/applications/{application['uuid']}", {"metadata": change})
    return 0


async def _update(call: Call, options: dict[str, str], free: list[str]) -> int:
    """Provisions what the file names and is not there; it takes nothing away."""
    if len(free) != 1 or "-y" not in options:
        raise UsageError("manta-adm: the lab imitates `update -y FILE`", 127)
    try:
        wanted = json.loads(call.path(free[0]).read_text(encoding="utf-8"))
        roles = [role for services in wanted.values() for role in services]
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(f"manta-adm: error: {free[0]}: {error}", 1) from None
    unknown = sorted(set(roles) - set(manta_objects.ROLES))
    if unknown:
        raise UsageError(f"manta-adm update: the lab has no service {', '.join(unknown)}", 127)
    call.err(LOGS)
    application = await _one_application(call)
    there = {machine.zone.role for machine in _zones(call)}
    for role in sorted(set(roles) - there):
        call.out(
            f'service "{role}"\n  cn "{call.site.datacenter.server_uuid}":\n    provision (image {_image(role)})\n'
        )
        await manta.deploy_zone(call.lab, call.site, role, application["owner_uuid"])
    return 0


# ---- manta-oneach


@command("manta-oneach")
async def oneach(call: Call) -> int:
    """manta-oneach -s SERVICE | -a  COMMAND: in the zones of this datacenter, each with a bash of its own.

    It shows what a command says on standard output, and what it says on the other if it fails; its own exit status is 0
    in either case (sdc-manta:lib/oneach/oneach.js).
    """
    options, free = _options(call, "as:N")
    if len(free) != 1 or ("-a" in options) == ("-s" in options):
        raise UsageError("manta-oneach: the lab imitates `[-N] -s SERVICE COMMAND` and `[-N] -a COMMAND`", 127)
    if options.get("-s", "webapi") not in SERVICES:
        raise UsageError(f'manta-oneach: unrecognized service: "{options["-s"]}"', 1)
    zones = [machine for machine in _zones(call) if options.get("-s", machine.zone.role) == machine.zone.role]
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
