"""A replica's directory compared with its master's: what counts, what is ignored, and what was only on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from evidence.collect import comparison
from evidence.collect.comparison import Comparing, copied, differing, listing
from evidence.collect.ldap import BASE, Entry, Found, Search
from evidence.collect.parse import UnreadableError
from evidence.collect.unanswered import UnansweredError
from evidence.comparison import DIFFERENT, EXTRA, MISSING, Comparison, EntryDifference

USERS = "ou=users, o=smartdc"
Entries = Mapping[str, Mapping[str, str]]


def found(entries: Entries) -> Found:
    return Found(tuple(Entry(dn, {name: (value,) for name, value in held.items()}) for dn, held in entries.items()))


def ufds(*states: Entries) -> comparison.Ask:
    """Answers whole searches from the first state, and each further look at single entries from the next."""
    looks = iter(states)

    async def ask(searches: Sequence[Search]) -> tuple[Found, ...]:
        state = next(looks)
        if searches[0].scope != BASE:
            return (found(state),)
        return tuple(found({dn: held for dn, held in state.items() if dn == each.base}) for each in searches)

    return ask


def compare(master: comparison.Ask, replica: comparison.Ask, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    monkeypatch.setattr(comparison, "ON_ITS_WAY", 0)

    async def both() -> Comparison:
        comparing = Comparing(["my-dc-1"])
        answers = await asyncio.gather(comparing.serve(master), comparing.compare("my-dc-1", "my-dc", replica))
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
    assert listing([found(one)]) == listing([found(other)])
    changed = {f"uuid=a, {USERS}": {"login": "a", "pwdchangedtime": "2"}}
    assert listing([found(one)]) != listing([found(changed)])


def test_parents_come_first() -> None:
    there = listing([found({f"fingerprint=f, uuid=a, {USERS}": {}, f"uuid=a, {USERS}": {}, f"uuid=b, {USERS}": {}})])
    here = listing([found({f"uuid=b, {USERS}": {"login": "b"}, f"uuid=c, {USERS}": {}})])
    assert list(differing(there, here, "my-dc").items()) == [
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
        EntryDifference(f"uuid=c, {USERS}", EXTRA, (), "c"),
    )


def test_what_was_on_its_way_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = {f"uuid=a, {USERS}": {"login": "a"}}, {f"uuid=a, {USERS}": {"login": "b"}}
    assert compare(ufds(after, after), ufds(before, after), monkeypatch) == Comparison(1)


def test_many_differences_are_counted_and_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    master = {f"uuid={number}, {USERS}": {} for number in range(comparison.MOST_AGAIN + 1)}
    seen = compare(ufds(master), ufds({}), monkeypatch)
    assert (seen.missing, len(seen.first)) == (comparison.MOST_AGAIN + 1, comparison.MOST)


def test_a_master_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(_: Sequence[Search]) -> tuple[Found, ...]:
        raise UnansweredError("no answer within 1 s")

    with pytest.raises(UnansweredError, match="what the master's UFDS holds is not known: no answer within 1 s"):
        compare(silent, ufds({}), monkeypatch)


def test_a_search_that_fails_is_no_empty_directory() -> None:
    with pytest.raises(UnreadableError, match="busy"):
        listing([Found(why="LDAP result 51 (busy)")])


def test_nothing_secret_is_asked_for() -> None:
    assert not any(search.hidden for search in comparison.SEARCHES)
    private = next(search for search in comparison.SEARCHES if "keyapiprivkey" in search.filter)
    assert private.attributes == ("objectclass", "uuid")
