"""Which server runs as which SMF instance, zone by zone (facts, "SMF")."""

from __future__ import annotations

import asyncio
import pathlib
import ssl
from collections.abc import Callable

from lab.agents.config_agent import ConfigAgent
from lab.agents.firewaller import Firewaller
from lab.agents.net_agent import NetAgent
from lab.machine import kinds
from lab.machine.machines import Machine, Site
from lab.machine.smf import Service
from lab.machine.vm import vm_object
from lab.plan import cnapi
from lab.plan.datacenters import Zone
from lab.plan.files import Json
from lab.plan.roles import REPLICATOR
from lab.servers import apis, muskie
from lab.servers.adminui import Adminui
from lab.servers.binder.server import Binder
from lab.servers.cloudapi.server import Cloudapi, Haproxy
from lab.servers.fwapi.server import Fwapi
from lab.servers.moray import MorayHaproxy, MorayServer
from lab.servers.napi import Napi
from lab.servers.sapi.server import Sapi
from lab.servers.ufds import Replicator, UfdsFront
from lab.state.collaborators import Collaborators
from lab.ufds.client import UfdsProcess

NET_AGENT = "svc:/smartdc/agent/net-agent:default"
FIREWALLER = "svc:/smartdc/agent/firewaller:default"
IDLE_AGENTS = tuple(f"svc:/smartdc/agent/{name}:default" for name in ("cn-agent", "config-agent", "ur", "vm-agent"))
CONFIG_AGENT = "svc:/smartdc/application/config-agent:default"


def _always(server: kinds.Daemon) -> Callable[[], kinds.Daemon]:
    """For SMF: a server that can be started again, and keeps no state in between."""
    return lambda: server


class Idle:
    """A service of which only the state matters."""

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""


class Builder:
    """Registers the services of a site's machines. Whoever uses it starts them."""

    def __init__(
        self, site: Site, shared: Collaborators, process: UfdsProcess, tls: ssl.SSLContext,
        certificate: tuple[pathlib.Path, pathlib.Path],
    ) -> None:  # fmt: skip
        self.site, self.shared, self.process, self.tls, self.certificate = site, shared, process, tls, certificate
        self.binders = list(site.datacenter.binders)

    def build(self) -> list[kinds.Daemon]:
        """Add every service. Returns what runs in zones without being an SMF service of the plan (the haproxies)."""
        extra: list[kinds.Daemon] = []
        for machine in self.site.zones.values():
            extra += self.zone(machine)
        for server in (self.site.headnode, *self.site.compute_nodes):
            self._agents(server)
        self.shared.rules.on_change = self._rules_changed
        return extra

    def _rules_changed(self) -> None:
        for firewaller in self.shared.firewallers:
            firewaller.wake()

    def _agents(self, server: Machine) -> None:
        """Add what runs in the global zone of a server."""
        net_agent = NetAgent(self.site, server)
        firewaller = Firewaller(self.site, list(self.shared.rules.by_uuid.values()), server)
        self.shared.net_agents.append(net_agent)
        self.shared.firewallers.append(firewaller)
        server.services.add(NET_AGENT, _always(net_agent))
        server.services.add(FIREWALLER, _always(firewaller))
        for fmri in IDLE_AGENTS:
            server.services.add(fmri, Idle)

    def zone(self, machine: Machine) -> list[kinds.Daemon]:
        """Add the services of one zone. Returns what else runs in it."""
        extra: list[kinds.Daemon] = getattr(self, f"_{machine.zone.role.replace('-', '_')}")(machine)
        agent = ConfigAgent(machine)
        self.shared.config_agents.append(agent)
        machine.services.add(CONFIG_AGENT, _always(agent))
        return extra

    def _add(self, machine: Machine, fmri: str, make: Callable[[], kinds.Daemon]) -> Service:
        return machine.services.add(fmri, make)

    def replicator(self, machine: Machine) -> Service:
        """Add ufds-replicator of a ufds zone, like `svccfg import`."""
        return self._add(machine, REPLICATOR, lambda: Replicator(machine, self.process))

    def _exit(self, service: Service) -> Callable[[str], None]:
        """The function that a program calls when it ends by itself with an error. SMF decides what follows."""

        def ended(reason: str) -> None:
            task = asyncio.get_running_loop().create_task(service.fail(reason))
            self.shared.tasks.add(task)
            task.add_done_callback(self.shared.tasks.discard)

        return ended

    def _ufds(self, machine: Machine) -> list[kinds.Daemon]:
        front = self.shared.ufds[machine.zone.alias] = UfdsFront(machine, self.process, *self.certificate)
        for fmri in machine.zone.services:
            instance = fmri.rpartition(":")[2]
            if "ufds-master" in fmri:
                self._add(machine, fmri, _always(front.part(instance)))
            elif "haproxy" in fmri:
                self._add(machine, fmri, _always(front.part("haproxy")))
            elif fmri == REPLICATOR:
                self.replicator(machine)
            elif fmri != CONFIG_AGENT:
                self._add(machine, fmri, Idle)
        return []

    def _moray(self, machine: Machine) -> list[kinds.Daemon]:
        servers = []
        for fmri in machine.zone.services:
            if fmri != CONFIG_AGENT:
                port = int(fmri.rpartition("-")[2])
                server = MorayServer(machine, self.shared.store, port)
                self.shared.servers[f"{machine.zone.id}.{port}"] = server
                servers.append(server)
                self._add(machine, fmri, _always(server))
        return [MorayHaproxy(machine, servers)]

    def _binder(self, machine: Machine) -> list[kinds.Daemon]:
        for fmri in machine.zone.services:
            if "zookeeper" in fmri:
                self._add(machine, fmri, lambda: self.shared.zookeepers.member(machine.zone.id))
            elif fmri != CONFIG_AGENT:
                self._add(machine, fmri, lambda: self._kept(machine, Binder(machine, self.shared.registry)))
        return []

    def _kept(self, machine: Machine, server: kinds.Daemon) -> kinds.Daemon:
        self.shared.servers[machine.zone.id] = server
        return server

    def _sapi(self, machine: Machine) -> list[kinds.Daemon]:
        def make() -> kinds.Daemon:
            domain = f"moray.{machine.datacenter.suffix}"
            return self._kept(machine, Sapi(machine, domain, self.binders, on_exit=self._exit(service)))

        service = self._add(machine, machine.zone.services[0], make)
        return []

    def _napi(self, machine: Machine) -> list[kinds.Daemon]:
        self._add(machine, machine.zone.services[0], lambda: self._kept(machine, Napi(machine, self.shared.networks)))
        return []

    def _fwapi(self, machine: Machine) -> list[kinds.Daemon]:
        def zone(uuid: str) -> Zone | None:
            found = self.site.by_uuid(uuid)
            return found.zone if found is not None else None

        self._add(
            machine, machine.zone.services[0], lambda: self._kept(machine, Fwapi(machine, self.shared.rules, zone))
        )
        return []

    def _imgapi(self, machine: Machine) -> list[kinds.Daemon]:
        return self._api(machine, lambda: apis.imgapi(machine, self.shared.images))

    def _cnapi(self, machine: Machine) -> list[kinds.Daemon]:
        return self._api(machine, lambda: apis.cnapi(machine, cnapi.servers(machine.datacenter)))

    def _vmapi(self, machine: Machine) -> list[kinds.Daemon]:
        return self._api(machine, lambda: apis.vmapi(machine, self._vms, self._add_external))

    def _add_external(self, uuid: str) -> bool:
        """Returns False if the zone has such a NIC already: the lab gives each zone at most one."""
        machine = self.site.by_uuid(uuid)
        return machine is not None and machine.add_external_nic()

    def _vms(self) -> list[Json]:
        return [vm_object(machine) for machine in self.site.zones.values()]

    def _mahi(self, machine: Machine) -> list[kinds.Daemon]:
        for fmri in machine.zone.services[:-2]:
            self._add(machine, fmri, Idle)
        return self._api(machine, lambda: apis.mahi(machine), -2)

    def _api(self, machine: Machine, make: Callable[[], kinds.Daemon], index: int = 0) -> list[kinds.Daemon]:
        self._add(machine, machine.zone.services[index], lambda: self._kept(machine, make()))
        return []

    def _manta(self, _machine: Machine) -> list[kinds.Daemon]:
        return []

    def _webapi(self, machine: Machine) -> list[kinds.Daemon]:
        front = muskie.WebapiHaproxy(machine)
        self._kept(machine, front)
        for fmri in machine.zone.services:
            if "muskie" in fmri:
                self._add(machine, fmri, _always(muskie.Muskie(machine, int(fmri.rpartition("-")[2]), front)))
            elif "haproxy" in fmri:
                self._add(machine, fmri, _always(front))
        return []

    def _electric_moray(self, machine: Machine) -> list[kinds.Daemon]:
        for fmri in machine.zone.services:
            if "haproxy" in fmri:
                self._add(machine, fmri, Idle)
            elif fmri != CONFIG_AGENT:
                self._add(machine, fmri, _always(muskie.ElectricMoray(machine, int(fmri.rpartition("-")[2]))))
        return []

    def _adminui(self, machine: Machine) -> list[kinds.Daemon]:
        self._add(
            machine, machine.zone.services[0], lambda: self._kept(machine, Adminui(machine, self.binders, self.tls))
        )
        return []

    def _cloudapi(self, machine: Machine) -> list[kinds.Daemon]:
        haproxy = Haproxy(machine, [], self.tls)
        self._kept(machine, haproxy)
        self.shared.haproxies.append(haproxy)
        for fmri in machine.zone.services:
            if fmri != CONFIG_AGENT:
                self._cloudapi_process(machine, fmri, haproxy)
        return [haproxy]

    def _cloudapi_process(self, machine: Machine, fmri: str, haproxy: Haproxy) -> None:
        port = int(fmri.rpartition("-")[2])

        def make() -> kinds.Daemon:
            process = Cloudapi(machine, port, self.binders, on_exit=self._exit(service))
            self.shared.servers[f"{machine.zone.id}.{port}"] = process
            haproxy.replace(process)
            return process

        service = self._add(machine, fmri, make)

    def _sdc(self, _machine: Machine) -> list[kinds.Daemon]:
        return []
