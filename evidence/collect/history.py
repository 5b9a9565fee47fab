"""Which logins and e-mail addresses the accounts of a master ever had.  A replicator adds each account as it was made.

Read from the master's changelog, and only where a candidate has accounts.  All of it stays in memory: the changes hold passwords, too.
Source: facts "Replication"; sdc-ufds:lib/ufds-replicator/operations.js.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from evidence.collect.ldap import USERS, Entry, Found, Search
from evidence.collect.parse import UnreadableError

NAMES: Final = ("login", "email")
STRETCH: Final = 1000
"""How many numbers of a changelog one search asks for: its changes are long."""

Earlier = dict[str, set[str]]


def searches(latest: int) -> list[Search]:
    """The searches whose answers `identities` reads."""
    kinds = ("changenumber", "targetdn", "changetype", "changes")
    return [
        Search("cn=changelog", f"(&(changenumber>={first})(changenumber<={first + STRETCH - 1}))", kinds)
        for first in range(1, latest + 1, STRETCH)
    ]


def identities(answers: Iterable[Found]) -> Earlier:
    """The values in lower case, by the attribute's name.  Raises UnreadableError."""
    known: Earlier = {name: set() for name in NAMES}
    for answer in answers:
        if answer.why:
            raise UnreadableError(answer.why)
        for entry in answer.entries:
            if entry.first("targetdn").endswith(f", {USERS}"):
                for name, values in _given(entry):
                    known[name].update(str(value).lower() for value in values)
    return known


def _given(change: Entry) -> Iterator[tuple[str, Iterable[Any]]]:
    """What an addition has, and what a modification adds or sets, of the names that must be unique."""
    try:
        told = json.loads(change.first("changes") or "null")
    except ValueError:
        return
    if isinstance(told, dict):
        yield from ((name, _values(told[name])) for name in NAMES if name in told)
    elif isinstance(told, list):
        changes = [each.get("modification") for each in told if isinstance(each, dict)]
        yield from (
            (str(each.get("type")), _values(each.get("vals")))
            for each in changes
            if isinstance(each, dict) and each.get("type") in NAMES
        )


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
