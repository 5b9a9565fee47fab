"""net-agent, on each server: it brings NAPI's routes into the zones.

It compares each VM's routes with those of its networks in NAPI, and sets and removes routes until both are equal (facts: hazard 1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from lab.agents.agent import TIMEOUT, Agent, log
from lab.machine import namespaces
from lab.machine.machines import Machine, Site
from lab.servers import http

NET_AGENT_PACE = 60.0


class NetAgent(Agent):
    """net-agent of one server."""

    def __init__(self, site: Site, server: Machine) -> None:
        super().__init__()
        self.site, self.server = site, server
        self._overlooked: dict[str, dict[str, str]] = {}
        """The zones that it has no reason to look at, by id, and the routes that NAPI had for them then."""

    def __repr__(self) -> str:
        return f"net-agent of {self.server.zone.id}"

    def pause(self) -> float:
        return NET_AGENT_PACE * self.site.headnode.clock.factor

    def reset(self) -> None:
        self._overlooked.clear()

    async def overlook(self, machine: Machine) -> None:
        """Ignore changes in the zone from now on, until the agent starts anew or NAPI's routes change.

        The real one acts at its start and at changes of VMs, NICs and networks, and not in between (facts, "Exact forms").
        """
        self._overlooked[machine.zone.id] = _wanted(machine, await self._networks() or {})

    async def _networks(self) -> dict[str, dict[str, str]] | None:
        """The routes of NAPI's networks, by uuid; None if NAPI does not answer."""
        host = self.site.datacenter.zone("napi").admin_ip
        answer = await http.fetch(self.server.dial, host, 80, "/networks", within=TIMEOUT)
        if answer.status != 200:
            return None
        return {network["uuid"]: network.get("routes") or {} for network in json.loads(answer.body)}

    async def look(self) -> None:
        networks = await self._networks()
        if networks is None:
            return
        for machine in self.site.zones_of(self.server.zone.server):
            wanted = _wanted(machine, networks)
            if self._overlooked.get(machine.zone.id) == wanted:
                continue
            gone = [route for route in machine.routes if route not in wanted]
            if gone:
                machine.remove_routes(gone)
            missing = {to: via for to, via in wanted.items() if machine.routes.get(to) != via}
            try:
                if missing:
                    machine.add_routes(missing)
            except namespaces.NetworkError:
                self._one_by_one(machine, missing)

    def _one_by_one(self, machine: Machine, routes: Mapping[str, str]) -> None:
        """Set the routes one by one: one of them leads to no gateway of the zone's, and the others are set all the same."""
        for to, via in routes.items():
            try:
                machine.add_routes({to: via})
            except namespaces.NetworkError as error:
                log.info("%r: %s: %s", self, machine.zone.id, error)


def _wanted(machine: Machine, networks: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The routes of a zone's networks. If two networks disagree, the earlier NIC wins."""
    found: dict[str, str] = {}
    for nic in machine.zone.nics:
        found = {**networks.get(nic.network_uuid, {}), **found}
    return found
