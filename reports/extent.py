"""Which part of the catalogue a run was asked to judge."""

from __future__ import annotations

from msgspec import Struct

from evidence.comparison import KEYS, NOT_COMPARED
from evidence.model import Evidence

NIGHTLY = "nightly"
WHOLE = ("", NIGHTLY, "postchange")
"""The expressions of -m that leave out nothing of what is coupled."""


def less_compared(evidence: Evidence | None) -> tuple[str, ...]:
    """What to say of directories that were not compared as a whole, because nobody wanted it."""
    for datacenter in () if evidence is None else evidence.datacenters.values():
        for zone in (datacenter.zones.value or {}).values():
            seen = zone.comparison
            if seen is not None and seen.hidden and seen.why == NOT_COMPARED:
                return ("Directories were not compared (--compare off).",)
            if seen is not None and seen.value is not None and seen.value.extent == KEYS:
                return ("Of directories only accounts and their keys were compared (--compare keys).",)
    return ()


class Extent(Struct, frozen=True):
    """What a run was asked to judge.

    `selection` is the expression of -m. A run is `partial` if it was narrowed in another way, or did not finish. No later run is
    compared with a partial run, and `latest` never points to it. Nor does `latest` point to a `replayed` run: that is not news of the
    coupling. A preflight is about candidates alone: it does not take the place of the last night. `inventory` tells runs of different
    couplings apart; a replay has none.
    """

    partial: bool = False
    selection: str = ""
    inventory: str = ""
    notes: tuple[str, ...] = ()
    replayed: bool = False

    @property
    def lasting(self) -> bool:
        """Whether this run becomes the newest one of its coupling: it judged at least all that is coupled."""
        return not (self.partial or self.replayed) and self.selection in WHOLE

    @property
    def night(self) -> bool:
        """Whether this run becomes the last night."""
        return self.lasting and self.selection == NIGHTLY
