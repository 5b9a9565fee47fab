"""What an sdc-ufds-m2s that was stopped has left: where it ended, what it saved, and the way on that keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from evidence.fact import Missing
from evidence.inventory.model import REPLICA
from evidence.model import Checkpoint
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.ended import told
from evidence.subjects.m2s import SAVED
from evidence.subjects.triton import REPLICATOR
from remediate import typed
from remediate.actions.ldap import Attributes, LdapAdd, LdapModify
from remediate.copies import PLACE, entries_back
from remediate.hindered import without_checkpoint
from remediate.ldif import copied
from remediate.lookup import headnode, state_of
from remediate.registry import Advised
from remediate.removal import USERS, file_kept
from remediate.shell import service_gone
from remediate.steps import DESTROYS, OPENS, OPERATOR, RESTARTS, SAFE, Note, Step, acting

BACKUP = SAVED[0]
GROUPS = "ou=groups, o=smartdc"


def where_it_ended(candidate: Datacenter) -> Advised:
    """The step at which it ended, and what the datacenter is now, as far as that is known."""
    if said := told(candidate):
        yield Note(said)


def where_it_left_the_files(datacenter: Datacenter) -> Advised:
    """The same of a replica, if files of sdc-ufds-m2s are there: without any, its key may be old for another reason."""
    left = datacenter.evidence.leftovers
    if datacenter.state == REPLICA and left is not None and left.value:
        yield from where_it_ended(datacenter)


def what_it_saved_kept(candidate: Datacenter, left: Sequence[str]) -> Advised:
    """The step that copies what it saved. Another run writes over it, with nothing."""
    saved = [path for path in left if path in SAVED]
    if saved:
        why = "the stopped sdc-ufds-m2s saved admin's data and probes here; the next run overwrites the files"
        yield file_kept(candidate, saved, why)


def what_it_saved_back(datacenter: Datacenter, left: Sequence[str]) -> Advised:
    """The step that loads what was deleted below admin, while admin is there."""
    if BACKUP in left:
        yield Step(
            on=headnode(datacenter),
            run=entries_back(BACKUP),
            risk=SAFE,
            why="sdc-ufds-m2s had saved all that is below admin, and may have deleted some of it. What is there already stays as it is",
            undo_note="none is needed: nothing is changed that is there",
            applied_by_suite=False,
        )


def restored(candidate: Datacenter) -> Advised:
    """What sdc-ufds-m2s has deleted, as far as it can be brought back; if admin is gone, the way on."""
    admin = str(candidate.sdc_metadata.values.get("ufds_admin_uuid") or "")
    for ufds in candidate.zones("ufds"):
        held = ufds.directory
        if not held.admin:
            yield from typed_again(candidate)
            return
        member = f"uuid={typed.uuid(admin)}, {USERS}"
        group: Attributes = {"objectclass": ("groupofuniquenames",)}
        lost = {"readers": group} if not held.readers else {}
        lost |= {"operators": group | {"uniquemember": (member,)}} if held.operators is None else {}
        for name, entry in lost.items():
            yield acting(
                headnode(candidate),
                LdapAdd(f"cn={name}, {GROUPS}", entry),
                risk=SAFE,
                why=f"the group {name} was deleted; only admin is known to have been in it",
            )
        if held.operators is not None and admin not in held.operators:
            yield acting(
                headnode(candidate),
                LdapModify(f"cn=operators, {GROUPS}", "add", "uniquemember", (member,)),
                risk=SAFE,
                why="admin is not in the group operators",
            )
    yield from what_it_saved_back(candidate, candidate.leftovers)


def typed_again(candidate: Datacenter) -> Advised:
    """The step that starts it again, where there is no way back: it brings the master's admin."""
    yield Step(
        on=headnode(candidate),
        run="sdc-ufds-m2s",
        risk=DESTROYS,
        why="admin is gone, and no copy has its password: only the master's can come in its place. What it asks, and what to answer, "
        "docs/coupling.md says",
        undo_note="it has no undo; what it deletes now was deleted before",
        applied_by_suite=False,
    )
    yield Note(
        f"It saves nothing this time, and loads no probes. What the first run saved is in the copies below {PLACE}: when the datacenter "
        "is coupled, amon-probes-are-back prints the command that loads them from there."
    )


def seen_to_replicate(candidate: Datacenter) -> bool:
    """Whether a replicator was made in its ufds zone; false where that is not known."""
    try:
        return any(state_of(ufds, REPLICATOR) is not None for ufds in candidate.zones("ufds"))
    except Missing:
        return False


def without_own_replicator(candidate: Datacenter) -> Advised:
    """Ends a replicator that was given the datacenter's own address, and forgets where it stood: it has replicated nobody's data.

    The service goes, too: `svccfg import` leaves one that is there as it is, disabled or in maintenance, and the next sdc-ufds-m2s
    would wait for admin for ever.
    """
    for ufds in candidate.zones("ufds"):
        if state_of(ufds, REPLICATOR) is not None:
            yield Step(
                on=headnode(candidate),
                run=service_gone(ufds.vm.uuid, REPLICATOR),
                risk=RESTARTS,
                why=f"sdc-ufds-m2s was given an address of {candidate.name} itself: it follows itself, and has no data of the master",
                undo_note="sdc-ufds-m2s imports it again",
                applied_by_suite=False,
            )
        yield from typed.each(candidate.world, ufds.directory.checkpoints, partial(_without_own, candidate))


def _without_own(candidate: Datacenter, left: Checkpoint) -> Advised:
    why = "the replicator that follows itself made it; with it the next sdc-ufds-m2s would wait for ever"
    yield without_checkpoint(candidate, left, why, by_hand=True)


def admin_from_a_replica(master: Datacenter, admin: str) -> Advised:
    """A replica keeps its admin where the master's was deleted: its own keys and probes are below it (facts "Replication": 66)."""
    left = master.evidence.leftovers
    yield from what_it_saved_kept(master, (left.value or ()) if left is not None else ())
    holder = next((dc for dc in master.world.coupling.coupled if dc.name != master.name and _has_admin(dc)), None)
    if holder is None:
        yield Note(
            f"The master's UFDS has no account admin, and no replica that was seen has it. Look for a backup of moray on {master.name}. "
            "No step makes one: Triton would sign in with a password and keys that nobody knows."
        )
        return
    yield Step(
        on=OPERATOR,
        run=copied(holder.declared.headnode, master.declared.headnode, admin),
        risk=OPENS,
        why=f"{holder.name} still has admin. The step copies the account with its hashed password, through a pipe: who can log in as admin "
        f"there can do so everywhere. Then run the checks again: its keys and groups come next",
        undo_note="none: it was there before",
        applied_by_suite=False,
    )


def _has_admin(datacenter: Datacenter) -> bool:
    try:
        return all(ufds.directory.admin for ufds in datacenter.zones("ufds"))
    except Missing:
        return False
