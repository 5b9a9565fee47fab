"""Turns what head nodes and services print into the model. Pure: no I/O, no judgement.

Everything here may be hostile. What cannot be read raises UnreadableError with a sentence for the operator, and nothing else raises. What
nobody asked for is dropped. Source: facts, "Exact forms".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, NoReturn, TypeVar

from msgspec.structs import replace

from evidence.inventory.model import ID
from evidence.model import FirewallRule, Network, Nic, SysInfo, Vm
from evidence.redact import cut
from evidence.subjects.triton import MANTA_ROLES, ROLES, UUID

MOST = 10_000
UNREADABLE = "unreadable"
ROLE_TAGS = ("smartdc_role", "manta_role")
NO_SERVER = "unknown"
"""The server of a VM that is not placed yet."""


T = TypeVar("T")


@dataclass(frozen=True)
class Rows(Generic[T]):
    """The rows of a list that could be read, and a sentence for each row that could not. A bad row costs only itself."""

    value: T
    unread: tuple[str, ...] = ()


class UnreadableError(Exception):
    """An answer came but cannot be used. The message says why, without quoting it at length."""


def json_value(text: str) -> Any:
    """Any JSON value. NaN and Infinity are not JSON, so they are refused like everything else that is not JSON."""
    if not text.strip():
        raise UnreadableError("the answer is empty, where JSON was expected")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise UnreadableError("the answer is JSON nested too deeply to be read") from None
    except ValueError:
        raise UnreadableError(f"the answer is not JSON; it begins with {shown(text)}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def shown(text: str) -> str:
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


def each(items: Iterable[Any], read: Callable[[Any], T]) -> Rows[list[T]]:
    """What `read` makes of each item. If all items fail, the list itself is wrong: that raises UnreadableError."""
    found: list[T] = []
    unread: list[str] = []
    for item in items:
        try:
            found.append(read(item))
        except UnreadableError as error:
            unread.append(str(error))
    if unread and not found:
        raise UnreadableError(unread[0])
    return Rows(found, tuple(unread))


def an_object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableError(f"{what} is {_kind(value)}, where an object was expected")
    return value


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def text_of(read: Mapping[str, Any], key: str, what: str, default: str | None = None) -> str:
    """The text under a key. Without a default, the key must be there."""
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
    """A flat object of texts (routes); an absent one is empty."""
    if value is None:
        return {}
    read = an_object(value, what)
    if not all(isinstance(item, str) for item in read.values()):
        raise UnreadableError(f"{what} holds something else than text")
    return {cut(key): cut(item) for key, item in sorted(read.items())[:MOST]}


def sysinfo(text: str) -> SysInfo:
    """Read `sysinfo`. "Boot Parameters".headnode is the text "true" on a head node, and absent elsewhere."""
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
) -> Rows[dict[str, Vm]]:
    """Read `vmadm lookup -j`: the core zones by alias, or (with tag "manta_role") Manta's, which are not among `besides`.

    With `elsewhere` it reads VMAPI's /vms, which is much the same, but also lists VMs on other servers.

    If an alias cannot be part of a subject's id, or if two zones have it, the role and the beginning of the uuid (or all of it) take its
    place. So no zone vanishes.
    """
    found: dict[str, Vm] = dict(besides)
    listed = json_list(text, "VMAPI's answer" if elsewhere else "vmadm's answer")
    if elsewhere:
        known = {vm.uuid for vm in besides.values()}
        listed = [item for item in listed if not (isinstance(item, dict) and str(item.get("uuid")) in known)]
    rows = each(listed, lambda item: _vm_of(item, tag, elsewhere))
    for vm in filter(None, rows.value):
        alias = vm.alias
        if not ID.fullmatch(alias) or alias in found:
            alias = f"{vm.role}-{vm.uuid[:8] or 'unreadable'}"
        if alias in found:
            alias = f"{vm.role}-{vm.uuid or len(found)}"
        found[alias] = replace(vm, alias=alias)
    return Rows(found, rows.unread)


def _vm_of(item: Any, tag: str, elsewhere: bool) -> Vm | None:
    """A VM with one of the roles; None for any other. A VM that cannot be read is still there, with the reason."""
    read = an_object(item, "a VM")
    tags = an_object(read.get("tags") or {}, "the tags of a VM")
    role = tags.get(tag)
    if role not in (MANTA_ROLES if tag == "manta_role" else ROLES):
        return None
    server = (_plain(read, "server_uuid") or NO_SERVER) if elsewhere else ""
    try:
        return replace(_vm(read, str(role)), server=server)
    except UnreadableError as error:
        return Vm("", _plain(read, "alias"), str(role), UNREADABLE, server=server, unread=str(error))


def _plain(read: Mapping[str, Any], key: str) -> str:
    """The text under a key; empty if there is none."""
    found = read.get(key)
    return cut(found) if isinstance(found, str) else ""


def _vm(read: Mapping[str, Any], role: str) -> Vm:
    what = "a VM"
    uuid = text_of(read, "uuid", what)
    if not UUID.fullmatch(uuid):
        raise UnreadableError(f"a VM has {shown(uuid)} as uuid")
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
        tags=_tags(read.get("tags") or {}),
    )


def _tags(read: Mapping[str, Any]) -> dict[str, str]:
    """The tags other than that of the role, as firewall rules write them: numbers and booleans become text."""
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
        mac=text_of(read, "mac", what, ""),
    )


def networks(*pages: str) -> Rows[dict[str, Network]]:
    """Read NAPI's /networks, by name, without the fabrics of customers, whose names are unique only per owner.

    If two networks have the same name, the second goes by name and uuid.
    """
    found: dict[str, Network] = {}
    rows = each((item for text in pages for item in json_list(text, "NAPI's answer")), _network)
    for network in rows.value:
        if network is not None:
            found[network.name if network.name not in found else f"{network.name} {network.uuid}"] = network
    return Rows(dict(sorted(found.items())), rows.unread)


def _network(item: Any) -> Network | None:
    read = an_object(item, "a network")
    if read.get("fabric") is True:
        return None
    owners = read.get("owner_uuids") or []
    if not isinstance(owners, list):
        raise UnreadableError("the owner_uuids of a network are not a list")
    return Network(
        uuid=text_of(read, "uuid", "a network"),
        name=text_of(read, "name", "a network"),
        subnet=text_of(read, "subnet", "a network", ""),
        routes=_texts(read.get("routes"), "the routes of a network"),
        owner_uuids=tuple(sorted(cut(str(owner)) for owner in owners[:MOST])),
        gateway=text_of(read, "gateway", "a network", ""),
    )


def firewall_rules(text: str) -> Rows[tuple[FirewallRule, ...]]:
    """Read FWAPI's /firewalls/vms/UUID (sdc-fwapi:docs/index.md, GetVMrules), sorted by uuid."""
    rows = each(json_list(text, "FWAPI's answer"), _firewall_rule)
    return Rows(tuple(sorted(rows.value, key=lambda rule: rule.uuid)), rows.unread)


def _firewall_rule(item: Any) -> FirewallRule:
    read = an_object(item, "a firewall rule")
    uuid, rule = (text_of(read, key, "a firewall rule") for key in ("uuid", "rule"))
    return FirewallRule(uuid, rule, _flag(read, "enabled"))
