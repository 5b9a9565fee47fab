"""az-checks doctor [REGION.yaml]: the operator's own machine, and the way in to each head node."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from evidence.inventory.model import Inventory
from evidence.inventory.reading import read_inventory
from prepare.parsing import CommandParser
from prepare.told import MACHINE, Looked, verdict, write
from reports.page import Page, counted
from reports.progress import ProgressLine
from reports.tty import look_of
from triton_az_checks.errors import UsageError


def parser_of() -> argparse.ArgumentParser:
    parser = CommandParser("doctor")
    parser.add_region()
    return parser


def main(arguments: list[str]) -> int:
    """0: all is well; 1: something is wrong.  Contacts the head nodes, and changes nothing."""
    named = parser_of().parse_args(arguments).region
    if not named:
        raise UsageError(
            "no inventory was given: az-checks doctor REGION.yaml, or AZ_INVENTORY (az-checks init writes one)"
        )
    inventory = read_inventory(Path(named))
    rows = asyncio.run(look(inventory))
    page = Page.looking(look_of(sys.stdout))
    write(page, rows)
    code = verdict(page, rows)
    print(page)
    return code


async def look(inventory: Inventory) -> list[Looked]:
    """This machine, then the datacenters, all at once."""
    from prepare import machine, wayin  # what asks is loaded when it is known whom

    progress = ProgressLine(sys.stderr)
    progress(f"asking {counted(len(inventory.datacenters), 'head node')}")
    read = Looked(MACHINE, "inventory", f"{inventory.path}: {counted(len(inventory.datacenters), 'datacenter')}")
    own = await machine.look(len(inventory.datacenters))
    declared = [inventory.datacenters[name] for name in sorted(inventory.datacenters)]
    there = await asyncio.gather(*(wayin.look(each, inventory) for each in declared))
    progress.done()
    return [read, *own, *(row for rows in there for row in rows)]
