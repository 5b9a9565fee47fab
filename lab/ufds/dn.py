"""Distinguished names as the recorded server (an old ldapjs) treats them.

The spacing that was sent is kept, which is why `ou=users,o=smartdc` is another entry than `ou=users, o=smartdc`; types
are folded to lower case, values are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPLIT = re.compile(r"(?<!\\),")


class InvalidDnError(ValueError):
    """Not a distinguished name; the server answers protocolError and closes the connection."""


@dataclass(frozen=True)
class Dn:
    """A parsed name; `key` is what entries are stored under."""

    rdns: tuple[str, ...]
    key: str

    @property
    def parent(self) -> str:
        return ", ".join(self.rdns[1:])

    def under(self, suffix: str) -> bool:
        """Whether this is `suffix` or below it, whatever the spacing."""
        tail = tuple(part.strip() for part in _SPLIT.split(suffix)) if suffix else ()
        return len(self.rdns) >= len(tail) and self.rdns[len(self.rdns) - len(tail) :] == tail

    def rdn(self, index: int) -> tuple[str, str]:
        kind, _, value = self.rdns[index].partition("=")
        return kind, value


def parse(name: str) -> Dn:
    """`OU=users, o=smartdc` → rdns (ou=users, o=smartdc); InvalidDnError for anything that is no name."""
    if not name.strip():
        return Dn((), "")
    rdns = []
    for part in _SPLIT.split(name):
        kind, equals, value = part.partition("=")
        kind = kind.strip().lower()
        if not equals or not re.fullmatch(r"[a-z0-9.\-_]+", kind):
            raise InvalidDnError(name)
        rdns.append(f"{kind}={value.strip()}")
    spaced = len(rdns) == 1 or ", " in name
    return Dn(tuple(rdns), (", " if spaced else ",").join(rdns))


def parent_of(key: str) -> str:
    """The parent's key of a stored key."""
    return parse(key).parent
