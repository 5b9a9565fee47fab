"""az-checks init root@HEADNODE [-o FILE]: a first region.yaml, from what one head node knows of its coupling."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.inventory.lines import DeclarationError
from evidence.inventory.model import HEADNODE, REPLICA, Declared, Timeouts
from evidence.inventory.reading import read_inventory
from prepare.parsing import CommandParser
from reports.page import counted, safe
from reports.progress import ProgressLine
from triton_az_checks import places
from triton_az_checks.errors import UsageError

if TYPE_CHECKING:
    from prepare.learning import Learnt

LEFT = 1
USUAL = "region.yaml"


def parser_of() -> argparse.ArgumentParser:
    parser = CommandParser("init")
    parser.add_argument("headnode", metavar="root@HEADNODE", help="as for ssh")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default=USUAL, help=f"write there (default: {USUAL}; -: print it)"
    )
    return parser


def main(arguments: list[str]) -> int:
    """0: the file can be used as it is; 1: something must be filled in, or the head node cannot be asked."""
    given = parser_of().parse_args(arguments)
    if not HEADNODE.fullmatch(given.headnode):
        raise UsageError(f"{given.headnode!a} names no head node: write USER@HOST, or ssh://USER@HOST:PORT, as for ssh")
    if given.output != "-" and os.path.lexists(given.output):
        raise UsageError(
            f"{given.output} is there already, and is not overwritten: -o FILE names another, -o - prints it"
        )
    from evidence.collect.parse import UnreadableError  # what asks is loaded when it is known whom
    from evidence.collect.unanswered import UnansweredError
    from prepare.writing import region_yaml

    try:
        found = asyncio.run(_learn(given.headnode))
    except (UnansweredError, UnreadableError) as error:
        print(safe(f"az-checks init: {given.headnode}: {error}"), file=sys.stderr)
        return LEFT
    text = region_yaml(found, datetime.datetime.now(datetime.UTC))
    return _printed(text) if given.output == "-" else _kept(text, Path(given.output))


async def _learn(headnode: str) -> Learnt:
    from evidence.collect.login import connect
    from evidence.collect.unanswered import UnansweredError
    from prepare.learning import learn

    timeouts = Timeouts()
    progress = ProgressLine(sys.stderr)
    progress(f"asking {headnode}")
    try:
        head = await connect(Declared("asked", headnode, "asked", REPLICA), timeouts)
    except BaseException:
        progress.done()
        raise
    try:
        async with asyncio.timeout(timeouts.run):
            return await learn(head, headnode, timeouts)
    except TimeoutError:
        raise UnansweredError(f"it did not answer all within {timeouts.run:g} s") from None
    finally:
        progress.done()
        await head.close()


def _printed(text: str) -> int:
    from prepare.writing import FILL_IN

    print(text, end="")
    blanks = text.count(f"# {FILL_IN}")
    if blanks:
        print(f"az-checks init: {counted(blanks, 'line')} to fill in, with {FILL_IN}", file=sys.stderr)
    return LEFT if blanks else 0


def _kept(text: str, path: Path) -> int:
    from prepare.writing import FILL_IN

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror})") from None
    print(safe(f"Written: {path}"))
    try:
        read_inventory(path)
    except DeclarationError as error:
        print(f"{counted(text.count(f'# {FILL_IN}'), 'line')} to fill in, with {FILL_IN}; the first that is missed:")
        print(safe(f"  {error}"))
        return LEFT
    print(safe(f"Next: {places.doctor_command(str(path.absolute()))}"))
    return 0
