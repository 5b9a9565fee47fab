"""Chapter: servers.  What runs on a datacenter's servers beside the core zones, and who says that it is well."""

import re

from evidence.fact import OutOfSight, need
from evidence.model import HealthcheckRow, HealthRow, Service
from evidence.subjects.datacenter import OLDER, Datacenter
from evidence.subjects.triton import NET_AGENT
from fixtures.check import BOTH, CRITICAL, WARNING, check

AGENT = re.compile(r"svc:/smartdc/agent/([a-z-]+):default")
OFF = frozenset({"online", "disabled"})
NEEDED = frozenset({"cn-agent", "config-agent", "firewaller", "net-agent", "ur", "vm-agent"})
"""Agents that nobody disables on purpose: others may be so."""


@check(BOTH, CRITICAL, after=["headnode-answers"])
def test_net_agent_runs(datacenter: Datacenter) -> None:
    """net-agent runs on the head node, and on every other server that core zones are on.

    It carries NAPI's routes into the zones, and keeps them there: without it a zone that is made, moved or changed has none, and what
    is taken out of a zone does not come back.  Nobody notices until then.  Source: facts, hazard 1; sdc-net-agent:lib/inst-fsm.js.
    """
    states = datacenter.net_agents
    assert states == dict.fromkeys(states, "online"), "net-agent"


@check(BOTH, WARNING, after=["headnode-answers", "net-agent-runs", "health-commands-answer"])
def test_agents_run(datacenter: Datacenter) -> None:
    """The agents of every server run: firewaller, ur, config-agent and the others, of the head node and of its compute nodes.

    firewaller carries FWAPI's rules into the zones, ur runs what sdcadm asks of a server, cn-agent and vm-agent tell CNAPI and VMAPI what
    there is.  Those of the head node are seen in its SMF, those of the others in `sdcadm check-health`.  Source: facts "Health commands",
    "Learned since" (sdcadm#8).
    """
    own = {
        f"{_name_of(each.fmri)} of the head node": each.state for each in datacenter.global_services if _is_off(each)
    }
    rows = [row for row in datacenter.check_health if row.kind in ("agent", "global") and row.sick]
    net_agent = _name_of(NET_AGENT)
    others = {f"{row.name} of {row.server}": row.said for row in rows if not datacenter.is_headnode(row)}
    own = own or {
        f"{row.name} of the head node": row.said
        for row in rows
        if datacenter.is_headnode(row) and row.name != net_agent
    }
    own = own or {f"{row.agent} of the head node": row.status for row in datacenter.healthcheck if _is_dead_ur(row)}
    assert not own | others, "; ".join(f"{who}: {what}" for who, what in sorted((own | others).items()))


def _is_dead_ur(row: HealthcheckRow) -> bool:
    """Of the agents that sdc-healthcheck pings this one alone is everywhere."""
    return (row.role, row.agent) == ("global", "ur") and row.status != "online"


def _name_of(fmri: str) -> str:
    found = AGENT.fullmatch(fmri)
    return found[1] if found else fmri


def _is_off(service: Service) -> bool:
    """Whether an agent does not run that should: net-agent has a check of its own."""
    if service.fmri == NET_AGENT or not AGENT.fullmatch(service.fmri):
        return False
    return service.state not in OFF or (service.state == "disabled" and _name_of(service.fmri) in NEEDED)


@check(BOTH, WARNING, after=["headnode-answers", "health-commands-answer", "agents-run"])
def test_other_instances_are_healthy(datacenter: Datacenter) -> None:
    """Every other instance that `sdcadm check-health` lists is healthy: manatee, workflow, amon, and whatever else a datacenter has.

    Nothing else here looks at them, wherever they run.  Source: sdcadm:lib/sdcadm.js (checkHealth); facts "Where things run".
    """
    need(datacenter.evidence.zones.get())
    sick = [row for row in unknown_instances(datacenter) if row.sick]
    assert not sick, "; ".join(f"{row.name} on {row.server or 'an unknown server'}: {row.said}" for row in sick)


def unknown_instances(datacenter: Datacenter) -> list[HealthRow]:
    """The rows of zones that are no subjects."""
    rows = datacenter.check_health
    if not any(row.kind for row in rows):
        raise OutOfSight(datacenter.id, "what sdcadm check-health lists", "sdcadm check-health -j", OLDER)
    known = {zone.vm.uuid for zone in (datacenter.evidence.zones.value or {}).values()}
    return [row for row in rows if row.kind == "vm" and row.instance not in known]
