"""Whether a replica holds the same entries as the master, among those that the replicator copies.

A directory is read as its dns, with a keyed digest of each entry. Entries that differ are read once more on both sides, because a change
may have been on its way. Sources: facts "UFDS" (what the replicator copies), "Replication" (what to ignore).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evidence.collect import apart
from evidence.collect.ldap import BASE, SMARTDC, USERS, Entry, Found, Search
from evidence.collect.parse import UnreadableError
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import DIFFERENT, EXTRA, MISSING, PASSWORD, Comparison, EntryDifference
from evidence.redact import cut

LARGEST: Final = 64 << 20
"""A UFDS may send so many bytes of its directory: about ten thousand accounts."""
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

Ask = Callable[[Sequence[Search]], Awaitable[tuple[Found, ...]]]
Listing = Mapping[str, bytes]


def listing(found: Iterable[Found]) -> dict[str, bytes]:
    """Digests by dn. Raises UnreadableError."""
    read: dict[str, bytes] = {}
    for each in found:
        if each.why:
            raise UnreadableError(each.why)
        read.update((entry.dn, _digest(entry)) for entry in each.entries if not apart.expired(entry))
    return read


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


def differing(master: Listing, replica: Listing, region: str) -> dict[str, str]:
    """The differences, by dn. Parents come first, because they must exist first."""
    found = {dn: EXTRA for dn in replica.keys() - master.keys() if copied(dn, region)}
    for dn, digest in master.items():
        if replica.get(dn) != digest and copied(dn, region):
            found[dn] = MISSING if dn not in replica else DIFFERENT
    return dict(sorted(found.items(), key=lambda item: (item[0].count(", "), item[0])))


@dataclass(frozen=True)
class Offer:
    """What the master's UFDS holds, and how to ask it again. `admin` is the uuid of the coupling's admin."""

    listing: Listing
    admin: str
    ask: Ask


class Comparing:
    """Where the master tells what it holds, and waits until every replica has compared it."""

    def __init__(self, replicas: Iterable[str]) -> None:
        loop = asyncio.get_running_loop()
        self._offer: asyncio.Future[Offer | str] = loop.create_future()
        self._done: dict[str, asyncio.Future[None]] = {name: loop.create_future() for name in replicas}

    def end(self, datacenter: str, *, master: bool) -> None:
        """This datacenter has been asked everything: nobody needs to wait for it."""
        if datacenter in self._done and not self._done[datacenter].done():
            self._done[datacenter].set_result(None)
        if master and not self._offer.done():
            self._offer.set_result("what the master's UFDS holds is not known")

    async def serve(self, ask: Ask, admin: str) -> None:
        """On the master: read its directory, and offer it to the replicas."""
        if not self._done:
            return
        try:
            offer: Offer | str = Offer(listing(await ask(SEARCHES)), admin, ask)
        except (UnansweredError, UnreadableError) as error:
            offer = f"what the master's UFDS holds is not known: {error}"
        if not self._offer.done():
            self._offer.set_result(offer)
        await asyncio.gather(*map(asyncio.shield, self._done.values()))

    async def compare(self, name: str, region: str, own: apart.Own, ask: Ask) -> Comparison:
        """On a replica: compare its directory with the master's. Raises UnansweredError or UnreadableError."""
        try:
            offer, held = await asyncio.gather(asyncio.shield(self._offer), ask(SEARCHES))
            if isinstance(offer, str):
                raise UnansweredError(offer)
            return await _compare(offer, held, region, own, ask)
        finally:
            self.end(name, master=False)


async def _compare(offer: Offer, held: Sequence[Found], region: str, own: apart.Own, ask: Ask) -> Comparison:
    found = differing(offer.listing, listing(held), region)
    local = {dn for dn in own.key_of(held, offer.admin) if found.get(dn) == EXTRA}
    for dn in local:
        del found[dn]
    if own.unread and local and not found:
        raise apart.UndecidedError(f"which of admin's keys is the datacenter's own is not known: {own.unread}")
    compared = sum(copied(dn, region) for dn in offer.listing)
    if not found:
        return Comparison(compared)
    if len(found) > MOST_AGAIN:
        return _counted(compared, [EntryDifference(cut(dn), kind) for dn, kind in found.items()])
    await asyncio.sleep(ON_ITS_WAY)
    again = [_once_more(dn) for dn in found]
    theirs, ours = await asyncio.gather(offer.ask(again), ask(again))
    differences = map(_difference, found, theirs, ours)
    return _counted(compared, [each for each in differences if each is not None])


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


def _counted(compared: int, found: Sequence[EntryDifference]) -> Comparison:
    kinds = [each.kind for each in found]
    missing, extra, different = (kinds.count(kind) for kind in (MISSING, EXTRA, DIFFERENT))
    return Comparison(compared, missing, extra, different, tuple(found[:MOST]))
