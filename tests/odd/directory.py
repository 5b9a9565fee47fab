"""Odd directories: many accounts, groups and keys, and what former couplings left."""

from __future__ import annotations

from tests.odd.draft import Draft
from tests.odd.registry import odd


@odd
def many_operators(draft: Draft) -> bool:
    """There are many operators.

    Source: facts "UFDS" (groups have members without limit).
    """
    more = [draft.uuid() for _ in range(30)]
    for _, _, ufds in draft.every_zone("ufds"):
        if ufds["directory"]["value"]["operators"] is not None:
            ufds["directory"]["value"]["operators"] += more
    return True


@odd
def keys_of_the_operators(draft: Draft) -> bool:
    """admin has further keys, with names in other scripts, and without one.

    Source: facts "UFDS" (sdc-useradm add-key).
    """
    if len(draft.replicas) + 1 < len(draft.names):
        return False
    more = [{"fingerprint": ":".join(f"{number:02x}" for _ in range(16)), "name": name}
            for number, name in enumerate(("Jürgen's laptop", "", "鍵", "a/b=c"))]  # fmt: skip
    for _, _, ufds in draft.every_zone("ufds"):
        ufds["directory"]["value"]["keys"] += more
    return True


@odd
def many_accounts(draft: Draft) -> bool:
    """There are many accounts, sub-users, roles and policies, some with names in other scripts.

    Source: facts "Replication".
    """
    for _, _, ufds in draft.every_zone("ufds"):
        if ufds.get("comparison") and ufds["comparison"].get("value"):
            ufds["comparison"]["value"]["compared"] = 101_027
    return True


@odd
def many_changes(draft: Draft) -> bool:
    """The changelog has millions of changes.

    Source: facts "Replication" (numbers only grow).
    """
    more = 4_000_000
    for _, _, ufds in draft.every_zone("ufds"):
        ufds["directory"]["value"]["latest"] += more
        for point in ufds["directory"]["value"]["checkpoints"]:
            point["changenumber"] += more
        if ufds.get("progress") and ufds["progress"].get("value"):
            for key in ("latest", "before", "after"):
                ufds["progress"]["value"][key] += more
    return True


@odd
def a_little_behind(draft: Draft) -> bool:
    """A replica is a few changes behind, and moves on.

    Source: facts "Replication" (normally a second or two).
    """
    for name in draft.replicas:
        for ufds in draft.zones(name, "ufds").values():
            seen = ufds["progress"]["value"]
            at = seen["latest"] - 2
            change = {"number": at, "dn": "uuid=x, ou=users, o=smartdc", "kind": "modify", "at": "2000-01-01T00:00:00Z"}
            seen |= {"before": at - 3, "after": at, "next": change, "waiting": draft.random.choice((0.5, 3.0))}
    return True


@odd
def checkpoints_of_former_addresses(draft: Draft) -> bool:
    """A replica keeps checkpoints of addresses that it followed before.

    Source: facts hazard 12 (keyed by the url; nobody deletes them).
    """
    for name in draft.replicas:
        for ufds in draft.zones(name, "ufds").values():
            old = {"url": "ldaps://192.0.2.200", "changenumber": 17, "queries": [], "dn": "cn=old"}
            ufds["directory"]["value"]["checkpoints"].append(old)
    return True


@odd
def no_probes(draft: Draft) -> bool:
    """A datacenter has many amon probes, or the master has none.

    Source: facts "UFDS" (probes are the datacenter's own).
    """
    for name, _, ufds in draft.every_zone("ufds"):
        ufds["directory"]["value"]["probes"] = 0 if name == draft.master else 500
    return True


@odd
def regions_that_nobody_is_in(draft: Draft) -> bool:
    """UFDS lists a region in which no datacenter of the inventory is.

    Source: facts "UFDS" (Tree); sdc-ufds-m2s leaves others' entries.
    """
    for _, _, ufds in draft.every_zone("ufds"):
        ufds["directory"]["value"]["regions"].append("former")
    return True


@odd
def no_poseidon(draft: Draft) -> bool:
    """Nobody is called poseidon, for there is no Manta.

    Source: facts "Manta" (manta-init makes the account).
    """
    if draft.manta:
        return False
    for _, _, ufds in draft.every_zone("ufds"):
        gone = {account["uuid"] for account in ufds["poseidons"]["value"]}
        ufds["poseidons"]["value"] = []
        operators = ufds["directory"]["value"]["operators"]
        ufds["directory"]["value"]["operators"] = [each for each in operators or () if each not in gone]
    return True
