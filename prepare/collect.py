"""az-checks collect --datacenter NAME REGION.yaml -o FILE: the evidence of datacenters that only this machine reaches, judged elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from evidence.collect import collect_patiently
from evidence.collect.lone import Alone, parted
from evidence.inventory.model import Inventory
from evidence.inventory.reading import read_inventory
from evidence.model import DatacenterEvidence, Evidence
from evidence.store import load, place_of, save
from fixtures.interrupted import INTERRUPTED, unless_interrupted
from prepare import beside
from prepare.parsing import CommandParser
from reports.page import counted, safe
from reports.progress import ProgressLine
from triton_az_checks import places
from triton_az_checks.errors import UsageError

TOLD = "az-checks collect: interrupted, so nothing was written"


def parser_of() -> argparse.ArgumentParser:
    parser = CommandParser("collect")
    parser.add_region()
    told = "collect this datacenter (repeatable); the others are not asked"
    parser.add_argument("--datacenter", metavar="NAME", action="append", required=True, help=told)
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="write the evidence there")
    told = "do not list UFDS directories (dns and keyed digests, in FILE.NAME.directory), by which a run of all files compares them"
    parser.add_argument("--no-directories", action="store_false", dest="directories", help=told)
    parser.add_argument("--directories", action="store_true", help=argparse.SUPPRESS)
    told = "evidence of the others (repeatable): an earlier run, or files of the same round, which tell where links to them lead"
    parser.add_argument("--knowing", metavar="RUN_OR_FILE", action="append", default=[], help=told)
    return parser


def main(arguments: list[str]) -> int:
    """0: the evidence was written, whatever it says; 2: interrupted.  Asks the head nodes that are named, and changes nothing."""
    given = parser_of().parse_args(arguments)
    if not given.region:
        raise UsageError(
            "no inventory was given: az-checks collect --datacenter NAME REGION.yaml -o FILE, or AZ_INVENTORY"
        )
    inventory, target = read_inventory(Path(given.region)), Path(given.output)
    names = _named(given.datacenter, inventory)
    _refuse(target)
    alone = Alone(names, known_of(given.knowing, inventory, names))
    progress = ProgressLine(sys.stderr)
    listing = given.directories and parted(names, inventory)
    work = beside.work_for(inventory, places.runs(None)) if listing else None

    async def collecting() -> tuple[Evidence, beside.Taken]:
        seen = await collect_patiently(inventory, progress, alone=alone)
        return seen, {} if work is None else await beside.taken(work, seen)

    try:
        found = unless_interrupted(collecting(), TOLD)
    finally:
        progress.done()
        if work is not None:
            work.progress.done()
    if found is None:
        print(TOLD, file=sys.stderr)
        return INTERRUPTED
    seen, listed = found
    try:
        save(seen, target)
    except OSError as error:
        raise _unwritable(target, error) from None
    for line in told(seen, target, listed=work is not None):
        print(safe(line))
    if work is not None:
        for line in beside.write(work, listed, seen, target):
            print(safe(line))
    return 0


def known_of(named: Sequence[str], inventory: Inventory, names: Iterable[str]) -> dict[str, DatacenterEvidence]:
    """What runs and files tell of the datacenters that are not asked; the newest word counts. Raises EvidenceError."""
    runs = places.runs(None)
    files = sorted((load(place_of(each, runs)) for each in named), key=lambda evidence: evidence.started)
    return {
        name: seen
        for evidence in files
        for name, seen in evidence.datacenters.items()
        if name in inventory.datacenters and name not in names and seen.zones.value is not None
    }


def told(seen: Evidence, target: Path, *, listed: bool = False) -> Iterator[str]:
    """What was written, and what it lacks: nothing of it is judged."""
    names, master = ", ".join(sorted(seen.datacenters)), seen.inventory.master
    apart = parted(seen.datacenters, seen.inventory)
    yield f"{target}: {names}, seen {seen.started} to {seen.finished}; az-checks run --evidence judges it, with the files of the others"
    if apart and not listed:
        whose = f"that of {master}" if master not in seen.datacenters else "the others'"
        yield f"directories were not listed, so nobody will know whether they agree with {whose}"
    for name, each in sorted(seen.datacenters.items()):
        if each.ssh.why is not None and not each.ssh.hidden:
            yield f"{name} could not be asked: {each.ssh.why}"
        unknown = sum("--knowing" in (fact.why or "") for fact in each.links.values())
        if unknown:
            ways = counted(unknown, "way")
            yield f"{name}: {ways} to other datacenters could not be tried: their evidence, with --knowing, tells the addresses"


def _named(wanted: Sequence[str], inventory: Inventory) -> frozenset[str]:
    for name in wanted:
        if name not in inventory.datacenters:
            listed = ", ".join(sorted(inventory.datacenters))
            raise UsageError(f"--datacenter: the inventory has no {ascii(name)[1:-1]}; it has: {listed}")
    return frozenset(wanted)


def _refuse(target: Path) -> None:
    """Raise UsageError for what could only fail at the end."""
    if target.is_dir():
        raise UsageError(f"-o: {target} is a folder: name a file in it")
    if not os.access(target.absolute().parent, os.W_OK):
        raise UsageError(f"-o: {target.absolute().parent} is no folder in which this user may write")


def _unwritable(target: Path, error: OSError) -> UsageError:
    return UsageError(f"-o: {target} cannot be written: {error.strerror or error}")
