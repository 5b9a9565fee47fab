"""The zones of a datacenter on other servers than its head node, and how to enter them.

This works as in Triton's own tools. VMAPI lists the zones of all servers (sdcadm:lib/sdcadm.js, listInsts). CNAPI lists the servers with
their sysinfo, which holds their admin addresses. `ssh ADDRESS "zlogin ZONE …"` on the head node enters a zone
(sdc-headnode:tools/bin/sdc-login). This ssh asks nothing and writes nothing. It refuses a host key that the head node does not know.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from evidence.collect import parse, services
from evidence.collect.draft import Draft
from evidence.collect.unanswered import UnansweredError
from evidence.headnode import Server
from evidence.model import Vm
from evidence.subjects.triton import ADMIN_UUID, MANTA_ROLES

PATIENCE: Final = 5.0
"""Everything else waits for the list of zones, so VMAPI gets less time than other services."""
SSH: Final = (
    "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/root/.ssh/known_hosts -o ConnectTimeout=5"
)
AGENTS: Final = "svcs -H -o state,fmri net-agent ur"
SSH_FAILED: Final = 255
"""The exit status of ssh itself."""


async def zones(draft: Draft, found: dict[str, Vm], ask: services.Services) -> dict[str, Vm]:
    """The zones of the head node, and those that only VMAPI knows. If VMAPI does not answer, a check of its own says so."""
    try:
        where = _vmapi(draft, found)
    except UnansweredError:
        return found
    wanted = [("smartdc_role", f"owner_uuid={ADMIN_UUID}")]
    wanted += [("manta_role", f"tag.manta_role={role}") for role in MANTA_ROLES if draft.manta]
    asked = [ask.read(where, f"/vms?state=active&{which}", "VMAPI", PATIENCE) for _, which in wanted]
    info = draft.facts.get("sysinfo")
    here = info.value.uuid if info is not None and info.value is not None else ""
    for (tag, _), text in zip(wanted, await asyncio.gather(*asked, return_exceptions=True), strict=True):
        if isinstance(text, str):
            try:
                found = parse.vms(text, tag=tag, besides=found, elsewhere=True).value
            except parse.UnreadableError:
                continue
    return {alias: vm for alias, vm in found.items() if not vm.server or vm.server != here}


def _vmapi(draft: Draft, found: Mapping[str, Vm]) -> str:
    """The address of VMAPI's zone on the head node, or else VMAPI's name."""
    here = [vm for vm in found.values() if vm.role == "vmapi" and vm.state == "running"]
    if here:
        return services.address(here[0])
    settings = draft.values("usbkey")
    if not settings.get("dns_domain"):
        raise UnansweredError("it is not known where VMAPI is")
    return f"vmapi.{settings.get('datacenter_name', draft.name)}.{settings['dns_domain']}"


def servers(text: str) -> dict[str, Server]:
    """CNAPI's /servers?extras=sysinfo, by uuid."""
    found = {}
    for item in parse.json_list(text, "CNAPI's answer"):
        read = parse.an_object(item, "a server")
        uuid, hostname = (parse.text_of(read, key, "a server", "") for key in ("uuid", "hostname"))
        found[uuid] = Server(hostname or uuid, _admin_address(read.get("sysinfo")))
    return dict(sorted(found.items()))


def _admin_address(sysinfo: Any) -> str:
    """The address of the NIC named admin, as sdcadm finds it.  Empty if there is none."""
    if not isinstance(sysinfo, dict) or not isinstance(sysinfo.get("Network Interfaces"), dict):
        return ""
    nics = [nic for nic in sysinfo["Network Interfaces"].values() if isinstance(nic, dict)]
    named = [nic.get("ip4addr") for nic in nics if "admin" in (nic.get("NIC Names") or ())]
    return next((each for each in named if isinstance(each, str) and _is_address(each)), "")


def _is_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 4
    except ValueError:
        return False


def server_of(draft: Draft, vm: Vm) -> Server:
    """The server of a zone.  Raises UnansweredError if its address is not known."""
    fact = draft.facts.get("servers")
    known: Mapping[str, Server] = fact.value or {} if fact is not None else {}
    found = known.get(vm.server)
    if found is None:
        raise UnansweredError(f"CNAPI does not say where that is: {draft.why('servers')}")
    if not found.address:
        raise UnansweredError("CNAPI knows no admin address of it")
    return found
