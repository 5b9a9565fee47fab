"""What a lab consists of: datacenters, zones, addresses, names. It is pure data, and the same for the same arguments.

Addresses: datacenter number N (from 1) has the admin network 10.N.1.0/24 (gateway of routes 10.N.1.1), the external network 10.N.2.0/24
(default gateway 10.N.2.1, which drops private destinations) and the Manta network 10.N.3.0/24. The operator sits at 192.0.2.10 and reaches
the external address of each head node, 10.N.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.plan.names import ADMIN_UUID, DNS_DOMAIN, made_uuid
from lab.plan.roles import (
    COMMON_SERVICES,
    EXTERNAL_ROLES,
    FIREWALLED_ROLES,
    HOST_NUMBERS,
    MANTA_HOST_NUMBERS,
    REPLICATOR,
    SERVICES,
)


@dataclass(frozen=True)
class Nic:
    """One network interface of a zone or head node, as vmadm shows it."""

    interface: str
    nic_tag: str
    ip: str
    network_uuid: str
    gateway: str | None = None
    primary: bool = False
    netmask: str = "255.255.255.0"
    prefix: int = 24

    @property
    def mac(self) -> str:
        tail = bytes(int(part) for part in self.ip.split("."))
        return "90:b8:" + ":".join(f"{byte:02x}" for byte in tail)


@dataclass(frozen=True)
class Zone:
    """A core zone, or (with role "global") the global zone of a server. Its namespace has the name of its id.

    `server` is the server it is on: 0 the head node, N the compute node cnN.
    """

    datacenter: str
    role: str
    alias: str
    uuid: str
    nics: tuple[Nic, ...]
    services: tuple[str, ...]
    firewall_enabled: bool = False
    owner_uuid: str = ADMIN_UUID
    server: int = 0

    @property
    def hostname(self) -> str:
        """The hostname of its server."""
        return f"cn{self.server}" if self.server else "headnode"

    @property
    def tags(self) -> dict[str, str]:
        """The tags that vmadm shows, and that firewall rules can name (sdc-manta:lib/deploy.js: manta_role)."""
        if self.role in MANTA_HOST_NUMBERS:
            return {"manta_role": self.role}
        return {"smartdc_role": self.role, "smartdc_type": "core"}

    @property
    def id(self) -> str:
        return f"{self.datacenter}.{self.alias}"

    @property
    def admin_ip(self) -> str:
        return next(nic.ip for nic in self.nics if nic.nic_tag == "admin")

    @property
    def external_ip(self) -> str | None:
        return next((nic.ip for nic in self.nics if nic.nic_tag == "external"), None)


@dataclass(frozen=True)
class Datacenter:
    """One availability zone of the lab."""

    name: str
    number: int
    region: str
    state: str  # "master", "replica" or "candidate"
    dns_domain: str = DNS_DOMAIN
    instances: tuple[tuple[str, int], ...] = ()
    servers: int = 1

    @property
    def admin_subnet(self) -> str:
        return f"10.{self.number}.1.0/24"

    @property
    def external_subnet(self) -> str:
        return f"10.{self.number}.2.0/24"

    @property
    def manta_subnet(self) -> str:
        return f"10.{self.number}.3.0/24"

    @property
    def admin_router(self) -> str:
        return f"10.{self.number}.1.1"

    @property
    def manta_router(self) -> str:
        return f"10.{self.number}.3.1"

    @property
    def external_router(self) -> str:
        return f"10.{self.number}.2.1"

    @property
    def suffix(self) -> str:
        """The DNS suffix of the datacenter's services: ufds.SUFFIX, moray.SUFFIX ..."""
        return f"{self.name}.{self.dns_domain}"

    def network_uuid(self, tag: str) -> str:
        return made_uuid(self.name, "network", tag)

    @property
    def server_uuid(self) -> str:
        return made_uuid(self.name, "server")

    @property
    def headnode(self) -> Zone:
        return Zone(self.name, "global", "global", self.server_uuid, self._nics(2, external=True), ())

    @property
    def compute_nodes(self) -> tuple[Zone, ...]:
        """The global zones of the servers other than the head node: cn1, cn2 …"""
        return tuple(
            Zone(self.name, "global", f"cn{server}", self.uuid_of(server), self._nics(2 + server), (), server=server)
            for server in range(1, self.servers)
        )

    def uuid_of(self, server: int) -> str:
        """The uuid of a server."""
        return made_uuid(self.name, "server", f"cn{server}") if server else self.server_uuid

    @property
    def zones(self) -> tuple[Zone, ...]:
        counts = dict(self.instances)
        return tuple(self._zone(role, index) for role in HOST_NUMBERS for index in range(counts.get(role, 1)))

    def zone(self, role: str, index: int = 0) -> Zone:
        return self._zone(role, index)

    @property
    def binders(self) -> tuple[str, ...]:
        """The name servers of the datacenter, as resolv.conf and NAPI's networks list them."""
        return tuple(zone.admin_ip for zone in self.zones if zone.role == "binder")

    def _zone(self, role: str, index: int) -> Zone:
        alias = f"{role}{index}"
        services = SERVICES[role] + (REPLICATOR,) * (role == "ufds" and self.state == "replica") + COMMON_SERVICES
        return Zone(
            self.name,
            role,
            alias,
            made_uuid(self.name, "zone", alias),
            self._nics(HOST_NUMBERS[role] + 100 * index, external=role in EXTERNAL_ROLES),
            services,
            role in FIREWALLED_ROLES,
            server=index % self.servers,
        )

    def manta_zone(self, role: str, owner_uuid: str) -> Zone:
        """One of Manta's own zones: on the networks manta and admin, in this order (sdc-manta:config/services)."""
        host, alias = MANTA_HOST_NUMBERS[role], f"{role}0"
        nics = tuple(
            Nic(f"net{index}", tag, f"10.{self.number}.{net}.{host}", self.network_uuid(tag), primary=index == 0)
            for index, (tag, net) in enumerate((("manta", 3), ("admin", 1)))
        )
        uuid = made_uuid(self.name, "zone", alias)
        return Zone(self.name, role, alias, uuid, nics, SERVICES[role] + COMMON_SERVICES, owner_uuid=owner_uuid)

    def _nics(self, host: int, *, external: bool = False) -> tuple[Nic, ...]:
        admin = Nic("net0", "admin", f"10.{self.number}.1.{host}", self.network_uuid("admin"), primary=not external)
        if not external:
            return (admin,)
        address = f"10.{self.number}.2.{host}"
        return admin, Nic("net1", "external", address, self.network_uuid("external"), self.external_router, True)


@dataclass(frozen=True)
class Plan:
    """The whole lab before it is built. `ufds_pace`: so many entries a second each UFDS sends at most; 0: as many as it can."""

    datacenters: tuple[Datacenter, ...]
    accounts: int = 0
    ufds_pace: int = 0
    extra: dict[str, str] = field(default_factory=dict)
    manta: bool = False

    @property
    def master(self) -> Datacenter:
        return next(dc for dc in self.datacenters if dc.state == "master")

    def datacenter(self, name: str) -> Datacenter:
        return next(dc for dc in self.datacenters if dc.name == name)

    def peers(self, datacenter: Datacenter) -> tuple[Datacenter, ...]:
        """The other datacenters of the same region."""
        return tuple(dc for dc in self.datacenters if dc.region == datacenter.region and dc.name != datacenter.name)

    @property
    def master_ufds_address(self) -> str:
        """The address that replicas use: the external one of the master's first ufds zone."""
        address = self.master.zone("ufds").external_ip
        assert address is not None
        return address
