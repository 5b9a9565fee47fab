"""The searches for a UFDS, and what its answers mean. No I/O: the conversation is `ldap.converse`.

Sources: facts "UFDS", "How a real UFDS answers" (how to ask so that it does not lie), "Replication".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from evidence.accounts import Account
from evidence.collect.ldap import BASE, SMARTDC, USERS, Entry, Found, Search
from evidence.collect.parse import UnreadableError
from evidence.model import Change, Checkpoint, Directory, Key, Registered
from evidence.redact import cut
from evidence.subjects.replicated import WINDOW

_LARGEST_NUMBER: Final = 15
_OF_CHANGE: Final = ("changenumber", "targetdn", "changetype", "changetime")
POSEIDONS = Search(USERS, "(login=poseidon)", ("uuid", "login", "disabled"))
EVERYWHERE = Search(
    SMARTDC,
    "(|(objectclass=region)(objectclass=datacenter)(objectclass=network)(objectclass=resolver))",
    ("objectclass", "region", "datacenter", "ip"),
)
"""The regions, datacenters and resolvers that it has."""


def searches(datacenter: str, admin_uuid: str) -> tuple[Search, ...]:
    """The searches whose answers `directory` reads, in its order."""
    admin = f"uuid={admin_uuid}, {USERS}"
    return (
        Search("cn=latestchangenumber", attributes=("count",), scope=BASE),
        Search(f"cn=version, {SMARTDC}", attributes=("version",), scope=BASE),
        Search(admin, attributes=("objectclass", "disabled"), scope=BASE),
        keys_of(admin),
        Search(admin, "(|(objectclass=amonprobe)(objectclass=amonprobegroup))", ("objectclass",)),
        Search(f"ou=groups, {SMARTDC}", "(objectclass=groupofuniquenames)", ("uniquemember",)),
        EVERYWHERE,
        checkpoints_of(datacenter),
    )


def keys_of(account: str) -> Search:
    """The search for the public keys of an account, by its dn."""
    return Search(account, "(objectclass=sdckey)", ("fingerprint", "name"))


def checkpoints_of(datacenter: str) -> Search:
    """The search for a replica's checkpoints. Each lies below the replica's own datacenter entry."""
    return Search(
        f"cn=replicator, datacenter={datacenter}, {SMARTDC}",
        "(objectclass=sdcreplcheckpoint)",
        ("url", "changenumber", "query"),
    )


def changes_after(numbers: Iterable[int]) -> Search:
    """The search for what a replicator at one of these numbers would ask for next. It never asks for `changes` and `entry`."""
    ranges = "".join(f"(&(changenumber>={number})(changenumber<={number + WINDOW}))" for number in sorted(set(numbers)))
    return Search("cn=changelog", f"(|{ranges})", _OF_CHANGE)


def changes_from(number: int, to: int) -> Search:
    """The search for all changes of a stretch of the changelog, without their content."""
    return Search("cn=changelog", f"(&(changenumber>={number})(changenumber<={to}))", _OF_CHANGE)


def numbers_from(number: int, to: int) -> Search:
    """The search for the numbers of a stretch of the changelog."""
    return Search("cn=changelog", f"(&(changenumber>={number})(changenumber<={to}))", ("changenumber",))


def directory(found: tuple[Found, ...]) -> Directory:
    """Read the answers to `searches`. Raises UnreadableError."""
    latest, version, admin, keys, probes, groups, regions, checkpoints = found
    for each in found:
        if each.why:
            raise UnreadableError(each.why)
    if not latest.entries:
        raise UnreadableError("cn=latestchangenumber is not there")
    members = {_rdn(entry.dn): entry.attributes.get("uniquemember", ()) for entry in groups.entries}
    operators = members.get("operators")
    return Directory(
        latest=number(latest.entries[0], "count"),
        version=number(version.entries[0], "version") if version.entries else None,
        admin=bool(admin.entries),
        admin_disabled=any(map(_disabled, admin.entries)),
        keys=public_keys(keys),
        probes=len(probes.entries),
        operators=None if operators is None else tuple(sorted(cut(_rdn(member)) for member in operators)),
        readers="readers" in members,
        regions=tuple(sorted(cut(e.first("region")) for e in regions.entries if _is(e, "region"))),
        datacenters=_registered(regions.entries),
        checkpoints=tuple(sorted(map(_checkpoint, checkpoints.entries), key=lambda one: one.url)),
    )


def number(entry: Entry, name: str) -> int:
    """A changenumber or a version. Raises UnreadableError."""
    text = entry.first(name)
    if not text.isascii() or not text.isdigit() or len(text) > _LARGEST_NUMBER:
        raise UnreadableError(f"{name} of {cut(entry.dn)[:200]!r} is no number")
    return int(text)


def checkpoints(found: Found) -> tuple[Checkpoint, ...]:
    """Read the answer to `checkpoints_of`. Raises UnreadableError."""
    if found.why:
        raise UnreadableError(found.why)
    return tuple(sorted(map(_checkpoint, found.entries), key=lambda one: one.url))


def changes(found: Found) -> tuple[Change, ...]:
    """Read the answer to `changes_after`, sorted by number. Raises UnreadableError."""
    if found.why:
        raise UnreadableError(found.why)
    read = [
        Change(number(e, "changenumber"), cut(e.first("targetdn")), cut(e.first("changetype")), cut(e.first("changetime")))
        for e in found.entries
    ]  # fmt: skip
    return tuple(sorted(read, key=lambda change: change.number))


def public_keys(*found: Found) -> tuple[Key, ...]:
    """Read the answers to `keys_of`, sorted by name. Raises UnreadableError."""
    for each in found:
        if each.why:
            raise UnreadableError(each.why)
    read = [Key(cut(e.first("fingerprint")), cut(e.first("name"))) for each in found for e in each.entries]
    return tuple(sorted(read, key=_key_order))


def _disabled(entry: Entry) -> bool:
    """Whether cloudapi refuses the account: it compares with the text (sdc-cloudapi:lib/auth.js)."""
    return entry.first("disabled") == "true"


def accounts(found: Found) -> tuple[Account, ...]:
    """Read the answer to POSEIDONS. Raises UnreadableError."""
    if found.why:
        raise UnreadableError(found.why)
    read = [Account(cut(e.first("uuid")), cut(e.first("login")), _disabled(e)) for e in found.entries]
    return tuple(sorted(read, key=lambda account: (account.login, account.uuid)))


def gaps(numbers: Iterable[int], latest: int) -> tuple[tuple[int, int], ...]:
    """The stretches of more than WINDOW numbers, from 1 to the latest, that are missing among the numbers."""
    found, last = [], 0
    for each in sorted({*numbers, latest + 1}):
        if each - last > WINDOW + 1:
            found.append((last + 1, each - 1))
        last = each
    return tuple(found)


def waiting(change: Change | None, now: datetime) -> float:
    """How many whole seconds a change has waited; 0 if its time cannot be read, or lies in the future."""
    try:
        at = datetime.fromisoformat(change.at) if change is not None else now
        return float(max(0, round((now - at.astimezone(UTC)).total_seconds())))
    except (ValueError, OverflowError):
        return 0.0


def parent(dn: str) -> str:
    """The dn of the entry above."""
    return dn.partition(", ")[2]


def _checkpoint(entry: Entry) -> Checkpoint:
    queries = tuple(sorted(cut(query) for query in entry.attributes.get("query", ())[:100]))
    return Checkpoint(cut(entry.first("url")), number(entry, "changenumber"), queries, cut(entry.dn))


def _key_order(key: Key) -> tuple[str, str]:
    return key.name, key.fingerprint


def _is(entry: Entry, kind: str) -> bool:
    return kind in entry.attributes.get("objectclass", ())


def _rdn(dn: str) -> str:
    """The value of a dn's first part, which is the uuid of an account or the name of a group."""
    return dn.partition(",")[0].partition("=")[2]


def _registered(entries: tuple[Entry, ...]) -> tuple[Registered, ...]:
    """The datacenters below regions. An entry `datacenter=…, o=smartdc` is the UFDS's own and registers nobody."""
    found: dict[tuple[str, str], tuple[bool, list[str]]] = {}
    for entry in entries:
        place = cut(entry.first("region")), cut(entry.first("datacenter"))
        if ", region=" not in f", {entry.dn}" or _is(entry, "region"):
            continue
        network, resolvers = found.setdefault(place, (False, []))
        if _is(entry, "resolver"):
            resolvers.append(cut(entry.first("ip")))
        found[place] = network or _is(entry, "network"), resolvers
    return tuple(Registered(*place, network, tuple(sorted(ips))) for place, (network, ips) in sorted(found.items()))
