"""Chapter: names and configuration.  Set the name in SAPI and on the head node, and bring it into the running binders."""

from __future__ import annotations

import json
from math import ceil

from evidence.subjects.agreed import admin_uuid
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.followed import address_to_follow
from evidence.subjects.levels import overrides, unasserted_port
from evidence.subjects.triton import (
    BINDER,
    BINDER_CONFIG,
    CONFIG_AGENT,
    MORAY_PORT,
    RENDERED,
    REPLICATOR,
    SAPI_MASTER_CONFIG,
)
from evidence.subjects.zone import Zone
from remediate import typed
from remediate.actions.smf import Smf
from remediate.actions.wait import Rendered
from remediate.cloudapi import datacenters_listed
from remediate.following import follow_the_file
from remediate.lookup import (
    application,
    changed_metadata,
    fmris,
    headnode,
    metadata_of,
    service_step,
    state_of,
    usbkey_steps,
)
from remediate.registry import Advised, proved_by, remedy
from remediate.rendering import brought_up, cleared, rewritten, written_anew
from remediate.shell import PAUSE, compact, quote, sapi_delete, zone_file
from remediate.steps import DISRUPTIVE, OVERWRITES, RESTARTS, Note, Step, acting
from remediate.stopped import where_it_left_the_files

LISTED = "CLOUDAPI_DATACENTERS"
_BY_HAND = {"binder": BINDER, "moray": "svc:/smartdc/application/moray:*"}
"""Services that config-agent does not restart after rendering (facts "Rendered config files")."""


@remedy("region-name-agrees")
def set_the_region(datacenter: Datacenter) -> Advised:
    """Set it in SAPI (for rendered files) and in /usbkey/config (for the head node's boot), then restart binder (hazard 7)."""
    wanted = typed.name(datacenter.declared.region)
    in_sapi = changed_metadata(
        datacenter,
        application(datacenter),
        {"region_name": wanted},
        risk=RESTARTS,
        why=f"config-agent renders the metadata of sdc; the region is {wanted}",
    )
    steps = _everywhere(datacenter, in_sapi, "region_name", wanted, "recursion.regionName")
    yield from proved_by(steps, f"region-name-agrees[{datacenter.id}]", *_at_binders(datacenter))


@remedy("dns-domain-agrees")
def set_the_domain(datacenter: Datacenter) -> Advised:
    """Set the domain, and every service name in the metadata that ends in the wrong one."""
    sdc, wanted = application(datacenter), datacenter.dns_domain
    if not wanted:
        yield Note("Neither the inventory (dns_domain) nor the master names the domain. Declare it first.")
        return
    typed.dns_name(wanted)
    wrong = str(sdc.metadata.values.get("dns_domain") or "")
    names = {
        key: value.removesuffix(f".{wrong}") + f".{wanted}"
        for key, value in sdc.metadata.values.items()
        if wrong and key != "dns_domain" and isinstance(value, str) and value.endswith(f".{wrong}")
    }
    in_sapi = changed_metadata(
        datacenter,
        sdc,
        {"dns_domain": wanted} | names,
        risk=DISRUPTIVE,
        why="config-agent renders the domain into every zone of the datacenter, and the services there restart",
    )
    steps = _everywhere(datacenter, in_sapi, "dns_domain", wanted, "dnsDomain")
    yield from proved_by(steps, f"dns-domain-agrees[{datacenter.id}]", *_at_binders(datacenter))
    yield Note(
        "This restores an edited setting. It cannot rename a datacenter that was installed with another domain: "
        "its zones are registered under their old names. Such a datacenter must be installed again."
    )


def _everywhere(datacenter: Datacenter, in_sapi: Step, setting: str, value: str, key: str) -> Advised:
    """SAPI first, then the binders (their file has it under its own key), then the head node's configuration."""
    yield in_sapi
    for zone in datacenter.zones("binder"):
        yield restart_binder(zone, key, value)
    yield from usbkey_steps(datacenter, {setting: value})


def _at_binders(datacenter: Datacenter) -> list[str]:
    return [f"binder-region-agrees[{zone.id}]" for zone in datacenter.zones("binder")]


@remedy("admin-uuid-agrees")
def set_the_admin(datacenter: Datacenter) -> Advised:
    """Set it in SAPI and in the head node's configuration.  This does not help a datacenter that was installed with another admin."""
    wanted = typed.uuid(admin_uuid(datacenter.world))
    yield changed_metadata(
        datacenter,
        application(datacenter),
        {"ufds_admin_uuid": wanted},
        risk=DISRUPTIVE,
        why="config-agent renders it into cloudapi, adminui and others, and they restart",
    )
    yield from usbkey_steps(datacenter, {"ufds_admin_uuid": wanted})
    yield Note(
        f"This restores an edited setting. If the core zones of {datacenter.name} belong to another account than {wanted} "
        "(vmadm list -o owner_uuid), it was installed with another admin and cannot be coupled."
    )


@remedy("usbkey-agrees-with-sapi")
def write_the_usb_key(datacenter: Datacenter) -> Advised:
    """Write SAPI's values into both files.  Everything runs with SAPI's values, and other checks have judged them."""
    usbkey, sapi = datacenter.usbkey.of_coupling, datacenter.sdc_metadata.of_coupling
    apart = {key: sapi[key] for key in usbkey if usbkey[key] != sapi[key]}
    secret = [
        key for key in apart if key in datacenter.sdc_metadata.fingerprints or key in datacenter.usbkey.fingerprints
    ]
    written: dict[str, str] = {}

    def look_at(key: str) -> Advised:
        written[key] = typed.usbkey(key, apart[key])
        yield from ()

    yield from typed.each(datacenter.world, (key for key in apart if key not in secret), look_at)
    yield from usbkey_steps(datacenter, written)
    yield from where_it_left_the_files(datacenter)
    for key in secret:
        yield Note(
            f"{key} differs too. It is a secret, so it is not printed. Compare the two on {datacenter.declared.headnode} (grep {key} "
            "/usbkey/config; sdc-sapi '/applications?name=sdc' | json -Ha metadata), and edit both copies of /usbkey/config."
        )


def _text(shown: str) -> str:
    """The text that a setting will have, given as JSON. Empty if it is not a text (or hidden): no command can wait for that."""
    try:
        value = json.loads(shown)
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""


@remedy("rendered-config-is-current")
def render_again(zone: Zone) -> Advised:
    """Restart config-agent: then it writes every file again.  Otherwise it skips what has not changed in SAPI (facts)."""
    vm = zone.vm
    stale = {path: file for path, file in sorted(zone.files.items()) if file.differs}
    yield acting(
        headnode(zone.datacenter),
        Smf(vm.uuid, "restart", (CONFIG_AGENT,)),
        risk=RESTARTS,
        why=f"config-agent writes its files again at its start: {', '.join(stale) or 'those of the zone'}. It restarts "
        "the services whose files change, if Triton's manifests say so",
        undo_note="edits by hand in these files are lost; set them in SAPI if they were intended",
    )
    if zone.role not in _BY_HAND:
        return
    patience = zone.datacenter.world.inventory.expect.patience
    waits = [
        Rendered(vm.uuid, path, difference.key, value, patience)
        for path, file in stale.items()
        for difference in file.differs[:1]
        if (value := _text(difference.metadata))
    ]
    why = f"waits for the file, then restarts {zone.role}; nothing else restarts it when its file is rendered"
    restart = Smf(vm.uuid, "restart", (_BY_HAND[zone.role],))
    on = headnode(zone.datacenter)
    if waits:
        yield acting(on, *waits, restart, risk=RESTARTS, why=why)
    else:
        yield Step(on, f"sleep {ceil(patience / 10) * PAUSE}\n{restart.command()}", RESTARTS, why)


@remedy("rendered-files-are-usable")
def make_the_files_usable(configured: Zone) -> Advised:
    """Put the value right where it stands, and only then clear what gave up because of it."""
    zone = configured
    on = headnode(zone.datacenter)
    if unasserted_port(zone):
        yield Step(
            on=on,
            run=_port_written(zone),
            risk=OVERWRITES,
            why="with this port SAPI does not start, and while it is down its metadata cannot be changed: so its file first",
            undo_note="config-agent writes the file again when SAPI's metadata changes",
        )
    for file in (each for _, each in sorted(zone.files.items()) if each.broken):
        if file.broken_by == LISTED and zone.role == "cloudapi":
            yield from datacenters_listed(zone.datacenter)
            yield written_anew(zone, file.path)
        elif file.broken_by:
            yield Note(
                f"{file.broken_by} goes into {file.path} as it is. Set it in SAPI to a value with which the file is JSON."
            )
        else:
            yield written_anew(zone, file.path)
    yield from cleared(zone)
    if unasserted_port(zone):
        yield Step(
            on=on,
            run=_port_in_sapi(zone),
            risk=RESTARTS,
            why="now that SAPI answers, its metadata is put right too; otherwise config-agent brings the old value back",
            undo_note="the old value keeps SAPI from starting; it is not brought back",
        )


def _port_written(zone: Zone) -> str:
    """The port in SAPI's own file: a copy first, and the file as a whole."""
    file = zone_file(zone.vm.uuid, SAPI_MASTER_CONFIG)
    change = quote(f's/"master_port": *"[^"]*"/"master_port": "{MORAY_PORT}"/')
    return f"new=$(sed {change} {file}) && [[ -n $new ]] && printf '%s\\n' \"$new\" > {file}"


def _port_in_sapi(zone: Zone) -> str:
    """Sets the port in SAPI as soon as it answers; its uuid is asked for, since SAPI could not tell it before.

    A port at the instance would hide it, and could not be seen before either.  To delete one that is not there changes nothing.
    """
    uuid = "$(sdc-sapi --no-headers '/services?name=sapi' | json -a uuid)"
    body = quote(compact({"metadata": {"MASTER_MORAY_PORT": MORAY_PORT}}))
    wait = f"for try in {{1..30}}; do [[ -n {uuid} ]] && break; sleep {PAUSE}; done"
    return f"{wait}\n{sapi_delete(zone.vm.uuid, ('MASTER_MORAY_PORT',))}\necho {body} | sapiadm update {uuid}"


@remedy("settings-are-not-overridden")
def take_the_override_away(configured: Zone) -> Advised:
    """Delete the value at the lower level, so that the level above counts again.  It may be meant: then it goes there."""
    zone, hidden = configured, overrides(configured)
    for found in hidden:
        seen = found.key in found.target.metadata.values
        yield acting(
            headnode(zone.datacenter),
            metadata_of(zone.datacenter, found.target, {}, (found.key,)),
            risk=RESTARTS,
            why=f"the {found.level} hides what stands above it; config-agent renders that within three minutes",
            undo=None if seen else "",
            undo_note="" if seen else "set it again; it is a secret, and not printed",
            by_hand=not seen,
        )
    if zone.role in _BY_HAND:
        yield acting(
            headnode(zone.datacenter),
            *(rewritten(zone, path) for path in RENDERED[zone.role]),
            Smf(zone.vm.uuid, "restart", (_BY_HAND[zone.role],)),
            risk=RESTARTS,
            why=f"renders the file, and restarts {zone.role}; nothing else restarts it when its file is rendered",
        )
    else:
        yield from brought_up(zone)
    if zone.role == "ufds" and "ufds_remote_ip" in {found.key for found in hidden}:
        yield from _back_to_the_master(zone)


def _back_to_the_master(zone: Zone) -> Advised:
    """Starts a replicator that gave up at the address that was meant for nobody, if it has a checkpoint for the master's."""
    replica = zone.datacenter
    address = address_to_follow(replica)
    if address is not None and state_of(zone, REPLICATOR) == "maintenance":
        yield from follow_the_file(replica, zone, address)


@remedy("services-have-read-their-files")
def have_the_files_read(restarted: Zone) -> Advised:
    """Restart what still runs with an older file."""
    zone = restarted
    old = sorted({fmri for path in RENDERED[zone.role] if path in zone.files for fmri in zone.began_before(path)})
    if old:
        parts = {fmri.rpartition(":")[0].removeprefix("svc:") + ":" for fmri in old}
        yield service_step(
            zone, "restart", "it still runs with the file that it read at its start", *fmris(zone, *parts)
        )


def restart_binder(zone: Zone, key: str, value: str) -> Step:
    """Renders binder's file now, waits for it and restarts binder: rendering alone does not (facts, hazard 7)."""
    uuid, patience = zone.vm.uuid, zone.datacenter.world.inventory.expect.patience
    return acting(
        headnode(zone.datacenter),
        Smf(uuid, "restart", (CONFIG_AGENT,)),
        Rendered(uuid, BINDER_CONFIG, key, value, patience),
        Smf(uuid, "restart", (BINDER,)),
        risk=RESTARTS,
        why=f"renders the configuration of {zone.alias}, waits for it and restarts binder; nothing else restarts binder. "
        "DNS of the datacenter is away for a second or two",
    )
