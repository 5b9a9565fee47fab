"""The runs that are kept, in their order: which there are, which one is meant, and those with which a run is compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from reports.before import age
from reports.pages.summary import Summary, known
from triton_az_checks.errors import UsageError

RUN = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[0-9]{1,4})?")
"""The name of a run's folder.  A run that is being written, or was killed, has another one."""
NIGHTS = 30
"""So many runs are shown in the trend."""


def folders(runs: Path) -> list[Path]:
    """The folders of all runs, the oldest first."""
    try:
        found = [
            path for path in runs.iterdir() if RUN.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
        ]
    except OSError:
        return []
    return sorted(found, key=lambda path: age(path.name))


def nights(runs: Path, like: Summary, most: int = NIGHTS) -> list[Summary]:
    """The last runs before one, of the same extent, and that one as the last: what can be compared with it."""
    found = [like]
    if like.partial or like.replayed:
        return found
    for folder in reversed([each for each in folders(runs) if age(each.name) < age(like.run)]):
        if len(found) == most:
            break
        told = known(folder)
        if told is not None and comparable(told, like):
            found.append(told)
    return found[::-1]


def alike(runs: Path, run: str, selection: str, inventory: str, most: int = 9) -> list[Summary]:
    """The last whole runs before one, of this selection and inventory, the oldest first."""
    like = Summary(run=run, selection=selection, inventory=inventory)
    return nights(runs, like, most + 1)[:-1]


def comparable(one: Summary, other: Summary) -> bool:
    """Whether two runs judged the same extent of the same inventory."""
    alike = (one.selection, one.inventory) == (other.selection, other.inventory)
    return alike and not (one.partial or one.replayed or other.partial or other.replayed)


def flapping(told: Iterable[Iterable[str]], most: int = 10, turns: int = 3) -> tuple[str, ...]:
    """Which names come and go: of the last runs, the oldest first, they changed at least so many times."""
    last = [set(each) for each in told][-most:]
    changes: dict[str, int] = {}
    for before, after in pairwise(last):
        for name in before ^ after:
            changes[name] = changes.get(name, 0) + 1
    return tuple(sorted(name for name, count in changes.items() if count >= turns))


def before(runs: Path, folder: Path) -> Path:
    """The run before one, of the same extent.  Raises UsageError if there is none."""
    earlier = [each for each in folders(runs) if age(each.name) < age(folder.name)]
    mine = known(folder)
    for each in reversed(earlier):
        told = known(each)
        if mine is not None and told is not None and comparable(told, mine):
            return each
    raise UsageError(f"there is no run before {folder.name} that judged the same: name both, az-checks report diff A B")
