"""Faults of a candidate: what a later step of sdc-ufds-m2s would stumble over, when the first ones have deleted."""

from __future__ import annotations

from lab.faults.changes import sdc_metadata, set_in_files
from lab.faults.registry import Target, Undo, fault
from lab.plan.names import ADMIN_UUID, made_uuid
from lab.state.lab import Lab

OTHER_ADMIN = "dddddddd-0000-4000-8000-00000000000d"


@fault("usbkey-admin", "datacenter", "my-dc-3", ("candidate",))
async def usbkey_admin(lab: Lab, target: Target) -> None:  # noqa: ARG001
    """/usbkey/config of a candidate names another ufds_admin_uuid: it was taken from a datacenter of the past."""
    set_in_files(target.site, ufds_admin_uuid=OTHER_ADMIN)


@fault("service-is-master", "datacenter", "my-dc-3", ("candidate",))
async def service_is_master(lab: Lab, target: Target) -> None:
    """The service ufds of a candidate has ufds_is_master of its own: somebody set it there once, and it says the same so far."""
    lab.sdc_service(target.site, "ufds")["metadata"]["ufds_is_master"] = "true"


@fault("binders-two", "datacenter", "my-dc-3", ("candidate",))
async def binders_two(lab: Lab, target: Target) -> Undo:
    """A candidate has two addresses in binder_admin_ips: ufds-reconcile-data makes one resolver of them, which is refused."""
    metadata = sdc_metadata(lab, target)
    first = str(metadata["binder_admin_ips"])
    metadata["binder_admin_ips"] = f"{first},{first.rpartition('.')[0]}.12"

    async def undo() -> None:
        metadata["binder_admin_ips"] = first

    return undo


@fault("registered-before", "datacenter", "my-dc-3", ("candidate",))
async def registered_before(lab: Lab, target: Target) -> None:
    """The master has a candidate registered, with a binder's address of a former life: it was taken apart and set up again."""
    name, region = target.site.datacenter.name, target.site.datacenter.region
    at = f"datacenter={name}, region={region}, o=smartdc"
    common = {"o": ["smartdc"], "region": [region], "datacenter": [name]}
    network = {
        "network": ["admin"],
        "networkaddr": ["10.99.1.0"],
        "netmask": ["255.255.255.0"],
        "objectclass": ["network"],
    }
    resolver = {"network": ["admin"], "ip": ["10.99.1.11"], "objectclass": ["resolver"]}
    master = lab.plan.master.name
    await lab.ufds.add(master, at, common | {"objectclass": ["datacenter"]})
    await lab.ufds.add(master, f"network=admin, {at}", common | network)
    await lab.ufds.add(master, f"ip=10.99.1.11, network=admin, {at}", common | resolver)


@fault("own-manta", "datacenter", "my-dc-3", ("candidate",))
async def own_manta(lab: Lab, target: Target) -> None:
    """A candidate has a Manta of its own: manta-init was typed there before the coupling, and nothing was deployed."""
    name = target.site.datacenter.name
    uuid = made_uuid("application", f"manta of {name}")
    applications = lab.shared[name].store.bucket("applications")
    applications[uuid] = {
        "uuid": uuid,
        "name": "manta",
        "owner_uuid": OTHER_ADMIN,
        "params": {},
        "metadata": {},
        "manifests": {},
    }


@fault("sdc-twice", "datacenter", "my-dc-3")
async def sdc_twice(lab: Lab, target: Target) -> None:
    """SAPI has a second application called sdc, with nothing in it: a script made it when it did not find the first at once."""
    name = target.site.datacenter.name
    uuid = made_uuid("application", f"second sdc of {name}")
    applications = lab.shared[name].store.bucket("applications")
    applications[uuid] = {
        "uuid": uuid,
        "name": "sdc",
        "owner_uuid": ADMIN_UUID,
        "params": {},
        "metadata": {},
        "manifests": {},
    }


@fault("saved-before", "datacenter", "my-dc-3", ("candidate",))
async def saved_before(lab: Lab, target: Target) -> None:  # noqa: ARG001
    """A candidate has the probes of an aborted sdc-ufds-m2s in /var/tmp; the datacenter was put right since, less its probes."""
    (target.machine.root / "var/tmp/restore.ldif").write_text("dn: amonprobegroup=…\n", encoding="utf-8")
