"""Which server stands behind which SMF instance, zone by zone (facts, "SMF")."""

from __future__ import annotations

import asyncio
import json
import pathlib
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab import apis, data, muskie, plan
from lab.adminui import Adminui
from lab.agents import ConfigAgent, NetAgent
from lab.binder import Binder, Registry
from lab.cloudapi import Cloudapi, Haproxy
from lab.commands.host import vm_object
from lab.firewall import Firewaller
from lab.fwapi import Fwapi, Rules
from lab.fwrules import initial_rules
from lab.machine import Machine, Site
from lab.moray import MorayHaproxy, MorayServer, MorayStore
from lab.napi import Napi, Networks
from lab.sapi import Sapi
from lab.smf import Service
from lab.ufds.client import UfdsProcess

if TYPE_CHECKING:
    from lab import kinds

NET_AGENT = "svc:/smartdc/agent/net-agent:default"
FIREWALLER = "svc:/smartdc/agent/firewaller:default"
UR = "svc:/smartdc/agent/ur:default"
CONFIG_AGENT = "svc:/smartdc/application/config-agent:default"


def _always(server: kinds.Daemon) -> Callable[[], kinds.Daemon]:
    """For SMF: a server that can be started again, and keeps nothing between."""
    return lambda: server


class Idle:
    """A service of which only the state matters."""

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""


class UfdsFront:
    """The ufds zone's haproxy and its four ufds-master processes, behind which one LDAPS server stands.

    It listens while haproxy and at least one process run, and has the root password that the youngest process has read.
    """

    def __init__(self, machine: Machine, process: UfdsProcess, certificate: pathlib.Path, key: pathlib.Path) -> None:
        self.machine = machine
        self.listener = machine.zone.id
        self.password = ""
        self.is_master: bool | None = None
        self._process = process
        self._certificate, self._key = certificate, key
        self._running: set[str] = set()
        self._listening = False
        self._turn = asyncio.Lock()

    async def _settle(self, started: str | None = None) -> None:
        async with self._turn:
            wanted = "haproxy" in self._running and len(self._running) > 1
            if started not in (None, "haproxy") or (wanted and not self._listening):
                file = self.machine.root / "opt/smartdc/ufds/etc/config.json"
                config = json.loads(file.read_text(encoding="utf-8"))
                changed, self.password = self.password != config["rootPassword"], str(config["rootPassword"])
                is_master, self.is_master = self.is_master, config["ufds_is_master"] is True
                if self._listening and is_master is not self.is_master:
                    await self._serve()
                elif self._listening and changed:
                    await self._process.password(self.listener, self.password)
            if wanted and not self._listening:
                await self._serve()
            elif self._listening and not wanted:
                await self._process.stop(self.listener)
            self._listening = wanted

    async def _serve(self) -> None:
        await self._process.serve(
            self.machine.datacenter.name, self._certificate, self._key, root_password=self.password,
            ns=self.machine.namespace, listener=self.listener, is_master=self.is_master,
        )  # fmt: skip

    async def use_certificate(self, certificate: pathlib.Path, key: pathlib.Path) -> None:
        """Goes on with another certificate."""
        self._certificate, self._key = certificate, key
        async with self._turn:
            if self._listening:
                await self._process.stop(self.listener)
                self._listening = False
        await self._settle()

    def part(self, name: str) -> kinds.Daemon:
        """One of the five programs."""
        return _Part(self, name)

    async def started(self, name: str) -> None:
        self._running.add(name)
        await self._settle(name)

    async def stopped(self, name: str) -> None:
        self._running.discard(name)
        await self._settle()


class _Part:
    def __init__(self, front: UfdsFront, name: str) -> None:
        self._front, self._name = front, name

    async def start(self) -> None:
        await self._front.started(self._name)

    async def stop(self) -> None:
        await self._front.stopped(self._name)


class Replicator:
    """ufds-replicator of one replica."""

    def __init__(self, machine: Machine, process: UfdsProcess) -> None:
        self.machine, self._process = machine, process

    async def start(self) -> None:
        root, datacenter = self.machine.root, self.machine.datacenter
        config = json.loads((root / "opt/smartdc/ufds/etc/replicator.json").read_text(encoding="utf-8"))
        await self._process.replicate(
            datacenter.name, config, ns=self.machine.namespace,
            hosts={f"ufds.{datacenter.suffix}": datacenter.zone("ufds").admin_ip},
            log=root / "var/svc/log/smartdc-application-ufds-replicator:default.log",
            pace=max(0.02, self.machine.clock.factor),
        )  # fmt: skip

    async def stop(self) -> None:
        await self._process.stop_replicator(self.machine.datacenter.name)


class _Zookeeper:
    """One member of the ensemble, which serves as long as most of its members run."""

    def __init__(self, member: str, shared: Collaborators, of: int) -> None:
        self._member, self._shared, self._of = member, shared, of

    async def start(self) -> None:
        self._shared.zookeepers.add(self._member)
        self._count()

    async def stop(self) -> None:
        self._shared.zookeepers.discard(self._member)
        self._count()

    def _count(self) -> None:
        self._shared.registry.online = 2 * len(self._shared.zookeepers) > self._of


class Collaborators:
    """What the servers of one datacenter share: its moray's content, its ZooKeeper, its networks, its front ends."""

    def __init__(self, the_plan: plan.Plan, datacenter: plan.Datacenter) -> None:
        self.store = MorayStore()
        for bucket, objects in data.sapi_objects(the_plan, datacenter).items():
            for value in objects:
                self.store.put(bucket, value)
        self.registry = Registry(data.registrations(datacenter))
        self.networks = Networks(data.networks(the_plan, datacenter))
        self.images: dict[str, data.Json] = {}  # what imgapi holds beside the zones' own images
        self.ufds: dict[str, UfdsFront] = {}
        self.servers: dict[str, kinds.Daemon] = {}  # by zone id, or zone id and port: the youngest process
        self.haproxies: list[Haproxy] = []
        self.config_agents: list[ConfigAgent] = []
        self.zookeepers: set[str] = set()
        self.rules = Rules(initial_rules(the_plan, datacenter))
        self.net_agent: NetAgent | None = None
        self.firewaller: Firewaller | None = None
        self.tasks: set[asyncio.Task[None]] = set()


class Builder:
    """Registers the services of a site's machines; starting them is left to who asks."""

    def __init__(
        self, site: Site, shared: Collaborators, process: UfdsProcess, tls: ssl.SSLContext,
        certificate: tuple[pathlib.Path, pathlib.Path],
    ) -> None:  # fmt: skip
        self.site, self.shared, self.process, self.tls, self.certificate = site, shared, process, tls, certificate
        self.binders = list(site.datacenter.binders)

    def build(self) -> list[kinds.Daemon]:
        """Adds every service; returns what runs in zones without being an SMF service of the plan (the haproxies)."""
        extra: list[kinds.Daemon] = []
        for machine in self.site.zones.values():
            extra += self.zone(machine)
        net_agent = self.shared.net_agent = NetAgent(self.site)
        firewaller = self.shared.firewaller = Firewaller(self.site, list(self.shared.rules.by_uuid.values()))
        self.shared.rules.on_change = firewaller.wake
        agents = self.site.headnode.services
        agents.add(NET_AGENT, _always(net_agent))
        agents.add(FIREWALLER, _always(firewaller))
        agents.add(UR, Idle)
        return extra

    def zone(self, machine: Machine) -> list[kinds.Daemon]:
        """Adds the services of one zone; returns what else runs in it."""
        extra: list[kinds.Daemon] = getattr(self, f"_{machine.zone.role.replace('-', '_')}")(machine)
        agent = ConfigAgent(machine)
        self.shared.config_agents.append(agent)
        machine.services.add(CONFIG_AGENT, _always(agent))
        return extra

    def _add(self, machine: Machine, fmri: str, make: Callable[[], kinds.Daemon]) -> Service:
        return machine.services.add(fmri, make)

    def replicator(self, machine: Machine) -> Service:
        """ufds-replicator of a ufds zone, as `svccfg import` makes it known."""
        return self._add(machine, plan.REPLICATOR, lambda: Replicator(machine, self.process))

    def _exit(self, service: Service) -> Callable[[str], None]:
        """What a program calls that ends by itself: SMF puts it into maintenance."""

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
            elif fmri == plan.REPLICATOR:
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
                self._add(machine, fmri, lambda: _Zookeeper(machine.zone.id, self.shared, len(self.binders)))
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
        def zone(uuid: str) -> plan.Zone | None:
            found = self.site.by_uuid(uuid)
            return found.zone if found is not None else None

        self._add(
            machine, machine.zone.services[0], lambda: self._kept(machine, Fwapi(machine, self.shared.rules, zone))
        )
        return []

    def _imgapi(self, machine: Machine) -> list[kinds.Daemon]:
        return self._api(machine, lambda: apis.imgapi(machine, self.shared.images))

    def _cnapi(self, machine: Machine) -> list[kinds.Daemon]:
        return self._api(machine, lambda: apis.cnapi(machine, data.server(machine.datacenter)))

    def _vmapi(self, machine: Machine) -> list[kinds.Daemon]:
        return self._api(machine, lambda: apis.vmapi(machine, self._vms, self._add_external))

    def _add_external(self, uuid: str) -> bool:
        """False if the zone has such a NIC already: the lab gives each zone one at most."""
        machine = self.site.by_uuid(uuid)
        return machine is not None and machine.add_external_nic()

    def _vms(self) -> list[data.Json]:
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
