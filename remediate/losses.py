"""Chapter: what a coupling takes away.  It is saved, or brought up to date, before sdc-ufds-m2s is started."""

from __future__ import annotations

from functools import partial

from evidence.accounts import KEY, POLICY, ROLE, SUB_USER, Belonging
from evidence.subjects.datacenter import Datacenter
from remediate import typed
from remediate.actions.key import AddKey
from remediate.copies import PLACE, named
from remediate.lookup import headnode
from remediate.registry import Advised, remedy
from remediate.removal import USERS, kept
from remediate.shell import usbkey_copied
from remediate.steps import OPENS, OVERWRITES, SAFE, Note, Step, acting

CONFIG = "/usbkey/config"


@remedy("candidate-can-save-what-is-deleted")
def make_room(candidate: Datacenter) -> Advised:
    """Look at what is there. What may go of it only the operator knows."""
    yield Step(
        on=headnode(candidate),
        run="ls -ld /tmp /var/tmp /var/tmp/*; df -k /tmp /var/tmp; true",
        risk=SAFE,
        why="shows what is in the way, and how full the file system is",
        undo_note="none is needed: it only looks",
        applied_by_suite=False,
    )
    yield Note(
        "sdc-ufds-m2s writes /var/tmp/backup.ldif, restore.ldif, cleanup.ufds and sapi.out, and /tmp/fixufds. Make both directories ones "
        "that root can write, with room, and move away whatever has one of these names and is no plain file. No command is given: what "
        "is there may be the only one of its kind."
    )


@remedy("candidate-usbkey-copy-is-current", for_unseen=True)
def bring_the_copy_up_to_date(candidate: Datacenter) -> Advised:
    """Keep both files, and copy the head node's over the key's if it is the one in use. If the key is not mounted, it is mounted first."""
    copy = candidate.usbkey_copy
    if not copy.path and not candidate.usbkey_mount.ok:
        yield Step(
            on=headnode(candidate),
            run="sdc-usbkey mount",
            risk=SAFE,
            why="the key's copy can be read only while the key is mounted; then run the checks again",
            undo="sdc-usbkey unmount",
            applied_by_suite=False,
        )
        return
    if candidate.usbkey.bad:
        yield Note(f"{CONFIG} itself has bad lines. Mend these first; then run the checks again.")
        return
    yield Step(
        on=headnode(candidate),
        run=usbkey_copied(),
        risk=OVERWRITES,
        why=f"writes {CONFIG} over the key's copy, as the head node works with it now; the old copy stays beside it",
        undo_note="the file as it was lies beside it, with date and time behind its name; it holds passwords, so remove it in the end",
        applied_by_suite=False,
    )
    yield Note(
        f"First look which of the two is right. What the suite names first of each setting stands on the key, the other one in {CONFIG}. "
        "If the key's is right, change the other file by hand, and SAPI's metadata with it."
    )


@remedy("candidate-admin-has-nothing-to-lose")
def save_what_admin_has(candidate: Datacenter, master: Datacenter) -> Advised:
    """Copy all that is below admin, and give the master's admin the keys. Who holds them can then act as admin everywhere."""
    uuid = typed.uuid(str(candidate.sdc_metadata.values.get("ufds_admin_uuid") or ""))
    subject = f"admin-of-{typed.name(candidate.name)}"
    why = "a copy of admin and all that is below it, for sdc-ufds-m2s keeps no keys; UFDS does not hand out passwords"
    yield kept(candidate, subject, f"uuid={uuid}, {USERS}", why)
    for ufds in candidate.zones("ufds"):
        seen = ufds.belongings
        known = {key.fingerprint for zone in master.zones("ufds") for key in zone.directory.keys}
        own = {
            str(candidate.sdc_metadata.values.get(name)).removeprefix("MD5:")
            for name in ("SDC_KEY_ID", "ufds_admin_key_fingerprint")
        }
        named_ones = seen.named if seen is not None else ()
        keys = [
            one for one in named_ones if one.kind == KEY and one.fingerprint not in known | own and _admins(one, uuid)
        ]
        yield from typed.each(candidate.world, keys, partial(_given_to, candidate, master))
        others = {one.kind for one in named_ones if one.kind != KEY or not _admins(one, uuid)}
        yield from _others(master, others, subject)
    yield Note(
        f"Whatever is not needed any more can be lost: accept it with a waiver, or delete it. Keep {named(subject)} until all is back."
    )


def _admins(one: Belonging, uuid: str) -> bool:
    """Whether it is admin's own key, not one of a sub-user."""
    return one.dn.partition(", ")[2] == f"uuid={uuid}, {USERS}"


def _given_to(candidate: Datacenter, master: Datacenter, one: Belonging) -> Advised:
    yield acting(
        headnode(master),
        AddKey("admin", one.name, one.public, typed.fingerprint(one.fingerprint)),
        risk=OPENS,
        why=f"admin's key {one.name!r} is known only to {candidate.name}; given to the master's admin, it comes back with replication. Its "
        "holder can then act as admin in every datacenter",
    )


def _others(master: Datacenter, kinds: set[str], subject: str) -> Advised:
    if kinds & {ROLE, POLICY}:
        yield Note(
            f"Roles and policies: add their entries from {named(subject)} on {master.name} (sdc-ldap add -c -f FILE, policies first). "
            "admin has the same uuid there, so they fit as they are, and replication brings them to all."
        )
    if SUB_USER in kinds:
        yield Note(
            f"Sub-users have passwords, which no copy holds: create them again on {master.name}, with a new password, and then their keys. "
            "With sub-users below admin, loading the probes again stops at the first of them; load the rest from the copy of "
            f"restore.ldif below {PLACE} (sdc-ldap add -c -f)."
        )
