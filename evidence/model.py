"""The shape of evidence: frozen, typed, without secrets. There is one struct per thing seen, and every answer is a Fact.

Nothing here judges. A service that refuses a connection is an *answer* (an Attempt that did not succeed). A fact is missing only when the
question could not be put, or the answer could not be read.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from evidence.accounts import Account, Accounts, Belongings, Collisions
from evidence.comparison import Comparison
from evidence.fact import Fact
from evidence.headnode import BadLines, Clock, CouplingTools, Instance, Room, Server, Trouble, UsbKey, UsbkeyCopy
from evidence.inventory.model import Inventory

SCHEMA = 2


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all evidence: immutable and strict about its fields."""


class SysInfo(Model, frozen=True):
    """The fields of `sysinfo` that identify a head node. Source: facts, "Exact forms"."""

    headnode: bool
    datacenter_name: str | None = None
    uuid: str = ""
    admin_ip: str = ""


_OF_COUPLING = (
    "datacenter_name", "dns_domain", "region_name", "ufds_admin_uuid", "ufds_domain", "ufds_is_master", "ufds_ldap_root_dn",
    "ufds_ldap_root_pw", "ufds_remote_ip",
)  # fmt: skip


class Configuration(Model, frozen=True):
    """Flat key=value settings: whitelisted values in clear, secrets as keyed fingerprints under the same key.

    `fragile` names the secrets that hold other characters than letters, digits and a few signs.  Of /usbkey/config: `bad` are
    the lines that config.sh cannot take or gives otherwise, `effect` what it then makes of the file.  The values are those that
    config.sh gives, and those that are written where it gives nothing.
    """

    values: dict[str, Any] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    fragile: tuple[str, ...] = ()
    bad: tuple[BadLines, ...] = ()
    effect: str = ""

    @property
    def of_coupling(self) -> dict[str, str]:
        """The settings on which a coupling rests, and which stand both in /usbkey/config and in SAPI.

        They are texts, because SAPI keeps types and the file has none. Unset and empty are the same.
        """
        known = self.values | {key: f"fingerprint {each}" for key, each in self.fingerprints.items()}
        texts = {key: "" if known.get(key) is None else str(known[key]) for key in _OF_COUPLING}
        return texts | {"ufds_is_master": texts["ufds_is_master"].lower()}


class Nic(Model, frozen=True):
    """One NIC as `vmadm lookup -j` shows it."""

    ip: str
    nic_tag: str
    netmask: str = ""
    gateway: str = ""
    network_uuid: str = ""
    primary: bool = False
    mac: str = ""


class Vm(Model, frozen=True):
    """One core zone, or one of Manta's. `routes` maps destination to gateway, as set in the VM.

    Some are zones of the head node. Others are on another server, which `server` names, and only VMAPI knows them. `tags` are the tags
    other than the one of the role; firewall rules can select the zone by them. It is None where they were not asked. `unread` says why
    nothing but the zone's role could be read.
    """

    uuid: str
    alias: str
    role: str
    state: str
    nics: tuple[Nic, ...] = ()
    routes: dict[str, str] = field(default_factory=dict)
    firewall_enabled: bool = False
    owner_uuid: str = ""
    server: str = ""
    tags: dict[str, str] | None = None
    unread: str = ""

    def address(self, *tags: str) -> str | None:
        """The address on the first of these NIC tags that the zone has."""
        return next((nic.ip for tag in tags for nic in self.nics if nic.nic_tag == tag), None)


class FirewallRule(Model, frozen=True):
    """A rule of FWAPI that concerns a zone, in the language in which people write rules."""

    uuid: str
    rule: str
    enabled: bool


class Service(Model, frozen=True):
    """One SMF service: FMRI and state. `changing`: it is between this state and another one. `said`: what the
    end of its log tells of why it does not run (evidence/collect/smflog.py), of one that is neither online nor disabled.

    `began` says when its start method last ran, in seconds since 1970 by the zone's clock; None where it was not asked.
    """

    fmri: str
    state: str
    began: float | None = None
    changing: bool = False
    said: tuple[str, ...] = ()


class Difference(Model, frozen=True):
    """One setting in which a rendered file differs from what SAPI's metadata would render now."""

    key: str
    file: str
    metadata: str


class ConfigFile(Model, frozen=True):
    """One rendered file of a zone: whitelisted settings by dotted key, and where it differs from its metadata.

    Secret values appear in `differs` only as "(secret)". If nothing could be compared, `uncompared` says why. `written` says when the file
    was last written, by the same clock as Service.began. `broken` says why the file is not the JSON that its service reads, and `broken_by`
    which setting of SAPI makes it so, if it is one.
    """

    path: str
    settings: dict[str, Any] = field(default_factory=dict)
    differs: tuple[Difference, ...] = ()
    uncompared: str = ""
    written: float | None = None
    broken: str = ""
    broken_by: str = ""


class Probe(Model, frozen=True):
    """One connection tried from inside a zone: open, refused, timeout, noroute, dns or error.

    `detail` says more than the result: of a packet of full size that came back, how long it was away ("1.234 ms"). `route` is the local
    route that applied ("10.2.2.29 via 10.3.1.1", "default via 10.3.2.1", or "none"). It is asked only if the probe is not open.
    """

    host: str
    port: int
    protocol: str
    result: str
    detail: str = ""
    route: str = ""


class Attempt(Model, frozen=True):
    """Whether a service did what it was asked, and what it answered; the SHA-256 of its certificate, where it showed one."""

    ok: bool
    detail: str = ""
    certificate: str = ""


class HttpAnswer(Model, frozen=True):
    """An HTTP answer, or the transport's error in `error` (then status is 0). `body` holds whitelisted JSON fields.

    `certificate` is the SHA-256 of the one that was shown, if it was HTTPS; `expired`, of a public URL, is
    the day on which that one has expired: Triton's own clients verify nothing.
    """

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    ms: int = 0
    certificate: str = ""
    expired: str = ""


class DnsAnswer(Model, frozen=True):
    """A DNS answer: rcode ("NOERROR", "REFUSED" … or "TIMEOUT", "UNREACHABLE", "NONSENSE"), addresses, and how long it took.

    For SRV records, `addresses` holds the ports.
    """

    rcode: str
    addresses: tuple[str, ...] = ()
    ms: int = 0
    detail: str = ""
    ports: tuple[int, ...] = ()


class Listing(Model, frozen=True):
    """A signed ListDatacenters: URLs by datacenter, or `code` and text of the error that came instead."""

    datacenters: dict[str, str] = field(default_factory=dict)
    code: str = ""
    error: str = ""


class HealthRow(Model, frozen=True):
    """One row of `sdcadm check-health -j`: `instance` is the uuid of a zone, an agent or a server.

    `healthy` is None if the agent reported an error, or if there is nothing to ask. `kind` is the type (vm, agent, global, triton,
    service). `name` is the alias, or else the service. `server` is the hostname of the server. Evidence of earlier versions has none of
    these three.
    """

    instance: str = ""
    healthy: bool | None = None
    errors: tuple[str, ...] = ()
    kind: str = ""
    name: str = ""
    server: str = ""

    @property
    def sick(self) -> bool:
        """Whether the row says that it is sick. An agent without a service of its own is neither healthy nor sick."""
        return self.healthy is False or bool(self.errors)

    @property
    def said(self) -> str:
        """The row in short, as text."""
        return ", ".join(self.errors) or "unhealthy, no reason given"


class HealthcheckRow(Model, frozen=True):
    """One line of `sdc-healthcheck -p`, which has the form role:state:agent:status."""

    role: str
    state: str
    status: str
    agent: str = ""


class SapiObject(Model, frozen=True):
    """A SAPI application, service or instance with its whitelisted metadata."""

    uuid: str
    name: str
    metadata: Configuration = field(default_factory=Configuration)
    owner_uuid: str = ""


class MantaService(Model, frozen=True):
    """A service of an application manta. Of those that the suite judges, the instances too, each with its service's name."""

    uuid: str
    name: str
    application_uuid: str
    metadata: Configuration = field(default_factory=Configuration)
    instances: tuple[SapiObject, ...] = ()


class Network(Model, frozen=True):
    """A NAPI network; `routes` reach every zone with a NIC on it."""

    uuid: str
    name: str
    subnet: str
    routes: dict[str, str] = field(default_factory=dict)
    owner_uuids: tuple[str, ...] = ()
    gateway: str = ""


class Checkpoint(Model, frozen=True):
    """How far a replica's replicator has come with one remote url. It has caught up when it is at the master's latest + 1."""

    url: str
    changenumber: int
    queries: tuple[str, ...] = ()
    dn: str = ""


class Key(Model, frozen=True):
    """A public key of an account: its MD5 fingerprint with colons, and its name."""

    fingerprint: str
    name: str


class Registered(Model, frozen=True):
    """A datacenter below its region in a UFDS; `resolvers` are the addresses that binders ask."""

    region: str
    datacenter: str
    network: bool = False
    resolvers: tuple[str, ...] = ()


class Directory(Model, frozen=True):
    """What a UFDS holds apart from accounts. `operators` are uuids, None without the group; `probes` counts admin's.

    `admin_disabled` is None in evidence of a version that did not ask.
    """

    latest: int
    version: int | None = None
    admin: bool = False
    admin_disabled: bool | None = None
    keys: tuple[Key, ...] = ()
    probes: int = 0
    operators: tuple[str, ...] | None = None
    readers: bool = False
    regions: tuple[str, ...] = ()
    datacenters: tuple[Registered, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()


class Change(Model, frozen=True):
    """An entry of a changelog, without the change itself (which may hold passwords). `at` is UTC in ISO 8601."""

    number: int
    dn: str
    kind: str
    at: str = ""


class Progress(Model, frozen=True):
    """A replica's checkpoint against the master's `latest`, looked at twice: `before`, and `after` some seconds.

    If the replicator is behind, `next` is the master's first change that it would apply, or else ask for, if there is one. `waiting` says
    for how many seconds that change has waited, and `parentless` whether it needs an entry above it that the replica does not have.
    `conflict` is the replica's entry that is in its way: one of the same name, or one that already has its login or e-mail address. If
    there is no change to ask for, `resumes` is the number at which the master's changelog goes on.
    """

    latest: int
    before: int
    after: int
    next: Change | None = None
    parentless: bool = False
    waiting: float = 0.0
    conflict: str = ""
    resumes: int = 0

    @property
    def behind(self) -> int:
        """How many changes are to come."""
        return max(0, self.latest + 1 - self.after)

    @property
    def beyond(self) -> int:
        """How far the checkpoint is beyond the master's last change: the master does not remember what the replica has applied."""
        return max(0, self.after - self.latest - 1)

    @property
    def stuck(self) -> bool:
        return self.behind > 0 and self.after == self.before


class Position(Model, frozen=True):
    """A replica's checkpoint where its master is asked elsewhere: `before`, and some seconds later `after`, `until` then (UTC, ISO 8601).

    `next`: the number of the change that comes next, by what was known of the master, or 0. Of that change, `parentless` and `conflict` say
    the same as in Progress.
    """

    before: int
    after: int
    until: str
    next: int = 0
    parentless: bool = False
    conflict: str = ""


class RecentChanges(Model, frozen=True):
    """What a master's changelog says of its changes, where replicas are asked elsewhere: all numbers `since` one.

    `resumes` has checkpoints of replicas that were known to be behind, with the number at which the changelog goes on after a gap there; 0
    if the next change is among `changes`.
    """

    since: int
    changes: tuple[Change, ...] = ()
    resumes: dict[int, int] = field(default_factory=dict)

    def reaches(self, number: int) -> bool:
        """Whether the change that comes next at a checkpoint would be here."""
        return number >= self.since or number in self.resumes


class ZoneEvidence(Model, frozen=True):
    """What was seen of one zone. Facts that its role does not have are None.

    `kernel`: the routes by a gateway in its kernel, as destination and gateway, without the default one; None in evidence of a version that
    did not ask.
    `settings`: what SAPI gives the zone, the metadata of application, service and instance, of which the later wins.

    `ping`: the zone's own health URL (sapi, cloudapi, adminui …). `bind`: UFDS's root bind. `poseidons`: the accounts with login poseidon;
    `poseidon_keys`: their public keys, at the master, where Manta is expected.
    `names`: binder's answers, by name. `elsewhere`: binder's answers for other datacenters, by datacenter and name. `asks_master`: SAPI's
    answer to a question that only the master's moray can answer. `listing`: cloudapi's answer to its datacenter's own key.

    `directory`: what a UFDS holds. `progress`: a replica's replication. `comparison`: how a replica differs from the master. `gaps`: the
    stretches of over 50 numbers that a master's changelog lacks (first and last), asked only if there are candidates. `accounts`: a
    candidate's accounts, without admin. `collisions`: those of them that the master has too. `belongings`: what is below its admin; of
    replicas, too.

    Only what was collected apart has `position`, a replica's checkpoint, and `recent`, the master's latest changes.

    `rules`: what FWAPI has for UFDS, and for a zone to which others connect and whose firewall is on. `instance`: whether SAPI knows a core
    zone that does not run.
    """

    vm: Vm
    services: Fact[tuple[Service, ...]]
    files: Fact[dict[str, ConfigFile]]
    kernel: Fact[tuple[tuple[str, str], ...]] | None = None
    settings: Fact[Configuration] | None = None
    ping: Fact[HttpAnswer] | None = None
    bind: Fact[Attempt] | None = None
    poseidons: Fact[tuple[Account, ...]] | None = None
    poseidon_keys: Fact[tuple[Key, ...]] | None = None
    names: Fact[dict[str, DnsAnswer]] | None = None
    directory: Fact[Directory] | None = None
    progress: Fact[Progress] | None = None
    comparison: Fact[Comparison] | None = None
    gaps: Fact[tuple[tuple[int, int], ...]] | None = None
    asks_master: Fact[HttpAnswer] | None = None
    listing: Fact[Listing] | None = None
    elsewhere: Fact[dict[str, dict[str, DnsAnswer]]] | None = None
    accounts: Fact[Accounts] | None = None
    collisions: Fact[Collisions] | None = None
    belongings: Fact[Belongings] | None = None
    rules: Fact[tuple[FirewallRule, ...]] | None = None
    instance: Fact[bool] | None = None
    position: Fact[Position] | None = None
    recent: Fact[RecentChanges] | None = None

    @property
    def leftover(self) -> bool:
        """Whether it does not run and is not an instance for SAPI: a broken upgrade leaves such zones (sapi0tmp). Nobody misses it."""
        return self.instance is not None and self.instance.value is False


class DatacenterEvidence(Model, frozen=True):
    """What was seen of one datacenter.

    `links` maps a link's id to the probes made from its source zone. `outside` is what cloudapi's public URL answers to the machine that
    these checks run on. `troubles` are what was wrong with the head node while it was asked.

    `leftovers` are files that sdc-ufds-m2s left behind, with secrets in them. Only candidates have `usbkey_mount`, and whether sdc-ufds-m2s
    asks for the master's password, has room for what it deletes (`m2s_room`), and the USB key's own copy of the configuration
    (`usbkey_copy`). Candidates and their master have the `instances` of sapi and ufds. `global_services` are those of the
    head node's global zone. `servers` are all servers of the datacenter, by uuid, if core zones run on others than the head node; and
    `everywhere` those others, as VMAPI lists the zones, or why it does not.

    Where Manta is expected: `manta_applications` in the datacenter's own moray (of candidates too), `manta_services` of these, and
    `ring_images` in its IMGAPI.
    """

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
    manta_applications: Fact[tuple[SapiObject, ...]] | None = None
    manta_services: Fact[tuple[MantaService, ...]] | None = None
    ring_images: Fact[tuple[str, ...]] | None = None
    clock: Fact[Clock] | None = None
    leftovers: Fact[tuple[str, ...]] | None = None
    usbkey_mount: Fact[UsbKey] | None = None
    m2s_asks_password: Fact[bool] | None = None
    m2s_room: Fact[Room] | None = None
    coupling_tools: Fact[CouplingTools] | None = None
    usbkey_copy: Fact[UsbkeyCopy] | None = None
    instances: Fact[tuple[Instance, ...]] | None = None
    outside: Fact[HttpAnswer] | None = None
    troubles: Fact[tuple[Trouble, ...]] | None = None
    global_services: Fact[tuple[Service, ...]] | None = None
    servers: Fact[dict[str, Server]] | None = None
    everywhere: Fact[tuple[str, ...]] | None = None


BUSY = 0.15
"""A machine that keeps the run waiting for such a share of the time is too busy to tell what is late."""


class Late(Model, frozen=True):
    """How late the machine was that asked: the share of the time that it kept the run waiting, and the longest wait in seconds.

    `patience` is how many times the inventory's time limits it was given in the end.
    """

    share: float = 0.0
    most: float = 0.0
    patience: float = 1.0

    @property
    def busy(self) -> bool:
        """Whether it was so late that nothing which came late can be laid at a datacenter's door."""
        return self.share >= BUSY


class CollectedPart(Model, frozen=True):
    """What one machine collected alone: which datacenters, when (UTC in ISO 8601), and by which version of the suite."""

    datacenters: tuple[str, ...]
    started: str
    finished: str
    suite_version: str


class Evidence(Model, frozen=True):
    """Everything that one run saw, with the inventory that it was asked for. It is written as evidence.json.

    `key_mark` tells with which installation's key its fingerprints were made; empty in evidence of a version that did not say so. `parts`:
    what was collected apart, each on a machine of its own; empty if one machine asked all. Datacenters that are in no part were not asked.
    """

    inventory: Inventory
    suite_version: str
    started: str
    finished: str
    datacenters: dict[str, DatacenterEvidence]
    schema: int = SCHEMA
    late: Late = Late()
    key_mark: str = ""
    parts: tuple[CollectedPart, ...] = ()
