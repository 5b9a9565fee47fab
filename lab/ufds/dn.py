"""Distinguished names as the recorded server (an old ldapjs) treats them.

It keeps whether there was a space before any part. Therefore `ou=users,o=smartdc` and `ou=users, o=smartdc` are different entries. Types
are folded to lower case, values are not.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

_TYPE = re.compile(r"[A-Za-z0-9.\- ]+")
_VALUE = re.compile(r'#[A-Za-z0-9]*|"(?:\\.|[^"\\])*"|(?!")(?:\\.|[^,;+\\])*', re.DOTALL)
_SPACE = re.compile(r"\s*")


class InvalidDnError(ValueError):
    """Not a distinguished name. The server answers protocolError and closes the connection."""


@dataclass(frozen=True)
class Dn:
    """A parsed name. Entries are stored under its `key`."""

    rdns: tuple[str, ...]
    key: str

    @property
    def parent(self) -> str:
        """The parent, always with a space: the real server forgets how the child was written."""
        return ", ".join(self.rdns[1:])

    def under(self, suffix: str) -> bool:
        """Whether this is `suffix` or below it, whatever the spacing."""
        tail = parse(suffix).rdns
        return len(self.rdns) >= len(tail) and self.rdns[len(self.rdns) - len(tail) :] == tail

    def rdn(self, index: int) -> tuple[str, str]:
        kind, _, value = self.rdns[index].partition("=") if index < len(self.rdns) else ("", "", "")
        return kind, value


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.pos = 0
        self.spaced = False

    def rest(self) -> str:
        return self.name[self.pos : self.pos + 1]

    def space(self) -> bool:
        was = self.pos
        self.pos = self._take(_SPACE)
        return self.pos > was

    def _take(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.name, self.pos)
        if found is None:
            raise InvalidDnError(self.name)
        return found.end()

    def rdn(self) -> str:
        """One part; empty at the end of the name, for example after a last comma."""
        pairs: dict[str, str] = {}
        while self.pos < len(self.name):
            self.spaced |= self.space()
            start, self.pos = self.pos, self._take(_TYPE)
            kind = self.name[start : self.pos].rstrip(" ").lower()
            self.space()
            if not kind or self.rest() != "=":
                raise InvalidDnError(self.name)
            self.pos += 1
            self.space()
            start, self.pos = self.pos, self._take(_VALUE)
            value = self.name[start : self.pos]
            if not value.endswith("\\ "):
                value = value.rstrip()
            pairs[kind] = value
            self.space()
            if self.rest() != "+":
                break
            self.pos += 1
        return "+".join(f"{kind}={value}" for kind, value in pairs.items())


@functools.lru_cache(4096)
def parse(name: str) -> Dn:
    """`OU=users, o=smartdc` → rdns (ou=users, o=smartdc). Raises InvalidDnError for anything that is not a name."""
    if not name:
        return Dn((), "")
    reader = _Reader(name)
    rdns = [reader.rdn()]
    while reader.rest():
        if reader.rest() not in ",;":
            raise InvalidDnError(name)
        reader.pos += 1
        rdns.append(reader.rdn())
    return Dn(tuple(rdns), (", " if reader.spaced else ",").join(rdns))


def parent_of(key: str) -> str:
    """The key of the parent of a stored key."""
    return parse(key).parent
