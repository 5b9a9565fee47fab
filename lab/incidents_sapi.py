"""Faults of SAPI between datacenters, where its metadata and its routes are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lab import data
from lab.faults import Target, fault
from lab.sapi import Sapi

if TYPE_CHECKING:
    from lab.daemon import Lab


@fault("sapi-master-stuck", "sapi", "my-dc-3.sapi0", ("replica",))
async def sapi_master_stuck(lab: Lab, target: Target) -> None:
    """SAPI's connection to the master's moray is dead and SAPI does not know it, until it is restarted: a firewall between
    the datacenters has forgotten it and drops what is sent.  Whoever asks for what the master has waits for ever; new
    connections, and so every probe, go through."""
    server = cast(Sapi, lab.shared[target.site.datacenter.name].servers[target.machine.zone.id])
    assert server.master is not None
    server.master.forgotten = True


@fault("sapi-master-elsewhere", "datacenter", "my-dc-1", ("replica",))
async def sapi_master_elsewhere(lab: Lab, target: Target) -> None:
    """All SAPIs agree on a SAPI master, and it is not the datacenter of the UFDS master: somebody began with the
    datacenter that he was logged in to (SAPI-283 recommends one for both)."""
    master = target.site.datacenter
    for name, site in lab.sites.items():
        services = lab.shared[name].store.bucket("services")
        metadata = services[data.service_uuid(site.datacenter, "sapi")]["metadata"]
        if site.datacenter == master:
            metadata.pop("MASTER_MORAY_IP", None)
            metadata.pop("MASTER_MORAY_PORT", None)
        else:
            metadata |= {"MASTER_MORAY_IP": f"moray.{master.suffix}", "MASTER_MORAY_PORT": "2020"}
    await lab.settle_now()
