"""How far a coupling has come, while somebody waits for it: at which step sdc-ufds-m2s is, and how much has replicated."""

from __future__ import annotations

from evidence.fact import Missing
from evidence.inventory.model import MASTER
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.ended import ended
from evidence.subjects.m2s import M2S
from evidence.subjects.world import World


def underway(world: World) -> tuple[str, ...]:
    """A sentence for each datacenter that replicates or has begun to delete, and has not caught up, as far as that is known."""
    latest = _latest(world)
    told = (_told(dc, latest) for dc in world.datacenters if dc.state != MASTER)
    return tuple(each for each in told if each)


def _told(datacenter: Datacenter, latest: int) -> str:
    at, reached = _step(datacenter), _reached(datacenter)
    copied = f"{min(reached, latest)} of {latest} changes of the master are replicated" if reached and latest else ""
    if not at and (not copied or reached > latest):
        return ""
    return f"{datacenter.name}: {'; '.join(filter(None, (at, copied)))}"


def _step(datacenter: Datacenter) -> str:
    try:
        steps = ended(datacenter)
    except Missing:
        return ""
    if steps is None:
        return ""
    first, last = (M2S[number - 1] for number in steps)
    does = last.does[:1].lower() + last.does[1:]
    return f"sdc-ufds-m2s is between its steps {first.number} and {last.number}, or has ended there ({last.number}: it {does})"


def _reached(datacenter: Datacenter) -> int:
    """The change at which its replicator goes on; 0 where it has no checkpoint."""
    try:
        found = [each.changenumber for ufds in datacenter.zones("ufds") for each in ufds.directory.checkpoints]
    except Missing:
        return 0
    return max(found, default=0)


def _latest(world: World) -> int:
    try:
        return max((ufds.directory.latest for ufds in world.master.zones("ufds")), default=0)
    except Missing:
        return 0
