"""Which part of the catalogue a run was asked to judge."""

from __future__ import annotations

from msgspec import Struct


class Extent(Struct, frozen=True):
    """What a run was asked to judge.

    `selection` is the expression of -m. A run is `partial` if it was narrowed in another way, or did not finish. No later run is
    compared with a partial run, and `latest` never points to it. Nor does `latest` point to a `replayed` run: that is not news of the
    coupling. `inventory` tells runs of different couplings apart; a replay has none.
    """

    partial: bool = False
    selection: str = ""
    inventory: str = ""
    notes: tuple[str, ...] = ()
    replayed: bool = False

    @property
    def lasting(self) -> bool:
        """Whether this run becomes the newest one of its coupling."""
        return not (self.partial or self.replayed)
