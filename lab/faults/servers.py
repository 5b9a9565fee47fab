"""Chapter: servers. The agents in their global zones, and zones that only the health commands see."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

from lab.faults.registry import Target, Undo, fault
from lab.machine.smf import TOO_OFTEN, Service
from lab.state.lab import Lab

NET_AGENT = "svc:/smartdc/agent/net-agent:default"
CONFIG_AGENT = "svc:/smartdc/application/config-agent:default"
FIREWALLER = "svc:/smartdc/agent/firewaller:default"


async def _give_up(service: Service) -> None:
    """Put the service into maintenance: its program has ended so often that SMF does not start it again."""
    for _ in range(TOO_OFTEN):
        await service.fail("it ended by itself")


@fault("net-agent-off", "datacenter", "my-dc-3")
async def net_agent_off(lab: Lab, target: Target) -> None:
    """net-agent of the head node was disabled for maintenance work and then forgotten. All routes are still there."""
    await target.machine.services.get(NET_AGENT).disable()


@fault("firewaller-dead", "datacenter", "my-dc-3")
async def firewaller_dead(lab: Lab, target: Target) -> None:
    """firewaller of the head node failed again and again, so SMF has given it up. New rules reach no zone."""
    await _give_up(target.machine.services.get(FIREWALLER))


@fault("server-agent-off", "server", "my-dc-3.cn1")
async def server_agent_off(lab: Lab, target: Target) -> None:
    """net-agent of a compute node is disabled, and nobody looks there."""
    await target.machine.services.get(NET_AGENT).disable()


@fault("server-closed", "server", "my-dc-3.cn1")
async def server_closed(lab: Lab, target: Target) -> Undo:
    """The head node's ssh does not know the compute node's host key, because nobody has ever used ssh from there."""
    target.site.strangers.add(target.machine.alias)

    async def undo() -> None:
        target.site.strangers.discard(target.machine.alias)

    return undo


@fault("other-zone-ill", "manta", "my-dc-3.manta0")
async def other_zone_ill(lab: Lab, target: Target) -> Undo:
    """A service is in maintenance in a zone that no other check looks at.  Only sdcadm check-health shows it."""
    service = target.machine.services.get(CONFIG_AGENT)
    await _give_up(service)
    return service.clear
