"""What several faults do: wait for consequences, restart services, change SAPI's metadata."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from lab.faults.registry import NoSymptomError, Target
from lab.machine.machines import Machine, Site
from lab.machine.smf import Service
from lab.plan.napi import healthy_routes
from lab.plan.roles import REPLICATOR
from lab.plan.sapi import service_uuid
from lab.servers.curl import Ask, CurlError, perform
from lab.state.lab import Lab

OTHER_ADMIN = "dddddddd-0000-4000-8000-00000000000d"
OTHER_PASSWORD = "another-s3cret-of-ufds-root"
LONGEST_WAIT = 20.0


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Wait until a consequence of a fault has come about, which another fault may prevent."""
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
    """Restart a zone's services (except config-agent)."""
    wanted = machine.services.matching(pattern)
    await asyncio.gather(*(service.restart() for service in own_services(machine) if service in wanted))


async def overlooked(lab: Lab, target: Target) -> None:
    """Make net-agent ignore the zone, because its routes are about to be changed by hand."""
    agents = lab.shared[target.site.datacenter.name].net_agents
    await agents[target.machine.zone.server].overlook(target.machine)


def service_metadata(lab: Lab, target: Target, role: str) -> dict[str, Any]:
    """Metadata of a SAPI service, as stored. Changing it has the effect of `sapiadm update`."""
    uuid = service_uuid(target.site.datacenter, role)
    metadata: dict[str, Any] = lab.shared[target.site.datacenter.name].store.bucket("services")[uuid]["metadata"]
    return metadata


def sdc_metadata(lab: Lab, target: Target) -> dict[str, Any]:
    metadata: dict[str, Any] = lab.sdc(target.site.datacenter.name)["metadata"]
    return metadata


def routes_away(lab: Lab, target: Target) -> dict[str, str]:
    """The routes that the zone needs for its work with other datacenters."""
    routes = healthy_routes(lab.plan, target.site.datacenter)
    ufds = f"{lab.plan.master_ufds_address}/32"
    if target.machine.zone.role in ("ufds", "cloudapi", "adminui") and ufds in routes:
        return {ufds: routes[ufds]}
    return routes


async def cloudapi_down(target: Target) -> None:
    """Wait until haproxy has marked all processes down: 503, no longer 500."""

    async def is_down() -> bool:
        try:
            ask = Ask(url=f"https://{target.machine.zone.admin_ip}/--ping", insecure=True, timeout=2)
            return (await perform(target.site.headnode, ask)).status == 503
        except CurlError:
            return False

    await until(is_down, "cloudapi's haproxy marks its backends down")


async def restart_who_dials(target: Target) -> None:
    role = target.machine.zone.role
    if role == "ufds":
        await restart(target.machine, "ufds-replicator")
    elif role in ("cloudapi", "adminui", "sapi"):
        await restart(target.machine)
    if role == "cloudapi" and target.site.datacenter.state == "replica":
        await cloudapi_down(target)


USERS = "ou=users, o=smartdc"
REPLICATION_WAIT = 4.0
HERE, THERE = "dddddddd-0000-4000-8000-00000000000d", "dddddddd-0000-4000-8000-00000000000e"


async def others_follow(lab: Lab) -> None:
    """Wait until every running replicator has dealt with all of the master's changes."""
    latest = (await lab.ufds.counters(lab.plan.master.name))["latest"]

    async def done() -> bool:
        replicas = [dc.name for dc in lab.plan.datacenters if dc.state == "replica"]
        services = {each: lab.sites[each].zones["ufds0"].services.get(REPLICATOR) for each in replicas}
        running = [each for each, service in services.items() if service.state == "online"]
        return all([(await lab.ufds.checkpoint(each) or 0) > latest for each in running])

    try:
        async with asyncio.timeout(REPLICATION_WAIT):
            await until(done, "the replicas follow")
    except TimeoutError:
        pass  # another fault keeps a replica from it


def set_in_files(site: Site, **values: str | None) -> None:
    """Set values in both copies of /usbkey/config; None removes a line."""
    for name in ("usbkey/config", "mnt/usbkey/config"):
        path = site.headnode.root / name
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.partition("=")[0] not in values]
        lines += [f"{key}={value}" for key, value in values.items() if value is not None]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
