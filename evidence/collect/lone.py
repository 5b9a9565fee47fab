"""Collecting some datacenters alone, on a machine that does not reach the others; evidence/subjects/together.py puts the files together.

Most of a datacenter's evidence is its own. Where its links lead the others tell, and that may be known from earlier (`known`). What takes
two directories at one time is not asked where only one of them is there, and says so. What stands for it, and travels: a replica's
position and the master's latest changes (evidence/collect/position.py), and listings of both directories (evidence/collect/listed.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from evidence.collect.draft import Draft
from evidence.collect.position import Parted
from evidence.fact import Missing, missing
from evidence.inventory.model import REPLICA, Inventory
from evidence.model import DatacenterEvidence, ZoneEvidence
from evidence.subjects.links import PROBE, Link
from evidence.subjects.together import address_unknown

WITH_MASTER: Final = ("progress", "comparison", "collisions")
"""The questions about a zone that its own UFDS and the master's answer together."""


@dataclass(frozen=True)
class Alone:
    """Which datacenters are asked here, and what is known of others from earlier evidence: it is used, and never passed on."""

    names: frozenset[str]
    known: Mapping[str, DatacenterEvidence] = field(default_factory=dict)

    def unmet(self, inventory: Inventory) -> dict[str, str]:
        """The questions that cannot be answered here, each with the reason."""
        master = inventory.master
        if master in self.names:
            return {}
        why = (
            f"collected apart from {master}, the master: this takes both directories at one time, and so a machine that reaches both "
            "head nodes and collects both"
        )
        return dict.fromkeys(WITH_MASTER, why)

    def parted(self, name: str, inventory: Inventory) -> Parted | None:
        """What replication between this datacenter and those that are asked elsewhere needs; None if there is none."""
        if name not in parted(self.names, inventory):
            return None
        if name != inventory.master:
            told = [zone.recent for zone in self._ufds_of(inventory.master) if zone.recent is not None]
            return Parted(recent=next((fact.value for fact in told if fact.value is not None), None))
        away = _replicas(inventory) - self.names
        return Parted(checkpoints=frozenset(number for each in away for number in self._checkpoints(each)))

    def _checkpoints(self, name: str) -> Iterator[int]:
        for zone in self._ufds_of(name):
            if zone.position is not None and zone.position.value is not None:
                yield zone.position.value.after
            elif zone.directory is not None and zone.directory.value is not None:
                yield from (each.changenumber for each in zone.directory.value.checkpoints)

    def _ufds_of(self, name: str) -> Iterator[ZoneEvidence]:
        seen = self.known.get(name)
        zones = None if seen is None else seen.zones.value
        for _, zone in sorted((zones or {}).items()):
            if zone.vm.role == "ufds":
                yield zone

    def reachable(self, links: Iterable[Link], draft: Draft) -> list[Link]:
        """The links whose address is known; the others are missing. Where the source was not seen, that is the reason and not this."""
        found = []
        for link in links:
            if draft.vms and link.target.name not in self.names | self.known.keys() and _nowhere(link):
                draft.links[link.id] = missing(link.id, PROBE, "zlogin", address_unknown(link))
            else:
                found.append(link)
        return found


def parted(names: Collection[str], inventory: Inventory) -> set[str]:
    """Those of the datacenters asked here of which the other side of replication is asked elsewhere."""
    replicas = _replicas(inventory)
    if inventory.master not in names:
        return replicas & {*names}
    return set() if replicas <= {*names} else {inventory.master}


def _replicas(inventory: Inventory) -> set[str]:
    return {each.name for each in inventory.datacenters.values() if each.state == REPLICA}


def _nowhere(link: Link) -> bool:
    try:
        return not link.host
    except Missing:
        return True
