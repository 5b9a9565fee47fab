"""Chapter: names and configuration. SAPI says one thing, and the head node or a zone's file says another."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

import json

from lab.faults.changes import OTHER_ADMIN, restart, sdc_metadata, service_metadata, set_in_files
from lab.faults.registry import Target, fault
from lab.plan import manifests
from lab.state.lab import Lab
from lab.state.settling import settle

EDITS: dict[str, tuple[str, ...]] = {
    "moray": ("datacenter",), "ufds": ("datacenter_name",), "cloudapi": ("ufds_admin_uuid",), "adminui": ("adminUuid",),
    "sapi": ("moray", "master_port"), "binder": ("recursion", "regionName"),
}  # fmt: skip


@fault("region-name", "datacenter", "my-dc-1")
async def region_name(lab: Lab, target: Target) -> None:
    """region_name in the `sdc` metadata is wrong. It was rendered, and binder was restarted since then.

    The seed: region and DNS domain must be the same in all AZs, "you can see it well in binder's configuration".
    """
    sdc_metadata(lab, target)["region_name"] = f"{target.site.datacenter.region}-old"
    await settle(lab)
    for machine in target.site.of_role("binder"):
        await restart(machine, "binder")


@fault("metadata-missing", "datacenter", "my-dc-1")
async def metadata_missing(lab: Lab, target: Target) -> None:
    """region_name is missing in the `sdc` metadata: config-agent renders an empty string without a message.

    binder was restarted since then, and asks UFDS for the resolvers of no region. The cause was an `action: replace` with an incomplete
    object.
    """
    sdc_metadata(lab, target).pop("region_name", None)
    await settle(lab)
    for machine in target.site.of_role("binder"):
        await restart(machine, "binder")


@fault("metadata-type", "datacenter", "my-dc-1")
async def metadata_type(lab: Lab, target: Target) -> None:
    """ufds_is_master is a boolean and MASTER_MORAY_PORT a number, where Triton's own tools write strings.

    Somebody used JSON from a file instead of `sapiadm update metadata.KEY=VALUE`. It renders the same, but a comparison with "true" is
    false.
    """
    metadata = sdc_metadata(lab, target)
    metadata["ufds_is_master"] = str(metadata["ufds_is_master"]) == "true"
    sapi = service_metadata(lab, target, "sapi")
    if "MASTER_MORAY_PORT" in sapi:
        sapi["MASTER_MORAY_PORT"] = int(sapi["MASTER_MORAY_PORT"])


@fault("identity-of-another", "datacenter", "my-dc-3", ("replica",))
async def identity_of_another(lab: Lab, target: Target) -> None:
    """The `sdc` metadata has another datacenter's names: they were copied from there with `sapiadm get` and `update`."""
    other = next(each for each in lab.plan.datacenters if each != target.site.datacenter)
    values = sdc_metadata(lab, target)
    values |= {"datacenter_name": other.name, "ufds_domain": f"ufds.{other.suffix}"}
    await settle(lab)
    for machine in target.site.of_role("binder"):
        await restart(machine, "binder")


@fault("flag-in-capitals", "datacenter", "my-dc-3", ("replica",))
async def flag_in_capitals(lab: Lab, target: Target) -> None:
    """ufds_is_master is "False", as a script in another language writes it. UFDS's file is then no JSON, and UFDS ends at its start."""
    sdc_metadata(lab, target)["ufds_is_master"] = "False"
    await settle(lab)


@fault("dns-domain", "datacenter", "my-dc-1")
async def dns_domain(lab: Lab, target: Target) -> None:
    """dns_domain in the `sdc` metadata is wrong. binder's file has it, but binder itself was not restarted (hazard 7)."""
    sdc_metadata(lab, target)["dns_domain"] = "old.example.org"


@fault("dns-domain-restarted", "datacenter", "my-dc-1")
async def dns_domain_restarted(lab: Lab, target: Target) -> None:
    """dns_domain in the `sdc` metadata is wrong, and the binders have been restarted since.

    So nobody knows SAPI's name, by which sapiadm asks it.
    """
    sdc_metadata(lab, target)["dns_domain"] = "old.example.org"
    await settle(lab)
    for machine in target.site.of_role("binder"):
        await restart(machine, "binder")


@fault("file-edited", "zone", "my-dc-3.cloudapi0")
async def file_edited(lab: Lab, target: Target) -> None:
    """The zone's rendered file was edited by hand. config-agent leaves it, because its last ETag still holds."""
    role = target.machine.zone.role
    *way, last = EDITS[role]
    path = target.machine.root / manifests.of_role(role)[0].path.lstrip("/")
    content = json.loads(path.read_text(encoding="utf-8"))
    place = content
    for step in way:
        place = place[step]
    place[last] = "edited-by-hand"
    await settle(lab)  # so that config-agent has its ETag
    path.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")


@fault("admin-uuid", "datacenter", "my-dc-3")
async def admin_uuid(lab: Lab, target: Target) -> None:
    """ufds_admin_uuid differs from all other datacenters: it is the account of somebody who was to be admin."""
    sdc_metadata(lab, target)["ufds_admin_uuid"] = OTHER_ADMIN
    set_in_files(target.site, ufds_admin_uuid=OTHER_ADMIN)


@fault("usbkey-old", "datacenter", "my-dc-1", ("replica",))
async def usbkey_old(lab: Lab, target: Target) -> None:
    """A replica's /usbkey/config still calls it a master: sdc-ufds-m2s could not mount the USB key, which is its last step."""
    set_in_files(target.site, ufds_is_master="true", ufds_remote_ip=None)


@fault("usbkey-quote", "datacenter", "my-dc-3")
async def usbkey_quote(lab: Lab, target: Target) -> None:
    """A value of /usbkey/config has a quote that is never closed: it was typed by hand.

    config.sh has root's bash evaluate the file, so it gives nothing for any key. sapiadm, sdcadm and the sdc-* commands fail with it.
    """
    set_in_files(target.site, mail_from='the "operators of my-dc')


@fault("usbkey-no-json", "datacenter", "my-dc-3")
async def usbkey_no_json(lab: Lab, target: Target) -> None:
    """A value of /usbkey/config has a " within other quotes: the shell takes it, but config.sh -json escapes nothing.

    So what it prints is not JSON. Tools that read the JSON fail, those that source config.sh do not.
    """
    set_in_files(target.site, mail_from="'the \"operators\" of my-dc'")


@fault("usbkey-crlf", "datacenter", "my-dc-3")
async def usbkey_crlf(lab: Lab, target: Target) -> None:
    """/usbkey/config was saved with the line ends of another system: each value ends in a carriage return."""
    for name in ("usbkey/config", "mnt/usbkey/config"):
        path = target.site.headnode.root / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
