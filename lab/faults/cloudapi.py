"""Chapter: cloudapi and adminui.  What customers and operators see, and Triton's own health commands."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

import json
from typing import Any

from lab.faults.changes import cloudapi_down, sdc_metadata, service_metadata
from lab.faults.registry import Target, Undo, UnknownFaultError, fault
from lab.machine import net, roots, tls
from lab.state.lab import Lab
from lab.state.settling import settle


@fault("cloudapi-stuck", "cloudapi", "my-dc-3.cloudapi0")
async def cloudapi_stuck(lab: Lab, target: Target) -> None:
    """The cloudapi processes run but do not answer until they are restarted: they are stuck in start-up, and haproxy says 503."""
    shared = lab.shared[target.site.datacenter.name]
    for name, server in shared.servers.items():
        if name.startswith(f"{target.machine.zone.id}."):
            server.misbehaviour = "freeze"  # type: ignore[attr-defined]
    await cloudapi_down(target)


@fault("adminui-hangs", "adminui", "my-dc-3.adminui0")
async def adminui_hangs(lab: Lab, target: Target) -> None:
    """adminui accepts requests and answers none, until it is restarted."""
    server = lab.shared[target.site.datacenter.name].servers[target.machine.zone.id]
    server.misbehaviour = "freeze"  # type: ignore[attr-defined]


@fault("unhealthy", "napi", "my-dc-3.napi0")
async def unhealthy(lab: Lab, target: Target) -> None:
    """NAPI runs, but no search by name works until it is restarted (its moray bucket lacks an index).

    Its ping is fine, and only sdc-healthcheck's own search sees it.
    """
    server = lab.shared[target.site.datacenter.name].servers[target.machine.zone.id]
    server.searchable = False  # type: ignore[attr-defined]


@fault("cloudapi-lists-no-json", "datacenter", "my-dc-3")
async def cloudapi_lists_no_json(lab: Lab, target: Target) -> None:
    """CLOUDAPI_DATACENTERS is a datacenter's name, not JSON. It goes into cloudapi.cfg as it is, and cloudapi goes to maintenance."""
    service_metadata(lab, target, "cloudapi")["CLOUDAPI_DATACENTERS"] = target.site.datacenter.name
    await settle(lab)


@fault("cloudapi-lists-itself", "datacenter", "my-dc-3")
async def cloudapi_lists_itself(lab: Lab, target: Target) -> None:
    """CLOUDAPI_DATACENTERS of service `cloudapi` names only the own datacenter, as headnode setup made it.

    sdc-ufds-m2s does not add the others, and customers who ask here see no other.
    """
    datacenter = target.site.datacenter
    own = {datacenter.name: f"https://cloudapi.{datacenter.suffix}"}
    service_metadata(lab, target, "cloudapi")["CLOUDAPI_DATACENTERS"] = json.dumps(own)


@fault("cloudapi-own-master", "datacenter", "my-dc-3", ("replica",))
async def cloudapi_own_master(lab: Lab, target: Target) -> None:
    """Service `cloudapi` has its own, empty ufds_remote_ip in SAPI, which hides the one of `sdc`: left from a test.

    This cloudapi believes that it is the master's (hazard 3), answers, and writes accounts into the replica's UFDS.
    """
    service_metadata(lab, target, "cloudapi")["ufds_remote_ip"] = ""


@fault("cloudapi-maintenance", "datacenter", "my-dc-3")
async def cloudapi_maintenance(lab: Lab, target: Target) -> None:
    """cloudapi is read-only since the last upgrade: `sdcadm dc-maint start`, and nobody typed `stop`.

    Customers can see everything and change nothing.
    """
    service_metadata(lab, target, "cloudapi")["CLOUDAPI_READONLY"] = True
    sdc_metadata(lab, target)["DC_MAINT_MESSAGE"] = "We upgrade this datacenter tonight"


@fault("cloudapi-closed-outside", "datacenter", "my-dc-3")
async def cloudapi_closed_outside(lab: Lab, target: Target) -> Undo:
    """The router drops packets to port 443 of cloudapi's external address: a provider's packet filter.

    Inside the datacenter all is well, but no customer gets in.
    """
    name = target.site.datacenter.name
    addresses = [str(machine.zone.external_ip) for machine in target.site.of_role("cloudapi")]

    async def drop(on: bool) -> None:
        for address in addresses:
            net.drop(name, address, 443, on=on)

    await drop(True)
    return lambda: drop(False)


@fault("certificate-expired", "zone", "my-dc-3.cloudapi0")
async def certificate_expired(lab: Lab, target: Target) -> Undo:
    """The certificate of cloudapi, adminui or ufds expired a day ago: it was made at setup, and nobody renewed it.

    Triton's own clients verify nothing and go on. Browsers and the CLI of the customers do not.
    """
    zone, shared = target.machine.zone, lab.shared[target.site.datacenter.name]
    folder = roots.RUN / "tls"
    expired = tls.make_certificate(folder, f"{zone.id}-expired", expired=True)
    good = (folder / "server.crt", folder / "server.key")
    if zone.role == "ufds":
        front = shared.ufds[zone.alias]
        await front.use_certificate(*expired)
        return lambda: front.use_certificate(*good)
    if zone.role not in ("cloudapi", "adminui"):
        raise UnknownFaultError(f"{zone.id}: certificates of cloudapi, adminui and ufds only")
    server: Any = shared.servers[zone.id]
    await server.use_tls(tls.server_context(*expired))
    return lambda: server.use_tls(tls.server_context(*good))


@fault("sdcadm-config", "datacenter", "my-dc-3")
async def sdcadm_config(lab: Lab, target: Target) -> None:
    """sdcadm's own settings were edited by hand and are no longer JSON, so none of its commands works."""
    settings = target.machine.root / "var/sdcadm/sdcadm.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('{"updatesServerUrl": "https://updates.example.com",}\n', encoding="utf-8")
