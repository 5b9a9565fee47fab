"""What head nodes and services print → the model.  Pure: no I/O, no judgement.

Everything here may be hostile.  What cannot be read raises UnreadableError with a sentence for the operator, nothing
else does; what is not asked for is dropped.  Source: facts, "Exact forms".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NoReturn

from msgspec.structs import replace

from evidence.inventory.model import ID
from evidence.model import FirewallRule, HealthcheckRow, HealthRow, Network, Nic, Service, SysInfo, Vm
from evidence.redact import cut
from evidence.subjects.triton import MANTA_ROLES, ROLES, UUID

MOST = 10_000
ROLE_TAGS = ("smartdc_role", "manta_role")
NO_SERVER = "unknown"
"""Where a VM is that is still to be placed."""


class UnreadableError(Exception):
    """An answer came and cannot be used.  Its text says why, without quoting it at length."""


def json_value(text: str) -> Any:
    """Any JSON value; NaN and Infinity, which are no JSON, are refused like everything else that is none."""
    if not text.strip():
        raise UnreadableError("the answer is empty, where JSON was expected")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise UnreadableError("the answer is JSON nested too deeply to be read") from None
    except ValueError:
        raise UnreadableError(f"the answer is not JSON; it begins with {_shown(text)}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _shown(text: str) -> str:
    start = " ".join(text[:200].split())[:60]
    return json.dumps(start)


def json_object(text: str, what: str = "the answer") -> dict[str, Any]:
    return an_object(json_value(text), what)


def json_list(text: str, what: str = "the answer") -> list[Any]:
    value = json_value(text)
    if not isinstance(value, list):
        raise UnreadableError(f"{what} is {_kind(value)}, where a list was expected")
    if len(value) > MOST:
        raise UnreadableError(f"{what} has {len(value)} elements; more than {MOST} are not read")
    return value


def an_object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableError(f"{what} is {_kind(value)}, where an object was expected")
    return value


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def text_of(read: Mapping[str, Any], key: str, what: str, default: str | None = None) -> str:
    """The text under a key; without a default it must be there."""
    value = read.get(key, default)
    if value is None:
        if default is None:
            raise UnreadableError(f"{what} has no {key}")
        return default
    if not isinstance(value, str):
        raise UnreadableError(f"{what} has {_kind(value)} as {key}, where text was expected")
    return cut(value)


def _flag(read: Mapping[str, Any], key: str) -> bool:
    return read.get(key) is True


def _texts(value: Any, what: str) -> dict[str, str]:
    """A flat object of texts (routes); absent is empty."""
    if value is None:
        return {}
    read = an_object(value, what)
    if not all(isinstance(item, str) for item in read.values()):
        raise UnreadableError(f"{what} holds something else than text")
    return {cut(key): cut(item) for key, item in sorted(read.items())[:MOST]}


def sysinfo(text: str) -> SysInfo:
    """`sysinfo`.  "Boot Parameters".headnode is the text "true" on a head node, and absent elsewhere."""
    read = json_object(text, "sysinfo")
    boot = an_object(read.get("Boot Parameters", {}), 'sysinfo\'s "Boot Parameters"')
    name = text_of(read, "Datacenter Name", "sysinfo", "")
    return SysInfo(
        headnode=boot.get("headnode") in ("true", True),
        datacenter_name=name or None,
        uuid=text_of(read, "UUID", "sysinfo", ""),
        admin_ip=text_of(read, "Admin IP", "sysinfo", ""),
    )


def vms(
    text: str, *, tag: str = "smartdc_role", besides: Mapping[str, Vm] = MappingProxyType({}), elsewhere: bool = False
) -> dict[str, Vm]:
    """`vmadm lookup -j`: the core zones by alias, or (tag "manta_role") Manta's, `besides` those that are known.

    `elsewhere`: VMAPI's /vms, which is much the same, and lists those on other servers too.

    An alias that cannot be part of a subject's id, or that two zones have, is replaced by the role and the uuid's
    beginning (or all of it): no zone may vanish.
    """
    found: dict[str, Vm] = dict(besides)
    roles = MANTA_ROLES if tag == "manta_role" else ROLES
    for item in json_list(text, "vmadm's answer"):
        read = an_object(item, "a VM")
        tags = an_object(read.get("tags", {}), "the tags of a VM")
        role = tags.get(tag)
        if role not in roles:
            continue
        vm = _vm(read, str(role))
        if elsewhere and any(vm.uuid == known.uuid for known in besides.values()):
            continue
        if elsewhere:
            vm = replace(vm, server=text_of(read, "server_uuid", "a VM", "") or NO_SERVER)
        alias = vm.alias
        if not ID.fullmatch(alias) or alias in found:
            alias = f"{vm.role}-{vm.uuid[:8]}"
        if alias in found:
            alias = f"{vm.role}-{vm.uuid}"
        found[alias] = replace(vm, alias=alias)
    return found


def _vm(read: Mapping[str, Any], role: str) -> Vm:
    what = "a VM"
    uuid = text_of(read, "uuid", what)
    if not UUID.fullmatch(uuid):
        raise UnreadableError(f"a VM has {_shown(uuid)} as uuid")
    nics = read.get("nics", [])
    if not isinstance(nics, list) or len(nics) > 64:
        raise UnreadableError("the nics of a VM are not a list of a few NICs")
    return Vm(
        uuid=uuid,
        alias=text_of(read, "alias", what, ""),
        role=role,
        state=text_of(read, "state", what),
        nics=tuple(_nic(an_object(nic, "a NIC")) for nic in nics),
        routes=_texts(read.get("routes"), "the routes of a VM"),
        firewall_enabled=_flag(read, "firewall_enabled"),
        owner_uuid=text_of(read, "owner_uuid", what, ""),
        tags=_tags(an_object(read.get("tags", {}), "the tags of a VM")),
    )


def _tags(read: Mapping[str, Any]) -> dict[str, str]:
    """The tags besides that of the role, as firewall rules write them: numbers and booleans as text."""
    plain = {key: item for key, item in read.items() if key not in ROLE_TAGS and isinstance(item, (str, bool, int))}
    texts = {key: item if isinstance(item, str) else json.dumps(item) for key, item in plain.items()}
    return {cut(key): cut(item) for key, item in sorted(texts.items())[:MOST]}


def _nic(read: Mapping[str, Any]) -> Nic:
    what = "a NIC"
    return Nic(
        ip=text_of(read, "ip", what, ""),
        nic_tag=text_of(read, "nic_tag", what, ""),
        netmask=text_of(read, "netmask", what, ""),
        gateway=text_of(read, "gateway", what, ""),
        network_uuid=text_of(read, "network_uuid", what, ""),
        primary=_flag(read, "primary"),
    )


def check_health(text: str) -> tuple[HealthRow, ...]:
    """`sdcadm check-health -j`."""
    rows = []
    for item in json_list(text, "check-health's answer"):
        read = an_object(item, "a row of check-health")
        errors = read.get("health_errors", [])
        if not isinstance(errors, list):
            raise UnreadableError("the health_errors of a row are not a list")
        healthy = read.get("healthy")
        kind, alias, service, server = (
            text_of(read, key, "a row of check-health", "") for key in ("type", "alias", "service", "hostname")
        )
        rows.append(
            HealthRow(
                instance=text_of(read, "instance", "a row of check-health", ""),
                healthy=healthy if isinstance(healthy, bool) else None,
                errors=tuple(
                    text_of(an_object(error, "an error"), "message", "an error", "") for error in errors[:100]
                ),
                kind=kind,
                name=alias or service,
                server=server,
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.instance, row.errors)))


def healthcheck(text: str) -> tuple[HealthcheckRow, ...]:
    """`sdc-healthcheck -p`: role:state:agent:status, one per line."""
    rows = []
    for line in text.splitlines()[:MOST]:
        parts = line.strip().split(":")
        if len(parts) == 4:
            role, state, agent, status = map(cut, parts)
            rows.append(HealthcheckRow(role, state, status, agent.removeprefix("-")))
        elif line.strip():
            raise UnreadableError(f"the line {_shown(line)} is not role:state:agent:status")
    if not rows:
        raise UnreadableError("the answer is empty")
    return tuple(sorted(rows, key=lambda row: (row.role, row.state, row.status, row.agent)))


def networks(text: str) -> dict[str, Network]:
    """NAPI's /networks by name; of two with one name the second goes by name and uuid."""
    found: dict[str, Network] = {}
    for item in json_list(text, "NAPI's answer"):
        read = an_object(item, "a network")
        owners = read.get("owner_uuids", [])
        if not isinstance(owners, list):
            raise UnreadableError("the owner_uuids of a network are not a list")
        network = Network(
            uuid=text_of(read, "uuid", "a network"),
            name=text_of(read, "name", "a network"),
            subnet=text_of(read, "subnet", "a network", ""),
            routes=_texts(read.get("routes"), "the routes of a network"),
            owner_uuids=tuple(sorted(cut(str(owner)) for owner in owners[:MOST])),
            gateway=text_of(read, "gateway", "a network", ""),
        )
        found[network.name if network.name not in found else f"{network.name} {network.uuid}"] = network
    return dict(sorted(found.items()))


def firewall_rules(text: str) -> tuple[FirewallRule, ...]:
    """FWAPI's /firewalls/vms/UUID (sdc-fwapi:docs/index.md, GetVMrules), sorted by uuid."""
    found = []
    for item in json_list(text, "FWAPI's answer"):
        read = an_object(item, "a firewall rule")
        uuid, rule = (text_of(read, key, "a firewall rule") for key in ("uuid", "rule"))
        found.append(FirewallRule(uuid, rule, _flag(read, "enabled")))
    return tuple(sorted(found, key=lambda each: each.uuid))


def images(text: str, name: str) -> tuple[str, ...]:
    """IMGAPI's /images: the uuids of the active ones of a name, sorted."""
    found = []
    for item in json_list(text, "IMGAPI's answer"):
        read = an_object(item, "an image")
        if text_of(read, "name", "an image", "") == name and text_of(read, "state", "an image", "active") == "active":
            found.append(text_of(read, "uuid", "an image"))
    return tuple(sorted(found))


def svcs(text: str) -> tuple[Service, ...]:
    """`svcs -aH -o state,stime,fmri`; a "*" behind the state (in transition) is taken off, legacy services left out."""
    found = []
    for line in text.splitlines()[:MOST]:
        if not line.strip():
            continue
        words = line.split()  # no pattern: one that allows for spaces takes for ever on a line of nothing else
        stime = " ".join(words[1:-1])
        if len(words) < 3 or len(stime) > 20 or not words[-1].startswith(("svc:/", "lrc:/")):
            raise UnreadableError(f"svcs printed {_shown(line)}, which is not state, time and FMRI")
        if words[-1].startswith("svc:/"):
            found.append(Service(fmri=cut(words[-1]), state=cut(words[0].rstrip("*"))))
    if not found:
        raise UnreadableError("svcs printed nothing")
    return tuple(sorted(found, key=lambda service: service.fmri))
