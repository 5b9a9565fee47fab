"""What a replica and its master tell of replication where each is asked on a machine of its own.

Nobody can ask the other meanwhile.  So the replica tells where its checkpoint is, twice, and the master its latest changes with their
times; evidence/subjects/following.py puts both together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from evidence.collect import directory
from evidence.collect.replication import Ask, conflict, look_again, look_ahead, parentless
from evidence.model import Checkpoint, Position, RecentChanges
from evidence.subjects.replicated import next_change

LATEST: Final = 900
"""So many numbers the master tells: fewer than an answer has before UFDS may end it in silence."""


@dataclass(frozen=True)
class Parted:
    """What earlier evidence tells of the master, which is asked elsewhere; or where the replicas' checkpoints are, if those are."""

    recent: RecentChanges | None = None
    checkpoints: frozenset[int] = frozenset()


async def position(name: str, first: Checkpoint, known: RecentChanges | None, ask: Ask) -> Position:
    """On a replica: its checkpoint, and what is in the way of the change that comes next, if earlier evidence of the master names it."""
    after = await look_again(name, first, ask)
    told = Position(first.changenumber, after, datetime.now(UTC).isoformat(timespec="milliseconds"))
    change = next_change(known.changes, after) if known is not None and known.reaches(after) else None
    if change is None:
        return told
    lacking, there = await parentless(change, ask), await conflict(change, {}, ask)
    return replace(told, next=change.number, parentless=lacking, conflict=there)


async def recent(latest: int, checkpoints: Iterable[int], ask: Ask) -> RecentChanges:
    """On the master: its latest changes, and what comes next at the checkpoints that replicas were known to be at."""
    since = max(1, latest + 1 - LATEST)
    behind = {number for number in checkpoints if number < since}
    ahead = await look_ahead(behind, latest, ask)
    (found,) = await ask([directory.changes_from(since, latest + LATEST)])
    every = {change.number: change for change in (*ahead.changes, *directory.changes(found))}
    resumes = {number: ahead.resumes.get(number, 0) for number in behind}
    return RecentChanges(since, tuple(change for _, change in sorted(every.items())), resumes)
