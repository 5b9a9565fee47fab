"""Read by what changed, or in full: both find the same, and just what differs, after any history.  A UFDS that lies is caught."""

from __future__ import annotations

import asyncio
import copy
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.collect import apart, changelog, comparison, reading
from evidence.collect.comparison import Comparing
from evidence.collect.covered import copied
from evidence.collect.digests import ODD, part_of
from evidence.collect.how import How
from evidence.collect.kept import FOLDER
from evidence.collect.ldap import SMARTDC, USERS, Entry, Found, Search, spelled
from evidence.collect.parse import UnreadableError
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import DIFFERENT, EXTRA, MISSING, Comparison
from evidence.inventory.model import Declared, Expectations, Inventory
from evidence.inventory.reading import read_inventory
from tests.evidence.histories import Directory, dn_of, entry_for, person, step

KEY = b"the installation's own key"
ROUNDS = 25 * int(os.environ.get("AZ_FUZZ", "1"))
INVENTORY = Inventory(
    "my-dc-2",
    {
        "my-dc-1": Declared("my-dc-1", "root@one", "my-dc", "replica"),
        "my-dc-2": Declared("my-dc-2", "root@two", "my-dc", "master"),
    },
    path="/etc/region.yaml",
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "ON_ITS_WAY", 0.0)
    monkeypatch.setattr(reading, "PAUSE", 0.0)
    monkeypatch.setattr(changelog, "PAUSE", 0.0)


def compare(
    master: Directory,
    replica: Directory,
    runs: Path | None,
    *,
    inventory: Inventory = INVENTORY,
    key: bytes = KEY,
    zone: str = "zone-1",
    told: list[str] | None = None,
) -> Comparison:
    """With `runs` by what is kept there."""
    how = How(folder=runs)

    async def both() -> Comparison:
        comparing = Comparing(["my-dc-1"], covered=how.covered(key), memory=how.memory(inventory, key))

        async def watched(searches: tuple[Search, ...]) -> tuple[Found, ...]:
            if told is not None:
                told.append(comparing.told())
            return await replica(searches)

        answers = await asyncio.gather(
            comparing.serve("my-dc-2", master, "admin", ("ufds0", "zone-2")),
            comparing.compare("my-dc-1", "my-dc", apart.own({}), watched, ("ufds0", zone)),  # type: ignore[arg-type]
        )
        return answers[1]

    return asyncio.run(both())


def plain(seen: Comparison) -> Comparison:
    """What was found, without how."""
    return replace(seen, full_at="", reread=0, anew="")


def truly(master: Directory, replica: Directory) -> tuple[int, dict[str, str]]:
    """What differs, told without digests and stretches."""

    def held(directory: Directory) -> dict[str, object]:
        found = {}
        for dn, (_, values) in directory.entries.items():
            local = {"amonprobe"} & {*values["objectclass"]} or "sdcreplcheckpoint" in values["objectclass"]
            if local or values.get("expiration", ("",))[0].startswith("2020") or not copied(dn, "my-dc"):
                continue
            found[dn] = {name: sorted(each) for name, each in values.items() if name != "updated_at"}
        return found

    there, here = held(master), held(replica)
    kinds = {dn: MISSING for dn in there if dn not in here} | {dn: EXTRA for dn in here if dn not in there}
    return len(there), kinds | {dn: DIFFERENT for dn in there if dn in here and there[dn] != here[dn]}


def beginning(draw: random.Random, size: int = 40) -> tuple[Directory, Directory]:
    master = Directory()
    master.put(USERS, {"objectclass": ("organizationalunit",)})
    for _ in range(size):
        dn = dn_of(draw)
        master.put(dn, entry_for(draw, dn))
    return master, copy.deepcopy(master)


def agree(seen: Comparison, master: Directory, replica: Directory) -> None:
    compared, kinds = truly(master, replica)
    assert seen.compared == compared
    counts = [list(kinds.values()).count(kind) for kind in (MISSING, EXTRA, DIFFERENT)]
    assert [seen.missing, seen.extra, seen.different] == counts
    assert {each.dn: each.kind for each in seen.first}.items() <= kinds.items()


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_after_any_history_both_ways_find_just_what_differs(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    master, replica = beginning(draw)
    agree(compare(master, replica, tmp_path), master, replica)
    for _ in range(5):
        for _ in range(draw.randrange(12)):
            step(draw, draw.choice((master, replica)))
        seen = compare(master, replica, tmp_path)
        assert seen.anew == ""
        assert seen.full_at
        assert plain(seen) == plain(compare(master, replica, None))
        agree(seen, master, replica)


@pytest.mark.parametrize("seed", range(ROUNDS // 2))
def test_writes_meanwhile_make_no_false_difference(tmp_path: Path, seed: int) -> None:
    """Each change reaches the replica, too; some while one is read, some before."""
    draw = random.Random(seed)
    master, replica = beginning(draw)
    compare(master, replica, tmp_path)
    left = [0]

    def write() -> None:
        if not left[0]:
            return
        left[0] -= 1
        dn = f"uuid=new{draw.randrange(9)}, {USERS}"
        values = person(draw, "x")
        for each in draw.sample((master, replica), 2):
            each.put(dn, values)

    master.before = replica.before = write
    for _ in range(4):
        left[0] = 6  # a moment's traffic: while it is read, and while it is looked at again
        seen = compare(master, replica, tmp_path)
        assert (seen.missing, seen.extra, seen.different) == (0, 0, 0)
    master.before = replica.before = lambda: None
    agree(compare(master, replica, tmp_path), master, replica)


def test_a_change_that_is_seen_after_one_with_a_higher_number_is_read(tmp_path: Path) -> None:
    """Numbers are drawn before changes can be seen: two that are written at once may come the other way round."""
    draw = random.Random(14)
    master, replica = beginning(draw)
    dn, late = f"uuid=late, {USERS}", replica.latest + 1
    replica.note("modify", USERS)
    replica.note("modify", USERS)
    del replica.log[late]
    compare(master, replica, tmp_path)
    replica.put(dn, person(draw, "late"), log=False)
    replica.log[late] = ("add", dn)
    seen = compare(master, replica, tmp_path)
    assert (seen.extra, bool(seen.full_at)) == (1, True)


def test_many_differences_are_the_same_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MOST", 200)
    draw = random.Random(1)
    master, replica = beginning(draw)
    compare(master, replica, tmp_path)
    for number in range(250):
        master.put(f"uuid=many{number}, {USERS}", person(draw, str(number)))
    seen = compare(master, replica, tmp_path)
    assert (seen.missing, bool(seen.full_at)) == (250, True)
    assert plain(seen) == plain(compare(master, replica, None))


def test_what_is_read_is_in_proportion_to_what_changed(tmp_path: Path) -> None:
    """100 changes in each of two directories of 20,000: under a fiftieth of the entries."""
    master = Directory()
    for number in range(20_000):
        master.put(f"uuid={number}, {USERS}", {"objectclass": ("sdcperson",), "login": (str(number),)})
    replica = copy.deepcopy(master)
    compare(master, replica, tmp_path)
    whole = master.given + replica.given
    for each in (master, replica):
        each.given = 0
        for number in range(100):
            each.put(f"uuid={number * 7}, {USERS}", {"objectclass": ("sdcperson",), "login": (f"new {number}",)})
    seen = compare(master, replica, tmp_path)
    assert (seen.compared, seen.different, bool(seen.full_at)) == (20_000, 0, True)
    assert seen.reread == master.given + replica.given <= whole // 50


def test_a_temporary_key_that_ended_since_is_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The replica deleted it, and the master did not yet: it counts on neither side."""
    draw = random.Random(3)
    master, replica = beginning(draw, 5)
    soon = time.time() + 1000
    values = {
        "objectclass": ("accesskey",), "credentialtype": ("temporary",),
        "expiration": (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon)),),
    }  # fmt: skip
    for each in (master, replica):
        each.put(f"accesskeyid=t, {USERS}", values)
    before = compare(master, replica, tmp_path)
    replica.drop(f"accesskeyid=t, {USERS}")
    assert compare(master, replica, tmp_path).missing == 1
    monkeypatch.setattr("evidence.collect.digests.time.time", lambda: soon + 1)
    monkeypatch.setattr(comparison, "MOST", 0)  # so that nothing but the digests tells
    after = compare(master, replica, tmp_path)
    assert (after.missing, after.compared) == (0, before.compared - 1)


def files(runs: Path) -> list[Path]:
    return sorted((runs / FOLDER).iterdir())


def test_what_is_kept_is_for_its_owner_and_holds_no_value(tmp_path: Path) -> None:
    master, replica = beginning(random.Random(4))
    compare(master, replica, tmp_path)
    assert len(files(tmp_path)) == 2
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o700
    for path in files(tmp_path):
        assert path.stat().st_mode & 0o777 == 0o600
        for _, values in master.entries.values():
            for name in ("userpassword", "_salt", "binary"):
                assert all(value.encode() not in path.read_bytes() for value in values.get(name, ()))


def _spoil(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "flipped":
        path.write_bytes(whole[:-60] + bytes([whole[-60] ^ 1]) + whole[-59:])
    elif how == "cut":
        path.write_bytes(whole[:-1])
    elif how == "longer":
        path.write_bytes(whole + b"x")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "huge":
        os.truncate(path, 1 << 41)
    elif how == "open":
        path.chmod(0o644)
    elif how == "a link":
        path.rename(path.with_name("elsewhere"))
        path.symlink_to("elsewhere")
    elif how == "a pipe":
        path.unlink()
        os.mkfifo(path, 0o600)
    elif how == "a folder":
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize("how", ["flipped", "cut", "longer", "empty", "huge", "open", "a link", "a pipe", "a folder"])
def test_a_file_that_is_not_sound_means_a_full_reading(tmp_path: Path, how: str) -> None:
    master, replica = beginning(random.Random(5))
    compare(master, replica, tmp_path)
    for path in files(tmp_path):
        _spoil(path, how)
    replica.put(f"uuid=more, {USERS}", person(random.Random(1), "more"))
    told: list[str] = []
    seen = compare(master, replica, tmp_path, told=told)
    assert (seen.extra, seen.full_at) == (1, "")
    assert seen.anew.startswith("what is kept of it ")
    assert f"reads all of my-dc-1's directory: {seen.anew}" in told
    if how != "a folder":
        assert compare(master, replica, tmp_path).full_at, "the next time it is there again"


STALE = replace(INVENTORY, expect=Expectations(compare_every=1e-9))
OTHERS: dict[str, tuple[Callable[[Directory], object], dict[str, object], str]] = {
    "trimmed": (lambda d: [d.log.pop(n) for n in [*d.log][:-3]], {}, r"its changelog does not have change \d+ any more"),
    "another life": (lambda d: d.log.update({d.latest - 5: ("add", "x")}), {}, r"its changelog does not have change \d+ any more"),
    "backwards": (lambda d: [d.log.pop(n) for n in [*d.log][-9:]], {}, r"its changenumbers went back from \d+ to \d+"),
    "a hole": (lambda d: d.skip(60), {}, r"its changelog has nothing between .*"),
    "a strange change": (lambda d: d.note("modrdn", f"uuid=z, {USERS}"), {}, "its changelog has a change of another kind"),
    "another zone": (lambda _: None, {"zone": "zone-9"}, "what is kept is of another zone"),
    "another key": (lambda _: None, {"key": b"another"}, "what is kept of it is damaged, or was kept with another key"),
    "another master": (lambda _: None, {"inventory": replace(INVENTORY, master="my-dc-3")}, "what is kept is of another master"),
    "another inventory": (lambda _: None, {"inventory": replace(INVENTORY, path="/else")}, ""),
    "too old": (lambda _: None, {"inventory": STALE}, "it was read in full 0 hours ago"),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_what_does_not_go_on_from_what_is_kept_means_a_full_reading(tmp_path: Path, case: str) -> None:
    change, others, why = OTHERS[case]
    master, replica = beginning(random.Random(6), 200)
    compare(master, replica, tmp_path)
    for each in (master, replica):
        each.put(f"uuid=lost, {USERS}", person(random.Random(1), "lost"), log=False)
        for _ in range(5):
            each.note("modify", USERS)
    change(replica)
    replica.put(f"uuid=lost2, {USERS}", person(random.Random(1), "lost"), log=False)
    seen = compare(master, replica, tmp_path, **others)  # type: ignore[arg-type]
    assert re.fullmatch(why, seen.anew), seen.anew
    assert seen.extra == 1, "no changelog names it: only a full reading sees it"


def test_never_kept_where_everything_is_always_read(tmp_path: Path) -> None:
    master, replica = beginning(random.Random(7))
    compare(master, replica, tmp_path, inventory=replace(INVENTORY, expect=Expectations(compare_every=0.0)))
    assert not (tmp_path / FOLDER).exists()


def test_where_nothing_can_be_kept_it_is_compared(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file stands in the way")
    master, replica = beginning(random.Random(8))
    seen = compare(master, replica, tmp_path)
    agree(seen, master, replica)
    assert seen.full_at == ""


@pytest.mark.parametrize("known", [False, True])
def test_a_ufds_that_does_not_answer_to_the_end_is_missing(tmp_path: Path, known: bool) -> None:
    master, replica = beginning(random.Random(9))
    if known:
        compare(master, replica, tmp_path)

    def cut() -> None:
        raise UnansweredError("the LDAP conversation broke off")

    replica.before = cut
    with pytest.raises(UnansweredError, match="broke off"):
        compare(master, replica, tmp_path)


def test_a_search_that_breaks_off_is_unreadable(tmp_path: Path) -> None:
    master, replica = beginning(random.Random(10))
    replica.spoil = lambda search, found: Found(why="the search broke off") if search.base == USERS else found
    with pytest.raises(UnreadableError, match="broke off"):
        compare(master, replica, tmp_path)


def _thousand(_: Search, found: Found) -> Found:
    return Found(found.entries[:1000])


def test_a_limit_that_is_kept_in_silence_is_noticed(tmp_path: Path) -> None:
    """1000 entries and result 0, whatever limit was asked for: then it is asked for less."""
    master = Directory()
    for number in range(3000):
        master.put(f"uuid={number}, {USERS}", {"objectclass": ("sdcperson",)})
    replica = copy.deepcopy(master)
    replica.spoil = master.spoil = _thousand
    assert compare(master, replica, None).compared == 3000
    compare(master, replica, tmp_path)
    for number in range(900):
        master.put(f"uuid={number}, {USERS}", {"objectclass": ("sdcperson",), "n": ("1",)})
    assert compare(master, replica, tmp_path).different == 900


def test_more_entries_than_there_can_be_are_a_lie() -> None:
    master, replica = beginning(random.Random(12))
    many = Found(tuple(Entry(f"uuid={number}, {USERS}", {}) for number in range(5000)))
    replica.spoil = lambda search, found: many if search.base == USERS else found
    with pytest.raises(UnreadableError, match="5000 entries where there are at most 2000"):
        compare(master, replica, None)


def test_an_entry_that_nobody_asked_for_is_a_lie(tmp_path: Path) -> None:
    master, replica = beginning(random.Random(13))
    other = Found((Entry("cn=root", {}),))
    replica.spoil = lambda search, found: other if search.base == USERS else found
    with pytest.raises(UnreadableError, match="an entry that is not below ou=users"):
        compare(master, replica, None)
    replica.spoil = lambda _, found: found
    compare(master, replica, tmp_path)
    replica.put(f"uuid=z, {USERS}", person(random.Random(1), "z"))
    wrong = Found((Entry(USERS, {}),))
    replica.spoil = lambda search, found: wrong if search.base == f"uuid=z, {USERS}" else found
    seen = compare(master, replica, tmp_path)
    assert seen.anew == "it answers with another entry than it was asked for"


def test_the_own_spelling_of_a_dn() -> None:
    for dn in (f"uuid=a\\, b, {USERS}", f"cn=\\\\, ou=groups, {SMARTDC}", f"uuid=A\\20, {USERS}"):
        assert spelled(dn) == dn
    assert spelled("UUID=Ab,OU=users,  o=smartdc") == f"uuid=Ab, {USERS}"


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_part_of_which_all_is_looked_at_has_what_does_not_count_by_standing_in_both(seed: int) -> None:
    """What some replicators alone copy, and what may be named otherwise by the changelog: other parts are found by the changelog's name."""
    draw = random.Random(seed)
    master, _ = beginning(draw)
    for _ in range(40):
        step(draw, master)
    odd = (
        f"UUID=a, {USERS}",
        f"uuid=a,{USERS}",
        f"uuid=a,  {USERS}",
        f"uuid=a, {USERS},",
        "",
        "a",
        f"uuid=\\, {USERS}",
    )
    for dn in (*master.entries, *odd, f"uuid=a\\,b=c, {USERS}", f"uuid=, {USERS}", f"uuid=\n, {USERS}"):
        where = part_of(dn)
        assert where == part_of(spelled(dn)) or where == ODD
        assert where == ODD or (spelled(dn) == dn and copied(dn, "my-dc") and copied(dn, "elsewhere"))
    assert part_of(f"uuid=x, {USERS}") != ODD


def test_how_often_all_is_read_is_declared(tmp_path: Path) -> None:
    declared = tmp_path / "region.yaml"
    declared.write_text(
        "master: a\ndatacenters:\n  a: {headnode: root@a, region: r}\nexpect: {compare_every: 12h}\n", encoding="utf-8"
    )
    assert read_inventory(declared).expect.compare_every == 12 * 3600
    assert Expectations().compare_every == 7 * 86400
