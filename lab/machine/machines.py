"""Where things run: one machine per zone and per head node's global zone, gathered per datacenter in a site."""

from __future__ import annotations

import dataclasses
import pathlib
import socket
from dataclasses import dataclass, field

from lab.machine import kinds, namespaces, net
from lab.machine.smf import Services
from lab.plan.datacenters import Datacenter, Nic, Zone

GLOBAL = "global"
NEWEST = "release-20251120-20251120T061402Z-g1a2b3c4"


class Machine:
    """A zone that exists: its namespace, files, services and routes. It is the `Place` of its servers."""

    def __init__(self, zone: Zone, datacenter: Datacenter, root: pathlib.Path, clock: kinds.Clock) -> None:
        self.zone = zone
        self.datacenter = datacenter
        self.root = root
        self.clock = clock
        self.dial: kinds.Dial = namespaces.NamespaceDial(zone.id)
        self.services = Services(root / "var/svc/log")
        self.routes: dict[str, str] = {}  # vm.routes: what vmadm knows
        self.firewall_enabled = zone.firewall_enabled
        self.health_errors: list[str] = []
        self.version = NEWEST  # of its image
        self.alias = zone.alias  # as vmadm and VMAPI show it

    @property
    def namespace(self) -> str:
        return self.zone.id

    @property
    def binders(self) -> tuple[str, ...]:
        """The name servers of /etc/resolv.conf, which are the own datacenter's binders."""
        return self.datacenter.binders

    def listen(self, port: int, host: str = "0.0.0.0", kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        return namespaces.listen_in(self.namespace, port, host, kind)

    def add_external_nic(self) -> bool:
        """Add a NIC on the network external, and make it the primary one; False if there is one already."""
        if self.zone.external_ip is not None:
            return False
        number, host = self.datacenter.number, self.zone.admin_ip.rpartition(".")[2]
        nic = Nic(
            f"net{len(self.zone.nics)}", "external", f"10.{number}.2.{host}", self.datacenter.network_uuid("external"),
            self.datacenter.external_router, primary=True,
        )  # fmt: skip
        others = tuple(dataclasses.replace(each, primary=False) for each in self.zone.nics)
        self.zone = dataclasses.replace(self.zone, nics=(*others, nic))
        net.add_nic(self.datacenter, self.zone, nic)
        return True

    def add_routes(self, routes: dict[str, str]) -> None:
        """vmadm's set_routes: the routes are remembered in vm.routes and put into the kernel."""
        namespaces.set_routes(self.namespace, routes)
        self.routes.update(routes)

    def remove_routes(self, routes: list[str]) -> None:
        """vmadm's remove_routes: the routes are forgotten, and removed from the kernel."""
        namespaces.set_routes(self.namespace, {}, routes)
        for route in routes:
            self.routes.pop(route, None)


@dataclass
class Site:
    """One datacenter that exists: its servers' global zones and its core zones, by alias."""

    datacenter: Datacenter
    headnode: Machine
    zones: dict[str, Machine]
    garbage_sysinfo: bool = False
    sysinfo_name: str | None = None  # what sysinfo says, if that is not the truth
    zlogin_broken: bool = False
    usbkey_plugged: bool = True
    usbkey_mounted: bool = False
    networks_owner: dict[str, list[str]] = field(default_factory=dict)
    compute_nodes: tuple[Machine, ...] = ()
    strangers: set[str] = field(default_factory=set)  # compute nodes that refuse the head node's ssh, by alias

    @property
    def machines(self) -> list[Machine]:
        return [self.headnode, *self.compute_nodes, *self.zones.values()]

    @property
    def core(self) -> dict[str, Machine]:
        """Triton's own zones, which carry smartdc_role, without Manta's."""
        return {alias: machine for alias, machine in self.zones.items() if "smartdc_role" in machine.zone.tags}

    def zones_of(self, server: int) -> list[Machine]:
        """The zones of one server."""
        return [machine for machine in self.zones.values() if machine.zone.server == server]

    def server_of(self, machine: Machine) -> Machine:
        """The global zone of the server that a zone is on."""
        return (self.headnode, *self.compute_nodes)[machine.zone.server]

    def of_role(self, role: str) -> list[Machine]:
        return [machine for machine in self.zones.values() if machine.zone.role == role]

    def by_uuid(self, uuid: str) -> Machine | None:
        if uuid == GLOBAL:
            return self.headnode
        return next((machine for machine in self.zones.values() if machine.zone.uuid == uuid), None)
