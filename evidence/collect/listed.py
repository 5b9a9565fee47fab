"""What was listed of directories beside evidence that was collected apart (`az-checks collect --directories`), compared with the master's.

A difference may have been on its way, because nobody looked again: so it is no finding, and the comparison stays missing, with what seems
to differ as its reason.  Where nothing differs, each entry of the replica was the master's when it was read, as in a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from evidence.collect.anypair import region_of, without_own
from evidence.collect.covered import Covered
from evidence.collect.differing import Differences, differing
from evidence.collect.how import AS_DECLARED
from evidence.collect.listing import KeptListing, ListingError, load
from evidence.comparison import DIFFERENT, EXTRA, MISSING, Comparison
from evidence.fact import Fact, missing
from evidence.inventory.model import REPLICA
from evidence.model import DatacenterEvidence, Evidence, ZoneEvidence
from evidence.redact import FingerprintKeyError, known_key
from evidence.subjects.together import parts_of

HOW = "az-checks collect --directories, near both"


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
        told[alias] = _compared(zone, fact, name, master, listings)
    return replace(seen, zones=replace(seen.zones, value={**zones, **told}))


def _compared(zone: ZoneEvidence, fact: Fact[Comparison], name: str, master: str, listings: Listings) -> ZoneEvidence:
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
    if differences.kinds:
        return lacks(
            f"{_counts(differences)}, as listed at {there.begun} and {here.begun}; that may have been on its way"
        )
    if undecided:
        return lacks(undecided[0])
    how = f"{HOW}: {master} at {there.begun}, {name} at {here.begun}"
    return replace(zone, comparison=Fact(fact.subject, fact.asked, how, here.begun, Comparison(differences.compared)))


def _counts(differences: Differences) -> str:
    kinds = [*differences.kinds.values()]
    told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in (MISSING, EXTRA, DIFFERENT) if kind in kinds)
    return f"of {differences.compared} entries {told}"
