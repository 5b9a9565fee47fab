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
    doomed = sorted(set(_unknown_to_napi(datacenter)))
    if doomed:
        yield Note(
            f"At its start net-agent takes out of the zones what NAPI does not know: {', '.join(doomed)}. Put first what is needed of "
            "these into NAPI: see routes-are-durable."
        )
    for server, state in datacenter.net_agents.items():
        if state == "absent":
            yield Note(
                f"There is no net-agent at all on {server}: `sdcadm experimental update-agents` installs the agents."
            )
        elif state != "online":
            address = "" if server == "the head node" else _address(datacenter, server)
            yield from _step(headnode(datacenter), NET_AGENT, state, address)


def _unknown_to_napi(datacenter: Datacenter) -> list[str]:
    known = {route for network in datacenter.networks.values() for route in network.routes.items()}
    zones = (datacenter.evidence.zones.value or {}).values()
    return [f"{to} via {via}" for zone in zones for to, via in zone.vm.routes.items() if (to, via) not in known]


def _address(datacenter: Datacenter, server: str) -> str:
    """The address of a compute node by its hostname; how to get there is known where core zones are.  Raises Missing."""
    found = [each.address for each in datacenter.servers.values() if each.hostname == server]
    if not found:
        raise Missing(datacenter.id, f"the address of {server}", "sdc-cnapi", "CNAPI lists no such server")
    return found[0]


def _step(on: str, fmri: str, state: str, address: str = "") -> Advised:
    """What brings an agent back, on the head node or by ssh at an address; the reason why it went stands in its log."""
    name, log = typed.fmri(fmri), f"its log: tail {smf_log(fmri)}"

    def there(command: str) -> str:
        return over_ssh(address, command) if address else command

    if state == "maintenance":
        yield Step(on, there(f"svcadm clear {name}"), RESTARTS, f"SMF gave it up (maintenance). Read first why, {log}")
    elif state == "disabled":
        undo = there(f"svcadm disable {name}")
        yield Step(on, there(f"svcadm enable -s {name}"), SAFE, f"somebody disabled it; {log}", undo=undo)
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
        if row.kind == "agent" and row.sick and not datacenter.is_headnode(row):
            yield from _on_its_server(datacenter, row)
    yield Note("What else is wrong with a server's own services, `svcs -vx` says there.")


def _on_its_server(datacenter: Datacenter, row: HealthRow) -> Advised:
    """An agent of a compute node; how to get there is known where core zones are."""
    try:
        address = _address(datacenter, row.server)
    except Missing:
        yield Note(f"{row.name} of {row.server}: on that server, `svcs -vx {row.name}` says why it does not run.")
        return
    state = re.search(r"State: (disabled|maintenance)", row.said)
    yield from _step(headnode(datacenter), f"{AGENTS}{row.name}:default", state[1] if state else "not online", address)


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
