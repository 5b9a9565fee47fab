"""Evidence of a healthy coupling without servers, and ways to change it: what remedies and reports are tested with."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from evidence.accounts import Account
from evidence.fact import Fact, missing
from evidence.inventory.model import Declared, Inventory
from evidence.model import (
    Attempt,
    Checkpoint,
    ConfigFile,
    Configuration,
    DatacenterEvidence,
    Difference,
    Directory,
    DnsAnswer,
    Evidence,
    HttpAnswer,
    Network,
    Nic,
    Probe,
    SapiObject,
    Service,
    SysInfo,
    Vm,
    ZoneEvidence,
)
from evidence.subjects.claims import judged
from evidence.subjects.links import LINKS, links
from evidence.subjects.spec import Result
from evidence.subjects.world import World
from lab.plan import napi
from lab.plan.datacenters import Datacenter, Zone
from lab.plan.making import make_plan
from lab.plan.names import ADMIN_UUID
from lab.plan.napi import healthy_routes
from lab.plan.sapi import application_uuid, sapi_objects, sdc_metadata
from verdict.judge import Cause

LAB = make_plan()
POSEIDON = "11111111-1111-4111-8111-111111111111"
SECRET = ("pw", "password")


def fact(value: Any, asked: str = "asked", how: str = "how") -> Fact[Any]:
    return Fact(asked=asked, how=how, value=value)


POSEIDONS = fact((Account(POSEIDON, "poseidon"),))


def _clear(metadata: dict[str, Any]) -> Configuration:
    return Configuration({key: value for key, value in metadata.items() if not key.endswith(SECRET)})


def _zone(dc: Datacenter, zone: Zone, routes: dict[str, str]) -> ZoneEvidence:
    nics = tuple(
        Nic(nic.ip, nic.nic_tag, nic.netmask, nic.gateway or "", nic.interface, nic.network_uuid, nic.primary)
        for nic in zone.nics
    )
    vm = Vm(zone.uuid, zone.alias, zone.role, "running", nics, routes, zone.firewall_enabled)
    health = {"ping": "pong", "storAvailable": True, "services.ufds": True}
    names = {f"{r}.{dc.suffix}": DnsAnswer("NOERROR", (dc.zone(r).admin_ip,)) for r in ("moray", "sapi", "ufds")}
    return ZoneEvidence(
        vm,
        services=fact(tuple(Service(fmri, "online") for fmri in zone.services)),
        files=fact({}),
        ping=fact(HttpAnswer(200, health)) if zone.role in ("sapi", "cloudapi", "adminui") else None,
        bind=fact(Attempt(ok=True)) if zone.role == "ufds" else None,
        poseidons=POSEIDONS if zone.role == "ufds" else None,
        names=fact(names) if zone.role == "binder" else None,
        directory=fact(_directory(dc)) if zone.role == "ufds" else None,
    )


def _directory(dc: Datacenter) -> Directory:
    admin, follows = ADMIN_UUID, f"ldaps://{LAB.master_ufds_address}"
    own = Checkpoint(follows, 101, (), f"uid=checkpoint, cn=replicator, datacenter={dc.name}, o=smartdc")
    checkpoints = (own,) if dc.state == "replica" else ()
    return Directory(100, 20, admin=True, operators=(admin, POSEIDON), readers=True, checkpoints=checkpoints)


def _datacenter(dc: Datacenter) -> DatacenterEvidence:
    routes = healthy_routes(LAB, dc)
    metadata = _clear(sdc_metadata(LAB, dc))
    objects = sapi_objects(LAB, dc)
    return DatacenterEvidence(
        ssh=fact("OpenSSH"),
        sysinfo=fact(SysInfo(True, dc.name, admin_ip=dc.headnode.admin_ip)),
        usbkey=fact(metadata),
        zones=fact({zone.alias: _zone(dc, zone, routes) for zone in dc.zones}),
        applications=fact({"sdc": SapiObject(application_uuid(dc), "sdc", metadata)}),
        services=fact(
            {s["name"]: SapiObject(s["uuid"], s["name"], Configuration(s["metadata"])) for s in objects["services"]}
        ),
        networks=fact(
            {
                n["name"]: Network(n["uuid"], n["name"], n["subnet"], n.get("routes", {}), gateway=n.get("gateway", ""))
                for n in napi.networks(LAB, dc)
            }
        ),
        check_health=fact(()),
        healthcheck=fact(()),
        troubles=fact(()),
    )


def healthy() -> World:
    """Three datacenters, my-dc-2 the master, everything as it should be."""
    declared = {
        dc.name: Declared(dc.name, f"root@{dc.headnode.external_ip}", dc.region, dc.state) for dc in LAB.datacenters
    }
    inventory = Inventory("my-dc-2", declared, path="region.yaml")
    evidence = Evidence(inventory, "0", "", "", {dc.name: _datacenter(dc) for dc in LAB.datacenters})
    for check in LINKS:
        for link in links(judged(inventory, evidence), check):
            probes = tuple(Probe(link.host, port, "tcp", "open") for port in link.ports)
            evidence.datacenters[link.source.datacenter.name].links[link.id] = fact(probes)
    return judged(inventory, evidence)


def changed(world: World, datacenter: str, **facts: Any) -> World:
    """The same with other facts of one datacenter; a string in place of a fact is why it is missing."""
    assert world.evidence is not None
    given = {
        name: missing(f"{datacenter}: {name}", "how", value) if isinstance(value, str) else value
        for name, value in facts.items()
    }
    seen = world.evidence.datacenters | {datacenter: replace(world.evidence.datacenters[datacenter], **given)}
    return judged(world.told, replace(world.evidence, datacenters=seen))


def changed_zone(world: World, datacenter: str, alias: str, *, vm: dict[str, Any] | None = None, **facts: Any) -> World:
    """The same with another VM or other facts of one zone."""
    zones = world.datacenter(datacenter).evidence.zones.get()
    zone = replace(zones[alias], vm=replace(zones[alias].vm, **(vm or {})), **facts)
    return changed(world, datacenter, zones=fact(zones | {alias: zone}))


def changed_metadata(world: World, datacenter: str, **values: Any) -> World:
    """The same with other metadata of application sdc; None takes a key away."""
    applications = world.datacenter(datacenter).evidence.applications.get()
    sdc = applications["sdc"]
    merged = {key: value for key, value in (sdc.metadata.values | values).items() if value is not None}
    return changed(
        world, datacenter, applications=fact(applications | {"sdc": replace(sdc, metadata=Configuration(merged))})
    )


def changed_service(world: World, datacenter: str, name: str, **values: Any) -> World:
    """The same with other metadata of one SAPI service."""
    services = world.datacenter(datacenter).evidence.services.get()
    merged = {k: v for k, v in (services[name].metadata.values | values).items() if v is not None}
    return changed(
        world, datacenter, services=fact(services | {name: replace(services[name], metadata=Configuration(merged))})
    )


def without_napi_routes(world: World, datacenter: str, *keys: str) -> World:
    """The same with fewer routes in NAPI and in every zone of the datacenter."""
    networks = world.datacenter(datacenter).networks
    fewer = {u: replace(n, routes={k: g for k, g in n.routes.items() if k not in keys}) for u, n in networks.items()}
    world = changed(world, datacenter, networks=fact(fewer))
    for alias, zone in world.datacenter(datacenter).evidence.zones.get().items():
        kept = {k: g for k, g in zone.vm.routes.items() if k not in keys}
        world = changed_zone(world, datacenter, alias, vm={"routes": kept})
    return world


def probed(world: World, datacenter: str, link: str, result: str) -> World:
    """The same with another result of every probe of one link."""
    seen = world.datacenter(datacenter).evidence.links
    probes = tuple(replace(probe, result=result, route="none") for probe in seen[link].get())
    return changed(world, datacenter, links=seen | {link: fact(probes)})


def stale(key: str, file: str, metadata: str) -> ConfigFile:
    return ConfigFile("/opt/smartdc/binder/etc/config.json", {key: file}, (Difference(key, file, metadata),))


def finding(check: str, subject: str, outcome: str = "failed", severity: str = "critical", **fields: Any) -> Result:
    return Result(check, subject, severity, outcome, **fields)


def cause(check: str, subject: str) -> Cause:
    return Cause(finding(check, subject))
