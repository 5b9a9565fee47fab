"""az-checks compare REGION.yaml A B: how the directories of any two datacenters differ, or one from what was kept of it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Final

from msgspec import Struct

from evidence.collect import listing
from evidence.collect.how import AS_DECLARED
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import ID, Inventory
from evidence.inventory.reading import read_inventory
from evidence.redact import fingerprint_key
from fixtures.interrupted import INTERRUPTED, unless_interrupted
from prepare.comparing import Work
from prepare.parsing import CommandParser
from reports.page import safe
from triton_az_checks.errors import OperatorError, UsageError

log = logging.getLogger(__name__)
TOLD = "az-checks compare: interrupted, so nothing is told"
NOT_TOLD: Final = 1
BROKE: Final = 3
USAGE = "az-checks compare REGION.yaml A B"


class ComparedNames(Struct, frozen=True):
    """What was typed, as far as it can be checked before anybody is asked: the first datacenter, and one of the others."""

    inventory: Inventory
    first: str
    second: str = ""
    file: str = ""
    keep: str = ""


def parser_of() -> argparse.ArgumentParser:
    parser = CommandParser("compare")
    parser.description = (
        "How the directory of OTHER differs from DATACENTER's, by dn: missing, extra, different. With --keep, keep what it holds; with the "
        "file, what was removed, added and changed since. Exit code 0: nothing differs; 1: something does, or it could not be told."
    )
    parser.add_region()
    told = "the datacenter that the other is compared with; with a file, the one that is compared"
    parser.add_argument("first", nargs="?", metavar="DATACENTER", help=told)
    told = "another datacenter, or a file that --keep wrote"
    parser.add_argument("second", nargs="?", metavar="OTHER_OR_FILE", help=told)
    told = "compare nothing: keep there what the datacenter's directory holds now (dns and keyed digests, no value)"
    parser.add_argument("--keep", metavar="FILE", help=told)
    parser.set_defaults(region=None)
    return parser


def main(arguments: list[str]) -> int:
    """0: nothing differs, or it was kept; 1: something differs, or it could not be told; 2: interrupted. Changes nothing that it asks."""
    typed = _typed(parser_of().parse_intermixed_args(arguments))
    key = fingerprint_key()
    covered = AS_DECLARED.covered(key)
    assert covered is not None
    kept = listing.load(Path(typed.file), typed.inventory, key, covered) if typed.file else None
    work = Work(typed.inventory, key, covered)
    try:
        if kept is not None:
            doing = work.since(kept, typed.file, typed.first)
        elif typed.keep:
            doing = work.keep(typed.first, Path(typed.keep))
        else:
            doing = work.two(typed.first, typed.second)
        told = unless_interrupted(doing, TOLD)
    except UnansweredError as error:
        work.progress.done()
        print(f"az-checks compare: {safe(str(error))}", file=sys.stderr)
        return NOT_TOLD
    except OperatorError:
        raise
    except Exception as error:  # a traceback could hold a secret
        log.debug("compare", exc_info=True)
        work.progress.done()
        print(f"az-checks compare: the suite broke ({type(error).__name__}); please report it", file=sys.stderr)
        return BROKE
    finally:
        work.progress.done()
        if kept is not None:
            kept.held.close()
    if told is None:
        print(TOLD, file=sys.stderr)
        return INTERRUPTED
    print(told.text)
    return told.code


def _typed(given: argparse.Namespace) -> ComparedNames:
    """Raises UsageError for what cannot be done."""
    region, names = _words([each for each in (given.region, given.first, given.second) if each is not None])
    inventory = read_inventory(Path(region))
    if not names:
        raise UsageError(f"name a datacenter of the inventory: {USAGE}; it has: {_listed(inventory)}")
    first, *others = names
    if first not in inventory.datacenters:
        raise UsageError(f"the inventory has no {ascii(first)[1:-1]}; it has: {_listed(inventory)}")
    if given.keep is not None:
        if others:
            raise UsageError("--keep keeps what one datacenter holds: name no second one")
        _refuse(Path(given.keep))
        return ComparedNames(inventory, first, keep=given.keep)
    if not others:
        raise UsageError(
            f"name what {first} is compared with: another datacenter, or a file that --keep wrote; or --keep FILE"
        )
    (second,) = others
    if second == first:
        raise UsageError(
            f"{first} cannot be compared with itself: name another datacenter, or a file that --keep wrote"
        )
    if second in inventory.datacenters:
        return ComparedNames(inventory, first, second)
    if not os.path.lexists(second):
        raise UsageError(
            f"the inventory has no {ascii(second)[1:-1]}, and there is no such file; it has: {_listed(inventory)}"
        )
    return ComparedNames(inventory, first, file=second)


def _words(words: list[str]) -> tuple[str, list[str]]:
    """The inventory, and the other words. With AZ_INVENTORY it may be left out: no name of a datacenter has a dot or a slash."""
    usual = os.environ.get("AZ_INVENTORY")
    if len(words) < 3 and usual and not (words and not ID.fullmatch(words[0])):
        return usual, words
    if not words:
        raise UsageError(f"no inventory was given: {USAGE}, or AZ_INVENTORY")
    return words[0], words[1:]


def _listed(inventory: Inventory) -> str:
    return ", ".join(sorted(inventory.datacenters))


def _refuse(target: Path) -> None:
    """Raise UsageError for what could only fail at the end. What was kept before is not written over."""
    if target.is_dir():
        raise UsageError(f"--keep: {target} is a folder: name a file in it")
    if os.path.lexists(target):
        raise UsageError(f"--keep: {target} is there already: name another file, or remove it")
    if not os.access(target.absolute().parent, os.W_OK):
        raise UsageError(f"--keep: {target.absolute().parent} is no folder in which this user may write")
