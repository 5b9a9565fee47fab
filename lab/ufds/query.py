"""A search as moray makes it: the indexed part goes to SQL, with the limit, and the results are matched once more.

An index keeps an attribute in one type, so several values are in it as one text with commas. SQL has three truth values. A filter that no
index can help with is refused (moray:lib/objects/common.js, node-moray-filter).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.ufds.errors import LdapError
from lab.ufds.filters import And, Approx, Below, Equal, Extensible, Filter, Not, Or, Ordered, Present, Substrings

Attributes = Mapping[str, list[str]]
Truth = bool | None  # None is SQL's NULL
Clause = Callable[[Attributes], Truth]
INTERNAL = {"_id": "number", "_mtime": "number", "_txn_snap": "number", "_key": "string", "_etag": "string"}
NAME = re.compile(r"[-_a-zA-Z0-9]+")


@dataclass(frozen=True)
class Bucket:
    """A table of moray, with the type of each index: string, number, boolean, or a list [string], [number]."""

    name: str
    index: Mapping[str, str]
    suffix: str  # its name in LDAP

    def type_of(self, attribute: str) -> str | None:
        return self.index.get(attribute) or INTERNAL.get(attribute)

    def refuse(self, part: Filter) -> LdapError:
        return LdapError(1, f"{self.name} does not have indexes that support {text(part)}", self.suffix)

    def invalid(self, part: Filter) -> LdapError:
        return LdapError(1, f"{text(part)} is an invalid filter", self.suffix)


def escaped(value: str) -> str:
    return re.sub(r"([*()\\=])", r"\\\1", value)


def text(part: Filter) -> str:
    """A filter as moray writes it in its messages."""
    match part:
        case And(parts):
            return f"(&{''.join(map(text, parts))})"
        case Or(parts):
            return f"(|{''.join(map(text, parts))})"
        case Not(inner):
            return f"(!{text(inner)})"
        case Present(attribute):
            return f"({attribute}=*)"
        case Substrings(attribute, pieces):
            return f"({attribute}={'*'.join(map(escaped, pieces))})"
        case Below(key):
            return f"(_key=*{escaped(key)})"
        case Extensible(attribute, rule, value):
            return f"({attribute}:{rule + ':' if rule else ''}={value})"
        case Ordered(attribute, value, sign):
            return f"({attribute}{'>' if sign > 0 else '<'}={escaped(value)})"
        case Approx(attribute, value):
            return f"({attribute}~={escaped(value)})"
        case Equal(attribute, value):
            return f"({attribute}={escaped(value)})"


def leaves(part: Filter) -> list[Filter]:
    match part:
        case And(parts) | Or(parts):
            return [leaf for each in parts for leaf in leaves(each)]
        case Not(inner):
            return leaves(inner)
        case _:
            return [part]


def compiled(bucket: Bucket, wanted: Filter) -> Clause:
    """The WHERE clause. Raises LdapError for a filter that moray refuses."""
    for leaf in leaves(wanted):
        if isinstance(leaf, And | Or | Not):
            continue
        if not NAME.fullmatch(leaf.attribute):
            raise bucket.invalid(wanted)
        if isinstance(leaf, Approx):
            raise LdapError(1, "approx filters not allowed", bucket.suffix)
        if isinstance(leaf, Extensible) and leaf.rule not in RULES:
            raise LdapError(1, "unsupported ext filter", bucket.suffix)
    clause = _clause(bucket, wanted)
    if clause is None:
        raise bucket.invalid(wanted)
    return clause


RULES = ("caseIgnoreMatch", "caseIgnoreSubstringsMatch", "2.5.13.2", "2.5.13.4")


def _clause(bucket: Bucket, part: Filter) -> Clause | None:
    """The clause; None if no index decides the part, which only an `and` forgives."""
    match part:
        case And(parts):
            ands = [clause for clause in (_clause(bucket, each) for each in parts) if clause is not None]
            if not ands:
                raise bucket.refuse(part) if parts else bucket.invalid(part)
            return lambda row: _all(clause(row) for clause in ands)
        case Or(parts):
            ors = []
            for each in parts:
                clause = _clause(bucket, each)
                if clause is None:
                    raise bucket.refuse(part)
                ors.append(clause)
            if not ors:
                raise bucket.invalid(part)
            return lambda row: _not(_all(_not(clause(row)) for clause in ors))
        case Not(inner):
            negated = _clause(bucket, inner)
            return None if negated is None else lambda row: _not(negated(row))
        case Present(attribute):
            return (lambda row: attribute in row) if attribute in bucket.index else None
        case Below(key):
            return lambda row: key in row["_key"][0]
        case Substrings():
            return _like(bucket, part, part.pieces, 0)
        case Extensible(_, "caseIgnoreSubstringsMatch", value):
            return _like(bucket, part, value.lower().split("*"), re.IGNORECASE)
        case Extensible(attribute, "caseIgnoreMatch", value):
            return _compared(bucket, part, attribute, value, lambda own, asked: str(own).lower() == str(asked).lower())
        case Ordered(attribute, value, sign):
            return _compared(bucket, part, attribute, value, _at_least if sign > 0 else _at_most)
        case Equal(attribute, value):
            return _compared(bucket, part, attribute, value, lambda own, asked: own == asked)
    raise bucket.refuse(part)  # a rule that is allowed, but has no SQL


def _all(truths: Iterable[Truth]) -> Truth:
    found = set(truths)
    return False if False in found else None if None in found else True


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _at_least(own: object, asked: object) -> bool:
    return bool(own >= asked)  # type: ignore[operator]


def _at_most(own: object, asked: object) -> bool:
    return bool(own <= asked)  # type: ignore[operator]


def number(value: str) -> float:
    """The number as parseFloat reads it."""
    found = re.match(r"\s*[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)", value)
    return float(found[0]) if found else math.nan


def _typed(kind: str, value: str) -> str | float | bool:
    if kind.strip("[]") == "number":
        return number(value)
    return value.lower() == "true" if kind == "boolean" else value


def _compared(
    bucket: Bucket, part: Filter, attribute: str, value: str, holds: Callable[[object, object], bool]
) -> Clause | None:
    kind = bucket.type_of(attribute)
    if kind is None:
        return None
    if kind == "boolean" and value.lower() not in ("true", "false"):
        raise bucket.invalid(part)
    asked = _typed(kind, value)
    if kind.startswith("["):

        def any_of(row: Attributes) -> Truth:
            return any(holds(_typed(kind, own), asked) for own in row[attribute]) if attribute in row else None

        return any_of

    def one(row: Attributes) -> Truth:
        return attribute in row and holds(_typed(kind, ",".join(row[attribute])), asked)

    return one


def _like(bucket: Bucket, part: Filter, pieces: Sequence[str], flags: int) -> Clause | None:
    attribute = part.attribute  # type: ignore[union-attr]
    kind = bucket.type_of(attribute)
    if kind is None:
        return None
    if kind != "string":  # in moray a list has no LIKE, and in PostgreSQL a number has none
        raise bucket.refuse(part)
    initial, *between, final = pieces
    like = f"{initial}%" if initial else ""
    like += "".join(f"%{each}%" for each in between)
    like += f"%{final}%" if final else ""
    joker = {"%": ".*", "_": "."}
    pattern = re.compile("".join(joker.get(each, re.escape(each)) for each in like), flags | re.DOTALL)
    return lambda row: attribute in row and pattern.fullmatch(",".join(row[attribute])) is not None


def matches(bucket: Bucket, part: Filter, row: Attributes) -> bool:
    """Whether a row that SQL found matches the filter in JavaScript, where a number never equals the text of one."""
    match part:
        case And(parts):
            return all(matches(bucket, each, row) for each in parts)
        case Or(parts):
            return any(matches(bucket, each, row) for each in parts)
        case Not(inner):
            return not matches(bucket, inner, row)
        case Equal(attribute, value) if (bucket.type_of(attribute) or "string").strip("[]") != "string":
            counted = attribute in INTERNAL or bucket.type_of(attribute) == "[number]"
            return counted and number(value) in map(number, row.get(attribute, ()))
        case Ordered(attribute, value, sign) if (bucket.type_of(attribute) or "").strip("[]") == "number":
            bound = number(value)
            return any((number(own) - bound) * sign >= 0 for own in row.get(attribute, ()))
        case Ordered(attribute) if bucket.type_of(attribute) == "boolean":
            return False
        case Extensible(attribute, "caseIgnoreSubstringsMatch", value):
            lowered = {attribute: [own.lower() for own in row.get(attribute, ())]}
            return Substrings(attribute, tuple(value.lower().split("*"))).matches(lowered)
        case _:
            return part.matches(row)
