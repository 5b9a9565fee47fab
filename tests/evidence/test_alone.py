"""`az-checks collect`: only who is named is asked; what the others would tell is known from earlier evidence, or is missing and says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

import prepare.collect
import prepare.comparing
from evidence.collect import apart, collect, listing
from evidence.collect.draft import Draft
from evidence.collect.how import AS_DECLARED
from evidence.collect.ldap import USERS
from evidence.collect.lone import Alone
from evidence.collect.opendirectory import OpenDirectory
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Declared
from evidence.inventory.reading import read_inventory
from evidence.model import Evidence, Vm
from evidence.redact import Vault, fingerprint_key, key_mark
from evidence.store import directory_beside, load, save
from evidence.subjects.links import LINKS, Link, links
from evidence.subjects.world import World
from prepare.command import main
from tests.evidence.test_anypair import ADMIN, CARLA, directory
from tests.evidence.test_collect import HEALTHY, Server, enter, home, inventory
from tests.recording import recorded
from triton_az_checks.errors import UsageError

__all__ = ["home"]


def test_only_who_is_named_is_asked(home: Path) -> None:
    """The others are contacted by nobody, and the evidence does not hold them, though it was known what they are."""
    everybody = inventory("a", "b", "c")

    async def alone() -> tuple[Evidence, list[int]]:
        servers = {name: Server(HEALTHY) for name in "abc"}
        for name, server in servers.items():
            enter(home, name, await server.start(), key=server.user_key, host_key=server.key)
        first = await collect(everybody, lambda _: None)
        before = [len(server.commands) for server in servers.values()]
        known = {name: first.datacenters[name] for name in "ac"}
        seen = await collect(everybody, lambda _: None, alone=Alone(frozenset("b"), known))
        more = [len(server.commands) - was for server, was in zip(servers.values(), before, strict=True)]
        for server in servers.values():
            server.server.close()
        return seen, more

    seen, (a, b, c) = asyncio.run(alone())
    assert a == c == 0 < b
    assert [*seen.datacenters] == ["b"]
    assert [part.datacenters for part in seen.parts] == [("b",)]
    assert seen.key_mark == key_mark(fingerprint_key())


def test_one_machine_that_asks_all_has_no_parts(home: Path) -> None:
    seen = asyncio.run(collect(inventory("a"), lambda _: None))
    assert (seen.parts, seen.key_mark) == ((), key_mark(fingerprint_key()))


def test_what_takes_the_masters_directory_too_is_not_asked() -> None:
    """The reason stands where the answer would; nothing is waited for."""
    recording = recorded("healthy")
    draft = Draft(recording.inventory.datacenters["my-dc-1"], Vault(b"k" * 32))
    draft.apart = Alone(frozenset({"my-dc-1"})).unmet(recording.inventory)
    vm = Vm("u", "ufds0", "ufds", "running")

    async def never() -> object:
        raise AssertionError("this was asked")

    for key in ("progress", "comparison"):
        asyncio.run(draft.ask_zone(vm, key, never))
        assert "collected apart from my-dc-2, the master" in (draft.zone_facts["ufds0", key].why or "")


def ways(known: Sequence[str]) -> tuple[set[str], dict[str, str | None]]:
    """Which links of my-dc-1 are tried, by the target's datacenter and role, and why others are not."""
    recording = recorded("healthy")
    alone = Alone(frozenset({"my-dc-1"}), {name: recording.datacenters[name] for name in known})
    draft = Draft(recording.inventory.datacenters["my-dc-1"], Vault(b"k" * 32))
    own = {"my-dc-1": recording.datacenters["my-dc-1"]}
    draft.vms = {alias: zone.vm for alias, zone in own["my-dc-1"].zones.get().items()}
    world = World(recording.inventory, replace(recording, datacenters={**alone.known, **own}))
    wanted: list[Link] = [
        link for check in LINKS for link in links(world, check) if link.source.datacenter.name == "my-dc-1"
    ]
    tried = alone.reachable(wanted, draft)
    return {f"{link.target.name}.{link.kind.target_role}" for link in tried}, {
        name: fact.why for name, fact in draft.links.items()
    }


def test_links_need_the_others_addresses() -> None:
    """A replica's own SAPI names the master's UFDS; of binders and moray nobody here knows where they are, and what to do is said."""
    tried, untried = ways([])
    assert tried == {"my-dc-2.ufds"}
    why = untried["my-dc-1.sapi0--my-dc-2.moray.2020"]
    assert why == (
        "collected apart: where my-dc-1 was collected the address of moray in my-dc-2 was not known; collect my-dc-1 again with "
        "--knowing FILE, the evidence of my-dc-2"
    )


def test_links_to_who_is_known_are_tried() -> None:
    tried, untried = ways(["my-dc-2"])
    assert {"my-dc-2.ufds", "my-dc-2.binder", "my-dc-2.moray"} == tried
    assert {name.rpartition("--")[2].partition(".")[0] for name in untried} == {"my-dc-3"}
    assert ways(["my-dc-2", "my-dc-3"])[1] == {}


# The command


@pytest.fixture
def region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AZ_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("AZ_INVENTORY", raising=False)
    declared = {f"my-dc-{number}": {"headnode": f"h{number}", "region": "my-dc"} for number in (1, 2, 3)}
    path = tmp_path / "region.yaml"
    path.write_text(yaml.safe_dump({"master": "my-dc-2", "datacenters": declared}))
    return path


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["REGION"], "the following arguments are required: --datacenter, -o/--output"),
        (["REGION", "--datacenter", "my-dc-1"], "the following arguments are required: -o/--output"),
        (["REGION", "--datacenter", "no\x1b", "-o", "OUT"], "the inventory has no no\\x1b; it has: my-dc-1, my-dc-2, my-dc-3"),
        (["--datacenter", "my-dc-1", "-o", "OUT"], "no inventory was given"),
        (["REGION", "--datacenter", "my-dc-1", "-o", "."], "-o: . is a folder: name a file in it"),
        (["REGION", "--datacenter", "my-dc-1", "-o", "/no/such/file"], "/no/such is no folder in which this user may write"),
        (["REGION", "--datacenter", "my-dc-1", "-o", "OUT", "--knowing", "gone.json"], "gone.json: cannot be read"),
    ],
)  # fmt: skip
def test_wrong_use_is_a_sentence_before_anybody_is_asked(
    region: Path, capsys: pytest.CaptureFixture[str], typed: list[str], told: str
) -> None:
    words = [{"REGION": str(region), "OUT": str(region.parent / "out.json")}.get(word, word) for word in typed]
    assert main(["collect", *words]) == 4
    said = capsys.readouterr()
    assert told in said.err
    assert said.out == ""
    assert not (region.parent / "out.json").exists()


def collecting(monkeypatch: pytest.MonkeyPatch, seen: Evidence | None) -> list[Alone]:
    """Nobody is contacted: this is what is seen, None if it was interrupted. Returns how it was asked for."""
    asked: list[Alone] = []

    async def patiently(_inventory: object, _progress: object, *, alone: Alone) -> Evidence:
        asked.append(alone)
        assert seen is not None
        return seen

    monkeypatch.setattr(prepare.collect, "collect_patiently", patiently)
    if seen is None:

        def interrupted(work: object, _told: str) -> None:
            work.close()  # type: ignore[attr-defined]

        monkeypatch.setattr(prepare.collect, "unless_interrupted", interrupted)
    return asked


def test_what_was_written_can_be_read_and_says_what_it_lacks(
    region: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = recorded("healthy")
    untried = {
        name: replace(fact, value=None, why="… --knowing FILE")
        for name, fact in whole.datacenters["my-dc-1"].links.items()
    }
    dark = recorded("headnode-dark-at-my-dc-3").datacenters["my-dc-3"]
    seen = replace(
        whole, datacenters={"my-dc-1": replace(whole.datacenters["my-dc-1"], links=untried), "my-dc-3": dark}
    )
    out = region.parent / "out.json"
    collecting(monkeypatch, seen)
    asked = ["collect", str(region), "--datacenter", "my-dc-1", "--datacenter", "my-dc-3", "-o", str(out)]
    assert main([*asked, "--no-directories"]) == 0
    told = capsys.readouterr().out
    assert out.exists()
    assert f"{out}: my-dc-1, my-dc-3, seen " in told
    assert "directories were not listed, so nobody will know whether they agree with that of my-dc-2\n" in told
    assert f"my-dc-1: {len(untried)} ways to other datacenters could not be tried" in told
    assert "my-dc-3 could not be asked: " in told


def test_directories_are_listed_beside_it(
    region: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that cannot be listed says why, costs no evidence, and leaves nothing of an earlier round there."""
    monkeypatch.setenv("AZ_FINGERPRINT_KEY_FILE", str(region.parent / "installation.key"))
    whole, out = recorded("healthy"), region.parent / "out.json"
    collecting(
        monkeypatch, replace(whole, datacenters={name: whole.datacenters[name] for name in ("my-dc-1", "my-dc-3")})
    )

    @contextlib.asynccontextmanager
    async def instead(declared: Declared, *_: object) -> AsyncIterator[OpenDirectory]:
        if declared.name == "my-dc-3":
            raise UnansweredError("my-dc-3: no answer\x1b")
        yield OpenDirectory(declared, ADMIN, apart.own({}), directory({f"uuid=a, {USERS}": CARLA}))

    monkeypatch.setattr(prepare.comparing, "opened", instead)
    stale = directory_beside(out, "my-dc-3")
    stale.write_text("of an earlier round")
    typed = ["collect", str(region), "--datacenter", "my-dc-1", "--datacenter", "my-dc-3", "-o", str(out)]
    assert main([*typed, "--no-directories"]) == 0
    assert "my-dc-1.directory" not in capsys.readouterr().out
    assert stale.exists()
    assert main(typed) == 0
    told = capsys.readouterr().out
    assert "directories were not listed" not in told
    assert f"{out}.my-dc-1.directory: 1 entry of my-dc-1, read from " in told
    assert "my-dc-3: its directory was not listed: my-dc-3: no answer\\x1b\n" in told
    assert not stale.exists()
    key = fingerprint_key()
    covered = AS_DECLARED.covered(key)
    assert covered is not None
    kept = listing.load(directory_beside(out, "my-dc-1"), read_inventory(region), key, covered)
    with kept.held:
        assert (kept.round, kept.held.count) == (whole.started, 1)


def test_interrupted_nothing_is_written(
    region: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = region.parent / "out.json"
    collecting(monkeypatch, None)
    assert main(["collect", str(region), "--datacenter", "my-dc-1", "-o", str(out)]) == 2
    assert capsys.readouterr().err == "az-checks collect: interrupted, so nothing was written\n"
    assert not out.exists()


def test_the_newest_word_about_the_others_counts(region: Path) -> None:
    """Of runs and of files; of who is asked now, and of who was not seen then, nothing is taken."""
    whole = recorded("healthy")
    old = replace(whole, started="2026-01-01T00:00:00Z", suite_version="old")
    dark = recorded("headnode-dark-at-my-dc-3")
    new = replace(dark, started="2026-02-02T00:00:00Z")
    save(old, region.parent / "old.json")
    save(new, region.parent / "runs/20260202T000000Z/evidence.json")
    inventory = load(region.parent / "old.json").inventory
    for order in (
        ["20260202T000000Z", str(region.parent / "old.json")],
        [str(region.parent / "old.json"), "20260202T000000Z"],
    ):
        known = prepare.collect.known_of(order, inventory, {"my-dc-1"})
        assert known == {"my-dc-2": dark.datacenters["my-dc-2"], "my-dc-3": whole.datacenters["my-dc-3"]}


def test_a_file_that_cannot_be_written_is_a_sentence(region: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    collecting(monkeypatch, recorded("healthy"))
    monkeypatch.setattr(prepare.collect, "save", full)
    with pytest.raises(UsageError, match=r"-o: .*out.json cannot be written: No space left on device"):
        prepare.collect.main([str(region), "--datacenter", "my-dc-1", "-o", str(region.parent / "out.json")])
