"""The listings of directories that `az-checks collect` writes beside its evidence, for a run that puts the files together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from evidence.collect.anypair import together
from evidence.collect.how import How
from evidence.collect.lone import parted
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Inventory
from evidence.model import Evidence
from evidence.redact import fingerprint_key
from evidence.store import directory_beside
from prepare.comparing import TakenListing, Work

Taken = Mapping[str, TakenListing | str]


def work_for(inventory: Inventory, runs: Path) -> Work:
    """`runs`: the folder of the runs, beside which digests are kept for the next reading."""
    key, how = fingerprint_key(), How(folder=runs)
    covered = how.covered(key)
    assert covered is not None
    return Work(inventory, key, covered, how.memory(inventory, key))


async def taken(work: Work, seen: Evidence) -> Taken:
    """What the directories hold now that are compared with one that is listed elsewhere, or why that is not known."""

    async def one(name: str) -> TakenListing | str:
        try:
            return await work.taken(name, with_changes=True)
        except UnansweredError as error:
            return str(error)

    names = sorted(parted(seen.datacenters, seen.inventory))
    return dict(zip(names, await together(*map(one, names)), strict=True))


def write(work: Work, found: Taken, seen: Evidence, target: Path) -> Iterator[str]:
    """Write them beside the evidence, and say of each what became of it. What lies there from an earlier round goes."""
    for name, each in found.items():
        place = directory_beside(target, name)
        try:
            place.unlink(missing_ok=True)
            if isinstance(each, str):
                yield f"{name}: its directory was not listed: {each}"
                continue
            with each.held:
                work.write(each, place, seen.started)
            yield f"{place}: {each.told}"
        except OSError as error:
            yield f"{name}: its directory was not listed: {place} cannot be written: {error.strerror or error}"
