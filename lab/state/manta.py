"""Manta in a running lab: its application at the SAPI master, its networks, and zones that come while others work.

`deploy` does all of it, for a lab that is started with --manta. The parts are what manta-init, manta-shardadm, `manta-adm create-topology`
and `manta-adm update` do one after the other.
"""

from __future__ import annotations

import asyncio
from typing import Any

from lab.agents.config_agent import ConfigAgent
from lab.machine import net, roots
from lab.machine.machines import Machine, Site
from lab.plan import manta_objects
from lab.plan.datacenters import Datacenter
from lab.plan.names import POSEIDON_UUID
from lab.servers import muskie
from lab.state.lab import Lab


def master_bucket(lab: Lab, name: str) -> dict[str, Any]:
    """A bucket of the moray that holds Manta's objects: that of the SAPI master."""
    return lab.shared[lab.plan.master.name].store.bucket(name)


def application(lab: Lab, owner: str = POSEIDON_UUID) -> dict[str, Any]:
    """SAPI application `manta` of one poseidon, as stored; KeyError if there is none."""
    found: dict[str, Any] = master_bucket(lab, "applications")[manta_objects.application_uuid(owner)]
    return found


def initialise(lab: Lab, datacenter: Datacenter, owner: str = POSEIDON_UUID) -> None:
    """Make the objects that manta-init makes at the SAPI master. An application that exists stays as it is."""
    made = manta_objects.application(datacenter, owner)
    master_bucket(lab, "applications").setdefault(made["uuid"], made)
    for bucket, objects in manta_objects.services(owner).items():
        for value in objects:
            master_bucket(lab, bucket).setdefault(value["uuid"], value)


def own_networks(lab: Lab, site: Site, owner: str = POSEIDON_UUID) -> None:
    """Let poseidon provision on the networks manta and admin of one datacenter (manta-init: enableAdminProvisioning)."""
    for network in lab.shared[site.datacenter.name].networks.by_uuid.values():
        if network["name"] in ("manta", "admin"):
            network["owner_uuids"] = list(dict.fromkeys([*network.get("owner_uuids", []), owner]))


def connect(lab: Lab, site: Site) -> None:
    """Add the routes and the firewall rule that Manta needs in one datacenter, as its operators put them into NAPI and FWAPI."""
    shared, datacenter = lab.shared[site.datacenter.name], site.datacenter
    more = {
        "admin": manta_objects.admin_routes(lab.plan, datacenter),
        "manta": manta_objects.manta_routes(lab.plan, datacenter),
    }
    for network in shared.networks.by_uuid.values():
        if network["name"] in more:
            network["routes"] = network.get("routes", {}) | more[network["name"]]
    shared.rules.put(manta_objects.firewall_rule(lab.plan, datacenter))


def save_ring(lab: Lab, datacenter: Datacenter, owner: str = POSEIDON_UUID) -> None:
    """Put the hash ring's images into the IMGAPI of a datacenter, and their place into the application."""
    lab.shared[datacenter.name].images.update(manta_objects.ring_images(owner))
    application(lab, owner)["metadata"].update(manta_objects.ring(datacenter))


async def deploy_zone(lab: Lab, site: Site, role: str, owner: str = POSEIDON_UUID) -> Machine:
    """One zone of Manta's on the head node of a datacenter, running, with a moray's instance. If it exists already, that one."""
    datacenter = site.datacenter
    zone = datacenter.manta_zone(role, owner)
    if zone.alias in site.zones:
        return site.zones[zone.alias]
    service = manta_objects.service_uuid(owner, role)
    instance = manta_objects.instance(zone, datacenter, service)
    master_bucket(lab, "instances")[zone.uuid] = instance
    moray = manta_objects.moray(datacenter, owner)
    master_bucket(lab, "instances").setdefault(moray["uuid"], moray)
    net.add_zone(datacenter, zone)
    machine = Machine(zone, datacenter, roots.make_zone(datacenter, site.headnode.root, zone), lab.clock)
    machine.alias = manta_objects.alias(zone, datacenter)
    by_uuid = {network["uuid"]: network for network in lab.shared[datacenter.name].networks.by_uuid.values()}
    machine.add_routes(_routes(machine, by_uuid))
    lab.add_machine(site, machine)
    agent = next(each for each in lab.shared[datacenter.name].config_agents if each.machine is machine)
    metadata = _render(lab, agent, instance, owner)
    if role == "electric-moray":
        ports = [int(fmri.rpartition("-")[2]) for fmri in zone.services if "application/electric-moray" in fmri]
        await muskie.fetch_ring(machine, machine.binders, metadata, ports)
    await asyncio.gather(*(each.enable() for each in machine.services))
    return machine


def _routes(machine: Machine, networks: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for nic in machine.zone.nics:
        found = networks[nic.network_uuid].get("routes", {}) | found
    return found


def _render(lab: Lab, agent: ConfigAgent, instance: dict[str, Any], owner: str) -> dict[str, Any]:
    """Write the zone's files as setup leaves them: config-agent in synchronous mode, before the services start."""
    service = master_bucket(lab, "services")[instance["service_uuid"]]
    metadata: dict[str, Any] = application(lab, owner)["metadata"] | service["metadata"] | instance["metadata"]
    manifests = [master_bucket(lab, "manifests")[each] for each in service["manifests"].values()]
    list(agent.write({"metadata": metadata, "manifests": manifests}))
    return metadata


async def deploy(lab: Lab) -> None:
    """Deploy a healthy Manta over all datacenters: from the SAPI master, and multi-DC before muskie came."""
    master = lab.plan.master
    initialise(lab, master)
    metadata = application(lab)["metadata"]
    metadata.update(manta_objects.admin_key())
    metadata.update(manta_objects.shards(master) | {"MUSKIE_MULTI_DC": True, "BUCKETS_API_MULTI_DC": True})
    save_ring(lab, master)
    for site in lab.sites.values():
        own_networks(lab, site)
        connect(lab, site)
    shared = [lab.shared[name] for name in lab.sites]
    agents = [agent for each in shared for agent in (*each.net_agents, *each.firewallers)]
    await asyncio.gather(*(agent.look_now() for agent in agents))
    await asyncio.gather(*(deploy_zone(lab, site, role) for site in lab.sites.values() for role in manta_objects.ROLES))
