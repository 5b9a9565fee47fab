"""How a replicator that SMF has given up is started again: not before its next change can be applied.

A change that adds an entry fails where an entry of the same name is there, or one with the same login or e-mail address.  Started there,
the replicator only ends again.  Source: sdc-ufds:lib/ufds-replicator/operations.js; facts "Replication".
"""

from __future__ import annotations

from evidence.comparison import FULL
from evidence.fact import Missing
from evidence.model import Change, Checkpoint, Progress
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import REPLICATOR
from evidence.subjects.zone import Zone
from remediate import typed
from remediate.actions.ldap import LdapDelete, LdapModify
from remediate.actions.smf import Smf
from remediate.ldif import added
from remediate.lookup import headnode
from remediate.registry import Advised
from remediate.removal import without
from remediate.steps import OVERWRITES, RESTARTS, Note, Step, acting


def cleared(replica: Datacenter, ufds: Zone, why: str) -> Advised:
    """Start a replicator in maintenance.  What is in its way goes first; if no step can take it away, it is not started."""
    progress = hindered(ufds)
    if progress is None:
        yield acting(headnode(replica), Smf(ufds.vm.uuid, "clear", (REPLICATOR,)), risk=RESTARTS, why=why)
    elif progress.next is not None and progress.conflict == progress.next.dn:
        yield from _of_the_same_name(replica, ufds, progress, progress.next)
    else:
        yield from _of_the_same_login(replica, ufds, progress.conflict, progress.next, why)


MOVES_ON = "nothing to undo: the replicator goes on from there; at the old number it would stand still again"


def checkpoint_at(checkpoint: str, before: int, after: int) -> LdapModify:
    """Sets the change at which a replicator goes on."""
    return LdapModify(typed.checkpoint_dn(checkpoint), "replace", "changenumber", (str(after),), (str(before),))


def hindered(ufds: Zone) -> Progress | None:
    """Where its replicator stands, if an entry is in the way of its next change."""
    fact = ufds.evidence.progress
    return fact.value if fact is not None and fact.value is not None and fact.value.conflict else None


def _of_the_same_login(replica: Datacenter, ufds: Zone, conflict: str, change: Change | None, why: str) -> Advised:
    """Deletes the replica's own entry that has the login or e-mail address of a master's account, children first."""
    what = f"change {change.number} ({change.kind} {change.dn})" if change is not None else "next change"
    steps = list(
        without(replica, conflict, "", f"the account that only {replica.name} knows; then the master's is replicated")
    )
    yield Note(
        f"The master's {what} cannot be applied: {conflict} exists only on {replica.name} and has the login or e-mail address of that "
        "account. You can delete it, or give it another login and address there."
    )
    yield from steps
    if any(isinstance(each, Step) for each in steps):
        yield acting(
            headnode(replica), Smf(ufds.vm.uuid, "clear", (REPLICATOR,)), risk=RESTARTS, why=why, by_hand=True
        )  # fmt: skip
    else:
        yield Note(
            f"Start the replicator of {ufds} only when one of the two has another login and address: at the same change it would end again."
        )


def _of_the_same_name(replica: Datacenter, ufds: Zone, progress: Progress, change: Change) -> Advised:
    """Goes past a change whose entry is there already: what differs in it, the master sends again afterwards."""
    checkpoint = _own(replica, ufds)
    yield Note(
        f"The master's change {change.number} adds {change.dn}, and {replica.name} has an entry of that name already. Both stay. What "
        "differs between them directory-entries-agree names when the replicator runs again, with the steps that bring them together."
    )
    if checkpoint is None:
        return
    goes_on = progress.latest + 1 if _has_all(ufds) else change.number + 1
    yield acting(
        headnode(replica),
        checkpoint_at(checkpoint.dn, progress.after, goes_on),
        Smf(ufds.vm.uuid, "clear", (REPLICATOR,)),
        between=" && ",
        risk=OVERWRITES,
        why=f"the replicator's checkpoint becomes {goes_on}. "
        + (
            f"The changes before it are skipped: {replica.name} has each entry already"
            if _has_all(ufds)
            else "Nothing else is skipped"
        ),
        undo="",
        undo_note=MOVES_ON,
        by_hand=True,
    )


def _own(replica: Datacenter, ufds: Zone) -> Checkpoint | None:
    url = f"ldaps://{replica.sdc_metadata.values.get('ufds_remote_ip')}"
    return next((each for each in ufds.directory.checkpoints if each.url == url), None)


def _has_all(ufds: Zone) -> bool:
    """Whether the replica lacks no entry of the master's."""
    try:
        seen = ufds.comparison
    except Missing:
        return False
    return seen.missing == 0 and not seen.unread and seen.extent == FULL


def without_checkpoint(datacenter: Datacenter, extra: Checkpoint, why: str, *, by_hand: bool = False) -> Step:
    """A step that deletes a checkpoint; its undo adds the same one."""
    held = {
        "objectclass": ("sdcreplcheckpoint",),
        "uid": (_rdn(extra.dn),),
        "url": (extra.url,),
        "changenumber": (str(extra.changenumber),),
        "query": tuple(extra.queries),
    }
    return acting(
        headnode(datacenter),
        LdapDelete(typed.checkpoint_dn(extra.dn), held),
        risk=RESTARTS,
        why=why,
        undo=added(extra.dn, held),
        by_hand=by_hand,
    )


def _rdn(dn: str) -> str:
    return dn.partition(",")[0].partition("=")[2]
