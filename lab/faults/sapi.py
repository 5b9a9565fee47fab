"""Chapter: SAPI across datacenters."""

from __future__ import annotations

from typing import cast

from lab.faults.changes import restart, service_metadata
from lab.faults.registry import Target, fault
from lab.plan.sapi import service_uuid
from lab.servers.sapi.server import MASTER_CONFIG, Sapi
from lab.state.lab import Lab
from lab.state.settling import settle


@fault("sapi-storage", "moray", "my-dc-1.moray0")
async def sapi_storage(lab: Lab, target: Target) -> None:
    """The moray processes no longer listen, although SMF calls them online: SAPI's storage is gone, and its ping says 500."""
    shared = lab.shared[target.site.datacenter.name]
    for name, server in shared.servers.items():
        if name.startswith(f"{target.machine.zone.id}."):
            await server.stop()


@fault("master-moray-missing", "datacenter", "my-dc-1", ("replica",))
async def master_moray_missing(lab: Lab, target: Target) -> None:
    """A replica's service `sapi` lacks MASTER_MORAY_IP and _PORT: SAPI is not in multi-DC mode (SAPI-283)."""
    metadata = service_metadata(lab, target, "sapi")
    metadata.pop("MASTER_MORAY_IP", None)
    metadata.pop("MASTER_MORAY_PORT", None)


@fault("sapi-port", "datacenter", "my-dc-3", ("replica",))
async def sapi_port(lab: Lab, target: Target) -> None:
    """MASTER_MORAY_PORT has a blank behind it. SAPI asserts that the port is 2020, and goes to maintenance."""
    service_metadata(lab, target, "sapi")["MASTER_MORAY_PORT"] = "2020 "
    await settle(lab)


@fault("instance-override", "sapi", "my-dc-3.sapi0", ("replica",))
async def instance_override(lab: Lab, target: Target) -> None:
    """The SAPI *instance* of sapi has a MASTER_MORAY_IP of its own, another replica's. The service's is right, but what is rendered
    is the instance's: somebody updated the wrong uuid."""
    other = next(dc for dc in lab.plan.datacenters if dc not in (target.site.datacenter, lab.plan.master))
    instance = lab.shared[target.site.datacenter.name].store.bucket("instances")[target.machine.zone.uuid]
    instance["metadata"] = {**instance.get("metadata", {}), "MASTER_MORAY_IP": f"moray.{other.suffix}"}
    await settle(lab)


@fault("master-moray-on-master", "datacenter", "my-dc-2", ("master",))
async def master_moray_on_master(lab: Lab, target: Target) -> None:
    """The master's service `sapi` names a master's moray, its own: every object comes twice, and manta-init asserts."""
    metadata = service_metadata(lab, target, "sapi")
    metadata |= {"MASTER_MORAY_IP": f"moray.{lab.plan.master.suffix}", "MASTER_MORAY_PORT": "2020"}


@fault("sapi-master-stuck", "sapi", "my-dc-3.sapi0", ("replica",))
async def sapi_master_stuck(lab: Lab, target: Target) -> None:
    """SAPI's connection to the master's moray is dead, and SAPI does not notice until it is restarted.

    A firewall between the datacenters has forgotten the connection and drops its packets. Whoever asks for the master's objects waits for
    ever. New connections go through, and so does every probe.
    """
    server = cast(Sapi, lab.shared[target.site.datacenter.name].servers[target.machine.zone.id])
    assert server.master is not None
    server.master.forgotten = True


@fault("sapi-master-elsewhere", "datacenter", "my-dc-1", ("replica",))
async def sapi_master_elsewhere(lab: Lab, target: Target) -> None:
    """All SAPIs agree on a SAPI master, but it is not the datacenter of the UFDS master.

    Somebody began with the datacenter that he was logged in to (SAPI-283 recommends one for both).
    """
    master = target.site.datacenter
    for name, site in lab.sites.items():
        services = lab.shared[name].store.bucket("services")
        metadata = services[service_uuid(site.datacenter, "sapi")]["metadata"]
        if site.datacenter == master:
            metadata.pop("MASTER_MORAY_IP", None)
            metadata.pop("MASTER_MORAY_PORT", None)
        else:
            metadata |= {"MASTER_MORAY_IP": f"moray.{master.suffix}", "MASTER_MORAY_PORT": "2020"}
    await settle(lab)


@fault("sapi-not-restarted", "sapi", "my-dc-3.sapi0", ("replica",))
async def sapi_not_restarted(lab: Lab, target: Target) -> None:
    """sapi-master.config.json names the master's moray, but SAPI was started before it did.

    The restart that goes with rendering failed. With include_master, SAPI silently answers only its own objects.
    """
    path = target.machine.root / MASTER_CONFIG
    await settle(lab)  # so that config-agent has its ETag, and leaves the file alone
    right = path.read_text(encoding="utf-8")
    path.write_text('{"moray": {"master_host": "", "master_port": ""}}\n', encoding="utf-8")
    await restart(target.machine, "sapi")
    path.write_text(right, encoding="utf-8")
