"""Chapter: servers.  The agents of head nodes and compute nodes, and the instances that only Triton's health commands know."""

from __future__ import annotations

import re
from functools import partial

from evidence.fact import Missing
from evidence.headnode import Server
from evidence.model import HealthRow
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.servers import HERE, net_agents, server_name
from evidence.subjects.triton import ABSENT, NEEDED_AGENTS, NET_AGENT
from remediate import typed
from remediate.actions.smf import Smf, Verb
from remediate.durable import doomed
from remediate.elsewhere import sent, way_to
from remediate.lookup import headnode
from remediate.registry import Advised, remedy
from remediate.shell import smf_log
from remediate.steps import DISRUPTIVE, RESTARTS, SAFE, Note, acting

CLEAR: Verb = "clear"
ENABLE: Verb = "enable"
AGENTS = "svc:/smartdc/agent/"


@remedy("net-agent-runs")
def run_net_agent(datacenter: Datacenter) -> Advised:
    """Save first the routes that NAPI does not know: net-agent removes them as soon as it runs (facts, hazard 1)."""
    bad = {uuid: state for uuid, state in net_agents(datacenter).items() if state != "online"}
    cut = {uuid: doomed(datacenter, uuid) for uuid in bad}
    told = dict.fromkeys(route for routes in cut.values() for route in routes)
    if told:
        yield Note(
            f"When net-agent starts, it removes from the zones the routes that NAPI does not know: {', '.join(told)}. First put those "
            "that are needed into NAPI: see routes-are-durable."
        )
    for uuid, state in bad.items():
        if state == ABSENT:
            yield Note(
                f"{server_name(datacenter, uuid)} has no net-agent at all: `sdcadm experimental update-agents` installs the agents."
            )
        else:
            yield from _step(datacenter, NET_AGENT, state, uuid, cuts=bool(cut[uuid]))


def _step(datacenter: Datacenter, fmri: str, state: str, server: str = HERE, *, cuts: bool = False) -> Advised:
    """What makes an agent run again, on the head node or by ssh on another server. Its log says why it stopped.

    `cuts`: its start removes routes, so that a human has to decide on it.
    """
    name, log = typed.fmri(fmri), f"its log: tail {smf_log(fmri)}"
    found = way_to(datacenter, server) if server != HERE else None
    if server != HERE and found is None:
        yield Note(
            f"{name} of {server_name(datacenter, server)} is {state}, and the way to that server is not known. Typed there, "
            f"`svcs -vx {name}` says why; {log}"
        )
        return
    if state == "maintenance":
        why, verb, risk = f"SMF gave it up (maintenance). Read first why, {log}", CLEAR, RESTARTS
    elif state == "disabled":
        why, verb, risk = f"somebody disabled it; {log}", ENABLE, SAFE
    else:
        yield Note(f"{fmri} is {state}: it waits for another service, or is just starting; {log}")
        return
    step = acting(
        headnode(datacenter), Smf("", verb, (name,)), risk=DISRUPTIVE if cuts else risk, why=why, by_hand=cuts
    )
    yield sent(step, found.address) if found is not None else step


@remedy("agents-run")
def run_agents(datacenter: Datacenter) -> Advised:
    """Start them again: on the head node by their state in SMF, on a compute node by what check-health says of them."""
    own = [each for each in datacenter.global_services if each.fmri.startswith(AGENTS) and each.fmri != NET_AGENT]
    for service in own:
        name = service.fmri.removeprefix(AGENTS).partition(":")[0]
        if service.state != "online" and (service.state != "disabled" or name in NEEDED_AGENTS):
            yield from _step(datacenter, service.fmri, service.state)
    heard = [row for row in datacenter.check_health if row.name == "ur" or row.server not in datacenter.silent]
    others = [row for row in heard if row.kind == "agent" and row.sick and not datacenter.is_headnode(row)]
    yield from typed.each(datacenter.world, others, partial(_on_its_server, datacenter))
    yield Note("`svcs -vx`, typed on a server, says what else is wrong with its own services.")


def _on_its_server(datacenter: Datacenter, row: HealthRow) -> Advised:
    """The steps for an agent of a compute node, or a note where it is not known which one that is."""
    fmri = typed.fmri(f"{AGENTS}{row.name}:default")
    found = _called(datacenter, row.server)
    if len(found) != 1:
        several = f" ({len(found)} servers are called so)" if found else ""
        yield Note(
            f"{row.name} of {row.server}{several}: `svcs -vx {row.name}`, typed on that server, says why it does not run."
        )
        return
    ((uuid, server),) = found.items()
    said = re.search(r"State: (disabled|maintenance)", row.said)
    state = server.ur if row.name == "ur" and not said else said[1] if said else "not online"
    if state == "online":
        yield Note(
            f"SMF says that {row.name} runs on {row.server}, but sdcadm gets no answer from it. Look at its log and at rabbitmq."
        )
    else:
        yield from _step(datacenter, fmri, state or "not online", uuid)


def _called(datacenter: Datacenter, hostname: str) -> dict[str, Server]:
    """The servers of a name, by uuid.  Nobody asks for them if all core zones are on the head node."""
    try:
        known = datacenter.servers.known()
    except Missing:
        return {}
    return {uuid: each for uuid, each in known.items() if each.hostname == hostname}


@remedy("other-instances-are-healthy")
def look_at_the_others(datacenter: Datacenter) -> Advised:
    """Enter the zone and look: only check-health says anything about it."""
    known = {zone.vm.uuid for zone in (datacenter.evidence.zones.value or {}).values()}
    sick = [row for row in datacenter.check_health if row.kind == "vm" and row.instance not in known and row.sick]
    yield from typed.each(datacenter.world, sick, _look)


def _look(row: HealthRow) -> Advised:
    yield Note(
        f"{row.name}: `sdc-login {typed.uuid(row.instance)}` enters the zone on any server. There, `svcs -vx` says what does not run, "
        "and why."
    )
