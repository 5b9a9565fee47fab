"""What is compared of a directory: which entries, which of their values, and how an entry becomes a digest.

Sources: facts "UFDS" (what the replicator copies), "Replication" (what to ignore).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from evidence.collect import apart
from evidence.collect.digests import Digests
from evidence.collect.ldap import BASE, SMARTDC, USERS, Entry, Search
from evidence.comparison import FULL, KEYS

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
Hashes and salts are compared by keyed digests.
"""
ACCESS: Final = ("objectclass", "login", "disabled", "approved_for_provisioning", "fingerprint", "openssh")
"""What lets an account in: who it is, whether it may, and its keys."""
ACCOUNTS_AND_KEYS: Final = (Search(USERS, "(|(objectclass=sdcperson)(objectclass=sdckey))", ACCESS),)
SALT: Final = "_salt"


@dataclass(frozen=True)
class Covered:
    """What is compared. `key` makes the digests mean nothing to anybody else."""

    extent: Literal["full", "keys"] = FULL
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @property
    def searches(self) -> tuple[Search, ...]:
        return ACCOUNTS_AND_KEYS if self.extent == KEYS else SEARCHES

    def listed(self, into: Digests, entry: Entry) -> None:
        """Add an entry to a listing."""
        if not apart.expired(entry):
            into.add(entry.dn, self.digest(entry), is_key=apart.is_key(entry), ends=apart.ends(entry))

    def digest(self, entry: Entry) -> bytes:
        text = repr(self.values(entry)).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=self.key, digest_size=16).digest()

    def values(self, entry: Entry) -> dict[str, tuple[str, ...]]:
        """The values of an entry that are compared, in an order that does not depend on who answers."""
        return {
            name: tuple(sorted(values)) for name, values in sorted(entry.attributes.items()) if self._is_compared(name)
        }

    def _is_compared(self, name: str) -> bool:
        if self.extent == KEYS:
            return name in ACCESS
        return name not in IGNORED and (name == SALT or not name.startswith("_"))

    def mark(self) -> str:
        """The same for all that compares the same things in the same way."""
        told = repr((self.extent, self.searches, sorted(IGNORED), SALT)).encode()
        return hashlib.blake2b(told, key=self.key, digest_size=16).hexdigest()

    def searches_of(self, dn: str) -> tuple[Search, ...]:
        """What of the searches finds this entry, if it is to be found."""
        below = [each for each in self.searches if f", {dn}".endswith(f", {each.base}")]
        below = [each for each in below if each.base == USERS] or below  # which covers all that is there
        return tuple(replace(each, base=dn, scope=BASE) for each in below)

    def again(self, dn: str) -> Search:
        """The search that reads one entry once more."""
        if dn.endswith(f", ou=keyapiprivkeys, {SMARTDC}"):
            return Search(dn, attributes=SEARCHES[2].attributes, scope=BASE)
        return Search(dn, attributes=EVERYTHING, scope=BASE, hidden=dn.endswith(USERS))


def copied(dn: str, region: str | None) -> bool:
    """Whether the replicator of a region copies this entry. Of the entries below regions, it copies those of its own region.

    None: of any region.
    """
    if dn == USERS:
        return False
    _, below, other = dn.partition(", region=")
    if below:
        return region is None or other == f"{region}, {SMARTDC}"
    return not dn.startswith("datacenter=")  # a UFDS's own datacenter is right below o=smartdc
