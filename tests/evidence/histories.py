"""A UFDS in memory with its changelog, as far as comparing asks it, and random histories of one."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from evidence.collect.ldap import BASE, SMARTDC, USERS, Entry, Found, Search, spelled

Values = dict[str, tuple[str, ...]]
_IDS = re.compile(r"\(_id>=(\d+)\)(?:\(_id<=(\d+)\))?")
_NUMBERS = re.compile(r"\(changenumber>=(\d+)\)\(changenumber<=(\d+)\)")
_KIND = re.compile(r"\(objectclass=([a-z]+)\)")
GROUPS = f"ou=groups, {SMARTDC}"


def moment(seconds: float) -> str:
    """A time, so many seconds after this clock began."""
    return (datetime(2026, 11, 27, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()


@dataclass
class Directory:
    """Entries by dn, each with its number; the changelog; and how much of it was asked for."""

    entries: dict[str, tuple[int, Values]] = field(default_factory=dict)
    log: dict[int, tuple[str, str]] = field(default_factory=dict)
    times: dict[int, str] = field(default_factory=dict)
    clock: Callable[[], float] | None = None
    given: int = 0
    asked: int = 0
    before: Callable[[], None] = lambda: None
    spoil: Callable[[Search, Found], Found] = lambda _, found: found
    _id: int = 0
    _number: int = 0

    @property
    def latest(self) -> int:
        return max(self.log, default=0)

    def put(self, dn: str, values: Values, *, log: bool = True) -> None:
        """Add an entry, or change it."""
        known = self.entries.get(dn)
        if known is None:
            self._id += 1
        self.entries[dn] = (known[0] if known else self._id, values)
        if log:
            self.note("modify" if known else "add", dn)

    def drop(self, dn: str) -> None:
        del self.entries[dn]
        self.note("delete", dn)

    def skip(self, numbers: int) -> None:
        """Leave numbers out, and go on behind them."""
        self._number += numbers
        self.note("add", f"uuid=z, {USERS}")

    def note(self, kind: str, dn: str) -> None:
        self._number += 1
        self.log[self._number] = (kind, dn)
        self.times[self._number] = moment(float(self._number) if self.clock is None else self.clock())

    async def __call__(self, searches: Sequence[Search]) -> tuple[Found, ...]:
        self.asked += 1
        self.before()
        return tuple(self.spoil(search, self._answer(search)) for search in searches)

    def _answer(self, search: Search) -> Found:
        if search.base == "cn=latestchangenumber":
            return Found((Entry(search.base, {"count": (str(self.latest),)}),))
        if search.base == "cn=changelog":
            found = _NUMBERS.search(search.filter)
            assert found is not None
            first, last = map(int, found.groups())
            return Found(tuple(self._change(each) for each in range(first, last + 1) if each in self.log))
        if search.scope == BASE:
            held = self.entries.get(spelled(search.base))
            there = [] if held is None else [(held[0], spelled(search.base), held[1])]
        else:
            ids = _IDS.search(search.filter)
            assert ids is not None
            first, last = int(ids[1]), int(ids[2] or 1 << 62)
            there = sorted(
                (number, dn, values)
                for dn, (number, values) in self.entries.items()
                if first <= number <= last and f", {dn}".endswith(f", {search.base}")
            )
        entries = [Entry(dn, values) for _, dn, values in there if _matches(search, values)][: search.limit]
        self.given += len(entries)
        return Found(tuple(entries))

    def _change(self, number: int) -> Entry:
        kind, dn = self.log[number]
        told = {"changenumber": str(number), "targetdn": dn, "changetype": kind, "changetime": self.times[number]}
        return Entry(f"changenumber={number}, cn=changelog", {name: (value,) for name, value in told.items()})


def _matches(search: Search, values: Values) -> bool:
    kinds = set(values.get("objectclass", ()))
    named = set(_KIND.findall(search.filter.replace("(!(", "\0")))
    unwanted = set(re.findall(r"\(!\(objectclass=([a-z]+)\)\)", search.filter))
    return not kinds & unwanted and (not named or bool(kinds & named))


NAMES = (
    "carla",
    "CARLA",
    "Dürr, Gábor",
    "名前",
    "a\\,b",
    "x+y",
    "\\\\",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
)


def person(draw: random.Random, login: str) -> Values:
    return {
        "objectclass": ("sdcperson",),
        "login": (login,),
        "userpassword": (f"{draw.getrandbits(64):x}",),
        "_salt": (f"{draw.getrandbits(64):x}",),
        "binary": (bytes(draw.getrandbits(8) for _ in range(9)).decode("utf-8", "backslashreplace"),),
        "several": tuple(draw.sample(("one", "two", "drei", "čtyři"), 3)),
    }


def dn_of(draw: random.Random) -> str:
    """Of a small set of names, so that the same ones come again; among them some that differ by case alone."""
    name = draw.choice(NAMES).replace(", ", "\\, ")
    parent = draw.choice((USERS, USERS, USERS, GROUPS))
    rdn = "cn" if parent == GROUPS else draw.choice(("uuid", "amonprobe", "accesskeyid"))
    return f"{rdn}={name}{draw.randrange(12)}, {parent}"


def step(draw: random.Random, directory: Directory) -> None:
    """One random change."""
    kind = draw.choice(("put", "put", "put", "drop", "rename", "touch", "order", "odd spelling", "own", "region"))
    dns = sorted(dn for dn in directory.entries if dn.endswith((f", {USERS}", f", {GROUPS}")))
    if kind == "put" or not dns:
        dn = dn_of(draw)
        directory.put(dn, entry_for(draw, dn))
        return
    dn = draw.choice(dns)
    values = directory.entries[dn][1]
    if kind == "drop":
        directory.drop(dn)
    elif kind == "rename":  # a delete and an add
        directory.drop(dn)
        alike = (dn_of(draw) for _ in iter(int, 1))
        directory.put(next(each for each in alike if _form(each) == _form(dn)), values)
    elif kind == "touch":
        directory.put(dn, {**values, "updated_at": (str(draw.random()),)})
    elif kind == "order":
        directory.put(dn, {name: tuple(draw.sample(held, len(held))) for name, held in values.items()})
    elif kind == "odd spelling":
        directory.put(dn, {**values, "cn": (str(draw.random()),)}, log=False)
        name, _, rest = dn.partition("=")
        directory.note("modify", f"{name.upper()}={rest}")
    elif kind == "own":
        own = {"objectclass": ("sdcreplcheckpoint",), "n": (str(draw.random()),)}
        directory.put(f"uid=x, cn=replicator, datacenter=d, {SMARTDC}", own)
    else:
        of, registered = (
            draw.choice(("my-dc", "elsewhere")),
            {"objectclass": ("datacenter",), "n": (str(draw.random()),)},
        )
        directory.put(f"datacenter={draw.randrange(3)}, region={of}, {SMARTDC}", registered)


def _form(dn: str) -> tuple[str, bool]:
    """What kind of entry it is, by its dn."""
    return dn.partition("=")[0], dn.endswith(GROUPS)


def entry_for(draw: random.Random, dn: str) -> Values:
    if dn.endswith(GROUPS):
        return {"objectclass": ("groupofuniquenames",), "uniquemember": tuple(draw.sample(NAMES, 2))}
    if dn.startswith("amonprobe="):
        return {"objectclass": ("amonprobe",), "n": (str(draw.random()),)}
    if dn.startswith("accesskeyid="):
        ends = draw.choice(("2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z", "soon"))
        return {"objectclass": ("accesskey",), "credentialtype": ("temporary",), "expiration": (ends,)}
    return person(draw, dn)
