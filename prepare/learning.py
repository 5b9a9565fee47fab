"""What one head node knows of its coupling: asked as in a run, read-only, and kept only where it has the form of what it stands for."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from evidence.collect import directory, ldap, parse, services
from evidence.collect.ssh import HeadNode
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import DNS_NAME, ID, Timeouts
from evidence.model import Vm
from evidence.redact import Vault, fingerprint_key
from evidence.subjects.questions import MANTA_VMADM
from evidence.subjects.triton import UUID
from prepare.asking import answer

UFDS, CLOUDAPI, ITSELF = "UFDS", "cloudapi's list", "the head node"
SAPI_SDC = "/applications?name=sdc"
MOST = 64
"""So many datacenters are taken from what one of them says."""


@dataclass
class Place:
    """A datacenter that was named: its region, where it was named, its resolvers."""

    region: str = ""
    told_by: list[str] = field(default_factory=list)
    resolvers: list[str] = field(default_factory=list)


@dataclass
class Learnt:
    """What was learnt.  `headnode` is what was typed; `gaps` says what was not learnt, and why."""

    headnode: str
    name: str = ""
    master: str = ""
    master_address: str = ""
    domain: str = ""
    alone: bool = False
    manta: bool | None = None
    places: dict[str, Place] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    def place(self, name: object, told_by: str, region: object = "", resolver: object = "") -> None:
        """Take in a datacenter; one whose name cannot stand in an inventory is a gap."""
        if not _is_id(name):
            self.gaps.append(
                f"{told_by} names a datacenter {shown(name)}, and no inventory can: letters, digits, - and _ alone"
            )
            return
        if name not in self.places and len(self.places) >= MOST:
            return
        one = self.places.setdefault(str(name), Place())
        one.told_by += [told_by] if told_by not in one.told_by else []
        one.region = one.region or (str(region) if _is_id(region) else "")
        address = _address(resolver)
        one.resolvers += [address] if address and address not in one.resolvers else []


async def learn(head: HeadNode, headnode: str, timeouts: Timeouts) -> Learnt:
    """Ask everything.  Raises UnansweredError where not even the datacenter's name is known."""
    found, vault = Learnt(headnode), Vault(fingerprint_key())
    usbkey = await _configuration(head, found)
    seen = parse.sysinfo(await answer(head, "sysinfo"))
    found.name = next((str(each) for each in (seen.datacenter_name, usbkey.get("datacenter_name")) if _is_id(each)), "")
    if not found.name:
        raise UnansweredError(
            f"it says no name of a datacenter ({shown(seen.datacenter_name)}): is it a head node that was set up?"
        )
    found.place(found.name, ITSELF, usbkey.get("region_name"))
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="learn") as threads:
        asked = services.Services(head, timeouts, threads, vault)
        try:
            zones = parse.vms(await answer(head, "zones")).value
        except (UnansweredError, parse.UnreadableError) as error:
            zones = {}
            found.gaps.append(f"its zones are not known: {error}")
        metadata = await _sapi(asked, zones, found)
        try:
            await _ufds(asked, zones, services.root_of(metadata, usbkey), found)
        finally:
            await asked.end()
    await _manta(head, found)
    _who_is_master({**usbkey, **metadata}, found)
    return found


async def _configuration(head: HeadNode, found: Learnt) -> Mapping[str, Any]:
    try:
        return parse.json_object(await answer(head, "usbkey"), "the configuration")
    except (UnansweredError, parse.UnreadableError) as error:
        found.gaps.append(f"/usbkey/config is not known: {error}")
        return {}


def _zone(zones: Mapping[str, Vm], role: str) -> str:
    """The admin address of a role's zone.  Raises UnansweredError."""
    for _, vm in sorted(zones.items()):
        if vm.role == role:
            return services.address(vm)
    raise UnansweredError(f"no zone {role} is there")


async def _sapi(asked: services.Services, zones: Mapping[str, Vm], found: Learnt) -> Mapping[str, Any]:
    """SAPI's metadata of sdc, and whose moray it asks; the datacenters in cloudapi's list; whether Manta is there."""
    known: dict[str, Any] = {}
    try:
        host = _zone(zones, "sapi")
        listed = parse.json_list(await asked.read(host, SAPI_SDC, "SAPI"), "SAPI's answer")
        sdc = _named(listed, "sdc")
        known |= _metadata(sdc)
        if UUID.fullmatch(str(sdc.get("uuid"))):
            text = await asked.read(host, f"/services?application_uuid={sdc['uuid']}", "SAPI")
            own = parse.json_list(text, "SAPI's answer")
            _cloudapi(_metadata(_named(own, "cloudapi")), found)
            known |= {key: value for key, value in _metadata(_named(own, "sapi")).items() if key == "MASTER_MORAY_IP"}
        manta = parse.json_list(await asked.read(host, "/applications?name=manta", "SAPI"), "SAPI's answer")
        found.manta = True if manta else None
    except (UnansweredError, parse.UnreadableError) as error:
        found.gaps.append(f"SAPI did not say all: {error}")
    return known


def _named(listed: Iterable[object], name: str) -> Mapping[str, Any]:
    return next((each for each in listed if isinstance(each, dict) and each.get("name") == name), {})


def _metadata(item: object) -> Mapping[str, Any]:
    known = item.get("metadata") if isinstance(item, dict) else None
    return known if isinstance(known, dict) else {}


def _cloudapi(metadata: Mapping[str, Any], found: Learnt) -> None:
    """The keys of CLOUDAPI_DATACENTERS, a JSON text."""
    text = metadata.get("CLOUDAPI_DATACENTERS")
    try:
        listed = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        listed = {}
    for name in sorted(listed) if isinstance(listed, dict) else ():
        found.place(name, CLOUDAPI)


async def _ufds(asked: services.Services, zones: Mapping[str, Vm], root: services.Root | None, found: Learnt) -> None:
    """The datacenters that its UFDS has: all on a master, on a replica those of its own region."""
    try:
        if root is None:
            raise UnansweredError("neither SAPI nor /usbkey/config has its root password")
        reply = await asked.ufds(_zone(zones, "ufds"), root, (directory.EVERYWHERE,))
        if not reply.bound or reply.found[0].why:
            raise UnansweredError(reply.detail or reply.found[0].why)
    except (UnansweredError, parse.UnreadableError) as error:
        found.gaps.append(f"UFDS did not say which datacenters there are: {error}")
        return
    _registered(reply.found[0].entries, found)


def _registered(entries: Iterable[ldap.Entry], found: Learnt) -> None:
    for entry in entries:
        name = entry.first("datacenter")
        if name:
            found.place(name, UFDS, entry.first("region"), entry.first("ip"))


async def _manta(head: HeadNode, found: Learnt) -> None:
    """Only SAPI's master has Manta's application; elsewhere its zones show it."""
    output = await head.run(MANTA_VMADM) if found.manta is None else None
    if output is not None and output.code == 0 and not output.why:
        try:
            found.manta = bool(parse.json_list(output.text, "vmadm's answer"))
        except parse.UnreadableError:
            found.manta = None


def _who_is_master(known: Mapping[str, Any], found: Learnt) -> None:
    """Itself, or the one whose moray its SAPI asks, or the only other one; or nobody knows."""
    domain = known.get("dns_domain")
    found.domain = domain if isinstance(domain, str) and DNS_NAME.fullmatch(domain) else ""
    found.master_address = _address(known.get("ufds_remote_ip"))
    others = [name for name in found.places if name != found.name]
    if not found.master_address:
        found.master, found.alone = found.name, not others
        return
    named = str(known.get("MASTER_MORAY_IP") or "").split(".")
    if named[0] == "moray" and len(named) > 2 and _is_id(named[1]):
        found.place(named[1], "SAPI's MASTER_MORAY_IP")
        found.master = named[1]
    elif len(others) == 1:
        found.master = others[0]


def _is_id(text: object) -> bool:
    return isinstance(text, str) and len(text) <= MOST and ID.fullmatch(text) is not None


def _address(text: object) -> str:
    try:
        return str(ipaddress.ip_address(text)) if isinstance(text, str) else ""
    except ValueError:
        return ""


def shown(value: object) -> str:
    """What was said, for a sentence or a comment: ASCII, on one line, short."""
    return ascii(value)[:80]
