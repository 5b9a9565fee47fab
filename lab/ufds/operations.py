"""How a change in the master's changelog is applied to the local UFDS (sdc-ufds:lib/ufds-replicator/operations.js)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lab.ufds import dn, filters, messages
from lab.ufds.changelog import Modification
from lab.ufds.directory import BASE
from lab.ufds.errors import LdapError
from lab.ufds.filters import Filter
from lab.ufds.ldapclient import LdapClient
from lab.ufds.log import BunyanLog, error_field

FATAL_CODES = (19, 68)  # makes the replicator exit, so that SMF puts it into maintenance


@dataclass(frozen=True)
class Query:
    """One of the seven queries of replicator.json: /BASE??sub?FILTER."""

    base: str
    wanted: Filter

    @classmethod
    def parse(cls, text: str) -> Query:
        base, _, _, wanted = text.removeprefix("/").split("?", 3)
        return cls(base, filters.from_text(wanted) if wanted else filters.EVERYTHING)


@dataclass(frozen=True)
class Replicated:
    """A changelog entry as the replicator reads it."""

    number: int
    kind: str
    target: str
    entry: dict[str, list[str]]
    changes: tuple[Modification, ...]

    @classmethod
    def parse(cls, attributes: dict[str, list[str]]) -> Replicated:
        kind = attributes["changetype"][0]
        parsed = json.loads(attributes["changes"][0])
        changes: tuple[Modification, ...] = ()
        entry = parsed
        if kind == "modify":
            entry = json.loads(attributes["entry"][0])
            changes = tuple(
                (each["operation"], each["modification"]["type"], each["modification"]["vals"]) for each in parsed
            )
        return cls(int(attributes["changenumber"][0]), kind, attributes["targetdn"][0], entry, changes)

    @property
    def named(self) -> str:
        """What the real log appends to a failure, without the entry."""
        return json.dumps({"changenumber": str(self.number), "changetype": self.kind, "targetdn": self.target})

    def concerns(self, queries: tuple[Query, ...]) -> bool:
        """Whether it might have to be applied: deletions always, modifications by their object class."""
        name = dn.parse(self.target)
        for query in queries:
            if not name.under(query.base) or name.key == query.base:
                continue
            if self.kind == "delete":
                return True
            seen = self.entry if self.kind == "add" else {"objectclass": self.entry.get("objectclass", [])}
            if query.wanted.matches(seen):
                return True
        return False


class Applier:
    """Applies changes to a local UFDS. An LdapError means that the change was not applied."""

    def __init__(self, local: LdapClient, queries: tuple[Query, ...], log: BunyanLog) -> None:
        self.local = local
        self.queries = queries
        self.log = log

    def _matches(self, entry: dict[str, list[str]]) -> bool:
        return any(query.wanted.matches(entry) for query in self.queries)

    async def apply(self, change: Replicated) -> None:
        match change.kind:
            case "add":
                await self._add(change)
            case "modify":
                await self._modify(change)
            case "delete":
                here = await self._here(change.target)
                if here is not None and self._matches(here):
                    await self._delete(change)

    async def _here(self, target: str) -> dict[str, list[str]] | None:
        try:
            found = await self.local.search(target, BASE, messages.presence("objectclass"))
        except LdapError as error:
            if error.code == 32:
                return None
            raise
        return found[0][1] if found else None

    async def _add(self, change: Replicated) -> None:
        try:
            await self.local.add(change.target, {**change.entry, "_replicated": ["true"]})
        except LdapError as error:
            self.log.fatal(f"Could not add entry {change.target} {_dump(change)}", err=error_field(error))
            raise
        self.log.debug(f"Entry added {change.target}")

    async def _modify(self, change: Replicated) -> None:
        here, there = await self._here(change.target), self._matches(change.entry)
        if here is None:
            if there:
                await self._add(change)
        elif there:
            word = "Local match" if self._matches(here) else "No local match"
            self.log.debug(f"{word} and remote match for {change.target}")
            try:
                await self.local.modify(change.target, change.changes)
            except LdapError as error:
                self.log.fatal(f"Could not modify entry {change.target}", err=error_field(error))
                raise
            self.log.debug(f"Replicated entry modified {change.target}")
        elif self._matches(here):
            self.log.debug(f"Local match and no remote match for {change.target}")
            await self._delete(change)

    async def _delete(self, change: Replicated) -> None:
        try:
            await self.local.delete(change.target)
        except LdapError as error:
            if error.code != 66:
                raise
            self.log.error(
                f"Local entry {change.target} has child entries and cannot be deleted because of a "
                "LDAP_NOT_ALLOWED_ON_NON_LEAF error, ignoring local delete operation"
            )
            return
        self.log.debug(f"Replicated entry deleted {change.target}")


def _dump(change: Replicated) -> str:
    """What the real log appends, without the secrets that it appends as well."""
    return json.dumps({k: v for k, v in change.entry.items() if k not in ("userpassword", "_salt")})
