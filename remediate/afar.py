"""For a datacenter without SSH: LDAP shows where its replicator stands and why, and somebody there types what moves it."""

from __future__ import annotations

from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import REPLICATOR
from evidence.subjects.zone import Zone
from remediate.hindered import MOVES_ON
from remediate.ldif import checkpoint_at
from remediate.lookup import headnode
from remediate.registry import Advised
from remediate.shell import quote
from remediate.steps import RESTARTS, Note, Risk, Step

_ZONE = "ufds=$(vmadm lookup -1 tags.smartdc_role=ufds state=running)"
"""Fails where there are several: then a human must say which."""
_STARTED = f"""\
( {_ZONE} || exit 1; service={REPLICATOR}
    case $(svcs -z "$ufds" -H -o state "$service") in
        online) verb=restart ;; maintenance) verb=clear ;; disabled) verb=enable ;;
        *) svcs -z "$ufds" -x "$service"; exit 1 ;;
    esac
    svcadm -z "$ufds" $verb "$service" )"""


def moved(replica: Datacenter, ufds: Zone) -> Advised:
    """A replicator that stands still: over a gap, or started by the state that only the head node shows."""
    progress = ufds.progress
    change = progress.next
    if change is None and progress.resumes:
        why = (
            f"the master's changelog has no change from {progress.after} to {progress.resumes - 1}, so nothing is skipped; "
            "the replicator reads its checkpoint when it starts"
        )
        yield from goes_on_at(replica, ufds, progress.resumes, RESTARTS, why)
        return
    if change is not None and progress.parentless:
        yield Note(
            f"{replica.name} lacks {quote(change.dn.partition(', ')[2])}, and without that {quote(change.dn)} cannot be added. With SSH to "
            "both head nodes the suite prints the command that copies it. Without SSH, somebody there adds it as the master has it "
            "(sdc-ldap add). The replicator tries again every second."
        )
        return
    if progress.conflict:
        yield Note(
            f"{quote(progress.conflict)} of {replica.name} is in its way, and a start alone does not help. Find out which of the two is "
            "right. The master's entry comes once that one has another login and address there, or is deleted (sdc-ldap delete)."
        )
    why = "LDAP does not show whether it is stopped, gave up or hangs: the command looks, and starts it accordingly"
    yield Step(
        on=headnode(replica), run=_STARTED, risk=RESTARTS, why=why, undo_note="nothing to undo", applied_by_suite=False
    )


def goes_on_at(replica: Datacenter, ufds: Zone, number: int, risk: Risk, why: str) -> Advised:
    """Set the checkpoint that was seen, and start the replicator anew."""
    for checkpoint in ufds.directory.checkpoints:
        if checkpoint.changenumber == ufds.progress.after:
            moved = checkpoint_at(checkpoint.dn, str(checkpoint.changenumber), str(number))
            yield Step(
                on=headnode(replica),
                run=f'{moved} &&\n    {_ZONE} &&\n    svcadm -z "$ufds" restart {REPLICATOR}',
                risk=risk,
                why=why,
                undo_note=MOVES_ON,
                applied_by_suite=False,
            )
