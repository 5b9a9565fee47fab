"""Faults before and around a coupling: what makes sdc-ufds-m2s stumble, and what an aborted one leaves."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

from lab.faults.changes import USERS, restart, sdc_metadata, set_in_files
from lab.faults.registry import Target, Undo, fault
from lab.machine import namespaces, roots
from lab.plan.names import ADMIN_UUID, ROOT_PASSWORD
from lab.servers.sapi.server import PROTO_MODE
from lab.state.lab import Lab
from lab.state.settling import settle
from lab.ufds import ldif

CONFIG_AGENT = "svc:/smartdc/application/config-agent:default"
OLD_IMAGE = "release-20240118-20240118T055421Z-g0c1a5ee"
FRAGILE = "lab s3cret$of-ufds root"
OTHER_ROOT = "lab-s3cret-of-its-own"
M2S = "opt/smartdc/bin/sdc-ufds-m2s"


@fault("half-coupled", "datacenter", "my-dc-3", ("candidate",))
async def half_coupled(lab: Lab, target: Target) -> None:
    """A candidate's SAPI says that it is the master's replica, but its /usbkey/config does not.

    sdc-ufds-m2s was ended while it waited for config-agent, and its data have been restored since then. The next run would wait in vain,
    because SAPI has nothing new to render.
    """
    sdc_metadata(lab, target).update(
        ufds_is_master="false", ufds_remote_ip=lab.plan.master_ufds_address, ufds_remote_ldap_root_pw=ROOT_PASSWORD
    )


@fault("m2s-stopped", "datacenter", "my-dc-3", ("candidate",))
async def m2s_stopped(lab: Lab, target: Target) -> None:
    """sdc-ufds-m2s was stopped on a candidate as soon as it had begun to delete.

    The groups operators and readers are gone, and its first file exists. The next run would take what is left for everything.
    """
    name = target.site.datacenter.name
    for group in ("readers", "operators"):
        await lab.ufds.delete(name, f"cn={group}, ou=groups, o=smartdc")
    saved = ldif.written(await lab.ufds.query(name, base=f"uuid={ADMIN_UUID}, {USERS}"))
    (target.machine.root / "var/tmp/backup.ldif").write_text(saved, encoding="utf-8")


@fault("checkpoint-left", "datacenter", "my-dc-3", ("candidate",))
async def checkpoint_left(lab: Lab, target: Target) -> None:
    """A candidate was coupled once: its UFDS still has the checkpoint of that time, far beyond where the master is today."""
    name, uid = target.site.datacenter.name, "a003e83955d06aab4e0715b91bd34a1c"
    entry = {
        "objectclass": ["sdcreplcheckpoint"], "uid": [uid], "changenumber": ["9999"],
        "url": [f"ldaps://{lab.plan.master_ufds_address}"], "query": ["/ou=users, o=smartdc??sub?(objectclass=*)"],
    }  # fmt: skip
    await lab.ufds.add(name, f"uid={uid}, cn=replicator, datacenter={name}, o=smartdc", entry)


def _person(uuid: str, login: str, email: str) -> dict[str, list[str]]:
    given = {"login": login, "email": email, "cn": login, "sn": "Test", "uuid": uuid, "userpassword": "s3cret-of-1"}
    return {"objectclass": ["sdcperson"]} | {kind: [value] for kind, value in given.items()}


@fault("candidate-accounts", "datacenter", "my-dc-3", ("candidate",))
async def candidate_accounts(lab: Lab, target: Target) -> None:
    """A candidate has customers of its own (hans, ines): it was in use before anybody thought of coupling it."""
    for number, login in enumerate(("hans", "ines"), start=1):
        uuid = f"eeeeeeee-0000-4000-8000-{number:012d}"
        entry = _person(uuid, login, f"{login}@example.com")
        await lab.ufds.add(target.site.datacenter.name, f"uuid={uuid}, {USERS}", entry)


@fault("candidate-group", "datacenter", "my-dc-3", ("candidate",))
async def candidate_group(lab: Lab, target: Target) -> None:
    """A candidate has a group of its own: sdc-ufds-m2s deletes two groups, by their names."""
    group = {"objectclass": ["groupofuniquenames"], "cn": ["auditors"], "uniquemember": [f"uuid={ADMIN_UUID}, {USERS}"]}
    await lab.ufds.add(target.site.datacenter.name, "cn=auditors, ou=groups, o=smartdc", group)


@fault("candidate-collides", "datacenter", "my-dc-3", ("candidate",))
async def candidate_collides(lab: Lab, target: Target) -> None:
    """Two people have accounts both in a candidate and at the master.

    Alice has the same login (in capitals) and another uuid. bruno has the same e-mail address under another login.
    """
    for number, (login, email) in enumerate((("ALICE", "a@example.net"), ("bruno2", "bruno@example.com")), start=1):
        uuid = f"ffffffff-0000-4000-8000-{number:012d}"
        await lab.ufds.add(target.site.datacenter.name, f"uuid={uuid}, {USERS}", _person(uuid, login, email))


@fault("admin-only-ufds", "ufds", "my-dc-3.ufds0", ("candidate",))
async def admin_only_ufds(lab: Lab, target: Target) -> None:
    """The ufds zone has a NIC only on the admin network, as in a datacenter that was set up and never coupled."""
    machine, zone = target.machine, target.machine.zone
    external = next(nic for nic in zone.nics if nic.nic_tag == "external")
    namespaces.run_batch([f"link set {external.interface} down"], machine.namespace)
    machine.zone = dataclasses.replace(zone, nics=tuple(nic for nic in zone.nics if nic is not external))


@fault("config-agent-off", "ufds", "my-dc-3.ufds0", ("candidate",))
async def config_agent_off(lab: Lab, target: Target) -> None:
    """config-agent of the ufds zone is disabled, so that an edited file stays as it is.

    sdc-ufds-m2s would delete first, and then wait for it in vain.
    """
    await target.machine.services.get(CONFIG_AGENT).disable()


@fault("usbkey-gone", "datacenter", "my-dc-3")
async def usbkey_gone(lab: Lab, target: Target) -> Undo:
    """The USB key is no longer in the head node (or it died, as they do): nobody notices before the next boot."""
    target.site.usbkey_plugged = False
    target.site.usbkey_mounted = False

    async def undo() -> None:
        target.site.usbkey_plugged = True

    return undo


@fault("image-old", "zone", "my-dc-3.sapi0")
async def image_old(lab: Lab, target: Target) -> None:
    """The zone's image is years older than the others': the datacenter was not updated before the coupling."""
    target.machine.version = OLD_IMAGE


@fault("sapi-proto", "sapi", "my-dc-3.sapi0")
async def sapi_proto(lab: Lab, target: Target) -> None:
    """SAPI is still in the mode in which a head node is set up: the last step of the setup was lost."""
    (target.machine.root / PROTO_MODE).touch()


@fault("left-behind", "datacenter", "my-dc-1", ("replica",))
async def left_behind(lab: Lab, target: Target) -> None:
    """sdc-ufds-m2s left its files behind, with the master's root password and admin's data in them."""
    ufds = target.site.zones["ufds0"].root
    (target.machine.root / "tmp/fixufds").write_text(
        f'{{"metadata": {{"ufds_remote_ldap_root_pw": "{ROOT_PASSWORD}"}}}}\n', encoding="utf-8"
    )
    (target.machine.root / "var/tmp/restore.ldif").write_text("dn: amonprobegroup=…\n", encoding="utf-8")
    (ufds / "tmp/cnt").write_text(f"ldapsearch -w {ROOT_PASSWORD}\n", encoding="utf-8")
    (ufds / "tmp/.bootstrap.ldif.in.0").write_text("userpassword:: c2VjcmV0\n", encoding="utf-8")


async def _root_password(lab: Lab, target: Target, password: str) -> Undo:
    """Change the root password everywhere in a datacenter."""
    site, metadata = target.site, sdc_metadata(lab, target)
    mahi = lab.shared[site.datacenter.name].store.bucket("services")
    follows = [each["metadata"] for each in mahi.values() if "UFDS_ROOT_PW" in each["metadata"]]

    async def become(wanted: str, in_files: str) -> None:
        metadata["ufds_ldap_root_pw"] = wanted
        for each in follows:
            each["UFDS_ROOT_PW"] = wanted
        set_in_files(site, ufds_ldap_root_pw=in_files)
        await settle(lab)
        for machine in site.of_role("binder"):
            await restart(machine, "binder")

    await become(password, f"'{password}'")
    return lambda: become(ROOT_PASSWORD, ROOT_PASSWORD)


@fault("password-fragile", "datacenter", "my-dc-2", ("master",))
async def password_fragile(lab: Lab, target: Target) -> Undo:
    """The master's UFDS root password has spaces and a dollar in it, and sdc-ufds-m2s puts it unquoted into JSON and a shell.

    This is for a master without replicas, whose passwords would have to follow.
    """
    return await _root_password(lab, target, FRAGILE)


@fault("m2s-old", "datacenter", "my-dc-3", ("candidate",))
async def m2s_old(lab: Lab, target: Target) -> Undo:
    """sdc-ufds-m2s is an old version that does not ask for the master's root password, and the candidate has another password."""
    path = target.machine.root / M2S
    back_there = _replaced(path, (roots.SCRIPTS / "sdc-ufds-m2s.old").read_text(encoding="utf-8"))
    back = await _root_password(lab, target, OTHER_ROOT)

    async def undo() -> None:
        back_there()
        await back()

    return undo


@fault("m2s-takes-no-address", "datacenter", "my-dc-3", ("candidate",))
async def m2s_takes_no_address(lab: Lab, target: Target) -> Undo:
    """sdc-ufds-m2s is one of 2021: it takes the four numbers of an address for one, and says of each that it is no address."""
    path = target.machine.root / M2S
    now = path.read_text(encoding="utf-8")
    reads = """    IFS=. read -ra parts <<< "$1"\n"""
    then = """    local NET=$1 IFS=.\n    set -- "$NET"\n    parts=("$1" "$2" "$3" "$4")\n"""
    back = _replaced(path, now.replace(reads, then))

    async def undo() -> None:
        back()

    return undo


@fault("reconcile-old", "datacenter", "my-dc-3", ("candidate",))
async def reconcile_old(lab: Lab, target: Target) -> Undo:
    """ufds-reconcile-data is one of before 2021: it binds to the master with the candidate's password, which is another one."""
    path = target.site.zones["ufds0"].root / "opt/smartdc/ufds/bin/ufds-reconcile-data"
    now = path.read_text(encoding="utf-8")
    back_there = _replaced(path, now.replace("$(meta ufds_remote_ldap_root_pw)", "$local_password"))
    back = await _root_password(lab, target, OTHER_ROOT)

    async def undo() -> None:
        back_there()
        await back()

    return undo


def _replaced(path: pathlib.Path, text: str) -> Callable[[], None]:
    """Write another program over one that lies there. Returns what brings that back."""
    aside = path.with_name(f".{path.name}")
    path.rename(aside)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)

    def back() -> None:
        aside.rename(path)

    return back
