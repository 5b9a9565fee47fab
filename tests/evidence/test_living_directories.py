"""Comparing by what changed, with servers that speak LDAP as a real UFDS does: the same differences, and far fewer entries read."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from evidence.collect import apart, comparison, conversation
from evidence.collect.anypair import PairReading, compare_two
from evidence.collect.comparison import Comparing
from evidence.collect.how import How
from evidence.collect.ldap import Found, Login, Search
from evidence.collect.opendirectory import OpenDirectory
from evidence.comparison import DIFFERENT, EXTRA, MISSING, Comparison, EntryDifference
from evidence.inventory.model import Declared, Inventory
from lab.machine import tls
from lab.plan.making import make_plan
from lab.plan.names import ADMIN_UUID, ROOT_DN, ROOT_PASSWORD
from lab.ufds.client import UfdsProcess
from prepare.command import main

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


# Any pair

PAIR = ("my-dc-1", "my-dc-3")


async def own_key(ufds: UfdsProcess, name: str) -> str:
    """The fingerprint of the key that only this replica's admin has."""
    found = [
        {
            dn.partition(",")[0]
            for dn, _ in await ufds.query(each, f"uuid={ADMIN_UUID}, {USERS}", "sub", "(objectclass=sdckey)")
        }
        for each in (name, MASTER)
    ]
    (own,) = found[0] - found[1]
    return own.partition("=")[2]


async def spoilt(ufds: UfdsProcess) -> list[str]:
    """Some entries of the first of two replicas are changed and gone. Returns whose."""
    people = {
        held["login"][0]: dn for dn, held in await ufds.query(PAIR[0], USERS, "sub", "(objectclass=sdcperson)") if dn
    }
    await ufds.modify(PAIR[0], people["carla"], [("replace", "userpassword", ["s3cret-of-nobody"])])
    await ufds.delete(PAIR[0], people["bruno"], subtree=True)
    return [people["carla"], people["bruno"]]


def test_two_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Just what was spoilt, whichever is named first; each one's own key is none of it."""
    monkeypatch.setattr(comparison, "ON_ITS_WAY", 0.0)

    async def compared(folder: Path) -> tuple[list[str], list[tuple[EntryDifference, ...]]]:
        async with UfdsProcess() as ufds:
            await ufds.seed(make_plan(3, accounts=1100))
            sides = []
            for name in PAIR:
                port = await ufds.serve(name, *tls.make_certificate(folder), host="127.0.0.1", port=0)
                own = apart.own({apart.FINGERPRINT: await own_key(ufds, name)})
                sides.append(OpenDirectory(Declared(name, name, "my-dc", "replica"), ADMIN_UUID, own, Living(port)))
            covered = How().covered(b"key")
            assert covered is not None
            before = await compare_two(PairReading(covered, 60.0), sides[0], sides[1])
            assert before.equal, before
            assert before.compared > 1100
            whose = await spoilt(ufds)
            both = [await compare_two(PairReading(covered, 60.0), *each) for each in (sides, sides[::-1])]
            return whose, [each.differences for each in both]

    with tempfile.TemporaryDirectory() as folder:
        (carla, bruno), (first, second) = asyncio.run(compared(Path(folder)))
    for found, kind in ((first, EXTRA), (second, MISSING)):
        told = [(each.dn, each.kind, each.attributes, each.login) for each in found]
        assert told[:2] == [(bruno, kind, (), "bruno"), (carla, DIFFERENT, ("userpassword",), "carla")]
        assert [each.dn.endswith(f", {bruno}") for each in found[2:]] == [True]


def test_at_endpoints_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without SAPI nobody says which key is a datacenter's own: they are neither equal, nor a difference."""
    monkeypatch.setattr(comparison, "ON_ITS_WAY", 0.0)
    monkeypatch.setenv("AZ_FINGERPRINT_KEY_FILE", str(tmp_path / "installation.key"))
    monkeypatch.setenv("AZ_UFDS_ROOT_PASSWORD", ROOT_PASSWORD)
    region = tmp_path / "region.yaml"

    async def told() -> list[str]:
        async with UfdsProcess() as ufds:
            await ufds.seed(make_plan(3))
            certificate = tls.make_certificate(tmp_path)
            ports = {name: await ufds.serve(name, *certificate, host="127.0.0.1", port=0) for name in (*PAIR, MASTER)}
            found = {
                name: {"region": "my-dc", "endpoints": {"ufds": f"ldaps://127.0.0.1:{ports[name]}"}} for name in ports
            }
            region.write_text(yaml.safe_dump({"master": MASTER, "datacenters": found}))
            typed = ("compare", str(region), "my-dc-3", "my-dc-1")
            return [await in_thread(*typed, code=1), await spoil(ufds, *typed)]

    async def spoil(ufds: UfdsProcess, *typed: str) -> str:
        await spoilt(ufds)
        return await in_thread(*typed, code=1)

    async def in_thread(*typed: str, code: int) -> str:
        assert await asyncio.to_thread(main, [*typed]) == code, capsys.readouterr()
        return capsys.readouterr().out

    monkeypatch.setattr("prepare.compare.unless_interrupted", lambda work, _: asyncio.run(work))
    before, after = asyncio.run(told())
    assert re.match(r"my-dc-1 against my-dc-3: \d+ entries compared, 0 missing, 0 extra, 0 different, 2", before)
    unknown = [line for line in before.splitlines() if line.startswith("unknown    fingerprint=")]
    assert ["my-dc-1" in line or "my-dc-3" in line for line in unknown] == [True, True]
    assert sorted(line.partition(" ")[0] for line in after.splitlines()[2:]) == sorted(
        ["missing", "missing", "different", "unknown", "unknown"]
    )
    assert "(login carla)  userpassword" in after
    assert ROOT_PASSWORD not in before + after
