"""Collecting some datacenters alone, on a machine that does not reach the others; evidence/subjects/together.py puts the files together.

Most of a datacenter's evidence is its own. Where its links lead the others tell, and that may be known from earlier (`known`). What takes
two directories at one time is not asked where only one of them is there, and says so. Should a listing of the master's directory travel one
day, it takes this place: whoever has one offers it to `Comparing`, and the question is no longer among `unmet`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from evidence.collect.draft import Draft
from evidence.fact import Missing, missing
from evidence.inventory.model import Inventory
from evidence.model import DatacenterEvidence
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

    def reachable(self, links: Iterable[Link], draft: Draft) -> list[Link]:
        """The links whose address is known; the others are missing. Where the source was not seen, that is the reason and not this."""
        found = []
        for link in links:
            if draft.vms and link.target.name not in self.names | self.known.keys() and _nowhere(link):
                draft.links[link.id] = missing(link.id, PROBE, "zlogin", address_unknown(link))
            else:
                found.append(link)
        return found


def _nowhere(link: Link) -> bool:
    try:
        return not link.host
    except Missing:
        return True
