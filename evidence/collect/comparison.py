"""Whether a replica holds the same entries as the master, among those that the replicator copies.

A directory is read as its dns, with a keyed digest of each entry. Entries that differ are read once more on both sides, because a change
may have been on its way. Sources: facts "UFDS" (what the replicator copies), "Replication" (what to ignore).
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from evidence.collect import apart
from evidence.collect.digests import PARTS, Digests
from evidence.collect.ldap import BASE, SMARTDC, USERS, Entry, Found, Search
from evidence.collect.parse import UnreadableError
from evidence.collect.reading import Ask, ReadSoFar, read
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import DIFFERENT, EXTRA, MISSING, PASSWORD, Comparison, EntryDifference
from evidence.redact import cut
from evidence.timeline import asking

LARGEST: Final = 64 << 20
"""A UFDS may send so many bytes in one conversation."""
MOST_AGAIN: Final = 200
"""So many differing entries are read again. A moment's traffic makes fewer."""
MOST: Final = 20
"""Evidence keeps the dns of so many differences."""
ON_ITS_WAY: Final = 2.0
"""Seconds in which a change that is on its way arrives: facts "Replication" (normal lag clears in 1-2 s)."""
EVERYTHING: Final = ("*",)
IGNORED: Final = frozenset({"updated_at", "pwdfailuretime", "pwdaccountlockedtime"})
LOCAL: Final = (
    "(!(objectclass=amonprobe))(!(objectclass=amonprobegroup))(!(objectclass=dclocalconfig))(!(objectclass=vmusage))"
)
SHARED: Final = ("version", "emailblacklist", "region", "datacenter", "network", "resolver")
SEARCHES: Final = (
    Search(SMARTDC, f"(|{''.join(f'(objectclass={kind})' for kind in SHARED)})", EVERYTHING),
    Search(f"ou=groups, {SMARTDC}", "(objectclass=groupofuniquenames)", EVERYTHING),
    Search(SMARTDC, "(objectclass=keyapiprivkey)", ("objectclass", "uuid")),
    Search(USERS, f"(&(objectclass=*){LOCAL})", EVERYTHING, hidden=True),
)
"""What the seven queries cover. Of private keys, only the existence is asked.

Of accounts, UFDS shows what it hides otherwise: a password that somebody changed on a replica alone changes nothing else (facts "UFDS").
Hashes and salts are compared by keyed digests, and kept nowhere.
"""
SALT: Final = "_salt"
_KEY: Final = secrets.token_bytes(16)


def listed(into: Digests, entry: Entry) -> None:
    """Add an entry to a listing."""
    if not apart.expired(entry):
        into.add(entry.dn, _digest(entry), is_key=apart.is_key(entry))


def _compared(entry: Entry) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(sorted(values))
        for name, values in sorted(entry.attributes.items())
        if name not in IGNORED and (name == SALT or not name.startswith("_"))
    }


def _digest(entry: Entry) -> bytes:
    return hashlib.blake2b(repr(_compared(entry)).encode("utf-8", "surrogatepass"), key=_KEY, digest_size=16).digest()


def copied(dn: str, region: str) -> bool:
    """Whether the replicator of a region copies this entry. Of the entries below regions, it copies those of its own region."""
    if dn == USERS:
        return False
    _, below, other = dn.partition(", region=")
    if below:
        return other == f"{region}, {SMARTDC}"
    return not dn.startswith("datacenter=")  # a UFDS's own datacenter is right below o=smartdc


@dataclass
class Differences:
    """What differs by dn, parents first, because they must exist first; which of it are keys; and how many entries the master has."""

    kinds: dict[str, str]
    keys: frozenset[str]
    compared: int


def differing(master: Digests, replica: Digests, region: str, *, whole: bool = True) -> Differences:
    """Compare two listings. Of directories that were not read to their end, only what both have is known."""
    found: dict[str, str] = {}
    keys: set[str] = set()
    compared = 0
    for number in range(PARTS):
        there, here = master.part(number), replica.part(number)
        for dn, record in here.items():
            if whole and dn not in there and copied(dn, region):
                found[dn] = EXTRA
                if record.is_key:
                    keys.add(dn)
        for dn, record in there.items():
            if not copied(dn, region) or (not whole and dn not in here):
                continue
            compared += 1
            if dn not in here:
                found[dn] = MISSING
            elif here[dn].digest != record.digest:
                found[dn] = DIFFERENT
    ordered = dict(sorted(found.items(), key=lambda item: (item[0].count(", "), item[0])))
    return Differences(ordered, frozenset(keys), compared)


@dataclass(frozen=True)
class Offer:
    """What the master's UFDS holds, how far it was read, and how to ask it again. `admin` is the uuid of the coupling's admin."""

    listing: Digests
    reading: ReadSoFar
    admin: str
    ask: Ask


class Comparing:
    """Where the master tells what it holds, and waits until every replica has compared it.

    A directory that one answer does not hold has `seconds` of its own, and `grows` is told so.
    """

    def __init__(
        self, replicas: Iterable[str], seconds: float = math.inf, grows: Callable[[float], None] = lambda _: None
    ) -> None:
        loop = asyncio.get_running_loop()
        self._offer: asyncio.Future[Offer | str] = loop.create_future()
        self._done: dict[str, asyncio.Future[None]] = {name: loop.create_future() for name in replicas}
        self._seconds, self._grows, self._until = seconds, grows, math.inf
        self.readings: dict[str, ReadSoFar] = {}

    def end(self, datacenter: str, *, master: bool) -> None:
        """This datacenter has been asked everything: nobody needs to wait for it."""
        if datacenter in self._done and not self._done[datacenter].done():
            self._done[datacenter].set_result(None)
        if master and not self._offer.done():
            self._offer.set_result("what the master's UFDS holds is not known")

    async def serve(self, name: str, ask: Ask, admin: str) -> None:
        """On the master: read its directory, and offer it to the replicas."""
        if not self._done:
            return
        held = Digests()
        try:
            with asking(name, "the directory that the replicas' are compared with"):
                offer: Offer | str = Offer(held, await self._read(name, held, ask), admin, ask)
        except (UnansweredError, UnreadableError) as error:
            offer = f"what the master's UFDS holds is not known: {error}"
        if not self._offer.done():
            self._offer.set_result(offer)
        try:
            await asyncio.gather(*map(asyncio.shield, self._done.values()))
        finally:
            held.close()

    async def compare(self, name: str, region: str, own: apart.Own, ask: Ask) -> Comparison:
        """On a replica: compare its directory with the master's. Raises UnansweredError or UnreadableError."""
        held = Digests()
        try:
            offer, reading = await asyncio.gather(asyncio.shield(self._offer), self._read(name, held, ask))
            if isinstance(offer, str):
                raise UnansweredError(offer)
            return await _compare(offer, held, reading, region, own, ask)
        finally:
            held.close()
            self.end(name, master=False)

    async def _read(self, name: str, into: Digests, ask: Ask) -> ReadSoFar:
        reading = self.readings[name] = ReadSoFar()
        try:
            await read(ask, SEARCHES, partial(listed, into), reading, lambda: self._until, self._more_time)
        except OSError as error:
            raise UnansweredError(f"its directory has no room on this machine: {error.strerror or error}") from None
        return reading

    def told(self) -> str:
        """How far directories are read that one answer does not hold; empty if there is none, or all are read."""
        under_way = {name: each for name, each in self.readings.items() if not each.whole and not each.why}
        if self._until == math.inf or not under_way:
            return ""
        return f"reads large directories: {', '.join(f'{name} {each.entries} entries' for name, each in sorted(under_way.items()))}"

    def _more_time(self) -> None:
        """The first directory that is large begins the time that all of them have."""
        if self._until == math.inf:
            self._until = asyncio.get_running_loop().time() + self._seconds
            self._grows(self._seconds)


def _unread(offer: Offer, reading: ReadSoFar) -> str:
    """Why the two directories could not be compared to their ends; empty if they could."""
    sides = (("the master's directory", offer.reading), ("its own", reading))
    parts = [
        f"{each.entries} entries of {whose} were read, then: {each.why}" for whose, each in sides if not each.whole
    ]
    return "; ".join(parts)


async def _compare(
    offer: Offer, held: Digests, reading: ReadSoFar, region: str, own: apart.Own, ask: Ask
) -> Comparison:
    unread = _unread(offer, reading)
    differences = differing(offer.listing, held, region, whole=not unread)
    found = differences.kinds
    local = {dn for dn in differences.keys if own.may_be(dn, offer.admin)}
    for dn in local:
        del found[dn]
    if own.unread and local and not found:
        raise apart.UndecidedError(f"which of admin's keys is the datacenter's own is not known: {own.unread}")
    compared = differences.compared
    if not found:
        return Comparison(compared, unread=unread)
    if len(found) > MOST_AGAIN:
        return _counted(compared, [EntryDifference(cut(dn), kind) for dn, kind in found.items()], unread)
    await asyncio.sleep(ON_ITS_WAY)
    again = [_once_more(dn) for dn in found]
    theirs, ours = await asyncio.gather(offer.ask(again), ask(again))
    seen = map(_difference, found, theirs, ours)
    return _counted(compared, [each for each in seen if each is not None], unread)


def _once_more(dn: str) -> Search:
    kind = SEARCHES[2] if dn.endswith(f", ou=keyapiprivkeys, {SMARTDC}") else SEARCHES[3 if dn.endswith(USERS) else 0]
    return Search(dn, attributes=kind.attributes, scope=BASE, hidden=kind.hidden)


def _difference(dn: str, theirs: Found, ours: Found) -> EntryDifference | None:
    if theirs.why or ours.why:
        raise UnreadableError(theirs.why or ours.why)
    there, here = (
        next((entry for entry in found.entries if not apart.expired(entry)), None) for found in (theirs, ours)
    )
    if there is None and here is None:
        return None
    if there is None or here is None:
        entry = there or here
        login = cut(entry.first("login")) if entry is not None else ""
        if there is not None:
            return EntryDifference(cut(dn), MISSING, (), login)
        return EntryDifference(cut(dn), EXTRA, (), login, own=_made_here(entry))
    one, other = _compared(there), _compared(here)
    differ = {
        PASSWORD if name == SALT else name for name in one.keys() | other.keys() if one.get(name) != other.get(name)
    }
    names = tuple(sorted(map(cut, differ)))
    return EntryDifference(cut(dn), DIFFERENT, names, cut(there.first("login"))) if names else None


def _made_here(entry: Entry | None) -> bool:
    """Whether no replicator brought an entry below ou=users, of which UFDS shows the marks that it hides (facts "Replication")."""
    return entry is not None and entry.dn.endswith(f", {USERS}") and entry.first("_replicated") != "true"


def _counted(compared: int, found: Sequence[EntryDifference], unread: str) -> Comparison:
    kinds = [each.kind for each in found]
    missing, extra, different = (kinds.count(kind) for kind in (MISSING, EXTRA, DIFFERENT))
    return Comparison(compared, missing, extra, different, tuple(found[:MOST]), unread)
