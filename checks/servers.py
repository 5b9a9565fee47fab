"""Chapter: servers.  Besides its core zones, the agents of a datacenter's servers run, and its other instances are healthy."""

import re

from evidence.fact import OutOfSight, need
from evidence.model import HealthcheckRow, HealthRow, Service
from evidence.subjects.datacenter import OLDER, Datacenter
from evidence.subjects.servers import need_servers, net_agents, server_name
from evidence.subjects.triton import NEEDED_AGENTS, NET_AGENT
from fixtures.check import BOTH, CRITICAL, WARNING, After, check

AGENT = re.compile(r"svc:/smartdc/agent/([a-z-]+):default")
OFF = frozenset({"online", "disabled"})


@check(BOTH, CRITICAL, after=["headnode-answers", After("internal-apis-answer", at="cnapi")])
def test_net_agent_runs(datacenter: Datacenter) -> None:
    """net-agent runs on the head node, and on every compute node that has core zones.

    It sets NAPI's routes in the zones and keeps them there.  Without it a new or changed zone gets no routes, and a lost route does
    not come back.  Until then everything works, so nobody notices.  Source: facts, hazard 1; sdc-net-agent:lib/inst-fsm.js.
    """
    states = {server_name(datacenter, uuid): state for uuid, state in net_agents(datacenter).items()}
    assert states == dict.fromkeys(states, "online"), "net-agent"
    need_servers(datacenter)


@check(BOTH, WARNING, after=["headnode-answers", "net-agent-runs", "health-commands-answer"])
def test_agents_run(datacenter: Datacenter) -> None:
    """The agents run on the head node and on every compute node: firewaller, ur, config-agent and the others.

    firewaller sets FWAPI's rules in the zones.  ur runs the commands that sdcadm sends to a server.  cn-agent and vm-agent tell CNAPI
    and VMAPI what a server has.  SMF shows the agents of the head node, `sdcadm check-health` those of the compute nodes.  Source:
    facts "Health commands", "Learned since" (sdcadm#8).
    """
    own = {
        f"{_name_of(each.fmri)} of the head node": each.state for each in datacenter.global_services if _is_off(each)
    }
    rows = [row for row in datacenter.check_health if row.kind in ("agent", "global") and row.sick]
    net_agent = _name_of(NET_AGENT)
    others = {
        f"{row.name} of {row.server}": row.said
        for row in rows
        if not datacenter.is_headnode(row) and (row.name == "ur" or row.server not in datacenter.silent)
    }
    own = own or {
        f"{row.name} of the head node": row.said
        for row in rows
        if datacenter.is_headnode(row) and row.name != net_agent
    }
    own = own or {f"{row.agent} of the head node": row.status for row in datacenter.healthcheck if _is_dead_ur(row)}
    assert not own | others, "; ".join(f"{who}: {what}" for who, what in sorted((own | others).items()))
    datacenter.evidence.check_health.need_all()  # a row that cannot be read may be about the one that does not run
    datacenter.evidence.healthcheck.need_all()


def _is_dead_ur(row: HealthcheckRow) -> bool:
    """Whether ur does not answer: of the agents that sdc-healthcheck pings, only ur runs on every head node."""
    return (row.role, row.agent) == ("global", "ur") and row.status != "online"


def _name_of(fmri: str) -> str:
    found = AGENT.fullmatch(fmri)
    return found[1] if found else fmri


def _is_off(service: Service) -> bool:
    """Whether the service is an agent that should run and does not.  net-agent has a check of its own."""
    if service.fmri == NET_AGENT or not AGENT.fullmatch(service.fmri):
        return False
    return service.state not in OFF or (service.state == "disabled" and _name_of(service.fmri) in NEEDED_AGENTS)


@check(BOTH, WARNING, after=["headnode-answers", "health-commands-answer", "agents-run"])
def test_other_instances_are_healthy(datacenter: Datacenter) -> None:
    """Every other instance that `sdcadm check-health` lists is healthy: manatee, workflow, amon and all the rest.

    No other check looks at these zones.  Source: sdcadm:lib/sdcadm.js (checkHealth); facts "Where things run".
    """
    need(datacenter.evidence.zones.get())
    sick = [row for row in unknown_instances(datacenter) if row.sick]
    assert not sick, "; ".join(f"{row.name} on {row.server or 'an unknown server'}: {row.said}" for row in sick)
    datacenter.evidence.check_health.need_all()


def unknown_instances(datacenter: Datacenter) -> list[HealthRow]:
    """The rows of check-health about zones that are no subjects."""
    rows = datacenter.check_health
    if not any(row.kind for row in rows):
        raise OutOfSight(datacenter.id, "what sdcadm check-health lists", "sdcadm check-health -j", OLDER)
    known = {zone.vm.uuid for zone in (datacenter.evidence.zones.value or {}).values()}
    return [row for row in rows if row.kind == "vm" and row.instance not in known]
