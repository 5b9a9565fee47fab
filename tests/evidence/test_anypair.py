"""Any two directories, and one with what was kept of it: just what differs is told, by dn; a file that does not fit is refused."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from evidence.collect import apart, comparison, listing, reading, remembering, sealed
from evidence.collect.anypair import PairDifferences, PairReading, compare_kept, compare_two
from evidence.collect.differing import MOST
from evidence.collect.digests import Digests
from evidence.collect.how import How
from evidence.collect.lately import lately
from evidence.collect.ldap import SMARTDC, USERS, Found, Search
from evidence.collect.listing import ListingError, load
from evidence.collect.opendirectory import OpenDirectory
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import DIFFERENT, EXTRA, MISSING, EntryDifference
from evidence.inventory.model import Declared, Inventory
from tests.evidence.histories import Directory, Values, step
from tests.evidence.test_histories import ROUNDS, beginning, truly

KEY, ANOTHER = b"the installation's own key", b"that of somebody else....."
ADMIN = "930896af-bf8c-48d4-885c-6573a94b1853"
INVENTORY = Inventory(
    "my-dc-2",
    {
        "my-dc-1": Declared("my-dc-1", "root@one", "my-dc", "replica"),
        "my-dc-2": Declared("my-dc-2", "root@two", "my-dc", "master"),
        "my-dc-3": Declared("my-dc-3", "root@three", "my-dc", "replica"),
    },
    path="/etc/region.yaml",
)
FINGERPRINTS = {"my-dc-1": ":".join(["01"] * 16), "my-dc-2": ":".join(["02"] * 16), "my-dc-3": ":".join(["03"] * 16)}
CARLA: Values = {"objectclass": ("sdcperson",), "login": ("carla",), "email": ("carla@example.com",)}
PUBLIC: Values = {"objectclass": ("sdckey",), "name": ("id_rsa",)}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "ON_ITS_WAY", 0.0)
    monkeypatch.setattr(reading, "PAUSE", 0.0)


def directory(held: dict[str, Values]) -> Directory:
    found = Directory()
    for dn, values in held.items():
        found.put(dn, values)
    return found


def opened(name: str, held: Directory, *, unread: str = "", inventory: Inventory = INVENTORY) -> OpenDirectory:
    own = apart.own({} if unread else {apart.FINGERPRINT: FINGERPRINTS[name]}, unread)
    return OpenDirectory(inventory.datacenters[name], ADMIN, own, held)


def reader(key: bytes = KEY, seconds: float = 60.0) -> PairReading:
    covered = How().covered(key)
    assert covered is not None
    return PairReading(covered, seconds)


def two(first: OpenDirectory, second: OpenDirectory) -> PairDifferences:
    return asyncio.run(compare_two(reader(), first, second))


def replicas(first: Directory, second: Directory) -> PairDifferences:
    return two(opened("my-dc-3", first), opened("my-dc-1", second))


def keep(
    path: Path,
    side: OpenDirectory,
    key: bytes = KEY,
    inventory: Inventory = INVENTORY,
    started: str = "",
    begun: str = "2026-11-27T03:00:00Z",
    *,
    changes: bool = False,
) -> Path:
    async def kept() -> None:
        read = reader(key)
        with Digests() as held:
            before = await remembering.mark(side.ask) if changes else None
            assert (await read.read(side, held)).whole
            told = await lately(side.ask, before)
            listing.keep(path, inventory, key, read.covered, side, begun, held, started, told)

    asyncio.run(kept())
    return path


def since(path: Path, side: OpenDirectory) -> PairDifferences:
    read = reader()
    return asyncio.run(compare_kept(read, load(path, INVENTORY, KEY, read.covered), side))


def kinds(seen: PairDifferences) -> dict[str, str]:
    return {each.dn: each.kind for each in seen.differences}


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_after_any_history_just_what_differs_is_told(tmp_path: Path, seed: int) -> None:
    """Of two replicas now, and of one since it was kept; against an oracle that knows no digests."""
    draw = random.Random(seed)
    first, second = beginning(draw)
    before = copy.deepcopy(second)
    path = keep(tmp_path / "kept", opened("my-dc-1", second))
    for _ in range(draw.randrange(30)):
        step(draw, draw.choice((first, second)))
    assert (replicas(first, second).compared, kinds(replicas(first, second))) == truly(first, second)
    changed = since(path, opened("my-dc-1", second))
    assert (changed.compared, kinds(changed)) == truly(before, second)


def test_what_differs_has_a_login_and_names_attributes_and_no_values() -> None:
    bruno = CARLA | {"login": ("bruno",)}
    first = directory({f"uuid=a, {USERS}": CARLA, f"uuid=b, {USERS}": bruno, f"uuid=c, {USERS}": CARLA})
    other = CARLA | {"email": ("moved@example.com",), "_salt": ("s3cret-salt",)}
    second = directory({f"uuid=a, {USERS}": other, f"uuid=c, {USERS}": CARLA, f"uuid=d, {USERS}": bruno})
    seen = replicas(first, second)
    assert seen.differences == (
        EntryDifference(f"uuid=a, {USERS}", DIFFERENT, ("email", "userpassword"), "carla"),
        EntryDifference(f"uuid=b, {USERS}", MISSING, (), "bruno"),
        EntryDifference(f"uuid=d, {USERS}", EXTRA, (), "bruno", own=True),
    )
    assert (seen.compared, seen.equal) == (3, False)
    assert "moved" not in repr(seen)
    assert "s3cret" not in repr(seen)


def test_what_was_on_its_way_is_not_reported() -> None:
    """It comes after the directories were read, and before they are looked at again."""
    first, second = directory({f"uuid=a, {USERS}": CARLA}), directory({})

    def arrives() -> None:
        if second.asked == 2:
            second.put(f"uuid=a, {USERS}", CARLA)

    second.before = arrives
    seen = replicas(first, second)
    assert (seen.differences, seen.equal, second.asked) == ((), True, 2)


def test_all_of_a_long_list_is_looked_at_again_and_named() -> None:
    """More than a run names; what arrived meanwhile is not in it, wherever it stands."""
    many = 2 * MOST + 100
    people = {f"uuid={number:05}, {USERS}": CARLA | {"login": (f"p{number}",)} for number in range(many)}
    first, second = directory(people), directory({})
    late = f"uuid={many - 1:05}, {USERS}"

    def arrives() -> None:
        if second.asked == 4:
            second.put(late, people[late])

    second.before = arrives
    seen = replicas(first, second)
    assert seen.count(MISSING) == len(seen.differences) == many - 1
    assert {each.login for each in seen.differences} == {f"p{number}" for number in range(many - 1)}


def own_key(name: str) -> str:
    return f"fingerprint={FINGERPRINTS[name]}, uuid={ADMIN}, {USERS}"


def test_the_own_key_of_either_replica_is_no_difference() -> None:
    seen = replicas(directory({own_key("my-dc-3"): PUBLIC}), directory({own_key("my-dc-1"): PUBLIC}))
    assert (seen.equal, seen.compared) == (True, 0)
    person: dict[str, Values] = {f"uuid=a, {USERS}": CARLA}
    seen = replicas(directory(person | {own_key("my-dc-3"): PUBLIC}), directory(person))
    assert (seen.equal, seen.compared) == (True, 1)
    seen = replicas(directory(person), directory(person | {own_key("my-dc-1"): PUBLIC}))
    assert (seen.equal, seen.compared) == (True, 1)


@pytest.mark.parametrize(
    ("name", "kind"), [("my-dc-3", EXTRA), ("my-dc-1", MISSING), ("my-dc-2", MISSING), ("my-dc-2", EXTRA)]
)
def test_the_key_of_another_is_one(name: str, kind: str) -> None:
    """The first's own key in the second alone, and the other way round; the master's belongs everywhere."""
    there, here = directory({own_key(name): PUBLIC}), directory({})
    seen = replicas(*((there, here) if kind == MISSING else (here, there)))
    assert kinds(seen) == {own_key(name): kind}


def test_the_masters_own_key_belongs_to_every_replica() -> None:
    held = directory({own_key("my-dc-2"): PUBLIC})
    assert kinds(two(opened("my-dc-2", held), opened("my-dc-1", directory({})))) == {own_key("my-dc-2"): MISSING}
    assert kinds(two(opened("my-dc-1", directory({})), opened("my-dc-2", held))) == {own_key("my-dc-2"): EXTRA}


def test_a_key_of_which_it_is_not_known_whose_it_is_is_neither() -> None:
    """Not equal, and no difference: it says why."""
    second = opened("my-dc-1", directory({own_key("my-dc-1"): PUBLIC}), unread="SAPI: no answer")
    seen = two(opened("my-dc-3", directory({own_key("my-dc-3"): PUBLIC})), second)
    assert (seen.differences, seen.equal) == ((), False)
    assert seen.undecided == (f"{own_key('my-dc-1')}: whether it is my-dc-1's own key is not known: SAPI: no answer",)


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [("my-dc-1", "my-dc-3", True), ("my-dc-1", "far", False), ("far", "my-dc-2", False), ("my-dc-2", "my-dc-1", True)],
)
def test_below_regions_only_what_both_have_is_compared(first: str, second: str, counts: bool) -> None:
    far = Declared("far", "root@far", "far-away", "replica")
    inventory = replace_datacenters(far)
    entry: dict[str, Values] = {f"datacenter=x, region=my-dc, {SMARTDC}": {"objectclass": ("datacenter",)}}
    sides = [
        OpenDirectory(inventory.datacenters[name], ADMIN, apart.own({}), held)
        for name, held in ((first, directory(entry)), (second, directory({})))
    ]
    assert (kinds(two(*sides)) != {}) is counts


def replace_datacenters(*more: Declared) -> Inventory:
    known = {**INVENTORY.datacenters, **{each.name: each for each in more}}
    return msgspec.structs.replace(INVENTORY, datacenters=known)


def test_of_the_master_since_then_every_region_counts(tmp_path: Path) -> None:
    dn = f"datacenter=x, region=elsewhere, {SMARTDC}"
    held = directory({dn: {"objectclass": ("datacenter",)}})
    path = keep(tmp_path / "kept", opened("my-dc-2", held))
    held.drop(dn)
    assert kinds(since(path, opened("my-dc-2", held))) == {dn: MISSING}


def large(numbers: range, *, until: int = 1 << 30) -> Directory:
    found = directory({f"uuid={number:05}, {USERS}": CARLA | {"n": (str(number),)} for number in numbers})

    def tired() -> None:
        if found.asked > until:
            raise UnansweredError("no answer within 20 s")

    found.before = tired
    return found


def test_a_directory_that_is_read_in_part_is_never_equal(tmp_path: Path) -> None:
    first = large(range(6000))
    seen = replicas(first, large(range(6000), until=1))
    assert (seen.differences, seen.equal) == ((), False)
    assert seen.unread == "1999 entries of my-dc-1 were read, then: no answer within 20 s"
    assert 0 < seen.compared < 6000
    path = keep(tmp_path / "kept", opened("my-dc-1", first))
    assert not since(path, opened("my-dc-1", large(range(6000), until=1))).equal


def test_one_that_does_not_answer_is_named_and_the_other_does_not_go_on() -> None:
    first = large(range(20_000))

    async def lets_others_speak(searches: Sequence[Search]) -> tuple[Found, ...]:
        await asyncio.sleep(0)
        return await first(searches)

    with pytest.raises(UnansweredError, match=r"^my-dc-1: no answer within 20 s$"):
        two(replace(opened("my-dc-3", first), ask=lets_others_speak), opened("my-dc-1", large(range(10), until=0)))
    assert first.asked < 5


@pytest.mark.parametrize("who", ["my-dc-3", "my-dc-1"])
def test_what_cannot_be_looked_at_again_is_not_told_as_a_difference(who: str) -> None:
    sides = {"my-dc-3": large(range(10)), "my-dc-1": large(range(0), until=1 << 30)}
    tired = sides[who]

    def stops() -> None:
        if tired.asked > 1:
            raise UnansweredError("no answer within 20 s")

    tired.before = stops
    with pytest.raises(UnansweredError, match="what differs could not be looked at again: no answer"):
        replicas(sides["my-dc-3"], sides["my-dc-1"])


def test_a_search_that_fails_is_no_empty_directory(tmp_path: Path) -> None:
    held = directory({f"uuid=a, {USERS}": CARLA})
    path = keep(tmp_path / "kept", opened("my-dc-1", held))

    async def busy(searches: Sequence[Search]) -> tuple[Found, ...]:
        return tuple(Found(why="LDAP result 51 (busy)") for _ in searches)

    silent = replace(opened("my-dc-1", held), ask=busy)
    with pytest.raises(UnansweredError, match="my-dc-1: LDAP result 51"):
        since(path, silent)
    with pytest.raises(UnansweredError, match="my-dc-1: LDAP result 51"):
        two(opened("my-dc-3", held), silent)


# What was kept


def test_what_was_kept_has_no_value_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    held = directory({f"uuid=a, {USERS}": CARLA | {"userpassword": ("hash-of-carla",)}})
    path = keep(tmp_path / "kept", opened("my-dc-1", held))
    text = path.read_bytes()
    assert f"uuid=a, {USERS}".encode() in text
    assert not [word for word in (b"carla", b"example.com", b"hash-of", KEY) if word in text]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]


def test_what_changed_since(tmp_path: Path) -> None:
    """Added and changed ones have their login; what was changed and is as it was does not differ."""
    held = directory({f"uuid={name}, {USERS}": CARLA for name in "abc"} | {own_key("my-dc-1"): PUBLIC})
    path = keep(tmp_path / "kept", opened("my-dc-1", held))
    assert since(path, opened("my-dc-1", held)).equal
    held.put(f"uuid=a, {USERS}", CARLA | {"email": ("moved@example.com",)})
    held.put(f"uuid=b, {USERS}", CARLA | {"updated_at": ("1",)})
    held.drop(f"uuid=c, {USERS}")
    held.put(f"uuid=d, {USERS}", CARLA)
    held.drop(own_key("my-dc-1"))
    seen = since(path, opened("my-dc-1", held))
    assert seen.differences == (
        EntryDifference(f"uuid=a, {USERS}", DIFFERENT, (), "carla"),
        EntryDifference(f"uuid=c, {USERS}", MISSING),
        EntryDifference(f"uuid=d, {USERS}", EXTRA, (), "carla"),
        EntryDifference(own_key("my-dc-1"), MISSING),
    )
    assert seen.compared == 4


def test_what_was_kept_of_another_knows_its_own_key(tmp_path: Path) -> None:
    theirs = directory({f"uuid=a, {USERS}": CARLA, own_key("my-dc-3"): PUBLIC})
    path = keep(tmp_path / "kept", opened("my-dc-3", theirs))
    ours = directory({f"uuid=a, {USERS}": CARLA, own_key("my-dc-1"): PUBLIC})
    seen = since(path, opened("my-dc-1", ours))
    assert (seen.equal, seen.compared) == (True, 1)
    ours.drop(f"uuid=a, {USERS}")
    assert kinds(since(path, opened("my-dc-1", ours))) == {f"uuid=a, {USERS}": MISSING}
    unknown = keep(tmp_path / "unknown", opened("my-dc-3", theirs, unread="SAPI: no answer"))
    assert "my-dc-3's own key is not known" in since(unknown, opened("my-dc-1", ours)).undecided[0]


def refused(path: Path, inventory: Inventory = INVENTORY, key: bytes = KEY) -> str:
    with pytest.raises(ListingError) as caught:
        load(path, inventory, key, reader(key).covered)
    assert str(caught.value).startswith(str(path))
    return str(caught.value).removeprefix(str(path)).strip()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return keep(tmp_path / "kept", opened("my-dc-1", directory({f"uuid=a, {USERS}": CARLA})))


def test_every_change_of_a_byte_is_seen(kept: Path) -> None:
    whole = kept.read_bytes()
    for at in range(len(whole)):
        kept.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert refused(kept)
    for size in (0, 1, sealed.SEAL, len(whole) // 2, len(whole) - 1):
        kept.write_bytes(whole[:size])
        assert refused(kept)
    kept.write_bytes(whole + b"x")
    assert refused(kept) == sealed.DAMAGED
    kept.write_bytes(whole)
    load(kept, INVENTORY, KEY, reader().covered).held.close()


def test_of_another_installation(kept: Path) -> None:
    assert refused(kept, key=ANOTHER) == "was kept by another installation, with another key of the fingerprints"


def test_another_installation_cannot_say_that_it_is_this_one(kept: Path) -> None:
    """The mark of the key is no secret, the key is."""
    other = keep(kept.with_name("other"), opened("my-dc-1", directory({})), key=ANOTHER)
    ours, theirs = (path.read_bytes().partition(b'"key_mark":"')[2][:16] for path in (kept, other))
    other.write_bytes(other.read_bytes().replace(theirs, ours))
    assert refused(other) == sealed.DAMAGED


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: msgspec.structs.replace(one, datacenters={"my-dc-2": one.datacenters["my-dc-2"]}),
         "was kept of my-dc-1, which the inventory does not have"),
        (lambda one: msgspec.structs.replace(one, master="my-dc-3"), "was kept with another inventory: there my-dc-2 was the master"),
        (lambda one: replace_datacenters(Declared("my-dc-1", "root@else", "my-dc", "replica")),
         "was kept with another inventory: my-dc-1 was root@one in my-dc, and is root@else in my-dc"),
        (lambda one: replace_datacenters(Declared("my-dc-1", "root@one", "far", "replica")),
         "was kept with another inventory: my-dc-1 was root@one in my-dc, and is root@one in far"),
    ],
)  # fmt: skip
def test_of_another_inventory(kept: Path, change: Callable[[Inventory], Inventory], told: str) -> None:
    assert refused(kept, change(INVENTORY)) == told


def test_where_the_inventory_lies_and_who_else_is_in_it_does_not_matter(kept: Path) -> None:
    other = replace_datacenters(Declared("my-dc-4", "root@four", "my-dc", "candidate"))
    moved = msgspec.structs.replace(other, path="/home/region.yaml")
    load(kept, moved, KEY, reader().covered).held.close()


def test_what_is_no_listing(tmp_path: Path) -> None:
    path = tmp_path / "it"
    assert refused(path) == "is not there"
    for text in (b"{" * 100_000, b'{"listing": 1}\n' + b"x" * 99, b"\xff" * 70_000, b"[" * 60_000 + b"\n" + b"x" * 99):
        path.write_bytes(text)
        assert refused(path) == "is no file that `az-checks compare --keep` wrote"
    assert "Is a directory" in refused(tmp_path)
    assert refused(Path("/dev/zero")) == "is no file"


def test_what_the_nightly_keeps_is_no_listing_and_no_listing_is_taken_for_it(tmp_path: Path, kept: Path) -> None:
    """They have seals of their own."""
    memory = How(folder=tmp_path).memory(INVENTORY, KEY)
    assert memory is not None
    shelf = memory.shelf("my-dc-1", ("ufds0", "zone"), reader().covered)
    shelf.path.parent.mkdir()
    shelf.path.write_bytes(kept.read_bytes())
    shelf.path.chmod(0o600)
    with pytest.raises(Exception, match="damaged, or was kept with another key"):
        shelf.look(60.0, 0.0)
