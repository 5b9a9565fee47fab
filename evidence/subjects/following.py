"""Whether a replica follows its master, where each was asked on a machine of its own: its position and the master's changes, put together.

A replica must have applied what its master had when the replica was looked at, and nothing that came later.  When that was, the times of
the master's changes tell, by the clock of the machine that asked it.  Source: facts, "Replication".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from evidence.fact import Fact, missing
from evidence.inventory.model import REPLICA, Inventory
from evidence.model import Change, DatacenterEvidence, Directory, Position, Progress, RecentChanges, ZoneEvidence
from evidence.subjects.replicated import next_change

HOW: Final = "az-checks collect, near both"
ON_ITS_WAY: Final = 5.0
"""A change that was made less than so many seconds before a replica was looked at may be on its way, and clocks differ a little."""

Master = tuple[Fact[Directory], Fact[RecentChanges], float]


class UnfollowedError(Exception):
    """It cannot be known; the text says why, and what to do."""


def with_progress(
    datacenters: dict[str, DatacenterEvidence], inventory: Inventory
) -> Iterator[tuple[str, DatacenterEvidence]]:
    """Each datacenter, the replicas that were asked apart from their master with what both tell of their replication."""
    there = next(_masters(datacenters.get(inventory.master)), None)
    for name, seen in datacenters.items():
        zones = seen.zones.value
        if there is None or zones is None or inventory.datacenters[name].state != REPLICA:
            yield name, seen
            continue
        told = {alias: _with_progress(zone, there, inventory.master) for alias, zone in zones.items()}
        yield name, replace(seen, zones=replace(seen.zones, value=told))


def ahead_of(seen: DatacenterEvidence) -> float:
    """By how many seconds at least a datacenter's clock is ahead of the machine's that asked it; 0 where that is not known."""
    clock = None if seen.clock is None else seen.clock.value
    return 0.0 if clock is None else clock.least


def _masters(seen: DatacenterEvidence | None) -> Iterator[Master]:
    zones = None if seen is None else seen.zones.value
    if seen is None or zones is None:
        return
    for _, zone in sorted(zones.items()):
        if zone.directory is not None and zone.directory.value is not None and zone.recent is not None:
            yield zone.directory, zone.recent, ahead_of(seen)


def _with_progress(zone: ZoneEvidence, there: Master, master: str) -> ZoneEvidence:
    lacking, seen = zone.progress, zone.position
    if lacking is None or lacking.value is not None or lacking.hidden or seen is None:
        return zone
    if seen.value is None:
        return replace(zone, progress=replace(seen, asked=lacking.asked, how=lacking.how))
    try:
        found = following(seen, *there)
    except UnfollowedError as error:
        why = f"collected apart from {master}, the master: {error}"
        return replace(zone, progress=missing(lacking.subject, lacking.asked, lacking.how, why, seen.at))
    return replace(zone, progress=Fact(lacking.subject, lacking.asked, HOW, seen.at, found))


def following(seen: Fact[Position], held: Fact[Directory], recent: Fact[RecentChanges], ahead: float = 0.0) -> Progress:
    """A replica's replication, by its position and what the master holds, whose clock is so many seconds ahead. Raises UnfollowedError."""
    position, directory = seen.value, held.value
    if position is None or directory is None:
        raise UnfollowedError(seen.why or held.why or "no answer was recorded")
    latest, before, after = directory.latest, position.before, position.after
    if after > latest + 1 and _time(held.at) < _time(position.until):
        raise UnfollowedError(
            f"it was at change {after} when the master's last one had been {latest}, some time before: collect the master last, or both "
            "at one machine"
        )
    if after > latest:
        return Progress(latest, before, after)
    if recent.value is None:
        raise UnfollowedError(
            f"it is at change {after} of {latest}, and the times of these are not known: {recent.why}"
        )
    if not recent.value.reaches(after):
        raise UnfollowedError(
            f"it is at change {after} of {latest}, and the master told its changes from {recent.value.since} on: collect the master again "
            f"with --knowing FILE, the evidence of {seen.subject.partition('.')[0]}"
        )
    change, resumes = _next(recent.value, after, latest)
    waited = _waited(change, resumes, recent.value, _time(seen.at)) + ahead
    if waited < ON_ITS_WAY:
        return Progress(after - 1, before, after)  # the master's last change that had to be here then
    asked = change is not None and change.number == position.next
    return Progress(
        latest,
        before,
        after,
        next=change,
        parentless=asked and position.parentless,
        waiting=0.0 if change is None else float(round(waited)),
        conflict=position.conflict if asked else "",
        resumes=resumes,
    )


def _next(recent: RecentChanges, after: int, latest: int) -> tuple[Change | None, int]:
    """The change that comes next at a checkpoint; or, after a gap, the number at which the changelog goes on."""
    change = next_change(recent.changes, after)
    if change is not None:
        return change, 0
    later = (each.number for each in recent.changes if each.number > after)
    return None, recent.resumes.get(after) or min(later, default=latest)


def _waited(change: Change | None, resumes: int, recent: RecentChanges, looked: datetime) -> float:
    """For how many seconds what comes next had been there when the replica was looked at first. Raises UnfollowedError."""
    if change is None:
        change = next((each for each in recent.changes if each.number == resumes), None)
    if change is None:  # before all that the master told with its times
        return float("inf")
    return (looked - _time(change.at)).total_seconds()


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UnfollowedError("a time in the evidence cannot be read") from None
