"""How much of the catalogue a run was to judge."""

from __future__ import annotations

from msgspec import Struct


class Extent(Struct, frozen=True):
    """What a run was to judge.

    `selection` is the expression of -m.  A run is partial if it was narrowed otherwise, or did not come to its end: no later run is
    compared with it, and `latest` does not point to it.  Nor does it to one that is `replayed`: that is no news of the coupling.
    `inventory` tells runs of different couplings apart; a replay has none.
    """

    partial: bool = False
    selection: str = ""
    inventory: str = ""
    notes: tuple[str, ...] = ()
    replayed: bool = False

    @property
    def lasting(self) -> bool:
        """Whether the run is the newest of its coupling from now on."""
        return not (self.partial or self.replayed)
