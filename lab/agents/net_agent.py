"""net-agent, on each server: it carries NAPI's routes into the zones.

It compares each VM's routes with those of its networks in NAPI, and sets and removes until they are equal (facts:
hazard 1).
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

    def __repr__(self) -> str:
        return f"net-agent of {self.server.zone.id}"

    def pause(self) -> float:
        return NET_AGENT_PACE * self.site.headnode.clock.factor

    async def look(self) -> None:
        host = self.site.datacenter.zone("napi").admin_ip
        answer = await http.fetch(self.server.dial, host, 80, "/networks", within=TIMEOUT)
        if answer.status != 200:
            return
        by_uuid = {network["uuid"]: network.get("routes") or {} for network in json.loads(answer.body)}
        for machine in self.site.zones_of(self.server.zone.server):
            wanted: dict[str, str] = {}
            for nic in machine.zone.nics:
                wanted = by_uuid.get(nic.network_uuid, {}) | wanted  # the first NIC goes before
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
        """One of them leads to no gateway of the zone's; the others are set all the same."""
        for to, via in routes.items():
            try:
                machine.add_routes({to: via})
            except namespaces.NetworkError as error:
                log.info("%r: %s: %s", self, machine.zone.id, error)
