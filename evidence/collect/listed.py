"""What was listed of directories beside evidence that was collected apart (`az-checks collect`), compared with the master's.

A difference is one if neither changelog names the entry: what the master did to it had been applied when the replica was read, and the
replica did nothing to it since the master was.  Any other may have been on its way, because nobody looked again: it is no finding, and if
there are only such, the comparison stays missing.  Where nothing differs, each entry of the replica was the master's when it was read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from evidence.collect.anypair import region_of, without_own
from evidence.collect.covered import Covered
from evidence.collect.differing import Differences, counted, differing
from evidence.collect.how import AS_DECLARED
from evidence.collect.listing import KeptListing, ListingError, load
from evidence.comparison import DIFFERENT, EXTRA, FULL, MISSING, Comparison, EntryDifference
from evidence.fact import Fact, missing
from evidence.inventory.model import REPLICA
from evidence.model import DatacenterEvidence, Evidence, ZoneEvidence
from evidence.redact import FingerprintKeyError, cut, known_key
from evidence.subjects.following import HOW, ON_ITS_WAY, ahead_of
from evidence.subjects.together import parts_of


@dataclass
class Listings:
    """What can be used of the files, by the datacenter, and why the others cannot."""

    used: dict[str, KeptListing] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def close(self) -> None:
        for each in self.used.values():
            each.held.close()


def with_listings(evidence: Evidence, places: Mapping[str, Path]) -> Evidence:
    """The evidence of all files, and what listings tell of replicas that were collected apart from the master. Contacts nobody."""
    master = evidence.inventory.master
    beside = {name: part.datacenters for part in parts_of(evidence) for name in part.datacenters}
    wanted = {
        name
        for name in evidence.datacenters
        if evidence.inventory.datacenters[name].state == REPLICA and master not in beside[name]
    }
    listings = _load(evidence, {name: path for name, path in places.items() if name in wanted | {master}})
    try:
        told = {name: _told(evidence.datacenters[name], name, master, listings) for name in wanted & {*places}}
    finally:
        listings.close()
    return replace(evidence, datacenters=evidence.datacenters | told)


def _load(evidence: Evidence, places: Mapping[str, Path]) -> Listings:
    found, rounds = Listings(), {name: part.started for part in parts_of(evidence) for name in part.datacenters}
    try:
        key = known_key()
    except FingerprintKeyError as error:
        found.refused = dict.fromkeys(places, str(error))
        return found
    covered = AS_DECLARED.covered(key)
    assert isinstance(covered, Covered)
    for name, path in sorted(places.items()):
        try:
            one = load(path, evidence.inventory, key, covered)
        except ListingError as error:
            found.refused[name] = str(error)
            continue
        found.used[name] = one
        if one.datacenter != name or one.round != rounds[name]:
            one.held.close()
            del found.used[name]
            found.refused[name] = f"{path} was not written with this evidence of {name}"
    return found


def _told(seen: DatacenterEvidence, name: str, master: str, listings: Listings) -> DatacenterEvidence:
    """A replica's evidence with what its listing tells, in the zone where it was listed."""
    zones = seen.zones.value
    if zones is None:
        return seen
    told = {}
    for alias, zone in zones.items():
        fact = zone.comparison
        if fact is None or fact.value is not None or fact.hidden:
            continue
        told[alias] = _compared(zone, fact, name, master, listings, ahead_of(seen))
    return replace(seen, zones=replace(seen.zones, value={**zones, **told}))


def _compared(
    zone: ZoneEvidence, fact: Fact[Comparison], name: str, master: str, listings: Listings, ahead: float
) -> ZoneEvidence:
    def lacks(why: str) -> ZoneEvidence:
        return replace(zone, comparison=missing(fact.subject, fact.asked, fact.how, f"{fact.why}; {why}", fact.at))

    for each in (master, name):
        if each in listings.refused:
            return lacks(f"what was listed cannot be used: {listings.refused[each]}")
    if master not in listings.used:
        return lacks(f"nothing was listed of {master}")
    there, here = listings.used[master], listings.used[name]
    if here.zone != (zone.vm.alias, zone.vm.uuid):
        return zone
    differences = differing(there.held, here.held, region_of(there.side, here.side))
    undecided = without_own(differences, there.side, here.side)
    if stay := _staying(differences, there, here, zone, ahead):
        found = counted(FULL, differences.compared, [EntryDifference(cut(dn), kind) for dn, kind in stay.items()], "")
        return replace(
            zone, comparison=Fact(fact.subject, fact.asked, _how(master, there, name, here), here.begun, found)
        )
    if differences.kinds:
        return lacks(
            f"{_counts(differences)}, as listed at {there.begun} and {here.begun}; that may have been on its way"
        )
    if undecided:
        return lacks(undecided[0])
    seen = Comparison(differences.compared)
    return replace(zone, comparison=Fact(fact.subject, fact.asked, _how(master, there, name, here), here.begun, seen))


def _how(master: str, there: KeptListing, name: str, here: KeptListing) -> str:
    return f"{HOW}: {master} at {there.begun}, {name} at {here.begun}"


def _staying(
    differences: Differences, there: KeptListing, here: KeptListing, zone: ZoneEvidence, ahead: float
) -> dict[str, str]:
    """What of it cannot have been on its way, parents first. The replica's clock is so many seconds `ahead`."""
    position = None if zone.position is None else zone.position.value
    master, replica = there.lately, here.lately
    if master is None or replica is None or position is None or position.after < master.since:
        return {}
    applied, read = position.after, _moment(there.begun) + ahead
    if replica.since > 1 and not _moment(replica.at) < read - ON_ITS_WAY:
        return {}

    def stays(dn: str) -> bool:
        (number, _), (_, at) = master.last(dn) or (0, ""), replica.last(dn) or (0, "")
        return number < applied and (not at or _moment(at) < read - ON_ITS_WAY)

    return {dn: kind for dn, kind in differences.kinds.items() if stays(dn)}


def _moment(text: str) -> float:
    """Seconds since 1970; of what is no time, one that never comes."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return math.inf


def _counts(differences: Differences) -> str:
    kinds = [*differences.kinds.values()]
    told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in (MISSING, EXTRA, DIFFERENT) if kind in kinds)
    return f"of {differences.compared} entries {told}"
