"""LDAP filters: read from BER or from text, and matched like in the old ldapjs.

Filters of base searches and of the replicator are matched like this. For all other searches `query` does what moray does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.ufds import ber
from lab.ufds.errors import LdapError

Attributes = Mapping[str, Sequence[str]]


class BadFilterError(ValueError):
    """The filter cannot be read."""


@dataclass(frozen=True)
class And:
    parts: tuple[Filter, ...]

    def matches(self, entry: Attributes) -> bool:
        return bool(self.parts) and all(part.matches(entry) for part in self.parts)


@dataclass(frozen=True)
class Or:
    parts: tuple[Filter, ...]

    def matches(self, entry: Attributes) -> bool:
        return any(part.matches(entry) for part in self.parts)


@dataclass(frozen=True)
class Not:
    part: Filter

    def matches(self, entry: Attributes) -> bool:
        return not self.part.matches(entry)


@dataclass(frozen=True)
class Equal:
    attribute: str
    value: str

    def matches(self, entry: Attributes) -> bool:
        return self.value in entry.get(self.attribute, ())


@dataclass(frozen=True)
class Present:
    attribute: str

    def matches(self, entry: Attributes) -> bool:
        return self.attribute in entry


@dataclass(frozen=True)
class Ordered:
    """>= (sign 1) or <= (sign -1), as text, because everything that LDAP carries is text."""

    attribute: str
    value: str
    sign: int

    def matches(self, entry: Attributes) -> bool:
        values = entry.get(self.attribute, ())
        if self.sign > 0:
            return any(value >= self.value for value in values)
        return any(value <= self.value for value in values)


@dataclass(frozen=True)
class Substrings:
    """`pieces` stand between the asterisks. The first and the last may be empty."""

    attribute: str
    pieces: tuple[str, ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """The regular expression of the real server, in which no asterisk reaches over the end of a line."""
        initial, *between, final = map(re.escape, self.pieces)
        text = f"^{initial}.*" if initial else ""
        text += "".join(f"{each}.*" for each in between)
        return re.compile(text + (f"{final}\\Z" if final else ""))

    def matches(self, entry: Attributes) -> bool:
        pattern = self.pattern
        return any(pattern.search(value) for value in entry.get(self.attribute, ()))


@dataclass(frozen=True)
class Below:
    """The scope "sub" as the real server hands it to its database: a condition on the key."""

    key: str
    attribute: str = "_key"

    def matches(self, entry: Attributes) -> bool:
        below = (f", {self.key}", f",{self.key}")
        return any(key == self.key or key.endswith(below) for key in entry.get(self.attribute, ()))


@dataclass(frozen=True)
class Approx:
    """Refused by moray. Where moray is not asked, it means equality."""

    attribute: str
    value: str

    def matches(self, entry: Attributes) -> bool:
        return self.value in entry.get(self.attribute, ())


@dataclass(frozen=True)
class Extensible:
    attribute: str
    rule: str
    value: str

    def matches(self, entry: Attributes) -> bool:
        values = entry.get(self.attribute, ()) if self.value else ()
        if self.rule in ("caseIgnoreMatch", "2.5.13.2"):
            return any(value.lower() == self.value.lower() for value in values)
        if values and self.rule in ("caseIgnoreSubstringsMatch", "2.5.13.4"):
            raise LdapError(1, "Cannot read property 'forEach' of undefined")
        return self.value in values


Filter = And | Or | Not | Equal | Present | Ordered | Substrings | Below | Approx | Extensible
EVERYTHING = Present("objectclass")


def _equal(attribute: str, value: str) -> Equal:
    attribute = attribute.lower()
    return Equal(attribute, value.lower() if attribute == "objectclass" else value)


def _substrings(attribute: str, pieces: Sequence[str]) -> Substrings:
    attribute = attribute.lower()
    return Substrings(attribute, tuple(piece.lower() if attribute == "objectclass" else piece for piece in pieces))


def mapped(part: Filter, change: Callable[[Filter], Filter]) -> Filter:
    """A filter in which each leaf is changed."""
    match part:
        case And(parts):
            return And(tuple(mapped(each, change) for each in parts))
        case Or(parts):
            return Or(tuple(mapped(each, change) for each in parts))
        case Not(inner):
            return Not(mapped(inner, change))
        case _:
            return change(part)


def from_ber(data: bytes, tag: int, start: int, end: int, depth: int = 0) -> Filter:
    """Read RFC 4511, 4.5.1.7."""
    if depth > 50:
        raise BadFilterError("too deep")

    def nested() -> tuple[Filter, ...]:
        return tuple(from_ber(data, t, s, e, depth + 1) for t, s, e in ber.elements(data, start, end))

    def pair() -> tuple[str, str]:
        values = [ber.as_text(data, s, e) for _, s, e in ber.elements(data, start, end)]
        if len(values) != 2:
            raise BadFilterError("assertion without two parts")
        return values[0], values[1]

    match tag:
        case 0xA0:
            return And(nested())
        case 0xA1:
            return Or(nested())
        case 0xA2:
            return Not(nested()[0])
        case 0xA3:
            return _equal(*pair())
        case 0xA4:
            (_, s1, e1), (_, s2, e2) = ber.elements(data, start, end)
            found = [(t, ber.as_text(data, s, e)) for t, s, e in ber.elements(data, s2, e2)]
            pieces = [] if found and found[0][0] == 0x80 else [""]
            pieces += [value for _, value in found]
            pieces += [] if found and found[-1][0] == 0x82 else [""]
            return _substrings(ber.as_text(data, s1, e1), pieces)
        case 0xA5 | 0xA6:
            attribute, value = pair()
            return Ordered(attribute.lower(), value, 1 if tag == 0xA5 else -1)
        case 0x87:
            return Present(ber.as_text(data, start, end).lower())
        case 0xA8:
            attribute, value = pair()
            return Approx(attribute.lower(), value)
        case 0xA9:
            said = {t: ber.as_text(data, s, e) for t, s, e in ber.elements(data, start, end)}
            return Extensible(said.get(0x82, ""), said.get(0x81, ""), said.get(0x83, ""))
    raise BadFilterError(f"tag {tag:#x}")


_SIMPLE = re.compile(r"([A-Za-z0-9_.;-]+)(~=|>=|<=|=)(.*)", re.DOTALL)


def _unescaped(value: str) -> str:
    return re.sub(r"\\([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), value)


def from_text(source: str) -> Filter:
    """Read RFC 4515, without extensible matches."""
    found, rest = _read(source.strip(), 0)
    if rest != len(source.strip()):
        raise BadFilterError(source)
    return found


def _read(source: str, pos: int) -> tuple[Filter, int]:
    if source[pos : pos + 1] != "(":
        raise BadFilterError(source)
    sign = source[pos + 1 : pos + 2]
    if sign in ("&", "|", "!"):
        parts = []
        pos += 2
        while source[pos : pos + 1] == "(":
            part, pos = _read(source, pos)
            parts.append(part)
        if source[pos : pos + 1] != ")" or not parts:
            raise BadFilterError(source)
        if sign == "!":
            return Not(parts[0]), pos + 1
        return (And if sign == "&" else Or)(tuple(parts)), pos + 1
    end = source.find(")", pos)
    simple = _SIMPLE.fullmatch(source[pos + 1 : end]) if end > 0 else None
    if simple is None:
        raise BadFilterError(source)
    attribute, operator, value = simple.groups()
    if operator == "~=":
        return Approx(attribute.lower(), _unescaped(value)), end + 1
    if operator != "=":
        return Ordered(attribute.lower(), _unescaped(value), 1 if operator == ">=" else -1), end + 1
    if value == "*":
        return Present(attribute.lower()), end + 1
    if "*" in value:
        return _substrings(attribute, [_unescaped(piece) for piece in value.split("*")]), end + 1
    return _equal(attribute, _unescaped(value)), end + 1
