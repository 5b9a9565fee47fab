"""A candidate's accounts, and those that the master's accounts would collide with.

Only the master knows its accounts. It is asked only about the candidate's, because it may hold a hundred thousand, and a candidate should
hold none. Login, e-mail address and uuid are unique within one UFDS, whatever their case. But a search respects case (facts "How a real
UFDS answers"). So the search asks for each value as it is written, and in lower case. E-mail addresses stay in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evidence.accounts import (
    ACCESS_KEY,
    KEY,
    OTHER,
    POLICY,
    ROLE,
    SUB_USER,
    Account,
    Accounts,
    Belonging,
    Belongings,
    Collision,
    Collisions,
)
from evidence.collect.directory import parent
from evidence.collect.history import Earlier
from evidence.collect.ldap import SMARTDC, USERS, Entry, Found, Search, equal
from evidence.collect.parse import UnreadableError
from evidence.collect.unanswered import UnansweredError
from evidence.redact import cut

UNIQUE: Final = ("login", "email", "uuid")
EVERYBODY: Final = Search(USERS, "(objectclass=sdcperson)", UNIQUE)
EVERYTHING: Final = ("*",)
"""All attributes; without any, UFDS sends none (facts "How a real UFDS answers")."""
BESIDES: Final = (
    Search(f"ou=groups, {SMARTDC}", "(objectclass=groupofuniquenames)", ("objectclass",)),
    Search(SMARTDC, "(|(objectclass=emailblacklist)(objectclass=region))", ("objectclass",)),
)
"""What else replication brings, and is above no account: groups, the blacklist of e-mail addresses, regions."""
DELETED: Final = frozenset({f"cn={name}, ou=groups, {SMARTDC}" for name in ("readers", "operators")})
"""The groups that sdc-ufds-m2s deletes."""
AT_ONCE: Final = 50
"""How many accounts one search asks the master about."""
MOST: Final = 20
"""Evidence keeps the names of so many accounts."""

Ask = Callable[[Sequence[Search]], Awaitable[tuple[Found, ...]]]


@dataclass(frozen=True)
class Person:
    """An account in memory, with everything that must be unique."""

    login: str
    email: str
    uuid: str

    @property
    def account(self) -> Account:
        return Account(cut(self.uuid), cut(self.login))


def people(found: Found, admin: str) -> tuple[Person, ...]:
    """Everybody except admin, by login. Raises UnreadableError.

    Sub-users are below an account and go with it.
    An account with the login admin counts as admin, too: its uuid may differ from the one that SAPI names.
    """
    if found.why:
        raise UnreadableError(found.why)
    top = (entry for entry in found.entries if parent(entry.dn) == USERS)
    read = (Person(*(entry.first(name) for name in UNIQUE)) for entry in top)
    return tuple(
        sorted(
            (one for one in read if one.uuid.lower() != admin.lower() and one.login.lower() != "admin"),
            key=lambda one: (one.login, one.uuid),
        )
    )


_KINDS: Final = {
    "sdckey": (KEY, "name"),
    "accesskey": (ACCESS_KEY, "accesskeyid"),
    "sdcaccountuser": (SUB_USER, "login"),
    "sdcaccountrole": (ROLE, "name"),
    "sdcaccountpolicy": (POLICY, "name"),
}
_OWN: Final = frozenset({"amonprobe", "amonprobegroup", "dclocalconfig", "vmusage"})
"""A datacenter's own, which no master sends: sdc-ufds-m2s saves them, and loads them again.  Source: facts "UFDS"."""


def below(admin: str, *, whole: bool = False) -> Search:
    """The search for everything below admin, and for itself.  `whole`: with all attributes, as sdc-ufds-m2s saves it."""
    attributes = ("objectclass", "name", "login", "accesskeyid", "fingerprint", "openssh")
    return Search(f"uuid={admin}, {USERS}", attributes=EVERYTHING if whole else attributes)


def belongings(found: Found, *, whole: bool = False) -> Belongings:
    """Read the answer to `below`; what is whole has a size. Raises UnreadableError."""
    if found.why:
        raise UnreadableError(found.why)
    entries = [entry for entry in found.entries if parent(entry.dn) != USERS]
    named = sorted(
        (_belonging(entry) for entry in entries if not _classes(entry) & _OWN),
        key=lambda one: (one.kind, one.name, one.dn),
    )
    counts: dict[str, int] = {}
    for one in named:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    size = sum(map(_written, found.entries)) if whole else None
    return Belongings(len(entries), counts, tuple(named[:MOST]), size)


def _written(entry: Entry) -> int:
    """At most so many bytes has an entry as LDIF: each value on a line, in base64 if need be, folded."""
    values = [(name, value) for name, each in entry.attributes.items() for value in each]
    return len(entry.dn) + 8 + sum(len(name) + 4 + len(value.encode()) * 3 // 2 for name, value in values)


def _classes(entry: Entry) -> set[str]:
    return {each.lower() for each in entry.attributes.get("objectclass", ())}


def _belonging(entry: Entry) -> Belonging:
    kind, attribute = next((_KINDS[each] for each in _KINDS if each in _classes(entry)), (OTHER, ""))
    name = entry.first(attribute).rpartition("/")[2] if attribute else ""
    key = kind == KEY
    return Belonging(
        kind,
        cut(name or entry.dn.partition(",")[0]),
        cut(entry.dn),
        cut(entry.first("fingerprint")) if key else "",
        cut(entry.first("openssh")) if key else "",
    )


def accounts(everybody: Sequence[Person], besides: Iterable[Found]) -> Accounts:
    """Everybody, and the answers to BESIDES. Raises UnreadableError."""
    dns: set[str] = set()
    for found in besides:
        if found.why:
            raise UnreadableError(found.why)
        dns.update(cut(entry.dn) for entry in found.entries)
    return Accounts(len(everybody), tuple(one.account for one in everybody[:MOST]), tuple(sorted(dns - DELETED))[:MOST])


def questions(everybody: Sequence[Person]) -> list[Search]:
    """What to ask the master about these people."""
    groups = (everybody[start : start + AT_ONCE] for start in range(0, len(everybody), AT_ONCE))
    return [Search(USERS, f"(|{''.join(map(_terms, group))})", UNIQUE) for group in groups]


def _terms(person: Person) -> str:
    asked = {(name, text) for name in UNIQUE if (value := getattr(person, name)) for text in (value, value.lower())}
    return "".join(equal(name, text) for name, text in sorted(asked))


def collisions(everybody: Iterable[Person], answers: Iterable[Found], earlier: Earlier | None = None) -> Collisions:
    """Those of these people whose login, e-mail address or uuid the master knows, or knew earlier. Raises UnreadableError."""
    taken: dict[str, set[str]] = {name: set() for name in UNIQUE}
    for answer in answers:
        if answer.why:
            raise UnreadableError(answer.why)
        for entry in answer.entries:
            _take(entry, taken)
    found = [Collision(one.account, names) for one in everybody if (names := tuple(_known(one, taken, earlier or {})))]
    return Collisions(len(found), tuple(found[:MOST]))


def _known(one: Person, taken: Mapping[str, set[str]], earlier: Mapping[str, set[str]]) -> Iterator[str]:
    """The names by which the master knows somebody.  What an account had earlier is added, and collides, when the changes are replayed."""
    for name in UNIQUE:
        value = getattr(one, name).lower()
        if value in taken[name]:
            yield name
        elif value and value in earlier.get(name, ()):
            yield f"{name}, which an account of the master had earlier"


def _take(entry: Entry, taken: Mapping[str, set[str]]) -> None:
    for name in UNIQUE:
        taken[name].update(value.lower() for value in entry.attributes.get(name, ()) if value)


class Meeting:
    """Where candidates tell which accounts they have, and the master tells which of them it knows."""

    def __init__(self, candidates: Iterable[str]) -> None:
        loop = asyncio.get_running_loop()
        names = tuple(candidates)
        self._told: dict[str, asyncio.Future[tuple[Person, ...] | None]] = {one: loop.create_future() for one in names}
        self._known: dict[str, asyncio.Future[Collisions | str]] = {one: loop.create_future() for one in names}

    def end(self, datacenter: str, *, master: bool) -> None:
        """This datacenter has been asked everything: nobody needs to wait for it."""
        self._tell(datacenter, None)
        if master:
            for name in self._known:
                self._answer(name, "the master's UFDS did not say which of these accounts it has")

    def _tell(self, candidate: str, everybody: tuple[Person, ...] | None) -> None:
        if candidate in self._told and not self._told[candidate].done():
            self._told[candidate].set_result(everybody)

    def _answer(self, candidate: str, answer: Collisions | str) -> None:
        if not self._known[candidate].done():
            self._known[candidate].set_result(answer)

    async def introduce(self, candidate: str, everybody: tuple[Person, ...]) -> Collisions:
        """On a candidate: tell which accounts it has, and wait for the master's answer. Raises UnansweredError."""
        self._tell(candidate, everybody)
        answer = await asyncio.shield(self._known[candidate])
        if isinstance(answer, str):
            raise UnansweredError(answer)
        return answer

    async def serve(self, ask: Ask, remember: Callable[[], Awaitable[Earlier]]) -> None:
        """On the master: answer each candidate as soon as it has told. `remember`: what its accounts were ever called."""
        await asyncio.gather(*(self._serve(name, ask, remember) for name in self._told))

    async def _serve(self, candidate: str, ask: Ask, remember: Callable[[], Awaitable[Earlier]]) -> None:
        everybody = await asyncio.shield(self._told[candidate])
        if everybody is None:
            return
        try:
            known = await ask(questions(everybody)) if everybody else ()
            self._answer(candidate, collisions(everybody, known, await remember() if everybody else {}))
        except (UnansweredError, UnreadableError) as error:
            self._answer(candidate, f"the master's UFDS: {error}")
