"""No chapter of its own: strings that could do harm."""

from __future__ import annotations

from lab.faults.registry import Target, Undo, fault
from lab.plan.sapi import service_uuid
from lab.state.lab import Lab

HOSTILE = "x\x1b[31m\x07<script>alert(1)</script>\"'`id`$(touch /tmp/owned); &amp; \u202e\\"


@fault("hostile-alias", "zone", "my-dc-1.moray0")
async def hostile_alias(lab: Lab, target: Target) -> Undo:
    """The zone's alias, in vmadm and in SAPI, holds terminal escapes, HTML, quotes and `$()`.

    SmartOS checks nothing. A report that prints the alias as it is belongs to whoever chose it.
    """
    machine = target.machine
    instances = lab.shared[target.site.datacenter.name].store.bucket("instances")
    params = instances[machine.zone.uuid]["params"]
    machine.alias = params["alias"] = HOSTILE

    async def undo() -> None:
        machine.alias = params["alias"] = machine.zone.alias

    return undo


@fault("hostile-metadata", "datacenter", "my-dc-1")
async def hostile_metadata(lab: Lab, target: Target) -> None:
    """Metadata of application `sdc` and of service `cloudapi` holds terminal escapes, HTML, quotes and `$()`, in a value and in a key.

    SAPI takes any string, and whoever may write it is not always the operator.
    """
    metadata = lab.sdc(target.site.datacenter.name)["metadata"]
    metadata["datacenter_company_name"] = metadata[HOSTILE] = HOSTILE
    uuid = service_uuid(target.site.datacenter, "cloudapi")
    services = lab.shared[target.site.datacenter.name].store.bucket("services")
    services[uuid]["metadata"]["DC_NOTE"] = HOSTILE
