"""Steps that remove what may be the only one of its kind: first a copy, then the deletion. admin is never deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from evidence.fact import Missing
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import ADMIN_UUID
from evidence.subjects.world import World
from remediate.copies import entries_kept, entries_removed, files_kept, files_removed, named
from remediate.lookup import headnode
from remediate.steps import DESTROYS, SAFE, Note, Step
from remediate.typed import dn as typed_dn
from remediate.typed import leftover

USERS = "ou=users, o=smartdc"
KEEP = "none: keep it, it may be the only copy"


def _told_admins(datacenter: Datacenter) -> set[str]:
    found = set()
    for settings in ("sdc_metadata", "usbkey"):
        try:
            found.add(str(getattr(datacenter, settings).values.get("ufds_admin_uuid") or "").lower())
        except Missing:
            continue
    return found - {""}


def is_admin(world: World, uuid: str, login: str = "") -> bool:
    """Whether an account is admin for anybody: by its login, or by an admin uuid that any datacenter names."""
    told = {ADMIN_UUID}.union(*(_told_admins(datacenter) for datacenter in world.datacenters))
    return login.strip().lower() == "admin" or uuid.lower() in told


def has_admin(world: World, dn: str, login: str = "") -> bool:
    """Whether an entry is admin, or admin is below it: deleting it would delete admin."""
    rdn, _, above = dn.partition(", ")
    kind, _, value = rdn.partition("=")
    if above.lower() == USERS:
        return is_admin(world, value if kind.lower() == "uuid" else "", login)
    return login.strip().lower() == "admin" or f", {USERS}".endswith(f", {dn.lower()}")


def kept(datacenter: Datacenter, subject: str, base: str, why: str) -> Step:
    """The step that copies an entry and what is below it."""
    return _copy(datacenter, entries_kept(subject, base), why)


def removed(
    datacenter: Datacenter, subject: str, bases: Sequence[str], why: str, undo_note: str
) -> Iterator[Step | Note]:
    """The step that deletes entries and all below them, if the newest copy has all of it. admin stays, and a note says so."""
    going = [base for base in bases if not has_admin(datacenter.world, typed_dn(base))]
    for base in bases:
        if base not in going:
            yield Note(f"{base} is admin, or admin is below it. No step deletes it, whatever else is wrong with it.")
    if going:
        yield _deletion(datacenter, entries_removed(subject, going), why, undo_note)


def without(replica: Datacenter, dn: str, login: str, what: str) -> Iterator[Step | Note]:
    """Delete an entry that only a replica has, and what is below it."""
    if has_admin(replica.world, typed_dn(dn), login):
        yield Note(
            f"{dn} of {replica.name} is admin, or admin is below it. No step deletes it, whatever else is wrong with it."
        )
        return
    subject = f"extra-{hashlib.md5(dn.encode(), usedforsecurity=False).hexdigest()[:12]}"
    why = f"a copy of {dn} and what is below it, to look at later; UFDS does not hand out a password"
    yield kept(replica, subject, dn, why)
    note = f"the entries are in {named(subject)}, without the password"
    yield from removed(replica, subject, [dn], f"deletes {what}", note)


def file_kept(datacenter: Datacenter, paths: Sequence[str], why: str) -> Step:
    """The step that copies files which sdc-ufds-m2s left behind."""
    return _copy(datacenter, files_kept(*map(leftover, paths)), why)


def file_removed(datacenter: Datacenter, paths: Sequence[str], why: str) -> Step:
    """The step that removes such files, if an identical copy exists."""
    return _deletion(datacenter, files_removed(*map(leftover, paths)), why, "copy it back from /var/az-copies")


def _copy(datacenter: Datacenter, run: str, why: str) -> Step:
    return Step(headnode(datacenter), run, SAFE, why, undo_note=KEEP, applied_by_suite=False)


def _deletion(datacenter: Datacenter, run: str, why: str, undo_note: str) -> Step:
    return Step(headnode(datacenter), run, DESTROYS, why, undo_note=undo_note, applied_by_suite=False)
