"""Waits until changes have come to where they work: each agent has looked, and no service is between two states."""

from __future__ import annotations

import asyncio
import contextlib

from lab.plan.roles import REPLICATOR
from lab.servers.binder.server import Binder
from lab.servers.cloudapi.server import CHECK_SECONDS, FALL, RISE
from lab.state.lab import Lab

REPLICATION_SECONDS = 30.0  # a replicator that has not moved for so long (on the lab's clock) will not move
BINDER_PATIENCE = 1.0


async def settle(lab: Lab) -> None:
    """Wait for agents, replicators, binders and haproxies, in the order in which one waits for the other."""
    agents = [
        *(agent for shared in lab.shared.values() for agent in shared.config_agents),
        *(agent for shared in lab.shared.values() for agent in (*shared.net_agents, *shared.firewallers)),
    ]
    for again in (
        True,
        False,
        False,
    ):  # a rendered file may restart a service, and a route may let another agent through
        before = _stimes(lab)
        await asyncio.gather(*(agent.look_now() for agent in agents if agent.running))
        if _stimes(lab) == before and not (again and any(agent.failed for agent in agents)):
            break  # who waits for the master's moray in vain answers sooner the second time
    await _replicated(lab)
    await _resolvers_read(lab)
    haproxies = [server for shared in lab.shared.values() for server in shared.haproxies]
    for _ in range(FALL + RISE):
        if all(haproxy.decided for haproxy in haproxies):
            break
        await lab.clock.sleep(CHECK_SECONDS)


def _stimes(lab: Lab) -> list[tuple[str, float]]:
    return [
        (service.shown_state, service.stime)
        for site in lab.sites.values()
        for machine in site.machines
        for service in machine.services
    ]


async def _replicated(lab: Lab) -> None:
    """Wait until each running replicator is past the master's last change, or stands still."""
    running = [
        name
        for name, site in lab.sites.items()
        if any(each.state == "online" for each in site.zones["ufds0"].services.matching(REPLICATOR))
    ]
    before: list[int | None] | None = None
    while running:
        latest = (await lab.ufds.counters(lab.plan.master.name))["latest"]
        now = [await lab.ufds.checkpoint(name) for name in running]
        if now == before or all(number is not None and number > latest for number in now):
            return
        before = now
        await lab.clock.sleep(REPLICATION_SECONDS)


async def _resolvers_read(lab: Lab) -> None:
    """Wait until each binder that reads its UFDS at all (every five minutes) has read it now."""
    found = [server.recursion for shared in lab.shared.values() for server in shared.servers.values()
             if isinstance(server, Binder) and server.recursion is not None and server.recursion.reading]  # fmt: skip
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BINDER_PATIENCE):
            await asyncio.gather(*(each.refresh() for each in found))
