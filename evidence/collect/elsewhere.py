"""The servers of a datacenter besides its head node, and how their zones are entered.

It is done as by Triton's own tools.  CNAPI lists the servers with their sysinfo, which holds their admin addresses.
`ssh ADDRESS "zlogin ZONE …"` on the head node enters a zone (sdc-headnode:tools/bin/sdc-login).  This ssh asks nothing and writes
nothing.  It refuses a host key that the head node does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any, Final

from msgspec.structs import replace

from evidence.collect import parse
from evidence.collect.draft import Draft
from evidence.collect.ssh import Output
from evidence.collect.unanswered import UnansweredError
from evidence.headnode import Server
from evidence.model import Network, Vm
from evidence.redact import Vault, cut
from evidence.subjects.network.routes import address_in, subnet
from evidence.subjects.triton import ABSENT

SSH: Final = (
    "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/root/.ssh/known_hosts -o ConnectTimeout=5"
)
AGENTS: Final = "svcs -H -o state,fmri net-agent ur"
SSH_FAILED: Final = 255
"""The exit status of ssh itself."""
_ADMIN: Final = re.compile(r"admin(_rack_[A-Za-z0-9_-]+)?")
_STATE: Final = re.compile(r"^([a-z]{1,20})\*?\s+svc:/smartdc/agent/(net-agent|ur):default\s*$", re.MULTILINE)


def servers(text: str) -> parse.Rows[dict[str, Server]]:
    """CNAPI's /servers?extras=sysinfo, by uuid."""
    rows = parse.each(parse.json_list(text, "CNAPI's answer"), _server)
    return parse.Rows(dict(sorted(rows.value)), rows.unread)


def _server(item: Any) -> tuple[str, Server]:
    read = parse.an_object(item, "a server")
    uuid, hostname = (parse.text_of(read, key, "a server", "") for key in ("uuid", "hostname"))
    return uuid, Server(hostname or uuid, _admin_address(read.get("sysinfo")))


def _admin_address(sysinfo: Any) -> str:
    """The address of the NIC named admin, as sdcadm finds it.  Empty if there is none."""
    if not isinstance(sysinfo, dict) or not isinstance(sysinfo.get("Network Interfaces"), dict):
        return ""
    nics = [nic for nic in sysinfo["Network Interfaces"].values() if isinstance(nic, dict)]
    named = [
        nic.get("ip4addr") for nic in nics if isinstance(nic.get("NIC Names"), list) and "admin" in nic["NIC Names"]
    ]
    return next((each for each in named if isinstance(each, str) and address_in(each) is not None), "")


def admin_networks(draft: Draft, networks: Iterable[Network]) -> tuple[IPv4Network, ...]:
    """The admin networks of a datacenter: that of its head node's configuration, and NAPI's, of which each rack may have one."""
    own = draft.values("usbkey")
    told = [f"{own.get('admin_network')}/{own.get('admin_netmask')}"]
    told += [each.subnet for each in networks if _ADMIN.fullmatch(each.name)]
    return tuple(net for each in told if (net := subnet(each)) is not None and net.prefixlen)


def lies_in(address: str | None, networks: Iterable[IPv4Network]) -> bool:
    found = address_in(address or "")
    return found is not None and any(found in net for net in networks)


def inside(server: Server, networks: tuple[IPv4Network, ...]) -> Server:
    """The server; without its address, and with the reason, if that is in none of the admin networks."""
    if not server.address:
        return replace(server, why="CNAPI knows no admin address of it")
    if lies_in(server.address, networks):
        return server
    why = f"CNAPI gives it the address {server.address}, which is in none of the datacenter's admin networks"
    return replace(server, address="", why=why)


def agents(output: Output, vault: Vault) -> dict[str, Any]:
    """What is known of a server's agents by what `svcs` printed there: their states, or why they are not known."""
    states = {agent: state for state, agent in _STATE.findall(output.text)}
    said = vault.scrub(cut(" ".join(output.stderr.split())[:200]))
    if output.code == SSH_FAILED and not output.stdout.strip():
        return {"closed": True, "why": said}
    if not states and (output.code not in (0, 1) or "match any instances" not in output.stderr):
        ended = output.why or f"failed with exit status {output.code}"
        return {"why": f"`svcs` on the server {ended}" + (f": {said}" if said else "")}
    return {"net_agent": states.get("net-agent", ABSENT), "ur": states.get("ur", ABSENT)}


def server_of(draft: Draft, vm: Vm) -> Server:
    """The server of a zone.  Raises UnansweredError if its address is not known."""
    fact = draft.facts.get("servers")
    known: Mapping[str, Server] = fact.value or {} if fact is not None else {}
    found = known.get(vm.server)
    if found is None:
        raise UnansweredError(_unlisted(draft))
    if not found.address:
        raise UnansweredError(found.why)
    return found


def _unlisted(draft: Draft) -> str:
    fact = draft.facts.get("servers")
    if fact is None or fact.value is None:
        return f"CNAPI does not say where that is: {draft.why('servers')}"
    return "CNAPI lists no such server" + (f"; {fact.unread} of its rows cannot be read" if fact.unread else "")
