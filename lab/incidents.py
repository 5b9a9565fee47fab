"""The faults of a lab.  Each is a cause that somebody had, or could have; what follows from it makes itself."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncssh

from lab import data, net
from lab.faults import NoSymptomError, Target, Undo, fault

if TYPE_CHECKING:
    from lab.daemon import Lab
    from lab.machine import Machine
    from lab.smf import Service

OTHER_PASSWORD = "another-s3cret-of-ufds-root"
LONGEST_WAIT = 20.0


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Waits until what a fault leads to has come about, which another fault may prevent."""
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            while True:
                found = condition()
                if await found if not isinstance(found, bool) else found:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise NoSymptomError(f"it waited in vain for this: {what}; another fault may stand in its way") from None


def own_services(machine: Machine) -> list[Service]:
    """The services that make a zone what it is."""
    return [service for service in machine.services if "config-agent" not in service.fmri]


async def restart(machine: Machine, pattern: str = "*") -> None:
    """Restarts a zone's services (config-agent apart)."""
    wanted = machine.services.matching(pattern)
    await asyncio.gather(*(service.restart() for service in own_services(machine) if service in wanted))


def service_metadata(lab: Lab, target: Target, role: str) -> dict[str, Any]:
    """Metadata of a SAPI service, as stored: changing it is what `sapiadm update` does."""
    uuid = data.service_uuid(target.site.datacenter, role)
    metadata: dict[str, Any] = lab.shared[target.site.datacenter.name].store.bucket("services")[uuid]["metadata"]
    return metadata


def sdc_metadata(lab: Lab, target: Target) -> dict[str, Any]:
    metadata: dict[str, Any] = lab.sdc(target.site.datacenter.name)["metadata"]
    return metadata


# ---- head nodes


@fault("headnode-dark", "datacenter", "my-dc-3")
async def headnode_dark(lab: Lab, target: Target) -> Undo:
    """The router drops what is sent to the head node: a datacenter without power, or a firewall's new rule."""
    name, address = target.site.datacenter.name, str(target.machine.zone.external_ip)
    net.drop(name, address)

    async def undo() -> None:
        net.drop(name, address, on=False)

    return undo


@fault("headnode-refuses", "datacenter", "my-dc-3")
async def headnode_refuses(lab: Lab, target: Target) -> Undo:
    """Nothing listens on port 22 of the head node: sshd was not started after a boot."""
    server = lab.ssh[target.site.datacenter.name]
    await server.stop()
    return server.start


@fault("headnode-key", "datacenter", "my-dc-3")
async def headnode_key(lab: Lab, target: Target) -> Undo:
    """The head node has another host key than known_hosts: it was installed anew, or it is not the one."""
    server = lab.ssh[target.site.datacenter.name]
    old = server.key

    async def use(key: asyncssh.SSHKey) -> None:
        await server.stop()
        server.key = key
        await server.start()

    await use(asyncssh.generate_private_key("ssh-ed25519"))
    return lambda: use(old)


@fault("headnode-denies", "datacenter", "my-dc-3")
async def headnode_denies(lab: Lab, target: Target) -> Undo:
    """The head node accepts the operator's key no more: authorized_keys was overwritten."""
    server = lab.ssh[target.site.datacenter.name]
    server.permits = False

    async def undo() -> None:
        server.permits = True

    return undo


@fault("headnode-sysinfo", "datacenter", "my-dc-3")
async def headnode_sysinfo(lab: Lab, target: Target) -> Undo:
    """sysinfo prints something that is no JSON: its values are not escaped, and a BIOS string can hold anything."""
    target.site.garbage_sysinfo = True

    async def undo() -> None:
        target.site.garbage_sysinfo = False

    return undo


@fault("headnode-is-another", "datacenter", "my-dc-3")
async def headnode_is_another(lab: Lab, target: Target) -> Undo:
    """The address leads to the head node of a datacenter that the inventory does not mean: a swapped DNS entry."""
    target.site.sysinfo_name = "my-dc-elsewhere"

    async def undo() -> None:
        target.site.sysinfo_name = None

    return undo


# ---- services


@fault("service-stopped", "zone", "my-dc-1.moray0")
async def service_stopped(lab: Lab, target: Target) -> None:
    """The zone's services are disabled: svcadm disable, and forgotten after maintenance work."""
    await asyncio.gather(*(service.disable() for service in own_services(target.machine)))


@fault("ufds-hangs", "ufds", "my-dc-1.ufds0")
async def ufds_hangs(lab: Lab, target: Target) -> Undo:
    """UFDS accepts connections and answers nothing, while its services are online: it waits for its moray."""
    listener = target.machine.zone.id
    await lab.ufds.mode(listener, "hang")
    return lambda: lab.ufds.mode(listener, "normal")


@fault("ufds-password", "ufds", "my-dc-1.ufds0")
async def ufds_password(lab: Lab, target: Target) -> Undo:
    """UFDS runs with another root password than SAPI has: it was changed in one of the two places only."""
    front = lab.shared[target.site.datacenter.name].ufds[target.machine.zone.alias]
    await lab.ufds.password(front.listener, OTHER_PASSWORD)
    return lambda: lab.ufds.password(front.listener, front.password)


@fault("cloudapi-stuck", "cloudapi", "my-dc-3.cloudapi0")
async def cloudapi_stuck(lab: Lab, target: Target) -> None:
    """The cloudapi processes run and do not answer, until they are restarted: stuck in start-up, haproxy says 503."""
    shared = lab.shared[target.site.datacenter.name]
    for name, server in shared.servers.items():
        if name.startswith(f"{target.machine.zone.id}."):
            server.misbehaviour = "freeze"  # type: ignore[attr-defined]
    await cloudapi_down(lab, target)


@fault("adminui-hangs", "adminui", "my-dc-3.adminui0")
async def adminui_hangs(lab: Lab, target: Target) -> None:
    """adminui accepts requests and answers none, until it is restarted."""
    server = lab.shared[target.site.datacenter.name].servers[target.machine.zone.id]
    server.misbehaviour = "freeze"  # type: ignore[attr-defined]


@fault("sapi-storage", "moray", "my-dc-1.moray0")
async def sapi_storage(lab: Lab, target: Target) -> None:
    """The moray processes listen no more, though SMF calls them online: SAPI's storage is gone, its ping says 500."""
    shared = lab.shared[target.site.datacenter.name]
    for name, server in shared.servers.items():
        if name.startswith(f"{target.machine.zone.id}."):
            await server.stop()


@fault("unhealthy", "napi", "my-dc-3.napi0")
async def unhealthy(lab: Lab, target: Target) -> None:
    """NAPI runs, but not one search by name works until it is restarted (an index of its moray bucket is missing): its
    ping is fine, and only sdc-healthcheck's own search sees it."""
    server = lab.shared[target.site.datacenter.name].servers[target.machine.zone.id]
    server.searchable = False  # type: ignore[attr-defined]


@fault("zookeeper-lost", "binder", "my-dc-3.binder0")
async def zookeeper_lost(lab: Lab, target: Target) -> None:
    """ZooKeeper runs without serving (disk full), and binder was restarted since: SERVFAIL for every name."""
    lab.shared[target.site.datacenter.name].registry.online = False
    await restart(target.machine, "binder")


# ---- routes


def routes_away(lab: Lab, target: Target) -> dict[str, str]:
    """The routes that the zone needs for its work with other datacenters."""
    routes = data.healthy_routes(lab.plan, target.site.datacenter)
    ufds = f"{lab.plan.master_ufds_address}/32"
    if target.machine.zone.role in ("ufds", "cloudapi", "adminui") and ufds in routes:
        return {ufds: routes[ufds]}
    return routes


async def cloudapi_down(lab: Lab, target: Target) -> None:
    """Waits until haproxy has marked all processes down: 503, no longer 500."""
    from lab.commands.web import Ask, CurlError, perform  # only when a lab runs

    async def is_down() -> bool:
        try:
            ask = Ask(url=f"https://{target.machine.zone.admin_ip}/--ping", insecure=True, timeout=2)
            return (await perform(target.site.headnode, ask)).status == 503
        except CurlError:
            return False

    await until(is_down, "cloudapi's haproxy marks its backends down")


@fault("route-missing", "zone", "my-dc-3.cloudapi0")
async def route_missing(lab: Lab, target: Target) -> None:
    """The zone lacks its route to the other datacenters (cloudapi, adminui, ufds: to the master's UFDS), and net-agent,
    which would put it back, is disabled; the zone's services were restarted since.  The seed: "adminui and cloudapi
    must be able to talk to the master's ufds, too"."""
    await target.site.headnode.services.get("svc:/smartdc/agent/net-agent:default").disable()
    target.machine.remove_routes(list(routes_away(lab, target)))
    await _restart_who_dials(lab, target)


async def _restart_who_dials(lab: Lab, target: Target) -> None:
    role = target.machine.zone.role
    if role == "ufds":
        await restart(target.machine, "ufds-replicator")
    elif role in ("cloudapi", "adminui", "sapi"):
        await restart(target.machine)
    if role == "cloudapi" and target.site.datacenter.state == "replica":
        await cloudapi_down(lab, target)


@fault("napi-route-missing", "datacenter", "my-dc-3")
async def napi_route_missing(lab: Lab, target: Target) -> None:
    """NAPI's admin network has lost its routes, so net-agent took them out of every zone: hazard 1, after a PUT that
    was meant to add one route and replaced them all."""
    shared = lab.shared[target.site.datacenter.name]
    network = shared.networks.find("admin")
    assert network is not None
    network["routes"] = {}
    assert shared.net_agent is not None
    await shared.net_agent.look_now()
    for machine in target.site.zones.values():
        await _restart_who_dials(lab, Target(target.site, machine))


@fault("port-dropped", "zone", "my-dc-2.ufds0")
async def port_dropped(lab: Lab, target: Target) -> Undo:
    """The router drops what others send to the zone's port (ICMP passes): a packet filter between the datacenters."""
    ports = {"ufds": 636, "binder": 53, "moray": 2020, "cloudapi": 443, "adminui": 443}
    port = ports.get(target.machine.zone.role, 80)
    name, addresses = target.site.datacenter.name, [nic.ip for nic in target.machine.zone.nics]
    for address in addresses:
        net.drop(name, address, port)

    async def undo() -> None:
        for address in addresses:
            net.drop(name, address, port, on=False)

    return undo


# ---- metadata


@fault("region-name", "datacenter", "my-dc-1")
async def region_name(lab: Lab, target: Target) -> None:
    """region_name in the `sdc` metadata is another; it is rendered, and binder was restarted since.  The seed: region
    and DNS domain must be the same in all AZs, "you can see it well in binder's configuration"."""
    sdc_metadata(lab, target)["region_name"] = f"{target.site.datacenter.region}-old"
    await lab.settle_now()
    for machine in target.site.of_role("binder"):
        await restart(machine, "binder")


@fault("metadata-missing", "datacenter", "my-dc-1")
async def metadata_missing(lab: Lab, target: Target) -> None:
    """region_name is missing in the `sdc` metadata: config-agent renders an empty string without a word, and binder,
    restarted since, asks UFDS for the resolvers of no region.  An `action: replace` with an incomplete object."""
    sdc_metadata(lab, target).pop("region_name", None)
    await lab.settle_now()
    for machine in target.site.of_role("binder"):
        await restart(machine, "binder")


@fault("metadata-type", "datacenter", "my-dc-1")
async def metadata_type(lab: Lab, target: Target) -> None:
    """ufds_is_master is a boolean and MASTER_MORAY_PORT a number, where Triton's own tools write strings: JSON from a
    file instead of `sapiadm update metadata.KEY=VALUE`.  It renders alike, and a comparison with "true" is false."""
    metadata = sdc_metadata(lab, target)
    metadata["ufds_is_master"] = str(metadata["ufds_is_master"]) == "true"
    sapi = service_metadata(lab, target, "sapi")
    if "MASTER_MORAY_PORT" in sapi:
        sapi["MASTER_MORAY_PORT"] = int(sapi["MASTER_MORAY_PORT"])


@fault("dns-domain", "datacenter", "my-dc-1")
async def dns_domain(lab: Lab, target: Target) -> None:
    """dns_domain in the `sdc` metadata is another; binder's file has it, binder itself was not restarted (hazard 7)."""
    sdc_metadata(lab, target)["dns_domain"] = "old.example.org"


@fault("binder-region", "binder", "my-dc-1.binder0")
async def binder_region(lab: Lab, target: Target) -> None:
    """Service `binder` has a region_name of its own in SAPI, which hides the right one of `sdc`."""
    service_metadata(lab, target, "binder")["region_name"] = f"{target.site.datacenter.region}-old"


@fault("binder-datacenter", "binder", "my-dc-1.binder0")
async def binder_datacenter(lab: Lab, target: Target) -> None:
    """Service `binder` has a datacenter_name of its own in SAPI: copied from another datacenter."""
    service_metadata(lab, target, "binder")["datacenter_name"] = "my-dc-elsewhere"


@fault("second-master", "datacenter", "my-dc-3", ("replica",))
async def second_master(lab: Lab, target: Target) -> None:
    """A replica's `sdc` metadata says ufds_is_master true: sdc-ufds-m2s was aborted, or undone by hand."""
    sdc_metadata(lab, target)["ufds_is_master"] = "true"


@fault("no-master", "datacenter", "my-dc-2", ("master",))
async def no_master(lab: Lab, target: Target) -> None:
    """The master's `sdc` metadata says ufds_is_master false: m2s was begun on the wrong head node."""
    sdc_metadata(lab, target)["ufds_is_master"] = "false"


@fault("remote-ip", "datacenter", "my-dc-3", ("replica",))
async def remote_ip(lab: Lab, target: Target) -> None:
    """A replica's ufds_remote_ip is that of another replica, which answers as the master would: a copied line.
    The checkpoint belongs to the url (hazard 12): the replicator begins at 0, meets what it has, and gives up; once the
    address is right again it wants `svcadm clear`."""
    master, own = lab.plan.master, target.site.datacenter
    others = [dc for dc in lab.plan.datacenters if dc.name not in (master.name, own.name)]
    address = others[0].zone("ufds").admin_ip if others else own.zone("ufds").admin_ip
    sdc_metadata(lab, target)["ufds_remote_ip"] = address


@fault("master-moray-missing", "datacenter", "my-dc-1", ("replica",))
async def master_moray_missing(lab: Lab, target: Target) -> None:
    """A replica's service `sapi` lacks MASTER_MORAY_IP and _PORT: SAPI is not in multi-DC mode (SAPI-283)."""
    metadata = service_metadata(lab, target, "sapi")
    metadata.pop("MASTER_MORAY_IP", None)
    metadata.pop("MASTER_MORAY_PORT", None)


@fault("master-moray-on-master", "datacenter", "my-dc-2", ("master",))
async def master_moray_on_master(lab: Lab, target: Target) -> None:
    """The master's service `sapi` names a master's moray, its own: every object comes twice, manta-init asserts."""
    metadata = service_metadata(lab, target, "sapi")
    metadata |= {"MASTER_MORAY_IP": f"moray.{lab.plan.master.suffix}", "MASTER_MORAY_PORT": "2020"}


# ---- files

EDITS: dict[str, tuple[str, ...]] = {
    "moray": ("datacenter",), "ufds": ("datacenter_name",), "cloudapi": ("ufds_admin_uuid",), "adminui": ("adminUuid",),
    "sapi": ("moray", "master_port"), "binder": ("recursion", "regionName"),
}  # fmt: skip


@fault("file-edited", "zone", "my-dc-3.cloudapi0")
async def file_edited(lab: Lab, target: Target) -> None:
    """The zone's rendered file was edited by hand; config-agent, whose last ETag still holds, leaves it so."""
    role = target.machine.zone.role
    path = target.machine.root / data.MANIFESTS[role][0][1].lstrip("/")
    content = json.loads(path.read_text(encoding="utf-8"))
    place = content
    *way, last = EDITS[role]
    for step in way:
        place = place[step]
    place[last] = "edited-by-hand"
    await lab.settle_now()  # so that config-agent has its ETag
    path.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
