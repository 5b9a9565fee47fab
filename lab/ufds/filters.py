"""LDAP filters: read from BER or from text, matched against entries, and cut down to what the store's indices can do.

The real server hands the indexed part of a filter to SQL, with the size limit, and applies the rest afterwards: an
unindexed filter sees only the first 1000 rows.  `indexed` gives that first part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.ufds import ber

Attributes = Mapping[str, Sequence[str]]

NUMBERS = frozenset({
    "_id", "changenumber", "changetime", "created_at", "updated_at", "pwdchangedtime", "pwdendtime", "pwdfailuretime",
    "pwdaccountlockedtime", "pwdinhistory", "pwdminlength", "pwdmaxfailure", "pwdlockoutduration", "pwdmaxage",
})  # fmt: skip


class BadFilterError(ValueError):
    """The filter cannot be read."""


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class And:
    parts: tuple[Filter, ...]

    def matches(self, entry: Attributes) -> bool:
        return all(part.matches(entry) for part in self.parts)


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
        return bool(entry.get(self.attribute))


@dataclass(frozen=True)
class Ordered:
    """>= (sign 1) or <= (sign -1); as numbers where the schema says number, else as text."""

    attribute: str
    value: str
    sign: int

    def matches(self, entry: Attributes) -> bool:
        values = entry.get(self.attribute, ())
        if self.attribute in NUMBERS:
            bound = _number(self.value)
            numbers = (_number(value) for value in values)
            return bound is not None and any(n is not None and (n - bound) * self.sign >= 0 for n in numbers)
        if self.sign > 0:
            return any(value >= self.value for value in values)
        return any(value <= self.value for value in values)


@dataclass(frozen=True)
class Substrings:
    attribute: str
    pattern: re.Pattern[str]

    def matches(self, entry: Attributes) -> bool:
        return any(self.pattern.fullmatch(value) for value in entry.get(self.attribute, ()))


@dataclass(frozen=True)
class Below:
    """The scope "sub" as the real server puts it to its database: a condition on the key."""

    key: str
    attribute: str = "_key"

    def matches(self, entry: Attributes) -> bool:
        return any(key == self.key or key.endswith(f", {self.key}") for key in entry.get(self.attribute, ()))


@dataclass(frozen=True)
class Approx:
    """Refused by the server: "approx filters not allowed"."""

    def matches(self, _entry: Attributes) -> bool:
        return False


@dataclass(frozen=True)
class Never:
    """An extensible match, which the lab does not imitate."""

    def matches(self, _entry: Attributes) -> bool:
        return False


Filter = And | Or | Not | Equal | Present | Ordered | Substrings | Below | Approx | Never
EVERYTHING = Present("objectclass")


def _equal(attribute: str, value: str) -> Equal:
    attribute = attribute.lower()
    return Equal(attribute, value.lower() if attribute == "objectclass" else value)


def _substrings(attribute: str, pieces: Sequence[str]) -> Substrings:
    """`pieces` are what stands between the asterisks; the first and the last may be empty."""
    pattern = ".*".join(re.escape(piece) for piece in pieces)
    return Substrings(attribute.lower(), re.compile(pattern, re.DOTALL))


def has_approx(part: Filter) -> bool:
    match part:
        case And(parts) | Or(parts):
            return any(has_approx(each) for each in parts)
        case Not(inner):
            return has_approx(inner)
        case _:
            return isinstance(part, Approx)


def indexed(part: Filter, can: Callable[[str], bool]) -> Filter | None:
    """The part of a filter that the indices can decide (None: nothing); what it lets through is a superset."""
    match part:
        case And(parts):
            kept = tuple(each for each in (indexed(p, can) for p in parts) if each is not None)
            return And(kept) if kept else None
        case Or(parts):
            whole = tuple(indexed(p, can) for p in parts)
            return Or(tuple(p for p in whole if p is not None)) if all(p is not None for p in whole) else None
        case Not(inner):
            return part if indexed(inner, can) == inner else None
        case Approx() | Never():
            return None
        case _:
            return part if can(part.attribute) else None


def from_ber(data: bytes, tag: int, start: int, end: int, depth: int = 0) -> Filter:
    """RFC 4511, 4.5.1.7."""
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
            return Approx()
        case 0xA9:
            return Never()
    raise BadFilterError(f"tag {tag:#x}")


_SIMPLE = re.compile(r"([A-Za-z0-9_.;-]+)(~=|>=|<=|=)(.*)", re.DOTALL)


def _unescaped(value: str) -> str:
    return re.sub(r"\\([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), value)


def from_text(source: str) -> Filter:
    """RFC 4515, without extensible matches."""
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
        return Approx(), end + 1
    if operator != "=":
        return Ordered(attribute.lower(), _unescaped(value), 1 if operator == ">=" else -1), end + 1
    if value == "*":
        return Present(attribute.lower()), end + 1
    if "*" in value:
        return _substrings(attribute, [_unescaped(piece) for piece in value.split("*")]), end + 1
    return _equal(attribute, _unescaped(value)), end + 1
