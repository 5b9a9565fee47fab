"""Comparing by what changed, with servers that speak LDAP as a real UFDS does: the same differences, and far fewer entries read."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.collect import apart, comparison, conversation
from evidence.collect.comparison import Comparing
from evidence.collect.how import How
from evidence.collect.ldap import Found, Login, Search
from evidence.comparison import Comparison
from evidence.inventory.model import Declared, Inventory
from lab.machine import tls
from lab.plan.making import make_plan
from lab.plan.names import ADMIN_UUID, ROOT_DN, ROOT_PASSWORD
from lab.ufds.client import UfdsProcess

MASTER, REPLICA = "my-dc-2", "my-dc-1"
INVENTORY = Inventory(
    MASTER,
    {
        REPLICA: Declared(REPLICA, "root@one", "my-dc", "replica"),
        MASTER: Declared(MASTER, "root@two", "my-dc", "master"),
    },
)
USERS = "ou=users, o=smartdc"


class Living:
    """A UFDS on a port of this machine, and how many entries it gave."""

    def __init__(self, port: int) -> None:
        self.login, self.given = Login(port, ROOT_DN, ROOT_PASSWORD), 0

    async def __call__(self, searches: Sequence[Search]) -> tuple[Found, ...]:
        reply = await asyncio.to_thread(conversation.converse, self.login, searches, 60.0)
        assert reply.bound, reply.detail
        self.given += sum(len(found.entries) for found in reply.found)
        return reply.found


async def compare(ports: dict[str, int], runs: Path | None) -> tuple[Comparison, int]:
    """What differs, and how many entries were given for it."""
    how, master, replica = How(folder=runs), Living(ports[MASTER]), Living(ports[REPLICA])
    comparing = Comparing([REPLICA], covered=how.covered(b"key"), memory=how.memory(INVENTORY, b"key"))
    _, seen = await asyncio.gather(
        comparing.serve(MASTER, master, ADMIN_UUID, ("ufds0", "two")),
        comparing.compare(REPLICA, "my-dc", apart.own({}), replica, ("ufds0", "one")),
    )
    return seen, master.given + replica.given


async def history(runs: Path, accounts: int, changes: int) -> list[tuple[Comparison, int]]:
    """A full reading, one by what changed, and a full one again, after changes of which the replica has all but a few."""
    certificate = tls.make_certificate(runs)
    async with UfdsProcess() as ufds:
        await ufds.seed(make_plan(2, accounts=accounts))
        ports = {name: await ufds.serve(name, *certificate, host="127.0.0.1", port=0) for name in (MASTER, REPLICA)}
        found = [await compare(ports, runs)]
        people = [
            dn
            for dn, held in await ufds.query(MASTER, USERS, "sub", "(objectclass=sdcperson)")
            if "account0" in held["login"][0]
        ]
        for number, dn in enumerate(people[:changes]):
            for name in (MASTER, REPLICA):
                await ufds.modify(name, dn, [("replace", "sn", [f"Gábor {number}"])])
        await ufds.modify(REPLICA, people[0], [("replace", "sn", ["other"])])
        await ufds.delete(REPLICA, people[-1])
        group = "cn=readers, ou=groups, o=smartdc"
        await ufds.modify(REPLICA, group, [("add", "uniquemember", [people[0]])])
        return [*found, await compare(ports, runs), await compare(ports, None)]


def test_both_ways_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry more than is said here is the replica's own key."""
    monkeypatch.setattr(comparison, "ON_ITS_WAY", 0.0)
    with tempfile.TemporaryDirectory() as runs:
        (first, whole), (changed, few), (again, _) = asyncio.run(history(Path(runs), 2100, 30))
    assert (first.missing, first.extra, first.different, first.full_at) == (0, 1, 0, "")
    assert first.compared > 2100
    assert {each.dn.partition("=")[0]: each.kind for each in changed.first if each.kind == "missing"} == {
        "uuid": "missing"
    }
    assert (changed.missing, changed.extra, changed.different) == (1, 1, 2)
    assert changed.full_at
    assert replace(changed, full_at="", reread=0) == again
    assert few * 5 < whole  # with what was read of the changelogs
