"""The listings of directories that `az-checks collect --directories` writes beside its evidence, for a run that puts the files together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from evidence.collect.anypair import together
from evidence.collect.how import AS_DECLARED
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Inventory
from evidence.model import Evidence
from evidence.redact import fingerprint_key
from evidence.store import directory_beside
from prepare.comparing import TakenListing, Work

Taken = Mapping[str, TakenListing | str]


def work_for(inventory: Inventory) -> Work:
    key = fingerprint_key()
    covered = AS_DECLARED.covered(key)
    assert covered is not None
    return Work(inventory, key, covered)


async def taken(work: Work, seen: Evidence) -> Taken:
    """What each datacenter's directory holds now, or why that is not known."""

    async def one(name: str) -> TakenListing | str:
        try:
            return await work.taken(name)
        except UnansweredError as error:
            return str(error)

    names = sorted(seen.datacenters)
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
