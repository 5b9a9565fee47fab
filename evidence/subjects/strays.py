"""What shows that sdc-ufds-m2s was typed on the head node of the master: the replicator and the checkpoints that it left there."""

from __future__ import annotations

from evidence.fact import Missing
from evidence.model import Checkpoint
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import REPLICATOR
from evidence.subjects.zone import Zone


def replicators(master: Datacenter) -> tuple[Zone, ...]:
    """The ufds zones of the master whose ufds-replicator is not disabled, as far as that is known."""
    try:
        return tuple(ufds for ufds in master.zones("ufds") if _runs(ufds))
    except Missing:
        return ()


def _runs(ufds: Zone) -> bool:
    known = ufds.evidence.services.value or ()
    return any(each.fmri == REPLICATOR and each.state != "disabled" for each in known)


def checkpoints(master: Datacenter) -> tuple[Checkpoint, ...]:
    """The checkpoints in the master's UFDS, as far as they are known."""
    try:
        seen = [ufds.evidence.directory for ufds in master.zones("ufds")]
    except Missing:
        return ()
    return tuple(
        each for fact in seen if fact is not None and fact.value is not None for each in fact.value.checkpoints
    )


def tells_of_m2s(master: Datacenter) -> str:
    """The same in words; nothing where the master follows nobody."""
    left = [f"{REPLICATOR} of {ufds}" for ufds in replicators(master)]
    left += [f"a checkpoint for {each.url}" for each in checkpoints(master)]
    return f"{master.name} has {', '.join(left)}: sdc-ufds-m2s was typed on its head node" if left else ""
