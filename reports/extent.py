"""Which part of the catalogue a run was asked to judge."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from evidence.comparison import KEYS, NOT_COMPARED, Comparison
from evidence.fact import Fact
from evidence.model import Evidence
from reports.page import counted

NIGHTLY = "nightly"
WHOLE = ("", NIGHTLY, "postchange")
"""The expressions of -m that leave out nothing of what is coupled."""


def less_compared(evidence: Evidence | None) -> tuple[str, ...]:
    """What to say of directories that were not compared as a whole, because nobody wanted it."""
    for _, fact in _comparisons(evidence):
        if fact.hidden and fact.why == NOT_COMPARED:
            return ("Directories were not compared (--compare off).",)
        if fact.value is not None and fact.value.extent == KEYS:
            return ("Of directories only accounts and their keys were compared (--compare keys).",)
    return ()


def how_read(evidence: Evidence | None) -> tuple[str, ...]:
    """Of which directories most is known from before, and why what was kept of others was of no use."""
    seen = {zone: fact.value for zone, fact in _comparisons(evidence) if fact.value is not None}
    told = [f"{zone}: the whole directory was read: {each.anew}" for zone, each in seen.items() if each.anew]
    since = [each for each in seen.values() if each.full_at]
    if since:
        first, read = min(each.full_at for each in since)[:16].replace("T", " "), sum(each.reread for each in since)
        told.append(
            f"Directories were read in full at {first} UTC, and now what changed since ({counted(read, 'entry', 'entries')})."
        )
    return tuple(told)


def _comparisons(evidence: Evidence | None) -> Iterator[tuple[str, Fact[Comparison]]]:
    for name, datacenter in (evidence.datacenters if evidence is not None else {}).items():
        for alias, zone in (datacenter.zones.value or {}).items():
            if zone.comparison is not None:
                yield f"{name}.{alias}", zone.comparison


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
