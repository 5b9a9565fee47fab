"""What differs between two directories: first by their digests, then by the entries themselves, whose values are not kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from evidence.collect import apart
from evidence.collect.covered import SALT, Covered, copied
from evidence.collect.digests import ODD, PARTS, Digests
from evidence.collect.ldap import USERS, Entry, Found
from evidence.collect.parse import UnreadableError
from evidence.comparison import DIFFERENT, EXTRA, MISSING, PASSWORD, Comparison, EntryDifference
from evidence.redact import cut

MOST: Final = 1000
"""So many differing entries are read again, and named in the evidence."""


Pair = tuple[bytes | None, bytes | None]


@dataclass
class Differences:
    """What differs by dn, parents first, because they must exist first; which of it are keys that one side lacks; how many the master has.

    `seen` has both sides' digests of what differs, the master's first.
    """

    kinds: dict[str, str]
    seen: dict[str, Pair]
    keys: frozenset[str]
    compared: int


def differing(master: Digests, replica: Digests, region: str | None, *, whole: bool = True) -> Differences:
    """Compare two listings. Of directories that were not read to their end, only what both have is known."""
    found: dict[str, str] = {}
    seen: dict[str, Pair] = {}
    keys: set[str] = set()
    compared = 0
    for number in range(PARTS):
        if number != ODD:
            (one, count), (other, _) = master.settled(number), replica.settled(number)
            if one == other:
                compared += count
                continue
        there, here = master.part(number), replica.part(number)
        for dn, record in here.items():
            if whole and dn not in there and copied(dn, region):
                found[dn], seen[dn] = EXTRA, (None, record.digest)
                if record.is_key:
                    keys.add(dn)
        for dn, record in there.items():
            if not copied(dn, region) or (not whole and dn not in here):
                continue
            compared += 1
            if dn not in here:
                found[dn], seen[dn] = MISSING, (record.digest, None)
                if record.is_key:
                    keys.add(dn)
            elif here[dn].digest != record.digest:
                found[dn], seen[dn] = DIFFERENT, (record.digest, here[dn].digest)
    ordered = dict(sorted(found.items(), key=lambda item: (item[0].count(", "), item[0])))
    return Differences(ordered, seen, frozenset(keys), compared)


def pair(covered: Covered, theirs: Found, ours: Found) -> Pair:
    """Both sides' digests of an entry that was read once more."""
    there, here = map(entry_of, (theirs, ours))
    return (None if there is None else covered.digest(there)), (None if here is None else covered.digest(here))


def entry_of(found: Found) -> Entry | None:
    """The entry that a search for one found, if it is there."""
    return next((entry for entry in found.entries if not apart.expired(entry)), None)


def difference(covered: Covered, dn: str, theirs: Found, ours: Found) -> EntryDifference | None:
    """What differs between two answers for one entry; None if nothing does. Raises UnreadableError."""
    if theirs.why or ours.why:
        raise UnreadableError(theirs.why or ours.why)
    there, here = map(entry_of, (theirs, ours))
    if there is None and here is None:
        return None
    if there is None or here is None:
        entry = there or here
        login = cut(entry.first("login")) if entry is not None else ""
        if there is not None:
            return EntryDifference(cut(dn), MISSING, (), login)
        return EntryDifference(cut(dn), EXTRA, (), login, own=_made_here(entry))
    one, other = covered.values(there), covered.values(here)
    differ = {
        PASSWORD if name == SALT else name for name in one.keys() | other.keys() if one.get(name) != other.get(name)
    }
    names = tuple(sorted(map(cut, differ)))
    return EntryDifference(cut(dn), DIFFERENT, names, cut(there.first("login"))) if names else None


def _made_here(entry: Entry | None) -> bool:
    """Whether no replicator brought an entry below ou=users, of which UFDS shows the marks that it hides (facts "Replication")."""
    return entry is not None and entry.dn.endswith(f", {USERS}") and entry.first("_replicated") != "true"


def counted(
    extent: Literal["full", "keys"], compared: int, found: Sequence[EntryDifference], unread: str
) -> Comparison:
    """The comparison, with the first of what differs."""
    kinds = [each.kind for each in found]
    missing, extra, different = (kinds.count(kind) for kind in (MISSING, EXTRA, DIFFERENT))
    return Comparison(compared, missing, extra, different, tuple(found[:MOST]), unread, extent)
