"""Builds everything in a plan: networks, file trees, servers, services."""

from __future__ import annotations

import asyncio
import functools
import os
import pathlib
import time
from collections.abc import Awaitable

import asyncssh

from lab.agents import firewaller
from lab.machine import net, roots, tls
from lab.machine.machines import Machine, Site
from lab.machine.openssh import OpensshServer
from lab.machine.sshd import SshServer
from lab.plan.datacenters import Datacenter
from lab.plan.napi import healthy_routes
from lab.plan.sapi import sapi_objects, usbkey_config
from lab.servers import resolve
from lab.state import home, manta
from lab.state.builder import Builder
from lab.state.collaborators import Collaborators
from lab.state.lab import Lab

FORCED = "/opt/custom/bin/az-checks-only"
"""Where a program lies that is all that the operator's key starts (docs/operation.md, "A key that can only read")."""
AGE = 5000.0
"""Seconds for which a new lab's services seem to have been running. Their files are older."""


async def build(lab: Lab) -> None:
    """Build everything. No service runs yet."""
    process = asyncio.create_task(_start_ufds(lab))
    net.build(lab.plan, firewaller.initial(lab.plan))
    roots.make_shared()
    certificate = tls.make_certificate(roots.RUN / "tls")
    for datacenter in lab.plan.datacenters:
        _make_site(lab, datacenter)
    extra = []
    context = tls.server_context(*certificate)
    for name, site in lab.sites.items():
        lab.shared[name] = Collaborators(lab.plan, site.datacenter)
        lab.builders[name] = Builder(site, lab.shared[name], lab.ufds, context, certificate)
        extra += lab.builders[name].build()
        _render(lab, site)
    await process
    await asyncio.gather(*(server.start() for server in extra), *_start_ssh(lab))


async def start(lab: Lab) -> None:
    """Start everything. When this returns, all of it runs."""
    await _start_services(lab)
    if lab.plan.manta:
        await manta.deploy(lab)
    home.make(lab)
    _grow_old(lab)


def _grow_old(lab: Lab) -> None:
    """All of it has been running for hours, as in a real datacenter: only what a fault or an operator restarts is new."""
    for site in lab.sites.values():
        for machine in site.machines:
            for service in machine.services:
                service.stime -= AGE
                service.started = service.started and service.started - AGE
            long_ago = time.time() - 2 * AGE
            for path in machine.root.glob("opt/smartdc/*/etc/*"):
                os.utime(path, (long_ago, long_ago))


async def _start_ufds(lab: Lab) -> None:
    await lab.ufds.start()
    await lab.ufds.seed(lab.plan)


def _make_site(lab: Lab, datacenter: Datacenter) -> None:
    root = roots.RUN / "dc" / datacenter.name
    zone_roots = roots.make_headnode(datacenter, root)
    headnode = Machine(datacenter.headnode, datacenter, root, lab.clock)
    zones = {zone.alias: Machine(zone, datacenter, zone_roots[zone.alias], lab.clock) for zone in datacenter.zones}
    nodes = tuple(Machine(zone, datacenter, zone_roots[zone.alias], lab.clock) for zone in datacenter.compute_nodes)
    site = Site(datacenter, headnode, zones, compute_nodes=nodes)
    lab.add_site(site)
    for machine in (headnode, *zones.values()):
        machine.add_routes(healthy_routes(lab.plan, datacenter))
    for path in ("usbkey/config", "mnt/usbkey/config"):
        (root / path).write_text(usbkey_config(lab.plan, datacenter), encoding="utf-8")


def _render(lab: Lab, site: Site) -> None:
    """Write the files as config-agent left them at the last change. No restart follows."""
    objects = sapi_objects(lab.plan, site.datacenter)
    by_uuid = {value["uuid"]: value for kind in objects.values() for value in kind}
    for agent in lab.shared[site.datacenter.name].config_agents:
        instance = by_uuid[agent.machine.zone.uuid]
        service = by_uuid[instance["service_uuid"]]
        application = by_uuid[service["application_uuid"]]
        metadata = application["metadata"] | service["metadata"] | instance["metadata"]
        refs = {**application["manifests"], **service["manifests"]}
        list(agent.write({"metadata": metadata, "manifests": [by_uuid[each] for each in refs.values()]}))


async def _start_services(lab: Lab) -> None:
    """Start moray, ZooKeeper and UFDS first, because services that wait for them would have to try again."""
    ranks: list[list[Awaitable[None]]] = [[], [], []]
    for site in lab.sites.values():
        for machine in site.machines:
            for service in machine.services:
                ranks[_rank(machine, service.fmri)].append(service.enable())
    for rank_ in ranks:
        await asyncio.gather(*rank_)


def _rank(machine: Machine, fmri: str) -> int:
    """0 waits for nobody. 2 is for the agents, and for the replicator, which needs both UFDS."""
    if "agent" in fmri or "replicator" in fmri:
        return 2
    return 0 if machine.zone.role in ("moray", "ufds") or "zookeeper" in fmri else 1


def _start_ssh(lab: Lab) -> list[Awaitable[None]]:
    public = home.make_key()
    for name, site in lab.sites.items():
        key = asyncssh.generate_private_key("ssh-ed25519")
        ours = functools.partial(SshServer, resolve=_resolve)
        lab.ssh[name] = (OpensshServer if lab.openssh else ours)(site.headnode, key, public)
        if lab.forced:
            _restrict(lab, lab.ssh[name])
    home.write_known_hosts(lab)
    return [server.start() for server in lab.ssh.values()]


def _restrict(lab: Lab, server: SshServer | OpensshServer) -> None:
    """The operator's key starts a program, which is put where an operator puts it, and nothing else."""
    program = server.machine.root / FORCED.removeprefix("/")
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_bytes(pathlib.Path(lab.forced).read_bytes())
    program.chmod(0o755)
    assert isinstance(server, SshServer)
    server.forced = FORCED


async def _resolve(machine: Machine, host: str) -> str:
    try:
        return await resolve.resolve_address(machine.dial, machine.binders, host)
    except resolve.ResolveError as error:
        raise OSError(str(error)) from error
