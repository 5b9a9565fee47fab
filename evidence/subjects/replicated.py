"""What a replicator must ask its master for: seven queries, of which the last is about its own region alone.

A query is `/BASE??sub?FILTER`. Old images left fewer things out of the second one (CAPI-485), which asks for more, not for less. So a
list is judged by what it asks for: below which base, for which kinds of entries. Source: sdc-ufds:sapi_manifests/ufds-replicator/template.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from evidence.model import Change

EVERYTHING: Final = "*"
"""Stands for all kinds but those that a filter leaves out."""
_QUERY: Final = re.compile(r"/(?P<base>[^?]*)\?\?sub\?(?P<filter>.*)")
_KIND: Final = re.compile(r"(?P<out>\(!)?\(objectclass=(?P<kind>[A-Za-z]+)\)")
NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "o=smartdc": frozenset({"version", "emailblacklist", "keyapiprivkey", "region"}),
    "ou=users, o=smartdc": frozenset({EVERYTHING}),
    "ou=groups, o=smartdc": frozenset({"groupofuniquenames"}),
}
WINDOW: Final = 50
"""The replicator asks for the changes N…N+50, and takes a longer gap in the changelog for its end."""
OF_REGION: Final = frozenset({"datacenter", "network", "resolver"})


def asked(queries: Iterable[object]) -> dict[str, frozenset[str]]:
    """The kinds of entries that a list of queries asks for, by base."""
    found = defaultdict[str, set[str]](set)
    for query in queries:
        read = _QUERY.fullmatch(str(query))
        if read is not None:
            kinds = list(_KIND.finditer(read["filter"]))
            wanted = {each["kind"].lower() for each in kinds if not each["out"]}
            found[read["base"]] |= wanted or {EVERYTHING}
    return {base: frozenset(kinds) for base, kinds in found.items()}


def is_replicated(dn: str) -> bool:
    """Whether a replicator applies changes of an entry, as far as its name tells."""
    top = dn.rpartition(", o=smartdc")[0]
    own = dn == "o=smartdc" or top.rpartition(", ")[2].startswith("datacenter=")
    return not own and not dn.startswith(("ou=", "amonprobe=", "amonprobegroup="))


def next_change(changes: Iterable[Change], number: int) -> Change | None:
    """The first change, of those in order, that a replicator at this number is sent and applies, or else the first that it is sent."""
    sent = [each for each in changes if number <= each.number <= number + WINDOW]
    return next((each for each in sent if is_replicated(each.dn)), sent[0] if sent else None)


def unasked(queries: Iterable[object], region: str) -> tuple[str, ...]:
    """What a replicator of a region does not ask for, in words."""
    known = asked(queries)
    needed = {**NEEDED, f"region={region}, o=smartdc": OF_REGION}
    return tuple(
        f"{'the entries' if kind == EVERYTHING else kind} below {base}"
        for base, kinds in needed.items()
        for kind in sorted(kinds)
        if not known.get(base, frozenset()) & {kind, EVERYTHING}
    )
