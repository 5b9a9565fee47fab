"""`keep:` in the inventory: which runs are removed, by their number and age, and what is never removed."""

from __future__ import annotations

import datetime
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evidence.inventory.model import Inventory
from reports.pages.nights import folders
from reports.pages.summary import Summary, known

WRITING = ".writing"
"""The end of the name of a run that is being written: until it is whole, it is no run."""
GOING = ".going"


def removed(runs: Path, inventory: Inventory, mine: str, now: datetime.datetime) -> tuple[str, ...]:
    """Remove what `keep` does not keep of the runs of this inventory, and what killed runs left.  Returns the names of the runs."""
    sweep(runs)
    if not (inventory.keep or inventory.keep_days):
        return ()
    told = [(path, summary) for path in folders(runs) if (summary := known(path)) is not None]
    own = [(path, summary) for path, summary in told if summary.inventory == mine and mine]
    gone = [path for path in _superfluous(own, inventory, now) if not _kept(path, own, runs)]
    return tuple(path.name for path in gone if _remove(path))


def _superfluous(own: list[tuple[Path, Summary]], inventory: Inventory, now: datetime.datetime) -> list[Path]:
    """What is more than so many, or older than so many days."""
    first = len(own) - inventory.keep if inventory.keep else 0
    oldest = now - datetime.timedelta(days=inventory.keep_days) if inventory.keep_days else None
    return [path for place, (path, _) in enumerate(own) if place < first or (oldest and begun(path.name) < oldest)]


def begun(run: str) -> datetime.datetime:
    """When a run began, as its name says."""
    return datetime.datetime.strptime(run.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)


def _kept(path: Path, own: list[tuple[Path, Summary]], runs: Path) -> bool:
    """Whether a run stays, whatever `keep` says: `latest`, the last nightly, and one whose `apply` has not come to its end."""
    with suppress(OSError):
        if path.resolve() == (runs / "latest").resolve():
            return True
    nightly = [each for each, summary in own if summary.lasting and summary.selection == "nightly"]
    return path in nightly[-1:] or _unfinished(path / "journal.jsonl") or _held(path)


def _unfinished(journal: Path) -> bool:
    """Whether a journal does not end with `closed`: --resume and --undo need it.  What cannot be read is kept."""
    try:
        lines = journal.read_bytes().splitlines()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return not lines or b'"closed"' not in lines[-1]


def sweep(runs: Path) -> None:
    """Remove what killed runs, and killed removals, have left.  What somebody is still writing is held, and stays."""
    with suppress(OSError):
        for path in runs.iterdir():
            if path.name.startswith(".") and path.name.endswith((WRITING, GOING)) and not _held(path):
                shutil.rmtree(path, ignore_errors=True)


def _held(path: Path) -> bool:
    """Whether a process is still at work in a folder.  Where nobody can tell (a file system without locks), it is."""
    try:
        with opened(path) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A folder's handle, for as long as the block lasts."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _remove(path: Path) -> bool:
    """Take it out of the runs at once, and then remove it: nobody sees half a run."""
    aside = path.with_name(f".{path.name}{GOING}")
    try:
        path.rename(aside)
    except OSError:
        return False
    shutil.rmtree(aside, ignore_errors=True)
    return True
