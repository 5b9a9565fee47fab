"""What exists while a lab runs: its sites and machines, its clock, its SSH servers, its UFDS.

Other modules build it, plant faults in it and run the operator's command in it. They know this module, and it knows none of them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from lab.machine import kinds
from lab.machine.machines import Machine, Site
from lab.machine.openssh import OpensshServer
from lab.machine.sshd import SshServer
from lab.plan.datacenters import Plan
from lab.plan.roles import REPLICATOR
from lab.plan.sapi import application_uuid, service_uuid
from lab.state.builder import Builder
from lab.state.collaborators import Collaborators
from lab.ufds.client import UfdsProcess

FACTOR = 0.01


class Lab:
    """Everything that exists in a running lab."""

    def __init__(self, the_plan: Plan, *, openssh: bool = False, forced: str = "") -> None:
        self.plan = the_plan
        self.openssh = openssh  # the machine's own sshd on the head nodes
        self.forced = forced  # the program that the operator's key starts on them, whatever it asks for
        self.clock = kinds.Clock(FACTOR)
        self.sites: dict[str, Site] = {}
        self.shared: dict[str, Collaborators] = {}
        self.builders: dict[str, Builder] = {}
        self.ssh: dict[str, SshServer | OpensshServer] = {}
        self.ufds = UfdsProcess(self._ufds_event)
        self._machines: dict[str, tuple[Site, Machine]] = {}

    def add_site(self, site: Site) -> None:
        """Add a datacenter that exists from the beginning."""
        self.sites[site.datacenter.name] = site
        for machine in site.machines:
            self._machines[machine.zone.id] = (site, machine)

    def find(self, zone: str) -> tuple[Site, Machine]:
        """A machine and its site by the zone's id."""
        return self._machines[zone]

    def root_password(self, site: Site) -> str:
        """The root password in the datacenter's SAPI, from where every tool has it."""
        return str(self.sdc(site.datacenter.name)["metadata"].get("ufds_ldap_root_pw", ""))

    def sdc(self, datacenter: str) -> dict[str, Any]:
        """SAPI application `sdc` of a datacenter, as stored."""
        bucket = self.shared[datacenter].store.bucket("applications")
        return bucket[application_uuid(self.plan.datacenter(datacenter))]

    def sdc_service(self, site: Site, role: str) -> dict[str, Any]:
        """SAPI service of a datacenter's application `sdc`, as stored."""
        bucket = self.shared[site.datacenter.name].store.bucket("services")
        return bucket[service_uuid(site.datacenter, role)]

    def _ufds_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "replicator-exited":
            services = self.sites[event["name"]].zones["ufds0"].services
            task = asyncio.get_running_loop().create_task(services.get(REPLICATOR).fail("exited"))
            self.shared[event["name"]].tasks.add(task)

    def add_machine(self, site: Site, machine: Machine) -> None:
        """Add a zone that comes while the lab runs. It is found by its names and has its services, but none of them is started."""
        site.zones[machine.zone.alias] = machine
        self._machines[machine.zone.id] = (site, machine)
        self.builders[site.datacenter.name].zone(machine)

    async def import_replicator(self, site: Site, machine: Machine) -> None:
        """`svccfg import` of ufds-replicator's manifest, which enables it. A service that is known already stays as it is.

        sdc-ufds-m2s looks for the file every 5 s in the original, and config-agent's restart has ended by then. Here it looks more often.
        """
        for agent in self.shared[site.datacenter.name].config_agents:
            if agent.machine is machine:
                await agent.at_rest()
        if not machine.services.matching(REPLICATOR):
            await self.builders[site.datacenter.name].replicator(machine).enable()
