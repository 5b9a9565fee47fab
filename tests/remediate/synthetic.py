"""Evidence of a healthy coupling without servers, and ways to change it, for tests of remedies and reports."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from evidence.fact import Fact, missing
from evidence.model import (
    ConfigFile,
    Difference,
)
from evidence.subjects.claims import judged
from evidence.subjects.spec import CRITICAL, FAILED, Outcome, Result, Severity
from evidence.subjects.world import World
from lab.plan.making import make_plan
from tests.recording import recorded
from verdict.judge import Cause

LAB = make_plan()


def fact(value: Any, asked: str = "asked", how: str = "how") -> Fact[Any]:
    return Fact(subject="subject", asked=asked, how=how, value=value)


POSEIDONS = fact(recorded("healthy").datacenters["my-dc-2"].zones.get()["ufds0"].poseidons.get())
POSEIDON = POSEIDONS.get()[0].uuid


def healthy() -> World:
    """The recorded healthy lab: three datacenters, my-dc-2 as the master, everything as it should be."""
    evidence = recorded("healthy")
    return judged(evidence.inventory, evidence)


def changed(world: World, datacenter: str, **facts: Any) -> World:
    """The same with other facts of one datacenter. A string in place of a fact says why it is missing."""
    assert world.evidence is not None
    given = {
        name: missing(datacenter, name, "how", value) if isinstance(value, str) else value
        for name, value in facts.items()
    }
    seen = world.evidence.datacenters | {datacenter: replace(world.evidence.datacenters[datacenter], **given)}
    return judged(world.told, replace(world.evidence, datacenters=seen))


def changed_zone(world: World, datacenter: str, alias: str, *, vm: dict[str, Any] | None = None, **facts: Any) -> World:
    """The same with another VM or other facts of one zone. A route that the VM has no more is not in the kernel either."""
    zones = world.datacenter(datacenter).evidence.zones.get()
    kernel = zones[alias].kernel
    if vm and "routes" in vm and "kernel" not in facts and kernel is not None and kernel.value is not None:
        gone = zones[alias].vm.routes.keys() - vm["routes"].keys()
        facts["kernel"] = replace(kernel, value=tuple(row for row in kernel.value if row[0] not in gone))
    zone = replace(zones[alias], vm=replace(zones[alias].vm, **(vm or {})), **facts)
    return changed(world, datacenter, zones=fact(zones | {alias: zone}))


def _inherited(world: World, datacenter: str, values: dict[str, Any], role: str = "") -> World:
    """The same with what the zones of a role, or all, get of these values: SAPI merges application, service and instance."""
    zones = dict(world.datacenter(datacenter).evidence.zones.get())
    for alias, zone in zones.items():
        if zone.settings is not None and zone.settings.value is not None and role in ("", zone.vm.role):
            old = zone.settings.value
            merged = {key: value for key, value in (old.values | values).items() if value is not None}
            zones[alias] = replace(zone, settings=replace(zone.settings, value=replace(old, values=merged)))
    return changed(world, datacenter, zones=fact(zones))


def changed_metadata(world: World, datacenter: str, **values: Any) -> World:
    """The same with other metadata of application sdc. None removes a key."""
    applications = world.datacenter(datacenter).evidence.applications.get()
    sdc = applications["sdc"]
    merged = {key: value for key, value in (sdc.metadata.values | values).items() if value is not None}
    return changed(
        _inherited(world, datacenter, values),
        datacenter,
        applications=fact(applications | {"sdc": replace(sdc, metadata=replace(sdc.metadata, values=merged))}),
    )


def changed_service(world: World, datacenter: str, name: str, **values: Any) -> World:
    """The same with other metadata of one SAPI service."""
    services = world.datacenter(datacenter).evidence.services.get()
    merged = {k: v for k, v in (services[name].metadata.values | values).items() if v is not None}
    return changed(
        _inherited(world, datacenter, values, name),
        datacenter,
        services=fact(
            services | {name: replace(services[name], metadata=replace(services[name].metadata, values=merged))}
        ),
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
    """The same with another result for every probe of one link."""
    seen = world.datacenter(datacenter).evidence.links
    probes = tuple(replace(probe, result=result, route="none") for probe in seen[link].get())
    return changed(world, datacenter, links=seen | {link: fact(probes)})


def stale(key: str, file: str, metadata: str) -> ConfigFile:
    return ConfigFile("/opt/smartdc/binder/etc/config.json", {key: file}, (Difference(key, file, metadata),))


def finding(
    check: str, subject: str, outcome: Outcome = FAILED, severity: Severity = CRITICAL, **fields: Any
) -> Result:
    return Result(check, subject, severity, outcome, **fields)


def cause(check: str, subject: str) -> Cause:
    return Cause(finding(check, subject))
