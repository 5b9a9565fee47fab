"""Chapter: servers.  The agents of head nodes and compute nodes, and what only Triton's health commands know."""

from __future__ import annotations

import re

from evidence.fact import Missing
from evidence.model import HealthRow
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import NET_AGENT
from remediate import typed
from remediate.elsewhere import over_ssh
from remediate.lookup import headnode
from remediate.registry import Advised, remedy
from remediate.shell import smf_log
from remediate.steps import RESTARTS, SAFE, Note, Step

AGENTS = "svc:/smartdc/agent/"


@remedy("net-agent-runs")
def run_net_agent(datacenter: Datacenter) -> Advised:
    """Routes that NAPI does not know go first: net-agent takes them out as soon as it runs (facts, hazard 1)."""
    state = next((each.state for each in datacenter.global_services if each.fmri == NET_AGENT), "")
    doomed = sorted(set(_unknown_to_napi(datacenter)))
    if doomed:
        yield Note(
            f"At its start net-agent takes out of the zones what NAPI does not know: {', '.join(doomed)}. Put first what is needed of "
            "these into NAPI: see routes-are-durable."
        )
    if not state:
        yield Note("The head node has no net-agent at all: `sdcadm experimental update-agents` installs the agents.")
    else:
        yield from _step(headnode(datacenter), NET_AGENT, state)


def _unknown_to_napi(datacenter: Datacenter) -> list[str]:
    known = {route for network in datacenter.networks.values() for route in network.routes.items()}
    zones = (datacenter.evidence.zones.value or {}).values()
    return [f"{to} via {via}" for zone in zones for to, via in zone.vm.routes.items() if (to, via) not in known]


def _step(on: str, fmri: str, state: str) -> Advised:
    """What brings an agent back; the reason why it went stands in its log."""
    name, log = typed.fmri(fmri), f"its log: tail {smf_log(fmri)}"
    if state == "maintenance":
        yield Step(on, f"svcadm clear {name}", RESTARTS, f"SMF gave it up (maintenance). Read first why, {log}")
    elif state == "disabled":
        yield Step(on, f"svcadm enable -s {name}", SAFE, f"somebody disabled it; {log}", undo=f"svcadm disable {name}")
    else:
        yield Note(f"{fmri} is {state}: it waits for another service, or is just starting; {log}")


@remedy("agents-run")
def run_agents(datacenter: Datacenter) -> Advised:
    """Those of the head node by their state in SMF; those of another server by what check-health says of them."""
    own = [each for each in datacenter.global_services if each.fmri.startswith(AGENTS) and each.fmri != NET_AGENT]
    for service in own:
        if service.state != "online":
            yield from _step(headnode(datacenter), service.fmri, service.state)
    for row in datacenter.check_health:
        if row.kind == "agent" and row.sick:
            yield from _on_its_server(datacenter, row)
    yield Note("What else is wrong with a server's own services, `svcs -vx` says there.")


def _on_its_server(datacenter: Datacenter, row: HealthRow) -> Advised:
    """An agent of a compute node; how to get there is known where core zones are."""
    try:
        address = next(each.address for each in datacenter.servers.values() if each.hostname == row.server)
    except (Missing, StopIteration):
        yield Note(f"{row.name} of {row.server}: on that server, `svcs -vx {row.name}` says why it does not run.")
        return
    info = datacenter.sysinfo
    if address == info.admin_ip:
        return
    fmri = typed.fmri(f"{AGENTS}{row.name}:default")
    state = re.search(r"State: (disabled|maintenance)", row.said)
    for said in _step(headnode(datacenter), fmri, state[1] if state else "not online"):
        if isinstance(said, Step):
            undo = over_ssh(address, said.undo) if said.undo else ""
            yield Step(said.on, over_ssh(address, said.run), said.risk, f"{said.why} (on {row.server})", undo=undo)
        else:
            yield said


@remedy("other-instances-are-healthy")
def look_at_the_others(datacenter: Datacenter) -> Advised:
    """Nothing is known of them but what check-health says."""
    known = {zone.vm.uuid for zone in (datacenter.evidence.zones.value or {}).values()}
    for row in datacenter.check_health:
        if row.kind == "vm" and row.instance not in known and row.sick:
            yield Note(
                f"{row.name}: `sdc-login {typed.uuid(row.instance)}` enters it, wherever it is; "
                "`svcs -vx` there says what does not run, and why."
            )
