"""What changed in a directory since it was read: which entries its own changelog names. They are then read again.

Of a change only its number, dn, kind and time are asked for, because its content holds password hashes. UFDS puts a change and its entry
into moray at once, but numbers are drawn before: of two that are written at the same time, the lower number may be seen later. So
some numbers below the last one are looked at again.  Sources: facts "UFDS", "Replication"; sdc-ufds:lib/db/changelog.js.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from evidence.collect import directory
from evidence.collect.ldap import BASE, SMARTDC, Entry, Found, Search, spelled
from evidence.collect.parse import UnreadableError
from evidence.collect.reading import PAUSE, TRIES, Ask
from evidence.collect.unanswered import UnansweredError
from evidence.subjects.replicated import WINDOW

LATEST: Final = Search("cn=latestchangenumber", attributes=("count",), scope=BASE)
STRETCH: Final = 900
"""So many numbers one search asks for: fewer than an answer has before UFDS may end it in silence."""
AT_A_TIME: Final = 10
OVERLAP: Final = 100
"""So many numbers before the last one are looked at again."""
MOST: Final = 50_000
"""More numbers are no saving."""
_KINDS: Final = frozenset({"add", "modify", "delete"})


class MisfitError(Exception):
    """What is kept of a directory cannot be gone on from. The text says why; it is empty if nothing is kept."""


@dataclass(frozen=True)
class Mark:
    """A place in a changelog: a number, and what the change with this number is known by."""

    number: int
    known_by: str = ""


@dataclass(frozen=True)
class ChangedEntries:
    """The entries that were changed since a mark, and the mark now.

    `latest` has of each the number and the time of its last change; `since` is the first number that was looked at, made at `at` (empty if
    none was).
    """

    dns: frozenset[str]
    mark: Mark
    latest: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    since: int = 1
    at: str = ""


async def mark(ask: Ask) -> Mark | None:
    """Where the changelog is now. None if it cannot be said."""
    latest = await _latest(ask)
    if not latest:
        return Mark(0)
    (found,) = await patiently(ask, [_numbers(latest, latest)])
    last = next((entry for entry in found.entries if directory.number(entry, "changenumber") == latest), None)
    return None if last is None else Mark(latest, _known_by(last))


async def changed(ask: Ask, since: Mark, overlap: int = OVERLAP) -> ChangedEntries:
    """What changed since. Raises MisfitError if the changelog does not tell, and UnreadableError, and UnansweredError."""
    latest = await _latest(ask)
    first = max(1, since.number - overlap)
    if latest < since.number:
        raise MisfitError(f"its changenumbers went back from {since.number} to {latest}")
    if latest - first > MOST:
        raise MisfitError(f"it changed {latest - since.number} times")
    found: dict[int, Entry] = {}
    stretches = [_numbers(start, start + STRETCH - 1) for start in range(first, latest + 1, STRETCH)]
    for start in range(0, len(stretches), AT_A_TIME):
        for answer in await patiently(ask, stretches[start : start + AT_A_TIME]):
            found |= {directory.number(entry, "changenumber"): entry for entry in answer.entries}
    if since.number and (since.number not in found or _known_by(found[since.number]) != since.known_by):
        raise MisfitError(f"its changelog does not have change {since.number} any more")
    numbers = [since.number, *sorted(number for number in found if number > since.number)]
    if numbers[-1] < latest:
        raise MisfitError(f"its changelog does not have change {latest}, the latest")
    for before, after in itertools.pairwise(numbers):
        if after - before > WINDOW:
            raise MisfitError(f"its changelog has nothing between {before} and {after}")
    last = Mark(numbers[-1], _known_by(found[numbers[-1]])) if numbers[-1] else since
    every = [found[number] for number in sorted(found)]
    ends = {
        dn: (directory.number(change, "changenumber"), change.first("changetime")) for dn, change in _targets(every)
    }
    at = next((change.first("changetime") for change in every), "")
    return ChangedEntries(frozenset(ends), last, ends, first, at)


def _targets(changes: Iterable[Entry]) -> Iterable[tuple[str, Entry]]:
    for change in changes:
        dn = spelled(change.first("targetdn"))
        if change.first("changetype") not in _KINDS:
            raise MisfitError("its changelog has a change of another kind")
        own = dn.rpartition(f", {SMARTDC}")[0].rpartition(", ")[2].startswith("datacenter=")
        if dn.endswith(f", {SMARTDC}") and not own:  # a UFDS's own datacenter is right below, with its checkpoints
            yield dn, change


async def patiently(ask: Ask, searches: Sequence[Search]) -> tuple[Found, ...]:
    """Answers to all of it. Raises UnreadableError if one is refused, and UnansweredError if it does not answer for long."""
    for left in reversed(range(TRIES)):
        try:
            answers = await ask(searches)
            break
        except UnansweredError:
            if not left:
                raise
            await asyncio.sleep(PAUSE)
    for found in answers:
        if found.why:
            raise UnreadableError(found.why)
    return answers


async def _latest(ask: Ask) -> int:
    (found,) = await patiently(ask, [LATEST])
    if not found.entries:
        raise UnreadableError("cn=latestchangenumber is not there")
    return directory.number(found.entries[0], "count")


def _numbers(first: int, last: int) -> Search:
    return Search(
        "cn=changelog",
        f"(&(changenumber>={first})(changenumber<={last}))",
        ("changenumber", "targetdn", "changetype", "changetime"),
    )


def _known_by(change: Entry) -> str:
    """Tells a change from another one with its number, in another life of the changelog."""
    told = repr([change.first(name) for name in ("targetdn", "changetype", "changetime")])
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
