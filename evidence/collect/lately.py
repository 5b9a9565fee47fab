"""What changed lately in a directory that is listed where nobody can ask the other side: it stands beside the listing, by digests.

It tells a difference that stays from a change that was on its way.
"""

from __future__ import annotations

import hashlib
from typing import Final

from msgspec import Struct

from evidence.collect import changelog
from evidence.collect.changelog import Mark, MisfitError
from evidence.collect.ldap import spelled
from evidence.collect.parse import UnreadableError
from evidence.collect.reading import Ask
from evidence.collect.unanswered import UnansweredError

REACH: Final = 2700
"""So many numbers before the reading are looked at."""
MOST: Final = 5000
"""Where more entries changed, it is not told which."""


class Lately(Struct, frozen=True, forbid_unknown_fields=True):
    """The entries that the changelog names, from the number `since` to the end of the reading, each with its last change: number and time.

    `at` is the time of the first of these changes, empty if there is none.
    """

    since: int
    at: str
    changes: dict[str, tuple[int, str]]

    def last(self, dn: str) -> tuple[int, str] | None:
        """The number and the time of an entry's last change, if it has any here."""
        return self.changes.get(_named(dn))


async def lately(ask: Ask, before: Mark | None) -> Lately | None:
    """What changed until now. `before`: where the changelog was when the reading began. None if that cannot be said."""
    if before is None:
        return None
    try:
        known = await changelog.changed(ask, before, REACH)
    except (MisfitError, UnreadableError, UnansweredError):
        return None
    if len(known.latest) > MOST:
        return None
    return Lately(known.since, known.at, {_named(dn): last for dn, last in known.latest.items()})


def _named(dn: str) -> str:
    return hashlib.blake2b(spelled(dn).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
