"""A replica's directory compared with its master's: what counts, what is ignored, and what was only on its way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

import pytest

from evidence.collect import apart, comparison, reading
from evidence.collect.comparison import Comparing
from evidence.collect.covered import ACCESS, ACCOUNTS_AND_KEYS, SEARCHES, Covered, copied
from evidence.collect.differing import MOST, difference, differing
from evidence.collect.digests import Digests
from evidence.collect.how import How
from evidence.collect.ldap import BASE, Entry, Found, Search
from evidence.collect.parse import UnreadableError
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import DIFFERENT, EXTRA, FULL, KEYS, MISSING, OFF, Comparison, EntryDifference

USERS = "ou=users, o=smartdc"
ADMIN = "930896af-bf8c-48d4-885c-6573a94b1853"
Entries = Mapping[str, Mapping[str, str]]
ALL = Covered()


def found(entries: Entries) -> Found:
    return Found(tuple(Entry(dn, {name: (value,) for name, value in held.items()}) for dn, held in entries.items()))


def ufds(*states: Entries) -> comparison.Ask:
    """Answers whole searches from the first state, and each further look at single entries from the next, or again from the last."""
    looks = iter(states)

    async def ask(searches: Sequence[Search]) -> tuple[Found, ...]:
        state = next(looks, states[-1])
        if searches[0].scope != BASE:
            return (found(state), *(Found() for _ in searches[1:]))
        return tuple(found({dn: held for dn, held in state.items() if dn == each.base}) for each in searches)

    return ask


def listed(entries: Entries) -> Digests:
    into = Digests()
    for entry in found(entries).entries:
        ALL.listed(into, entry)
    return into


def compare(
    master: comparison.Ask,
    replica: comparison.Ask,
    monkeypatch: pytest.MonkeyPatch,
    own: apart.Own | None = None,
    covered: Covered = ALL,
) -> Comparison:
    monkeypatch.setattr(comparison, "ON_ITS_WAY", 0)

    async def both() -> Comparison:
        comparing = Comparing(["my-dc-1"], covered=covered)
        answers = await asyncio.gather(
            comparing.serve("my-dc-2", master, ADMIN),
            comparing.compare("my-dc-1", "my-dc", own or apart.own({}), replica),
        )
        return answers[1]

    return asyncio.run(both())


@pytest.mark.parametrize(
    ("dn", "counts"),
    [
        (USERS, False),
        (f"uuid=a, {USERS}", True),
        ("cn=version, o=smartdc", True),
        ("region=my-dc, o=smartdc", True),
        ("region=elsewhere, o=smartdc", True),
        ("datacenter=d, region=my-dc, o=smartdc", True),
        ("ip=1, network=admin, datacenter=d, region=elsewhere, o=smartdc", False),
        ("datacenter=my-dc-1, o=smartdc", False),
    ],
)
def test_what_the_queries_cover(dn: str, counts: bool) -> None:
    assert copied(dn, "my-dc") is counts


def test_what_is_ignored() -> None:
    one = {f"uuid=a, {USERS}": {"login": "a", "updated_at": "1", "_replicated": "true", "pwdfailuretime": "1"}}
    other = {f"uuid=a, {USERS}": {"login": "a", "updated_at": "2"}}
    assert differing(listed(one), listed(other), "my-dc").kinds == {}
    changed = {f"uuid=a, {USERS}": {"login": "a", "pwdchangedtime": "2"}}
    assert differing(listed(one), listed(changed), "my-dc").kinds == {f"uuid=a, {USERS}": DIFFERENT}


def test_parents_come_first() -> None:
    there = listed({f"fingerprint=f, uuid=a, {USERS}": {}, f"uuid=a, {USERS}": {}, f"uuid=b, {USERS}": {}})
    here = listed({f"uuid=b, {USERS}": {"login": "b"}, f"uuid=c, {USERS}": {}})
    assert list(differing(there, here, "my-dc").kinds.items()) == [
        (f"uuid=a, {USERS}", MISSING),
        (f"uuid=b, {USERS}", DIFFERENT),
        (f"uuid=c, {USERS}", EXTRA),
        (f"fingerprint=f, uuid=a, {USERS}", MISSING),
    ]


def test_differences_are_named_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    master = {f"uuid=a, {USERS}": {"login": "a", "email": "one"}, f"uuid=b, {USERS}": {"login": "b"}}
    replica = {f"uuid=a, {USERS}": {"login": "a", "email": "two"}, f"uuid=c, {USERS}": {"login": "c"}}
    seen = compare(ufds(master, master), ufds(replica, replica), monkeypatch)
    assert (seen.compared, seen.missing, seen.extra, seen.different) == (2, 1, 1, 1)
    assert seen.first == (
        EntryDifference(f"uuid=a, {USERS}", DIFFERENT, ("email",), "a"),
        EntryDifference(f"uuid=b, {USERS}", MISSING, (), "b"),
        EntryDifference(f"uuid=c, {USERS}", EXTRA, (), "c", own=True),
    )


def test_what_was_on_its_way_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = {f"uuid=a, {USERS}": {"login": "a"}}, {f"uuid=a, {USERS}": {"login": "b"}}
    assert compare(ufds(after, after), ufds(before, after), monkeypatch) == Comparison(1)


def test_of_many_differences_the_first_are_read_again_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was on its way is none of them; what is beyond is counted as it was seen."""
    people = [f"uuid={number:04}, {USERS}" for number in range(MOST + 5)]
    before, later = ({dn: {"login": login} for dn in people} for login in "ab")
    after = before | {people[0]: {"login": "c"}}
    seen = compare(ufds(later, after), ufds(before), monkeypatch)
    assert (seen.different, len(seen.first)) == (1 + 5, 6)
    assert {each.attributes for each in seen.first} == {("login",), ()}


def test_many_differences_are_counted_and_the_first_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    master = {f"uuid={number}, {USERS}": {} for number in range(MOST + 1)}
    seen = compare(ufds(master), ufds({}), monkeypatch)
    assert (seen.missing, len(seen.first)) == (MOST + 1, MOST)


def test_a_master_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(_: Sequence[Search]) -> tuple[Found, ...]:
        raise UnansweredError("no answer within 1 s")

    with pytest.raises(UnansweredError, match="what the master's UFDS holds is not known: no answer within 1 s"):
        compare(silent, ufds({}), monkeypatch)


def test_a_search_that_fails_is_no_empty_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(searches: Sequence[Search]) -> tuple[Found, ...]:
        return tuple(Found(why="LDAP result 51 (busy)") for _ in searches)

    with pytest.raises(UnreadableError, match="busy"):
        compare(ufds({}), busy, monkeypatch)


def test_what_was_not_read_to_its_end_is_never_equal() -> None:
    """Of two parts only what both have is known: what one lacks may be in the part that was not read."""
    there = listed({f"uuid=a, {USERS}": {}, f"uuid=b, {USERS}": {"login": "b"}})
    here = listed({f"uuid=b, {USERS}": {"login": "c"}, f"uuid=d, {USERS}": {}})
    seen = differing(there, here, "my-dc", whole=False)
    assert (seen.kinds, seen.compared) == ({f"uuid=b, {USERS}": DIFFERENT}, 1)


def test_a_password_is_compared_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash or a salt that differs is named as the password, and its values are nowhere in the evidence."""
    dn = f"uuid=1, {USERS}"
    for name in ("userpassword", "_salt"):
        one, two = {dn: {"login": "carla", name: "hash-one"}}, {dn: {"login": "carla", name: "hash-two"}}
        seen = compare(ufds(one, one), ufds(two, two), monkeypatch)
        assert seen.first[0].attributes == ("userpassword",)
        assert "hash-" not in repr(seen)


def test_what_ufds_keeps_for_itself_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    dn = f"uuid=1, {USERS}"
    theirs, ours = ufds({dn: {"login": "carla", "_etag": "1"}}), ufds({dn: {"login": "carla", "_etag": "2"}})
    assert compare(theirs, ours, monkeypatch).different == 0


def test_no_private_key_is_asked_for() -> None:
    private = next(search for search in SEARCHES if "keyapiprivkey" in search.filter)
    assert private.attributes == ("objectclass", "uuid")


OWN, OTHER = ":".join(["0a"] * 16), ":".join(["0b"] * 16)
METADATA = {"ufds_admin_key_fingerprint": OWN}
KEY = {"objectclass": "sdckey", "name": "id_rsa"}


def key(fingerprint: str, account: str = ADMIN) -> str:
    return f"fingerprint={fingerprint}, uuid={account}, {USERS}"


def test_the_replicas_own_key_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """ufds-reconcile-data adds it only to the local UFDS. Deleting it would take from Triton what it needs."""
    replica = {key(OWN): KEY}
    assert compare(ufds({}), ufds(replica), monkeypatch, apart.own(METADATA)) == Comparison(0)
    assert compare(ufds({}, {}), ufds(replica, replica), monkeypatch).extra == 1, "no metadata name it"


@pytest.mark.parametrize(
    ("dn", "entry", "metadata"),
    [
        (key(OTHER), KEY, METADATA),
        (key(OWN, "10000000-0000-4000-8000-000000000001"), KEY, METADATA),
        (key(OWN), {"objectclass": "sdcaccountrole"}, METADATA),
        (f"fingerprint={OWN}, uuid=b, uuid={ADMIN}, {USERS}", KEY, METADATA),
        (f"uuid={OWN}, uuid={ADMIN}, {USERS}", KEY, METADATA),
        (key(OWN.upper()), KEY, {"ufds_admin_key_fingerprint": OWN.upper()}),
        (key(""), KEY, {"ufds_admin_key_fingerprint": ""}),
        (key("*"), KEY, {"ufds_admin_key_fingerprint": "*"}),
        (key(OWN), KEY, {"ufds_admin_key_fingerprint": [OWN]}),
    ],
)
def test_no_other_entry_is_taken_for_it(
    monkeypatch: pytest.MonkeyPatch, dn: str, entry: Mapping[str, str], metadata: Mapping[str, object]
) -> None:
    seen = compare(ufds({}, {}), ufds({dn: entry}, {dn: entry}), monkeypatch, apart.own(metadata))
    assert [(each.dn, each.kind) for each in seen.first] == [(dn, EXTRA)]


def test_what_the_master_has_of_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    master, replica = {key(OWN): KEY}, {key(OWN): KEY | {"name": "other"}}
    own = apart.own(METADATA)
    assert compare(ufds(master, master), ufds(replica, replica), monkeypatch, own).different == 1
    assert compare(ufds(master, master), ufds({}, {}), monkeypatch, own).missing == 1


def test_without_metadata_a_key_alone_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing evidence is neither a finding (its remedy deletes) nor a pass. Other differences are still told."""
    replica = {key(OWN): KEY}
    unread = apart.own({}, "SAPI: no answer")
    with pytest.raises(apart.UndecidedError, match="is the datacenter's own is not known: SAPI: no answer"):
        compare(ufds({}), ufds(replica), monkeypatch, unread)
    more = replica | {f"uuid=c, {USERS}": {}}
    seen = compare(ufds({}, {}), ufds(more, more), monkeypatch, unread)
    assert [each.dn for each in seen.first] == [f"uuid=c, {USERS}"]


def test_a_temporary_key_that_has_expired_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every UFDS deletes it at its own moment. A valid one must still be everywhere."""
    old, valid = "2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"
    access = {"objectclass": "accesskey", "credentialtype": "temporary"}
    dn = f"accesskeyid=a, uuid=a, {USERS}"
    assert compare(ufds({dn: access | {"expiration": old}}), ufds({}), monkeypatch) == Comparison(0)
    assert compare(ufds({}), ufds({dn: access | {"expiration": old}}), monkeypatch) == Comparison(0)
    for counts in (
        access | {"expiration": valid},
        access | {"expiration": "soon"},
        access | {"expiration": old, "credentialtype": "permanent"},
        {"objectclass": "sdcaccountrole", "credentialtype": "temporary", "expiration": old},
    ):
        assert compare(ufds({dn: counts}, {dn: counts}), ufds({}, {}), monkeypatch).missing == 1, counts


def test_an_extra_entry_that_no_replicator_brought_is_told_from_one_that_stayed_behind() -> None:
    dn = "uuid=a, ou=users, o=smartdc"
    made, brought = (Entry(dn, {"login": ("hans",)}), Entry(dn, {"login": ("hans",), "_replicated": ("true",)}))
    assert [difference(ALL, dn, Found(()), Found((each,))).own for each in (made, brought)] == [True, False]  # type: ignore[union-attr]
    group = "cn=x, ou=groups, o=smartdc"  # whose marks UFDS does not show
    assert not difference(ALL, group, Found(()), Found((Entry(group, {}),))).own  # type: ignore[union-attr]


def large(count: int, *, slow_after: int = 1 << 30) -> comparison.Ask:
    """A UFDS of so many people; it does not answer any more once it was asked so often."""
    asked = 0

    async def ask(searches: Sequence[Search]) -> tuple[Found, ...]:
        nonlocal asked
        asked += 1
        if asked > slow_after:
            raise UnansweredError("no answer within 20 s")
        if searches[0].scope == BASE:
            numbers = [int(re.findall(r"uuid=(\d+),", each.base)[0]) for each in searches]
            return tuple(
                found({f"uuid={number}, {USERS}": {"login": str(number)}} if number < count else {})
                for number in numbers
            )
        *parts, more = searches
        first, last = map(int, re.findall(r"_id[<>]=(\d+)", parts[-1].filter))
        beyond = int(re.findall(r"_id>=(\d+)", more.filter)[0])
        people = {f"uuid={number}, {USERS}": {"login": str(number)} for number in range(first, min(last + 1, count))}
        return (
            *(Found() for _ in parts[1:]),
            found(people),
            Found((Entry("o=smartdc", {}),) if beyond < count else ()),
        )

    return ask


def test_large_directories_are_compared_and_one_tells_how_far_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = compare(large(20_000), large(20_000), monkeypatch)
    assert (seen.compared, seen.missing, seen.extra, seen.different, seen.unread) == (20_000, 0, 0, 0, "")
    seen = compare(large(20_000), large(19_000), monkeypatch)
    assert (seen.compared, seen.missing, seen.unread) == (20_000, 1000, "")


def test_a_large_directory_that_is_not_read_to_its_end_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAUSE", 0.0)
    seen = compare(large(20_000), large(20_000, slow_after=4), monkeypatch)
    assert (seen.missing, seen.extra) == (0, 0)
    assert 0 < seen.compared < 20_000
    assert re.fullmatch(r"\d+ entries of its own were read, then: no answer within 20 s", seen.unread)


def test_large_directories_have_a_time_of_their_own() -> None:
    async def told() -> tuple[list[float], list[str]]:
        grown, lines = [], []
        comparing = Comparing(["my-dc-1"], 600.0, grown.append)
        whole = large(9000)

        async def watched(searches: Sequence[Search]) -> tuple[Found, ...]:
            lines.append(comparing.told())
            return await whole(searches)

        await asyncio.gather(
            comparing.serve("my-dc-2", watched, ADMIN),
            comparing.compare("my-dc-1", "my-dc", apart.own({}), large(9000)),
        )
        return grown, [*lines, comparing.told()]

    grown, lines = asyncio.run(told())
    assert grown == [600.0]
    assert lines[0] == lines[-1] == ""
    assert any(re.search(r"^reads large directories: .*my-dc-2 \d+ entries", line) for line in lines)


def test_accounts_and_keys_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what lets somebody in is asked for and compared, and the comparison says so."""
    asked: list[Search] = []
    person, other = f"uuid=a, {USERS}", f"uuid=b, {USERS}"
    master = {person: {"login": "a", "email": "one", "disabled": "false"}, other: {"login": "b"}}
    replica = {person: {"login": "a", "email": "two", "disabled": "true"}, other: {"login": "b", "cn": "else"}}
    answers = ufds(master, master)

    async def watched(searches: Sequence[Search]) -> tuple[Found, ...]:
        asked.extend(searches)
        return await answers(searches)

    seen = compare(watched, ufds(replica, replica), monkeypatch, covered=Covered(KEYS))
    assert (seen.extent, seen.compared, seen.different) == (KEYS, 2, 1)
    assert seen.first == (EntryDifference(person, DIFFERENT, ("disabled",), "a"),)
    assert asked[0].attributes == ACCESS
    assert [search.base for search in asked if search.scope != BASE] == [USERS, "o=smartdc"]
    assert compare(ufds(master), ufds(master), monkeypatch).extent == FULL


def test_only_people_and_keys_are_asked_for() -> None:
    assert ACCOUNTS_AND_KEYS[0].filter == "(|(objectclass=sdcperson)(objectclass=sdckey))"
    assert not {"userpassword", "_salt", "*"} & {*ACCESS}


def test_off_asks_nobody() -> None:
    async def asked(_: Sequence[Search]) -> tuple[Found, ...]:
        raise AssertionError("it was asked")

    async def serve() -> None:
        await Comparing(["my-dc-1"], covered=How(OFF).covered(b"key")).serve("my-dc-2", asked, ADMIN)

    asyncio.run(serve())
