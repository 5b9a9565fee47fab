"""Which part of the catalogue a run was asked to judge."""

from __future__ import annotations

from msgspec import Struct

NIGHTLY = "nightly"
WHOLE = ("", NIGHTLY, "postchange")
"""The expressions of -m that leave out nothing of what is coupled."""


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
