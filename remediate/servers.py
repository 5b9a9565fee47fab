"""Chapter: servers.  The agents of head nodes and compute nodes, and the instances that only Triton's health commands know."""

from __future__ import annotations

import re

from evidence.fact import Missing
from evidence.headnode import Server
from evidence.model import HealthRow
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import ABSENT, NEEDED_AGENTS, NET_AGENT
from remediate import typed
from remediate.actions.smf import Smf
from remediate.elsewhere import sent
from remediate.lookup import headnode
from remediate.registry import Advised, remedy
from remediate.shell import smf_log
from remediate.steps import DISRUPTIVE, RESTARTS, SAFE, Note, acting

AGENTS = "svc:/smartdc/agent/"


@remedy("net-agent-runs")
def run_net_agent(datacenter: Datacenter) -> Advised:
    """Save first the routes that NAPI does not know: net-agent removes them as soon as it runs (facts, hazard 1)."""
    doomed = sorted(set(_unknown_to_napi(datacenter)))
    if doomed:
        yield Note(
            f"When net-agent starts, it removes from the zones the routes that NAPI does not know: {', '.join(doomed)}. First put those "
            "that are needed into NAPI: see routes-are-durable."
        )
    for server, state in datacenter.net_agents.items():
        if state == ABSENT:
            yield Note(f"{server} has no net-agent at all: `sdcadm experimental update-agents` installs the agents.")
        elif state != "online":
            address = "" if server == "the head node" else _server(datacenter, server).address
            yield from _step(headnode(datacenter), NET_AGENT, state, address)


def _unknown_to_napi(datacenter: Datacenter) -> list[str]:
    known = {route for network in datacenter.networks.values() for route in network.routes.items()}
    zones = (datacenter.evidence.zones.value or {}).values()
    return [f"{to} via {via}" for zone in zones for to, via in zone.vm.routes.items() if (to, via) not in known]


def _server(datacenter: Datacenter, hostname: str) -> Server:
    """A compute node by its hostname.  Nobody asks for them if all core zones are on the head node.  Raises Missing."""
    found = [each for each in datacenter.servers.values() if each.hostname == hostname]
    if not found:
        raise Missing(datacenter.id, f"the address of {hostname}", "sdc-cnapi", "CNAPI lists no such server")
    return found[0]


def _step(on: str, fmri: str, state: str, address: str = "") -> Advised:
    """What makes an agent run again, on the head node or by ssh at an address.  Its log says why it stopped."""
    name, log = typed.fmri(fmri), f"its log: tail {smf_log(fmri)}"
    if state == "maintenance":
        why = f"SMF gave it up (maintenance). Read first why, {log}"
        step = acting(on, Smf("", "clear", (name,)), risk=RESTARTS, why=why)
    elif state == "disabled":
        # net-agent takes routes out of zones at its start; the note before says which.
        risk = DISRUPTIVE if fmri == NET_AGENT else SAFE
        step = acting(on, Smf("", "enable", (name,)), risk=risk, why=f"somebody disabled it; {log}")
    else:
        yield Note(f"{fmri} is {state}: it waits for another service, or is just starting; {log}")
        return
    yield sent(step, address) if address else step


@remedy("agents-run")
def run_agents(datacenter: Datacenter) -> Advised:
    """Start them again: on the head node by their state in SMF, on a compute node by what check-health says of them."""
    own = [each for each in datacenter.global_services if each.fmri.startswith(AGENTS) and each.fmri != NET_AGENT]
    for service in own:
        name = service.fmri.removeprefix(AGENTS).partition(":")[0]
        if service.state != "online" and (service.state != "disabled" or name in NEEDED_AGENTS):
            yield from _step(headnode(datacenter), service.fmri, service.state)
    for row in datacenter.check_health:
        unheard = row.server in datacenter.silent and row.name != "ur"
        if row.kind == "agent" and row.sick and not unheard and not datacenter.is_headnode(row):
            yield from _on_its_server(datacenter, row)
    yield Note("`svcs -vx`, typed on a server, says what else is wrong with its own services.")


def _on_its_server(datacenter: Datacenter, row: HealthRow) -> Advised:
    """The steps for an agent of a compute node, or a note where the way to it is not known."""
    try:
        server = _server(datacenter, row.server)
    except Missing:
        yield Note(
            f"{row.name} of {row.server}: `svcs -vx {row.name}`, typed on that server, says why it does not run."
        )
        return
    said = re.search(r"State: (disabled|maintenance)", row.said)
    state = server.ur if row.name == "ur" and not said else said[1] if said else "not online"
    if state == "online":
        yield Note(
            f"SMF says that {row.name} runs on {row.server}, but sdcadm gets no answer from it. Look at its log and at rabbitmq."
        )
    else:
        yield from _step(headnode(datacenter), f"{AGENTS}{row.name}:default", state, server.address)


@remedy("other-instances-are-healthy")
def look_at_the_others(datacenter: Datacenter) -> Advised:
    """Enter the zone and look: only check-health says anything about it."""
    known = {zone.vm.uuid for zone in (datacenter.evidence.zones.value or {}).values()}
    for row in datacenter.check_health:
        if row.kind == "vm" and row.instance not in known and row.sick:
            yield Note(
                f"{row.name}: `sdc-login {typed.uuid(row.instance)}` enters the zone on any server. There, `svcs -vx` says what does "
                "not run, and why."
            )
