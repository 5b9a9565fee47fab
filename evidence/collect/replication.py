"""Whether each replica's checkpoint moves, from what the datacenters tell each other while they are asked.

A running process does not prove replication, and "has caught up" in its log can be a lie. Only the checkpoint tells, looked at twice and
compared with the master's latest number. Source: facts, "Replication".
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

from msgspec.structs import replace

from evidence.collect import directory
from evidence.collect.ldap import BASE, USERS, Found, Search, equal
from evidence.collect.unanswered import UnansweredError
from evidence.model import Change, Checkpoint, Progress
from evidence.redact import cut
from evidence.subjects.replicated import next_change

FARTHEST: Final = 5000
"""So many numbers of the changelog after a gap are looked at."""
LOOKS: Final = 5
"""How often to look again at a checkpoint that is behind, a second apart. The replicator itself tries about as often."""

T = TypeVar("T")
Ask = Callable[[Sequence[Search]], Awaitable[tuple[Found, ...]]]


@dataclass(frozen=True)
class Ahead:
    """What the master told: the changes to come, and where its changelog goes on after a gap (by the number before the gap).

    In memory only, `identities` holds login and e-mail address of the entries that are to come, by their dns.
    """

    changes: tuple[Change, ...] = ()
    resumes: Mapping[int, int] = field(default_factory=dict)
    identities: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def next(self, number: int) -> Change | None:
        """The first change that a replicator at this number is sent and applies, or else the first that it is sent."""
        return next_change(self.changes, number)


class Changelog:
    """The master's changelog: its latest number, and what comes next for the replicas that are behind."""

    def __init__(self, replicas: Iterable[str]) -> None:
        self._latest: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._behind = {name: asyncio.get_running_loop().create_future() for name in replicas}
        self._ahead: asyncio.Future[Ahead | None] = asyncio.get_running_loop().create_future()

    def tell_latest(self, number: int | None) -> None:
        """From the master. Only the first call counts."""
        _tell(self._latest, number)

    def tell_behind(self, replica: str, number: int | None) -> None:
        """From a replica: the number where it is, or None if it has caught up."""
        if replica in self._behind:
            _tell(self._behind[replica], number)

    def end(self, datacenter: str, *, master: bool) -> None:
        """This datacenter has been asked everything: nobody needs to wait for it."""
        self.tell_behind(datacenter, None)
        if master:
            self.tell_latest(None)
            _tell(self._ahead, None)

    async def serve(self, ask: Ask) -> None:
        """On the master: look up what comes next for each replica that is behind."""
        numbers = await asyncio.gather(*map(asyncio.shield, self._behind.values()))
        try:
            latest = await asyncio.shield(self._latest) or 0
            _tell(self._ahead, await look_ahead({number for number in numbers if number is not None}, latest, ask))
        finally:
            _tell(self._ahead, None)

    async def progress(self, name: str, first: Checkpoint, ask: Ask) -> Progress:
        """On a replica: find out whether its checkpoint moves, and if not, why."""
        latest = await asyncio.shield(self._latest)
        if latest is None:
            raise UnansweredError("the latest changenumber of the master's UFDS is not known")
        after = await look_again(name, first, ask, latest)
        progress = Progress(latest, first.changenumber, after)
        if not progress.behind:
            self.tell_behind(name, None)
            return progress
        self.tell_behind(name, after)
        ahead = await asyncio.shield(self._ahead)
        if ahead is None:
            return progress
        change = ahead.next(after)
        return replace(
            progress,
            next=change,
            parentless=await parentless(change, ask),
            waiting=directory.waiting(change, datetime.now(UTC)),
            conflict=await conflict(change, ahead.identities, ask),
            resumes=0 if change is not None else ahead.resumes.get(after, 0),
        )


async def look_ahead(behind: set[int], latest: int, ask: Ask) -> Ahead:
    """On the master: what comes next at these checkpoints."""
    if not behind:
        return Ahead()
    told = Ahead(directory.changes((await ask([directory.changes_after(behind)]))[0]))
    gaps = sorted(number for number in behind if told.next(number) is None)
    comes = sorted({change.dn for number in behind if (change := told.next(number)) and _adds(change)})
    found = await ask(
        [
            *(directory.numbers_from(number, number + FARTHEST) for number in gaps),
            *(Search(dn, attributes=("login", "email"), scope=BASE) for dn in comes),
        ]
    )
    resumes = {
        number: min((directory.number(entry, "changenumber") for entry in each.entries), default=latest)
        for number, each in zip(gaps, found, strict=False)
    }
    entries = {dn: entry for dn, each in zip(comes, found[len(gaps) :], strict=False) for entry in each.entries}
    identities = {dn: (entry.first("login"), entry.first("email")) for dn, entry in entries.items()}
    return Ahead(told.changes, resumes, identities)


async def look_again(name: str, first: Checkpoint, ask: Ask, latest: float = math.inf) -> int:
    """On a replica: where its checkpoint is some seconds later, or as soon as it has moved, or is beyond the master's latest change."""
    after = first.changenumber
    for _ in range(LOOKS):
        if after > latest or after != first.changenumber:
            break
        await asyncio.sleep(1)
        (found,) = await ask([directory.checkpoints_of(name)])
        after = next((c.changenumber for c in directory.checkpoints(found) if c.url == first.url), after)
    return after


def _adds(change: Change) -> bool:
    """Whether the change adds an entry. A modification adds a missing one too. Source: sdc-ufds:lib/ufds-replicator/operations.js."""
    return change.kind in ("add", "modify")


async def parentless(change: Change | None, ask: Ask) -> bool:
    """Whether the change adds an entry whose parent is missing here."""
    if change is None or not _adds(change):
        return False
    (found,) = await ask([Search(directory.parent(change.dn), scope=BASE)])
    return not found.entries and not found.why


async def conflict(change: Change | None, identities: Mapping[str, tuple[str, str]], ask: Ask) -> str:
    """The dn of the entry in its way: one of the same name where it is added, or another with its login or e-mail address."""
    if change is not None and change.kind == "add":
        (there,) = await ask([Search(change.dn, attributes=("objectclass",), scope=BASE)])
        if there.entries:
            return change.dn
    taken = [] if change is None else zip(("login", "email"), identities.get(change.dn, ()), strict=False)
    wanted = "".join(equal(name, value) for name, value in taken if value)
    if change is None or not wanted:
        return ""
    (found,) = await ask([Search(USERS, f"(|{wanted})", ("uuid",))])
    return next((cut(entry.dn) for entry in found.entries if entry.dn != change.dn), "")


def _tell(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)
