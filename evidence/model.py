"""The shape of evidence: frozen, typed, without secrets.  One struct per thing seen; every answer is a Fact.

Nothing here judges.  A service that refuses a connection is an *answer* (an Attempt that did not succeed); a fact is
missing only when the question could not be put, or the answer could not be read.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from evidence.facts import Fact
from evidence.inventory import Inventory

SCHEMA = 1


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all evidence: immutable and strict about its fields."""


class SysInfo(Model, frozen=True):
    """`sysinfo` of a head node, the fields that identify it.  Source: facts, "Exact forms of what is parsed"."""

    headnode: bool
    datacenter_name: str | None = None
    hostname: str = ""
    uuid: str = ""
    sdc_version: str = ""
    live_image: str = ""


class Configuration(Model, frozen=True):
    """Flat key=value settings: whitelisted values in clear, secrets as keyed fingerprints under the same key."""

    values: dict[str, Any] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)


class Nic(Model, frozen=True):
    """One NIC as `vmadm lookup -j` shows it."""

    ip: str
    nic_tag: str
    netmask: str = ""
    gateway: str = ""
    interface: str = ""
    network_uuid: str = ""
    primary: bool = False


class Vm(Model, frozen=True):
    """One core zone of the head node.  `routes` maps destination to gateway, as set in the VM."""

    uuid: str
    alias: str
    role: str
    state: str
    nics: tuple[Nic, ...] = ()
    routes: dict[str, str] = field(default_factory=dict)
    firewall_enabled: bool = False

    def address(self, *tags: str) -> str | None:
        """The address on the first of the NIC tags that the zone has."""
        return next((nic.ip for tag in tags for nic in self.nics if nic.nic_tag == tag), None)


class Service(Model, frozen=True):
    """One SMF service: FMRI, state (a "*" of a transition stripped), and its start time as svcs prints it."""

    fmri: str
    state: str
    stime: str = ""


class Difference(Model, frozen=True):
    """One setting in which a rendered file is not what SAPI's metadata would render now."""

    key: str
    file: str
    metadata: str


class ConfigFile(Model, frozen=True):
    """One rendered file of a zone: whitelisted settings by dotted key, and how it differs from its metadata.

    Secret values appear in `differs` as "(secret)" only.  `uncompared` says why nothing could be compared, if so.
    """

    path: str
    settings: dict[str, Any] = field(default_factory=dict)
    differs: tuple[Difference, ...] = ()
    uncompared: str = ""


class Probe(Model, frozen=True):
    """One connection tried from inside a zone: open, refused, timeout, noroute, dns or error.

    `route` is the local route that applied ("10.2.2.29 via 10.3.1.1", "default via 10.3.2.1", or "none").
    """

    host: str
    port: int
    protocol: str
    result: str
    detail: str = ""
    route: str = ""


class Attempt(Model, frozen=True):
    """Whether a service did what it was asked, and what it said."""

    ok: bool
    detail: str = ""


class HttpAnswer(Model, frozen=True):
    """An HTTP answer, or the transport's error in `error` (status 0).  `body` holds whitelisted JSON fields."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    ms: int = 0


class DnsAnswer(Model, frozen=True):
    """A DNS answer: rcode ("NOERROR", "REFUSED" … or "TIMEOUT", "UNREACHABLE"), addresses, and how long it took."""

    rcode: str
    addresses: tuple[str, ...] = ()
    ms: int = 0
    detail: str = ""


class Account(Model, frozen=True):
    """An account of a UFDS, as far as comparing needs it."""

    uuid: str
    login: str


class HealthRow(Model, frozen=True):
    """One row of `sdcadm check-health -j`.  `healthy` None where the agent reported an error."""

    service: str
    instance: str = ""
    alias: str = ""
    type: str = ""
    healthy: bool | None = None
    errors: tuple[str, ...] = ()


class HealthcheckRow(Model, frozen=True):
    """One line of `sdc-healthcheck -p`: role:state:agent:status."""

    role: str
    state: str
    agent: str
    status: str


class SapiObject(Model, frozen=True):
    """A SAPI application, service or instance with its whitelisted metadata."""

    uuid: str
    name: str
    metadata: Configuration = field(default_factory=Configuration)
    owner_uuid: str = ""
    type: str = ""


class Network(Model, frozen=True):
    """A NAPI network; `routes` reach every zone with a NIC on it."""

    uuid: str
    name: str
    subnet: str
    routes: dict[str, str] = field(default_factory=dict)
    owner_uuids: tuple[str, ...] = ()
    gateway: str = ""


class ZoneEvidence(Model, frozen=True):
    """What was seen of one zone.  Facts that its role does not have are None.

    `ping` is the zone's own health URL (sapi, cloudapi, adminui); `bind` UFDS's root bind; `poseidons` the accounts with
    login poseidon; `names` what binder answered, by name.
    """

    vm: Vm
    services: Fact[tuple[Service, ...]]
    files: Fact[dict[str, ConfigFile]]
    ping: Fact[HttpAnswer] | None = None
    bind: Fact[Attempt] | None = None
    poseidons: Fact[tuple[Account, ...]] | None = None
    names: Fact[dict[str, DnsAnswer]] | None = None


class DatacenterEvidence(Model, frozen=True):
    """What was seen of one datacenter.  `links` maps a link's id to the probes made from its source zone."""

    ssh: Fact[str]
    sysinfo: Fact[SysInfo]
    usbkey: Fact[Configuration]
    zones: Fact[dict[str, ZoneEvidence]]
    applications: Fact[dict[str, SapiObject]]
    services: Fact[dict[str, SapiObject]]
    networks: Fact[dict[str, Network]]
    check_health: Fact[tuple[HealthRow, ...]]
    healthcheck: Fact[tuple[HealthcheckRow, ...]]
    links: dict[str, Fact[tuple[Probe, ...]]] = field(default_factory=dict)


class Evidence(Model, frozen=True):
    """Everything that one run saw, with the inventory that it was asked for.  Written as evidence.json."""

    inventory: Inventory
    suite_version: str
    started: str
    finished: str
    datacenters: dict[str, DatacenterEvidence]
    schema: int = SCHEMA
