"""Faults of cloudapi that its health URL does not show."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab import net
from lab.faults import Target, Undo, fault
from lab.incidents import sdc_metadata, service_metadata

if TYPE_CHECKING:
    from lab.daemon import Lab


@fault("cloudapi-lists-itself", "datacenter", "my-dc-3")
async def cloudapi_lists_itself(lab: Lab, target: Target) -> None:
    """CLOUDAPI_DATACENTERS of service `cloudapi` names the own datacenter only, as headnode setup made it: sdc-ufds-m2s
    does not add the others, and customers who ask here see no other."""
    datacenter = target.site.datacenter
    own = {datacenter.name: f"https://cloudapi.{datacenter.suffix}"}
    service_metadata(lab, target, "cloudapi")["CLOUDAPI_DATACENTERS"] = json.dumps(own)


@fault("cloudapi-own-master", "datacenter", "my-dc-3", ("replica",))
async def cloudapi_own_master(lab: Lab, target: Target) -> None:
    """Service `cloudapi` has an empty ufds_remote_ip of its own in SAPI, which hides the one of `sdc`: left from a test.  It
    takes itself for the master's cloudapi (hazard 3), answers, and writes accounts into the replica's UFDS."""
    service_metadata(lab, target, "cloudapi")["ufds_remote_ip"] = ""


@fault("cloudapi-maintenance", "datacenter", "my-dc-3")
async def cloudapi_maintenance(lab: Lab, target: Target) -> None:
    """cloudapi is read-only since the last upgrade: `sdcadm dc-maint start`, and nobody typed `stop`.  Customers can see
    everything and change nothing."""
    service_metadata(lab, target, "cloudapi")["CLOUDAPI_READONLY"] = True
    sdc_metadata(lab, target)["DC_MAINT_MESSAGE"] = "We upgrade this datacenter tonight"


@fault("cloudapi-closed-outside", "datacenter", "my-dc-3")
async def cloudapi_closed_outside(lab: Lab, target: Target) -> Undo:
    """The router drops what is for port 443 of cloudapi's external address: a provider's packet filter.  Inside the
    datacenter all is well, and no customer comes in."""
    name = target.site.datacenter.name
    addresses = [str(machine.zone.external_ip) for machine in target.site.of_role("cloudapi")]

    async def drop(on: bool) -> None:
        for address in addresses:
            net.drop(name, address, 443, on=on)

    await drop(True)
    return lambda: drop(False)
