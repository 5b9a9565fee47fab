"""The servers of a datacenter, by uuid: what they are called, and whether net-agent runs there."""

from __future__ import annotations

from evidence.fact import Missing
from evidence.headnode import Server
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.questions import HEAD_NODE, OF_DATACENTER
from evidence.subjects.triton import ABSENT, NET_AGENT

HERE = ""
"""The head node among the servers."""
NO_ADDRESS = "CNAPI knows no admin address of it"


def net_agents(datacenter: Datacenter) -> dict[str, str]:
    """The state of net-agent by the uuid of the server, where it is known.  A pass needs need_servers, too."""
    own = next((each.state for each in datacenter.global_services if each.fmri == NET_AGENT), ABSENT)
    return {HERE: own} | {uuid: each.net_agent for uuid, each in _known(datacenter).items() if each.net_agent}


def need_servers(datacenter: Datacenter) -> None:
    """Raise Missing if core zones are on a server of which nothing is known.  One that ssh does not get to is told, and no gap."""
    zones = datacenter.evidence.zones.value or {}
    for uuid in sorted({zone.vm.server for zone in zones.values() if zone.vm.server and not zone.vm.unread}):
        found = _server(datacenter, uuid)
        if not found.net_agent and not found.closed and (found.why or not found.address):
            what = f"the agents of server {server_name(datacenter, uuid)}"
            raise Missing(datacenter.id, what, OF_DATACENTER["servers"].how, found.why or NO_ADDRESS)


def _server(datacenter: Datacenter, uuid: str) -> Server:
    found = datacenter.servers.known().get(uuid)
    if found is None:
        datacenter.servers.need_all()
        raise Missing(datacenter.id, f"server {uuid}", OF_DATACENTER["servers"].how, "CNAPI lists no such server")
    return found


def server_name(datacenter: Datacenter, uuid: str) -> str:
    """What a server is called, with its uuid where that is not its name alone."""
    if uuid == HERE:
        return HEAD_NODE
    known = _known(datacenter)
    name = known[uuid].hostname if uuid in known else ""
    names = [HEAD_NODE, *(each.hostname for each in known.values())]
    return name if name and names.count(name) == 1 else f"{name} ({uuid})".strip()


def _known(datacenter: Datacenter) -> dict[str, Server]:
    fact = datacenter.evidence.servers
    return (fact.value or {}) if fact is not None else {}
