"""What a coupling took away: what a kept run saw in a candidate, before sdc-ufds-m2s, and this run does not see in the replica.

Nobody names it afterwards otherwise: what is gone from both directories agrees.  Source: evidence/subjects/m2s.py, steps 9 to 15.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from evidence.accounts import Belonging
from evidence.fact import Missing
from evidence.inventory.model import CANDIDATE, REPLICA
from evidence.store import EvidenceError, load
from evidence.subjects.claims import judged
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.m2s import SAVED, SET_IN_SAPI
from evidence.subjects.world import World
from remediate.copies import PLACE
from reports.before import earlier_than

_MOST_RUNS = 60
"""So many earlier runs are looked through for one before the coupling."""
_MARK = b'"candidate"'
"""Stands in the evidence of a run whose inventory has a candidate."""
_MOST_NAMED = 12


def gone_since(world: World, runs: Path, run: str) -> tuple[str, ...]:
    """A sentence for each replica that lacks something which it had as a candidate, by the last kept run that saw it whole."""
    sought = {dc.name for dc in world.datacenters if dc.state == REPLICA}
    told: list[str] = []
    for folder in earlier_than(run, runs)[:_MOST_RUNS] if sought else ():
        then = _world_of(folder, world)
        found = sought & _whole_candidates(then) if then is not None else set()
        for name in sorted(found):
            told += _told(then.datacenter(name), world.datacenter(name), folder.name) if then is not None else ()
        sought -= found
        if not sought:
            break
    return tuple(told)


def _world_of(folder: Path, world: World) -> World | None:
    """The world of an earlier run, if it saw candidates of the same master."""
    try:
        if _MARK not in (folder / "evidence.json").read_bytes():
            return None
        evidence = load(folder)
    except (OSError, EvidenceError):
        return None
    then = judged(evidence.inventory, evidence)
    return then if then.inventory.master == world.inventory.master else None


def _whole_candidates(then: World) -> set[str]:
    """The candidates that still had their admin and groups."""
    return {dc.name for dc in then.datacenters if dc.state == CANDIDATE and _whole(dc)}


def _whole(datacenter: Datacenter) -> bool:
    try:
        held = [ufds.directory for ufds in datacenter.zones("ufds")]
    except Missing:
        return False
    return bool(held) and all(each.admin and each.operators is not None and each.readers for each in held)


def _told(then: Datacenter, now: Datacenter, run: str) -> Iterator[str]:
    """What is gone, by name; and where it may still be."""
    try:
        lost = list(_lost(then, now))
    except Missing:
        return
    if not lost:
        return
    rest = f", and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else ""
    yield (
        f"{now.name} had before its coupling (run {run}), and has no more: {', '.join(lost[:_MOST_NAMED])}{rest}. Keep {_places(now)} "
        "until it is back, or not needed: no other place has it."
    )


def _lost(then: Datacenter, now: Datacenter) -> Iterator[str]:
    for before, after in zip(then.zones("ufds"), now.zones("ufds"), strict=False):
        had, has = before.belongings, after.belongings
        if had is not None and has is not None and len(has.named) == sum(has.counts.values()):
            yield from map(str, _without(had.named, has.named))
        probes = before.directory.probes, after.directory.probes
        if probes[1] < probes[0]:
            yield f"{probes[0] - probes[1]} of {probes[0]} amon probes and groups"
    yield from _settings(then, now)


def _without(had: Iterable[Belonging], has: Iterable[Belonging]) -> Iterator[Belonging]:
    """What was below admin; a role that was made again has another uuid, and is the same."""
    known = {each.dn for each in has} | {_identity(each) for each in has}
    return (each for each in had if each.dn not in known and _identity(each) not in known)


def _identity(one: Belonging) -> str:
    return f"{one.kind} {one.fingerprint or one.name}"


def _settings(then: Datacenter, now: Datacenter) -> Iterator[str]:
    """Keys of SAPI's metadata of `sdc`, other than those that sdc-ufds-m2s sets."""
    had, has = then.sdc_metadata, now.sdc_metadata
    kept = {*has.values, *has.fingerprints, *SET_IN_SAPI}
    yield from (f"{key} in SAPI's metadata of sdc" for key in sorted({*had.values, *had.fingerprints} - kept))


def _places(now: Datacenter) -> str:
    left = now.evidence.leftovers
    saved = [path for path in SAVED if left is not None and left.value is not None and path in left.value]
    return f"{', '.join(saved)} and the copies below {PLACE}" if saved else f"the copies below {PLACE}"
