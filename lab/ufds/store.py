"""The bucket below a UFDS: entries in order of arrival, with the indices of the real bucket.

An entry's attributes are never changed in place. A change puts a new dictionary, so the changelog can share the old one, and in a lab with
many accounts so can several replicas.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from lab.ufds import query
from lab.ufds.errors import LdapError, constraint
from lab.ufds.filters import And, Below, Equal, Filter, Or, Ordered
from lab.ufds.query import Bucket, Clause

Attributes = Mapping[str, list[str]]

# The indices of the real bucket: sdc-ufds sapi_manifests/ufds/template, "o=smartdc".schema.
_TEXTS = (
    "login uuid email fingerprint cn sn givenname city state country postalcode agent owner name version fromtag totag "
    "fromvm tovm fromip toip fromsubnet tosubnet fromwildcard towildcard _owner _parent urn pwdattribute "
    "pwdcheckquality pwdpolicysubentry _imported _replicated approved_for_provisioning expires_at company account "
    "tenant accesskeyid accesskeysecret"
)
_NUMBERS = (
    "pwdinhistory pwdminlength pwdmaxfailure pwdlockoutduration pwdmaxage pwdchangedtime pwdendtime "
    "pwdaccountlockedtime created_at updated_at"
)
BUCKET = Bucket(
    "ufds_o_smartdc",
    dict.fromkeys(_TEXTS.split(), "string")
    | dict.fromkeys(_NUMBERS.split(), "number")
    | dict.fromkeys(("objectclass", "pwdhistory", "memberpolicy", "memberrole", "rule"), "[string]")
    | {"pwdfailuretime": "[number]", "disabled": "boolean"},
    "o=smartdc",
)
# The attributes whose equality look-ups are worth a table; the other indexed attributes are scanned.
TABLES = ("objectclass", "_parent", "_owner", "account", "fingerprint", "login", "uuid", "email", "urn")
UNIQUE = ("email", "login", "uuid", "urn")  # the order in which the recorded server notices a clash
DEFAULT_LIMIT = 1000


class Row:
    """One stored entry. `number` is moray's _id and orders every answer."""

    __slots__ = ("attributes", "key", "number")

    def __init__(self, number: int, key: str, attributes: Attributes) -> None:
        self.number = number
        self.key = key
        self.attributes = attributes


class Store:
    """Entries by key, by arrival and by indexed value."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._arrived: list[Row] = []
        self._next = 1
        self._tables: dict[str, dict[str, dict[str, None]]] = {name: {} for name in TABLES}
        self._logins: dict[str, int] = {}  # folded to lower case, because uniqueness of logins ignores case

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def get(self, key: str) -> Attributes | None:
        row = self.rows.get(key)
        return None if row is None else row.attributes

    def put(self, key: str, attributes: Attributes) -> None:
        """Add or replace a row. The caller has checked the rules."""
        old = self.rows.get(key)
        if old is not None:
            self._forget(old)
            row = Row(old.number, key, attributes)
            self._arrived[self._place(row.number)] = row
        else:
            row = Row(self._next, key, attributes)
            self._arrived.append(row)
            self._next += 1
        self.rows[key] = row
        for name, table in self._tables.items():
            for value in attributes.get(name, ()):
                table.setdefault(value, {})[key] = None
        for login in attributes.get("login", ()):
            self._logins[login.lower()] = self._logins.get(login.lower(), 0) + 1

    def remove(self, key: str) -> None:
        row = self.rows.pop(key)
        del self._arrived[self._place(row.number)]
        self._forget(row)

    def _place(self, number: float) -> int:
        """How many rows have a lower number."""
        return bisect_left(self._arrived, number, key=lambda row: row.number)

    def _forget(self, row: Row) -> None:
        for name, table in self._tables.items():
            for value in row.attributes.get(name, ()):
                keys = table.get(value, {})
                keys.pop(row.key, None)
                if not keys:
                    table.pop(value, None)
        for login in row.attributes.get("login", ()):
            self._logins[login.lower()] -= 1

    def login_taken(self, login: str) -> bool:
        """Like the real server's regular expression: any case, and a dot is any character."""
        if "." not in login:
            return self._logins.get(login.lower(), 0) > 0
        pattern = re.compile(re.escape(login.lower()).replace(r"\.", "."))
        return any(there and pattern.fullmatch(known) for known, there in self._logins.items())

    def check_unique(self, key: str, attributes: Attributes) -> None:
        """Raises 19 for the first unique attribute that another entry has. Several values count as one text."""
        disabled = ",".join(attributes.get("disabled", ["true"]))
        if disabled.lower() not in ("true", "false"):
            raise LdapError(1, "Moray failure: index(disabled) is of type boolean")
        for name in UNIQUE:
            if name not in attributes:
                continue
            value = ",".join(attributes[name])
            for other in self._tables[name].get(attributes[name][0], ()) if attributes[name] else ():
                if other != key and ",".join(self.rows[other].attributes[name]) == value:
                    raise constraint(f'"{name}" is a unique attribute; value "{value}" already exists')

    def children(self, key: str) -> list[str]:
        """Keys of the entries directly below, in order of arrival."""
        return sorted(self._tables["_parent"].get(key, ()), key=lambda child: self.rows[child].number)

    def search(self, wanted: Filter, limit: int | None) -> Iterator[Row]:
        """Rows that match, by arrival. As in the real one, the limit counts what the *indexed* part lets through."""
        return self._found(query.compiled(BUCKET, wanted), wanted, limit or DEFAULT_LIMIT)

    def _found(self, clause: Clause, wanted: Filter, left: int) -> Iterator[Row]:
        for row in self._candidates(wanted):
            entry = Described(row)
            if clause(entry) is not True:
                continue
            left -= 1
            if query.matches(BUCKET, wanted, entry):
                yield row
            if left <= 0:
                return

    def _candidates(self, wanted: Filter) -> list[Row]:
        keys, (first, last) = self._narrowed(wanted), _stretch(wanted)
        start, end = self._place(first), self._place(last + 1)
        if keys is None or end - start < len(keys):
            return self._arrived[start:end]
        return sorted((self.rows[key] for key in keys), key=lambda row: row.number)

    def _narrowed(self, part: Filter) -> dict[str, None] | None:
        """The smallest set of keys that the tables give for a filter; None if they give none."""
        match part:
            case Equal(attribute, value) if attribute in self._tables:
                return self._tables[attribute].get(value, {})
            case Equal("_key", value):
                return {value: None} if value in self.rows else {}
            case Below(key):
                return self._below(key)
            case And(parts):
                found = [keys for keys in map(self._narrowed, parts) if keys is not None]
                return min(found, key=len) if found else None
            case Or(parts):
                several = [self._narrowed(each) for each in parts]
                joined: dict[str, None] = {}
                for keys in several:
                    if keys is None:
                        return None
                    joined.update(keys)
                return joined
            case _:
                return None

    def _below(self, key: str) -> dict[str, None] | None:
        """An entry and everything below it; None if walking down gains nothing."""
        found: dict[str, None] = {}
        level = [key] if key in self.rows else []
        while level:
            found.update(dict.fromkeys(level))
            tables = [self._tables["_parent"].get(each, {}) for each in level]
            if sum(map(len, tables)) + len(found) > DEFAULT_LIMIT:
                return None
            level = [child for table in tables for child in table]
        return found


def _stretch(part: Filter) -> tuple[float, float]:
    """The numbers that a filter may let through: moray has an index on them."""
    match part:
        case And(parts):
            several = [_stretch(each) for each in parts]
            return max((first for first, _ in several), default=-math.inf), min(
                (last for _, last in several), default=math.inf
            )
        case Ordered("_id", value, sign) if not math.isnan(asked := query.number(value)):
            return (asked, math.inf) if sign > 0 else (-math.inf, asked)
    return -math.inf, math.inf


class Described(Mapping[str, list[str]]):
    """A row as a filter sees it: its attributes, and moray's own _id and _key."""

    __slots__ = ("row",)

    def __init__(self, row: Row) -> None:
        self.row = row

    def __getitem__(self, name: str) -> list[str]:
        if name == "_id":
            return [str(self.row.number)]
        if name == "_key":
            return [self.row.key]
        return self.row.attributes[name]

    def __contains__(self, name: object) -> bool:
        return name in self.row.attributes or name in ("_id", "_key")

    def __iter__(self) -> Iterator[str]:
        return iter(self.row.attributes)

    def __len__(self) -> int:
        return len(self.row.attributes)
