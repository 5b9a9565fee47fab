"""What a lab consists of: datacenters, zones, addresses, names.  Pure data, the same for the same arguments.

Addresses: datacenter number N (from 1) has the admin network 10.N.1.0/24 (gateway of routes 10.N.1.1), the external
network 10.N.2.0/24 (default gateway 10.N.2.1, which drops private destinations) and the Manta network 10.N.3.0/24.
The operator sits at 192.0.2.10 and reaches the external address of each head node, 10.N.2.2.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Collection
from dataclasses import dataclass, field

ADMIN_UUID = "930896af-bf8c-48d4-885c-6573a94b1853"
POSEIDON_UUID = "aaaaaaaa-0000-4000-8000-000000000001"
DNS_DOMAIN = "srv.example.com"
OPERATOR_ADDRESS = "192.0.2.10"
ROOT_DN = "cn=root"
ROOT_PASSWORD = "lab-s3cret-of-ufds-root"
ADMIN_PASSWORD = "lab-s3cret-of-admin"

HOST_NUMBERS = {
    "binder": 11, "napi": 14, "moray": 17, "imgapi": 21, "cnapi": 22, "sdc": 26, "fwapi": 27, "vmapi": 28, "ufds": 29,
    "sapi": 32, "mahi": 34, "cloudapi": 35, "adminui": 36, "manta": 37,
}  # fmt: skip
# Manta's own zones, deployed by manta-adm: their owner is poseidon, and manta_role takes the place of smartdc_role.
MANTA_HOST_NUMBERS = {"electric-moray": 51, "webapi": 52}
MOST_INSTANCES = 3  # host numbers are 100 apart, and end at 254
# sdc-ufds-m2s wants exactly one ufds zone on the head node, and the sdc-* wrappers take the first zone tagged sdc.
SINGLE_ROLES = frozenset({"ufds", "sdc", "fwapi", "imgapi", "cnapi", "vmapi", "mahi", "manta"})
EXTERNAL_ROLES = frozenset({"ufds", "cloudapi", "adminui"})
# Triton itself does so for sapi, imgapi and sdc; ufds, which has an external NIC, its operators have secured.
FIREWALLED_ROLES = frozenset({"sapi", "imgapi", "sdc", "ufds"})
COMMON_SERVICES = ("svc:/smartdc/application/config-agent:default",)
SERVICES = {
    "ufds": (
        *(f"svc:/smartdc/application/ufds-master:ufds-{port}" for port in range(1390, 1394)),
        "svc:/smartdc/application/ufds-capi:default",
        "svc:/ufds/haproxy:default",
    ),
    "binder": ("svc:/manta/application/binder:default", "svc:/smartdc/application/zookeeper:default"),
    "sapi": ("svc:/smartdc/application/sapi:default",),
    "moray": tuple(f"svc:/smartdc/application/moray:moray-{port}" for port in range(2021, 2025)),
    "cloudapi": tuple(f"svc:/smartdc/application/cloudapi:cloudapi-{port}" for port in range(8081, 8085)),
    "adminui": ("svc:/smartdc/application/adminui:default",),
    "napi": ("svc:/smartdc/application/napi:default",),
    "fwapi": ("svc:/smartdc/application/fwapi:default",),
    "imgapi": ("svc:/smartdc/site/imgapi:default",),
    "cnapi": ("svc:/smartdc/site/cnapi:default",),
    "vmapi": ("svc:/smartdc/site/vmapi:default",),
    "mahi": tuple(f"svc:/manta/application/mahi-{part}:default" for part in ("redis", "replicator", "server")),
    "sdc": (),
    "manta": (),
    "electric-moray": (
        *(f"svc:/smartdc/application/electric-moray:electric-moray-{port}" for port in range(2021, 2025)),
        "svc:/manta/haproxy:default",
    ),
    "webapi": (
        *(f"svc:/manta/application/muskie:muskie-{port}" for port in range(8081, 8085)),
        "svc:/manta/haproxy:default",
    ),
}
REPLICATOR = "svc:/smartdc/application/ufds-replicator:default"


def made_uuid(*parts: str) -> str:
    """A uuid that is the same whenever the same thing is meant."""
    return str(uuids.uuid5(uuids.NAMESPACE_DNS, ".".join(parts)))


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
    """A core zone, or (role "global") the global zone of the head node.  Its namespace is named like its id."""

    datacenter: str
    role: str
    alias: str
    uuid: str
    nics: tuple[Nic, ...]
    services: tuple[str, ...]
    firewall_enabled: bool = False
    owner_uuid: str = ADMIN_UUID

    @property
    def tags(self) -> dict[str, str]:
        """What vmadm shows, and firewall rules can name (sdc-manta:lib/deploy.js: manta_role)."""
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

    def _nics(self, host: int, *, external: bool) -> tuple[Nic, ...]:
        admin = Nic("net0", "admin", f"10.{self.number}.1.{host}", self.network_uuid("admin"), primary=not external)
        if not external:
            return (admin,)
        address = f"10.{self.number}.2.{host}"
        return admin, Nic("net1", "external", address, self.network_uuid("external"), self.external_router, True)


@dataclass(frozen=True)
class Plan:
    """The whole lab before it is built."""

    datacenters: tuple[Datacenter, ...]
    accounts: int = 0
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


def region_name(index: int) -> str:
    """my-dc, my-dc-b, my-dc-c …"""
    return "my-dc" + (f"-{chr(ord('a') + index)}" if index else "")


def read_instances(text: str) -> dict[str, int]:
    """`binder=2,cloudapi=2`; ValueError says what is wrong."""
    found: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        role, _, count = part.partition("=")
        if role not in HOST_NUMBERS:
            raise ValueError(f"there is no service {role!r}; there are {', '.join(HOST_NUMBERS)}")
        most = 1 if role in SINGLE_ROLES else MOST_INSTANCES
        if not count.isdigit() or not 1 <= int(count) <= most:
            raise ValueError(f"{role} has 1 to {most} instances, not {count!r}" if most > 1 else f"there is one {role}")
        found[role] = int(count)
    return found


def make_plan(
    count: int = 3,
    *,
    coupled: bool = True,
    accounts: int = 0,
    regions: int = 1,
    instances: str = "",
    manta: bool = False,
    candidates: Collection[str] = (),
) -> Plan:
    """`count` datacenters my-dc-1 … in `regions` regions; my-dc-2 is the master of them all (as in the seed).

    Those named in `candidates` are not coupled; with `coupled` false nobody but the master is.
    """
    if not 2 <= count <= 20:
        raise ValueError(f"a lab has 2 to 20 datacenters, not {count}")
    if not 1 <= regions <= count:
        raise ValueError(f"{count} datacenters lie in 1 to {count} regions, not {regions}")
    replicas = {f"my-dc-{number}" for number in range(1, count + 1) if number != 2}
    if not set(candidates) <= replicas:
        wrong = ", ".join(sorted(set(candidates) - replicas))
        raise ValueError(f"a candidate is one of {', '.join(sorted(replicas))}, not {wrong}")
    if manta and (regions > 1 or not coupled or candidates):
        raise ValueError("Manta lies in one region, whose datacenters are coupled: --manta goes with neither")
    if accounts < 0:
        raise ValueError(f"there cannot be {accounts} accounts")
    counts = tuple(read_instances(instances).items())

    def made(number: int) -> Datacenter:
        name, region = f"my-dc-{number}", region_name((number - 1) * regions // count)
        state = "master" if number == 2 else "replica" if coupled and name not in candidates else "candidate"
        return Datacenter(name, number, region, state, instances=counts)

    return Plan(tuple(made(number) for number in range(1, count + 1)), accounts=accounts, manta=manta)
