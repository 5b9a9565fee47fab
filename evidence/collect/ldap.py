"""What a UFDS is asked, and what it answers; conversation.py asks it.

Filters are on indexed attributes. There is a size limit, because otherwise UFDS silently stops at 1000 (facts, "How a real UFDS answers").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

SMARTDC: Final = "o=smartdc"
USERS: Final = "ou=users, o=smartdc"
EVERYTHING: Final = 2147483647
NO_SUCH_OBJECT: Final = 32
BASE, SUBTREE = "BASE", "SUBTREE"
_PART: Final = re.compile(r"(?:\\.|[^,\\])+", re.DOTALL)


@dataclass(frozen=True)
class Login:
    """The port of a tunnel on 127.0.0.1, and the DN and password to bind with. The password never leaves this module."""

    port: int
    dn: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.port}, {self.dn!r})"


@dataclass(frozen=True)
class Search:
    """One search: where, for what, and for which attributes. `hidden` shows what UFDS hides; `limit` is how many entries it may have."""

    base: str
    filter: str = "(objectclass=*)"
    attributes: tuple[str, ...] = ("objectclass",)
    scope: str = SUBTREE
    hidden: bool = False
    limit: int = EVERYTHING


@dataclass(frozen=True)
class Entry:
    """An entry: its dn, and the values of each attribute by its name in lower case."""

    dn: str
    attributes: dict[str, tuple[str, ...]]

    def first(self, name: str) -> str:
        """The first value of an attribute, or an empty text."""
        return next(iter(self.attributes.get(name, ())), "")


@dataclass(frozen=True)
class Found:
    """The entries that a search found; a base that does not exist holds nothing. `why` says why the search failed, if it did."""

    entries: tuple[Entry, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Reply:
    """The result of the bind (`bound`, or else `detail`), and of each search in its turn; the SHA-256 of the server's certificate.

    `silent`: there was no answer in time, so nobody knows whether the bind or a search is to blame.
    """

    bound: bool
    detail: str
    found: tuple[Found, ...] = ()
    certificate: str = ""
    silent: bool = False


def complete(reply: Reply) -> bool:
    """Whether everything was answered."""
    return reply.bound and not any(found.why for found in reply.found)


def equal(name: str, value: str) -> str:
    """A filter for one value, whatever characters the value has."""
    escaped = "".join(f"\\{ord(each):02x}" if each in "\\*()\0" else each for each in value)  # RFC 4515, 3
    return f"({name}={escaped})"


def spelled(dn: str) -> str:
    """A dn in UFDS's own spelling: types in lower case, one space after a comma."""
    parts = (part.lstrip(" ").partition("=") for part in _PART.findall(dn))
    return ", ".join(f"{name.lower()}={value}" for name, _, value in parts)
