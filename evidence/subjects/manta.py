"""Manta's own values: poseidon, its application, the shards that it names and who serves them, and what lower levels of SAPI hide.

manta-shardadm writes INDEX_MORAY_SHARDS as a list of objects with a `host`, of which the last has `last: true`. Templates put a comma
behind each shard but that one, so a `last` elsewhere, or none, makes files that are no JSON. A moray that manta-adm deploys has the name of
its shard as SERVICE_NAME, `SHARD.moray.DOMAIN_NAME`. Sources: sdc-manta:cmd/manta-shardadm.js, lib/deploy.js;
electric-moray:sapi_manifests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evidence.fact import Missing, OutOfSight
from evidence.inventory.model import DNS_NAME
from evidence.model import MantaService, SapiObject
from evidence.subjects.datacenter import OLDER, Datacenter
from evidence.subjects.levels import INSTANCE, SERVICE, Override, renders_alike
from evidence.subjects.questions import OF_DATACENTER
from evidence.subjects.triton import MUSKIE_CONFIG, SHARDED
from evidence.subjects.world import Region
from evidence.subjects.zone import Zone

DOMAIN: Final = "DOMAIN_NAME"
REGION: Final = "REGION"
DNS: Final = "DNS_DOMAIN"
INDEX: Final = "INDEX_MORAY_SHARDS"
MULTI_DC: Final = "MUSKIE_MULTI_DC"
STORAGE: Final = "STORAGE_MORAY_SHARD"
NEEDED: Final = (INDEX, STORAGE)
"""Without these nothing can be deployed (sdc-manta:lib/deploy.js checkShardConfigs)."""


@dataclass(frozen=True)
class Wrong:
    """A value of Manta's that cannot be right: under which key, and what is wrong with it."""

    key: str
    why: str


def poseidon(master: Datacenter) -> str:
    """The uuid of poseidon on the master.  It is the right one."""
    uuids = {account.uuid for ufds in master.zones("ufds") for account in ufds.poseidons}
    if len(uuids) != 1:
        raise Missing(master.name, "the account poseidon", "ldapsearch login=poseidon", f"there are {len(uuids)}")
    return uuids.pop()


def application(region: Region) -> SapiObject:
    """poseidon's application manta at the master."""
    master = region.world.master
    right = poseidon(master)
    found = [each for each in master.manta_applications if each.owner_uuid == right]
    if len(found) != 1:
        why = f"{len(found)} applications called manta belong to poseidon ({right})"
        raise Missing(region.name, "Manta's application", "sdc-sapi '/applications?name=manta'", why)
    return found[0]


def services(region: Region) -> tuple[MantaService, ...]:
    """The services of that application."""
    master, uuid = region.world.master, application(region).uuid
    if master.evidence.manta_services is None:
        question = OF_DATACENTER["manta_services"]
        raise OutOfSight(master.id, question.asked, question.how, OLDER)
    return tuple(each for each in master.manta_services if each.application_uuid == uuid)


def served(found: tuple[MantaService, ...], key: str) -> frozenset[str]:
    """The shards that instances of SAPI serve, of the kind that a setting names."""
    names = (
        instance.metadata.values.get("SERVICE_NAME")
        for service in found
        for instance in service.instances
        if service.name == SHARDED[key]
    )
    return frozenset(_plain(name) for name in names if isinstance(name, str) and name)


def served_if_known(region: Region, key: str) -> frozenset[str]:
    """The same; nothing where SAPI's instances are not known."""
    try:
        return served(services(region), key)
    except Missing:
        return frozenset()


def domain(region: Region) -> str:
    """Manta's domain: the one under which its instances serve shards, or else the region's, of which manta-init makes it.

    A region may have been renamed after Manta was deployed; Manta goes on under its old name.
    """
    told = ((kind, name) for key, kind in SHARDED.items() for name in served_if_known(region, key))
    names = {name.partition(f".{kind}.")[2] for kind, name in told} - {""}
    return names.pop() if len(names) == 1 else f"{region.name}.{region.world.master.dns_domain}".lower()


def wrong_values(region: Region, values: Mapping[str, Any]) -> tuple[Wrong, ...]:
    """What is wrong with the domain and the shards that Manta's application names, without asking who serves them."""
    right = domain(region)
    found = [Wrong(key, "it is not set") for key in NEEDED if values.get(key) in (None, "", [])]
    for key in SHARDED:
        if values.get(key) not in (None, "", []):
            found += _wrong(key, values[key], right)
    found += [
        Wrong(key, f"it is {values[key]!r}, and Manta's domain is {right}")
        for key, value in parts(region, values).items()
        if values.get(key) and _plain(str(values[key])) != value
    ]
    return tuple(found)


def parts(region: Region, values: Mapping[str, Any]) -> dict[str, str]:
    """What must stand in the settings of which manta-adm makes the names of instances: Manta's domain, and its two parts."""
    right = domain(region)
    own, rest = (_plain(str(values.get(key) or "")) for key in (REGION, DNS))
    if right.startswith(f"{own}."):
        return {DOMAIN: right, REGION: own, DNS: right.removeprefix(f"{own}.")}
    if right.endswith(f".{rest}"):
        return {DOMAIN: right, REGION: right.removesuffix(f".{rest}"), DNS: rest}
    return {DOMAIN: right, REGION: region.name.lower(), DNS: right.removeprefix(f"{region.name.lower()}.")}


def unserved(region: Region, values: Mapping[str, Any]) -> tuple[Wrong, ...]:
    """The shards that nobody serves. Before the first instance of a service is deployed, none can be said to be missing."""
    found, known = [], services(region)
    for key in SHARDED:
        there = served(known, key)
        for host in shards(values.get(key)):
            if there and host not in there:
                found.append(Wrong(key, f"no instance of {SHARDED[key]} serves {host} (they serve {_all(there)})"))
    return tuple(found)


def mended(region: Region, values: Mapping[str, Any], key: str) -> Any:
    """The value of a setting of shards as manta-shardadm would write it: each shard once, in their order, and of Manta's domain."""
    kind, right = SHARDED[key], domain(region)
    whole = (
        f"{host.partition(f'.{kind}')[0]}.{kind}.{right}" for host in shards(values.get(key)) if f".{kind}" in host
    )
    named = {host: None for host in whole if not list(_misnamed(host, kind, right))}
    if key == STORAGE:
        return next(iter(named), None)
    value = values.get(key)
    marked = [each for each in value or () if each.get("readOnly")] if _objects(value) else []
    read_only = {_plain(str(each.get("host"))) for each in marked}
    return listed(tuple(named), frozenset(read_only))


def listed(hosts: tuple[str, ...], read_only: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """Shards in the form that manta-shardadm writes."""
    found: list[dict[str, Any]] = [{"host": host} | ({"readOnly": True} if host in read_only else {}) for host in hosts]
    if found:
        found[-1]["last"] = True
    return found


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def shards(value: Any) -> tuple[str, ...]:
    """The names of the shards in a value, in order, of whatever shape it is. What has no name is left out."""
    items = value if isinstance(value, list) else [value]
    hosts = (each.get("host") if isinstance(each, dict) else each for each in items)
    return tuple(_plain(host) for host in hosts if isinstance(host, str) and host)


def _wrong(key: str, value: Any, right: str) -> Iterator[Wrong]:
    if key == STORAGE and not isinstance(value, str):
        yield Wrong(key, "it is no text, but must be the name of one shard")
    elif key != STORAGE and not isinstance(value, list):
        yield Wrong(key, "it is no list of objects")
    elif key != STORAGE and not (_objects(value) and len(shards(value)) == len(value)):
        yield Wrong(key, "not each of its shards has a host")
    else:
        yield from (Wrong(key, why) for host in shards(value) for why in _misnamed(host, SHARDED[key], right))
        yield from (
            Wrong(key, f"it names {host} {count} times") for host, count in Counter(shards(value)).items() if count > 1
        )
        if isinstance(value, list) and [bool(each.get("last")) for each in value] != [
            *[False] * (len(value) - 1),
            True,
        ]:
            yield Wrong(
                key, f"{_last(value)} has `last`, and only the last shard must: templates put no comma behind it"
            )


def _misnamed(host: str, kind: str, right: str) -> Iterator[str]:
    if not DNS_NAME.fullmatch(host):
        yield f"{host!r} is no DNS name"
    elif not host.endswith(f".{kind}.{right}"):
        yield f"{host} does not end in .{kind}.{right}"


def _last(value: list[Any]) -> str:
    return _all(frozenset(str(each.get("host")) for each in value if each.get("last"))) or "none of them"


def _plain(host: str) -> str:
    """A DNS name in one spelling: a final dot and capitals do not matter."""
    return host.removesuffix(".").lower()


def _all(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def overrides(region: Region) -> tuple[Override, ...]:
    """The settings of Manta's application that one of its services or instances sets otherwise than the level above. Raises Missing."""
    top, found = application(region).metadata.values, list[Override]()
    for service in services(region):
        middle = service.metadata.values
        own = SapiObject(service.uuid, service.name, service.metadata)
        found += _hiding(SERVICE, own, middle, top)
        for instance in service.instances:
            found += _hiding(INSTANCE, instance, instance.metadata.values, top | middle)
    return tuple(found)


def told_at_its_zone(region: Region, found: Override) -> bool:
    """Whether a hidden MUSKIE_MULTI_DC shows in the file of one webapi zone, whose own check tells it."""
    if (found.level, found.key) != (INSTANCE, MULTI_DC):
        return False
    return any(_shows(zone, found.target.uuid) for dc in region.with_manta for zone in dc.zones("webapi"))


def _shows(webapi: Zone, uuid: str) -> bool:
    try:
        return webapi.vm.uuid == uuid and MUSKIE_CONFIG in webapi.files
    except Missing:
        return False


def _hiding(level: str, target: SapiObject, values: Mapping[str, Any], above: Mapping[str, Any]) -> Iterator[Override]:
    for key, value in values.items():
        if key in above and not renders_alike(key, value, above[key]):
            yield Override(level, target, key, value, above[key])
