"""Entries of a datacenter's UFDS, by sdc-ldap on its head node."""

from __future__ import annotations

import base64
import binascii
from typing import ClassVar, Literal

from msgspec import Struct

from remediate import typed
from remediate.actions.reading import ABSENT, NoValueError, Precondition, Value, same, short, stands
from remediate.ldif import added, checkpoint_at, each_touched, modified, touched
from remediate.shell import quote

NEEDS = ("ufds-answers", "binder-answers-own-names")
NO_SUCH_OBJECT = 32
LATEST = "cn=latestchangenumber"
FOR_EACH = 0.5
"""Seconds: sdc-ldap reads the head node's configuration each time."""
Attributes = dict[str, tuple[str, ...]]
Operation = Literal["add", "delete", "replace"]
Scope = Literal["base", "sub"]


class LdapAdd(Struct, frozen=True, forbid_unknown_fields=True, tag="ldap-add"):
    """Adds an entry.  Its value: the attributes that the action gives it, as they are there; or null."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    dn: str
    attributes: Attributes

    @property
    def planned(self) -> Value:
        return ABSENT

    @property
    def after(self) -> Value:
        return held(self.attributes)

    def command(self) -> str:
        return added(self.dn, self.attributes)

    def read(self) -> str:
        return read_entry(self.dn)

    def seen(self, code: int, text: str) -> Value:
        return entry(code, text, tuple(self.attributes))

    def standing(self, now: Value) -> Precondition:
        return stands(now, self.planned, self.after)

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> LdapDelete | None:
        return LdapDelete(self.dn, self.attributes) if then is ABSENT else None


CHECKPOINT = "changenumber"
"""Where a replicator continues. It has gone on by the time that somebody takes a step back, so the old number is never set again."""


class LdapDelete(Struct, frozen=True, forbid_unknown_fields=True, tag="ldap-delete"):
    """Deletes an entry that has these attributes, and nothing below it."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    dn: str
    attributes: Attributes

    @property
    def planned(self) -> Value:
        return held(self.attributes)

    @property
    def after(self) -> Value:
        return ABSENT

    def command(self) -> str:
        return f"sdc-ldap delete {quote(typed.dn(self.dn))}"

    def read(self) -> str:
        return read_entry(self.dn)

    def seen(self, code: int, text: str) -> Value:
        return entry(code, text, tuple(self.attributes))

    def standing(self, now: Value) -> Precondition:
        return stands(now, self.planned, self.after)

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return now is ABSENT

    def inverse(self, then: Value) -> LdapAdd | None:
        return LdapAdd(self.dn, {name: tuple(values) for name, values in then.items()}) if then else None


class LdapModify(Struct, frozen=True, forbid_unknown_fields=True, tag="ldap-modify"):
    """Changes one attribute.  Its value: of each named value whether it is there; of a replacement all that are there."""

    needs: ClassVar[tuple[str, ...]] = NEEDS
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    dn: str
    operation: Operation
    attribute: str
    values: tuple[str, ...]
    before: tuple[str, ...] = ()
    """Of a replacement: what is to be replaced."""

    @property
    def planned(self) -> Value:
        return sorted(self.before) if self.operation == "replace" else self._each(there=self.operation == "delete")

    @property
    def after(self) -> Value:
        return sorted(self.values) if self.operation == "replace" else self._each(there=self.operation == "add")

    def _each(self, *, there: bool) -> Value:
        return dict.fromkeys(self.values, there)

    def command(self) -> str:
        if self.attribute == CHECKPOINT:
            return checkpoint_at(self.dn, " ".join(self.before), " ".join(self.values))
        return modified(self.dn, self.operation, self.attribute, *self.values)

    def read(self) -> str:
        return f"{read_entry(self.dn)} {typed.attribute(self.attribute)}"

    def seen(self, code: int, text: str) -> Value:
        found = entry(code, text, (self.attribute,))
        if found is ABSENT:
            raise NoValueError(f"UFDS has no entry {self.dn}")
        values = found.get(self.attribute.lower(), [])
        return values if self.operation == "replace" else {value: value in values for value in self.values}

    def standing(self, now: Value) -> Precondition:
        if self.operation == "replace":
            return stands(now, self.planned, self.after)
        return Precondition.WANTED if same(now, self.after) else Precondition.PLANNED

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> LdapModify | None:
        if self.attribute == CHECKPOINT:
            return None
        if self.operation == "replace":
            return LdapModify(self.dn, "replace", self.attribute, tuple(then), self.values) if then else None
        changed = tuple(value for value in self.values if then[value] != self.after[value])
        back: Operation = "delete" if self.operation == "add" else "add"
        return LdapModify(self.dn, back, self.attribute, changed) if changed else None


class Resend(Struct, frozen=True, forbid_unknown_fields=True, tag="ldap-resend"):
    """Replaces an attribute by itself, so that every replica gets it anew.  Its value: how many changes the directory has.

    That says that something was written, not that it has arrived: only the checks say that.  `others`: further entries, of which nothing
    below is sent.
    """

    needs: ClassVar[tuple[str, ...]] = NEEDS
    waits: ClassVar[bool] = False

    dn: str
    scope: Scope
    attribute: str = "objectclass"
    others: tuple[str, ...] = ()

    @property
    def patience(self) -> float:
        return 10.0 + FOR_EACH * len(self.others)

    @property
    def planned(self) -> Value:
        return "the latest change"

    @property
    def after(self) -> Value:
        return "a later change"

    def command(self) -> str:
        if self.others:
            return each_touched((self.dn, *self.others), self.attribute)
        return touched(self.dn, self.scope, self.attribute)

    def read(self) -> str:
        return f"sdc-ldap search -b {LATEST} -s base '(objectclass=*)' count"

    def seen(self, code: int, text: str) -> Value:
        found = entry(code, text, ("count",)) or {}
        values = found.get("count", [])
        if len(values) != 1 or not values[0].isdecimal():
            raise NoValueError(f"UFDS does not say which its latest change is: {short(text)!a} (exit {code})")
        return int(values[0])

    def standing(self, now: Value) -> Precondition:  # noqa: ARG002
        return Precondition.PLANNED

    def done(self, then: Value, now: Value) -> bool:
        return bool(now > then)

    def inverse(self, then: Value) -> None:  # noqa: ARG002
        return None


def read_entry(dn: str) -> str:
    """One entry, and nothing below it."""
    return f"sdc-ldap search -b {quote(typed.dn(dn))} -s base '(objectclass=*)'"


def held(attributes: Attributes) -> Value:
    """An entry's attributes as they are compared."""
    return {name.lower(): sorted(values) for name, values in sorted(attributes.items())}


def entry(code: int, text: str, names: tuple[str, ...]) -> Value:
    """The named attributes of the one entry that was found; null if there is none.  Raises NoValueError."""
    if code == NO_SUCH_OBJECT:
        return ABSENT
    lines = text.replace("\r\n", "\n").replace("\n ", "").splitlines()
    if code != 0 or sum(line.lower().startswith("dn:") for line in lines) != 1:
        raise NoValueError(f"UFDS said {short(text)!a} (exit {code})")
    wanted = {name.lower() for name in names}
    found: dict[str, list[str]] = {}
    for name, value in map(_parted, lines):
        if name in wanted:
            found.setdefault(name, []).append(value)
    return {name: sorted(values) for name, values in sorted(found.items())}


def _parted(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    if not value.startswith(":"):
        return name.lower(), value.strip()
    try:
        return name.lower(), base64.b64decode(value[1:]).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        raise NoValueError(f"UFDS said {short(line)!a}") from None
