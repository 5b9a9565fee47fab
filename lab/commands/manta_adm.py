"""manta-shardadm and manta-adm, as in sdc-manta: they know only what SAPI of their own datacenter answers."""

from __future__ import annotations

import json

from lab.commands.call import Call, UsageError, command
from lab.commands.manta_tools import applications, ask, manta_zones, read_options
from lab.plan import manta_objects
from lab.plan.files import Json
from lab.plan.names import made_uuid
from lab.state import manta

RING_EXISTS = 10
LOGS = "logs at /var/log/manta-adm.log\n"


@command("manta-shardadm")
async def shardadm(call: Call) -> int:
    """manta-shardadm list | set -i SHARDS -s SHARD [-b SHARDS]. It asks only its own SAPI, not the master's."""
    match call.arguments:
        case ["list"]:
            found = await applications(call, "")
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
            return await _set_shards(call, read_options(call, "i:b:s:", rest)[0])
    raise UsageError("manta-shardadm: the lab imitates `list` and `set [-i SHARDS] [-s SHARD] [-b SHARDS]`", 127)


async def _set_shards(call: Call, options: dict[str, str]) -> int:
    found = await applications(call, "")
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
    await ask(call, "sapi", "PUT", f"/applications/{found[0]['uuid']}", {"metadata": metadata})
    call.out("Updated Manta shards successfully\n")
    return 0


# ---- manta-adm


@command("manta-adm")
async def adm(call: Call) -> int:
    match call.arguments:
        case ["show", *rest]:
            return _show(call, *read_options(call, "sj", rest))
        case ["create-topology", *rest]:
            return await _create_topology(call, read_options(call, "t:v:p:f", rest)[0])
        case ["genconfig", "lab" | "coal"]:
            images = {role: {_image(role): 1} for role in sorted(manta_objects.ROLES)}
            call.out(json.dumps({call.site.datacenter.server_uuid: images}, indent=4) + "\n")
            return 0
        case ["update", *rest]:
            return await _update(call, *read_options(call, "y", rest))
    imitated = "`show [-s|-js]`, `create-topology`, `genconfig lab` and `update -y FILE`"
    raise UsageError(f"manta-adm: the lab imitates {imitated}", 127)


def _show(call: Call, options: dict[str, str], free: list[str]) -> int:
    if "-j" in options and "-s" not in options:
        raise UsageError("manta-adm show: error: -j cannot be used without -s or with -H", 1)
    zones = [machine for machine in manta_zones(call) if machine.zone.role in (free or manta_objects.ROLES)]
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
    found = await applications(call)
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
    await ask(call, "sapi", "PUT", f"/applications/{application['uuid']}", {"metadata": change})
    return 0


async def _update(call: Call, options: dict[str, str], free: list[str]) -> int:
    """Provision the zones in the file that do not exist. It removes nothing."""
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
    there = {machine.zone.role for machine in manta_zones(call)}
    for role in sorted(set(roles) - there):
        call.out(
            f'service "{role}"\n  cn "{call.site.datacenter.server_uuid}":\n    provision (image {_image(role)})\n'
        )
        await manta.deploy_zone(call.lab, call.site, role, application["owner_uuid"])
    return 0


# ---- manta-oneach
