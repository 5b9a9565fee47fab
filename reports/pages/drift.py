"""What changed in the evidence, by datacenter and key, whether a check minds it or not.  Secrets are fingerprints there already."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from evidence.model import DatacenterEvidence, Evidence
from reports.findings import Findings
from reports.pages.changes import Changes

RESTLESS = frozenset({
    "ms", "began", "written", "changing", "latest", "before", "after", "next", "waiting", "resumes", "changenumber",
    "clock", "m2s_room", "measured", "full_at", "reread", "anew",
})  # fmt: skip
"""Keys of what differs from one minute to the next in a coupling that nobody touches."""
_NAMED_BY = ("fmri", "dn", "uuid", "url", "path", "alias", "key", "name", "login", "datacenter", "instance", "ip")
_LONGEST = 160
_AWAY = re.compile(r"[0-9.]+ ms")
_NOW_AND_THEN = re.compile(r"\.certificate$|\b(size|loss)/\d+\.")
ABSENT = "(absent)"


class Drifted(Struct, frozen=True):
    """One key of the evidence that has another value than in the run before.  `told_by` names the finding that rests on it, if any."""

    place: str
    key: str
    was: str
    now: str
    told_by: str = ""

    @property
    def datacenter(self) -> str:
        return self.place.partition(".")[0]


def drift(before: Evidence, after: Evidence) -> Iterator[Drifted]:
    """Every key of either evidence that differs, in their order; what counts on by itself is left out."""
    if before.suite_version != after.suite_version:
        yield Drifted("the suite", "version", before.suite_version, after.suite_version)
    yield from _inventory(before, after)
    for name in sorted(before.datacenters.keys() | after.datacenters.keys()):
        then, now = before.datacenters.get(name), after.datacenters.get(name)
        if then is None or now is None:
            yield Drifted(name, "datacenter", *(ABSENT if each is None else "in the inventory" for each in (then, now)))
        elif then != now:
            yield from _datacenter(name, then, now)


def _inventory(before: Evidence, after: Evidence) -> Iterator[Drifted]:
    one, other = (msgspec.to_builtins(each.inventory) for each in (before, after))
    for each in (one, other):
        for key in ("lines", "path"):
            each.pop(key, None)
        each["waived"] = {f"{one['check']}[{one['subject']}]": one for one in each.get("waived", ())}
    for key, was, now in _leaves(one, other, ""):
        yield Drifted("the inventory", key, was, now)


def _datacenter(name: str, then: DatacenterEvidence, now: DatacenterEvidence) -> Iterator[Drifted]:
    one, other = msgspec.to_builtins(then), msgspec.to_builtins(now)
    zones = [(each.pop("zones") or {}).get("value") or {} for each in (one, other)]
    why = [each.zones.why or "" for each in (then, now)]
    if why[0] != why[1]:
        yield Drifted(name, "zones", *(f"not seen: {each}" if each else "seen" for each in why))
    for key, was, is_now in _facts(one, other):
        yield Drifted(name, key, was, is_now)
    for alias in sorted(zones[0].keys() | zones[1].keys()) if not any(why) else ():
        place, pair = f"{name}.{alias}", [each.get(alias) for each in zones]
        if None in pair:
            yield Drifted(place, "zone", *(ABSENT if each is None else str(each["vm"]["state"]) for each in pair))
            continue
        for key, was, is_now in _facts(*pair):
            yield Drifted(place, key, was, is_now)


def _facts(one: Any, other: Any) -> Iterator[tuple[str, str, str]]:
    """What differs in the facts of a datacenter or zone; of a fact only the answer counts, or why there is none."""
    for key in sorted(one.keys() | other.keys()):
        if key in RESTLESS:
            continue
        pair = one.get(key), other.get(key)
        if all(each is None or _is_fact(each) for each in pair):
            yield from _answers(*pair, key)
        elif key == "links":
            for link in sorted(pair[0].keys() | pair[1].keys()):
                yield from _answers(pair[0].get(link), pair[1].get(link), f"links.{link}")
        else:
            yield from _leaves(*pair, key)


def _is_fact(value: Any) -> bool:
    return isinstance(value, dict) and {"subject", "asked", "how"} <= value.keys()


def _answers(one: Any, other: Any, key: str) -> Iterator[tuple[str, str, str]]:
    """Of two answers of which one is missing, only that: not each of its keys."""
    known = [each is not None and each.get("why") is None for each in (one, other)]
    if all(known):
        yield from _leaves(one.get("value"), other.get("value"), key)
    elif one is not None or other is not None:
        was, now = _answer(one), _answer(other)
        if was != now:
            yield key, was, now


def _answer(fact: Any) -> str:
    if fact is None:
        return "(not asked)"
    return f"no answer: {fact['why']}" if fact.get("why") is not None else "answered"


def _leaves(one: Any, other: Any, at: str) -> Iterator[tuple[str, str, str]]:
    """The keys below which two values differ."""
    if one == other:
        return
    one, other = _by_name(one), _by_name(other)
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys(), key=str):
            if key not in RESTLESS:
                yield from _leaves(one.get(key, _GONE), other.get(key, _GONE), f"{at}.{key}" if at else str(key))
    else:
        was, now = _shown(one, at), _shown(other, at)
        if was != now and not _measured(one, other) and not _one_of_two(at, one, other):
            yield at, was, now


def _one_of_two(at: str, one: Any, other: Any) -> bool:
    """Whether only one of two runs looked: at a certificate, or how packets get there, which one link of two datacenters is asked for."""
    return bool(_NOW_AND_THEN.search(at)) and any(each in ("", "unknown") for each in (one, other))


def _measured(one: Any, other: Any) -> bool:
    """Whether both are times that a packet took: these are never twice the same."""
    return all(isinstance(each, str) and _AWAY.fullmatch(each) for each in (one, other))


class _Gone:
    """What is not there at all; null is a value."""


_GONE = _Gone()


def _by_name(value: Any) -> Any:
    """A list of things by their names, so that their order does not matter; a list of texts as a set of them."""
    if not isinstance(value, (list, tuple)) or not value:
        return value
    if all(isinstance(item, (str, int)) for item in value):
        return {str(item): "there" for item in value}
    keys = [_name(item) for item in value]
    return (
        dict(zip(keys, value, strict=True)) if len({*keys}) == len(keys) else {str(n): v for n, v in enumerate(value)}
    )


def _name(item: Any) -> str:
    if isinstance(item, dict):
        if {"host", "port", "protocol"} <= item.keys():
            return f"{item['protocol']}/{item['port']}"
        return next(
            (str(item[key]) for key in _NAMED_BY if item.get(key) not in (None, "")), json.dumps(item, sort_keys=True)
        )
    return json.dumps(item, sort_keys=True)


def _shown(value: Any, at: str) -> str:
    if isinstance(value, _Gone):
        return ABSENT
    text = value if isinstance(value, str) else json.dumps(_calm(value), ensure_ascii=False, sort_keys=True)
    text = f"fingerprint {text}" if ".fingerprints." in at else text
    if not text:
        return "(empty)"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ({len(text)} characters)"


def _calm(value: Any) -> Any:
    """A value without what is restless in it."""
    if isinstance(value, dict):
        return {key: _calm(item) for key, item in value.items() if key not in RESTLESS}
    return [_calm(item) for item in value] if isinstance(value, (list, tuple)) else value


def besides(found: list[Drifted], told: Changes, after: Findings) -> list[Drifted]:
    """The same, each with the finding that the runs' comparison already names for its datacenter and key, if there is one."""
    names = {one.name for one in (*told.new, *told.unseen)}
    rows = (
        [row for row in after.results if any((row.check, row.subject) == (n.check, n.subject) for n in names)]
        if names
        else []
    )
    texts = [(row, {row.subject, *(seen.partition(":")[0] for seen in row.evidence)}) for row in rows]
    return [
        msgspec.structs.replace(
            one,
            told_by=next(
                (
                    f"{row.check}[{row.subject}]"
                    for row, at in texts
                    if one.place in at or one.key.removeprefix("links.").partition(".tcp")[0] == row.subject
                ),
                "",
            ),
        )
        for one in found
    ]
