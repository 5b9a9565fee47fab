"""A replica's position and the master's changes, seen on two machines, tell what a run would have seen of its replication, or why not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from evidence.collect import position as collected
from evidence.collect import replication
from evidence.collect.ldap import Entry, Found, Search
from evidence.fact import Fact, missing
from evidence.model import Change, Checkpoint, Directory, Position, Progress, RecentChanges
from evidence.subjects.following import UnfollowedError, following

LATEST = 100
USER = "uuid=u, ou=users, o=smartdc"


def change(number: int, at: str, dn: str = USER) -> Change:
    return Change(number, dn, "add", at)


def told(
    before: int,
    after: int,
    *changes: Change,
    seen: str = "2026-11-28T02:00:00Z",
    held: str = "2026-11-28T02:01:00Z",
    recent: RecentChanges | None = None,
    ahead: float = 0.0,
    **asked: object,
) -> Progress:
    position = replace(Position(before, after, seen.replace("00Z", "05.000+00:00")), **asked)
    there = recent or RecentChanges(1, changes)
    return following(
        Fact("r", "its checkpoint", "x", seen, position),
        Fact("m", "what it holds", "x", held, Directory(LATEST)),
        Fact("m", "its latest changes", "x", held, there),
        ahead,
    )


def test_a_replica_that_had_applied_the_last_change_has_caught_up() -> None:
    assert told(LATEST + 1, LATEST + 1) == Progress(LATEST, LATEST + 1, LATEST + 1)


def test_what_came_after_it_was_looked_at_need_not_be_there() -> None:
    """Nor what had just come: it may have been on its way."""
    for at in ("2026-11-28T02:00:30Z", "2026-11-28T01:59:56Z"):
        seen = told(90, 90, change(90, at), change(91, at))
        assert (seen.behind, seen.stuck, seen.beyond) == (0, False, 0)


def test_a_change_that_had_waited_is_one_it_stands_still_at() -> None:
    seen = told(90, 90, change(90, "2026-11-28T01:59:00Z"))
    assert seen.stuck
    assert (seen.behind, seen.waiting, seen.next) == (11, 60, change(90, "2026-11-28T01:59:00Z"))
    assert not seen.parentless
    assert not seen.conflict


def test_the_masters_clock_may_be_another_one() -> None:
    """A change that seems to be a minute old has just come, if the master's clock is late; and the other way round."""
    assert not told(90, 90, change(90, "2026-11-28T01:59:00Z"), ahead=-58.0).behind
    seen = told(90, 90, change(90, "2026-11-28T02:00:30Z"), ahead=90.0)
    assert (seen.stuck, seen.waiting) == (True, 60)


def test_what_is_in_the_way_was_asked_about_that_change_or_is_not_known() -> None:
    late = change(90, "2026-11-28T01:59:00Z")
    seen = told(90, 90, late, next=90, parentless=True, conflict=USER)
    assert (seen.parentless, seen.conflict) == (True, USER)
    seen = told(90, 90, late, next=89, parentless=True, conflict=USER)
    assert (seen.parentless, seen.conflict) == (False, "")


def test_who_moves_is_behind_and_not_stuck() -> None:
    seen = told(80, 90, change(90, "2026-11-28T01:59:00Z"))
    assert (seen.stuck, seen.behind, seen.waiting) == (False, 11, 60)


def test_the_next_change_is_the_first_that_a_replicator_applies() -> None:
    own = change(90, "2026-11-28T01:00:00Z", "amonprobe=p, uuid=u, ou=users, o=smartdc")
    late = change(92, "2026-11-28T01:59:00Z")
    assert told(90, 90, own, late).next == late


def test_before_a_gap_it_stands_still() -> None:
    late = change(90 + 60, "2026-11-28T01:59:00Z")
    seen = told(90, 90, change(80, "2026-11-28T01:00:00Z"), late)
    assert (seen.next, seen.resumes, seen.stuck) == (None, 150, True)
    seen = told(10, 10, recent=RecentChanges(95, (), {10: 70}))
    assert (seen.next, seen.resumes, seen.stuck) == (None, 70, True)


def test_a_gap_behind_which_a_change_has_just_come_is_none_yet() -> None:
    assert not told(90, 90, change(150, "2026-11-28T02:00:20Z")).behind


def test_beyond_the_masters_last_change_only_if_the_master_was_asked_later() -> None:
    assert told(120, 120).beyond == 19
    with pytest.raises(
        UnfollowedError, match="at change 120 when the master's last one had been 100, some time before: collect the"
    ):
        told(120, 120, held="2026-11-28T01:59:00Z")
    with pytest.raises(UnfollowedError, match="collect the master last"):
        told(110, 120, held="2026-11-28T02:00:03Z")


def test_a_checkpoint_before_all_that_the_master_told_is_not_known() -> None:
    with pytest.raises(UnfollowedError, match="its changes from 95 on: collect the master again with --knowing FILE"):
        told(90, 90, recent=RecentChanges(95, (change(95, "2026-11-28T01:00:00Z"),)))


@pytest.mark.parametrize("at", ["", "yesterday", "9999-99-99T00:00:00Z"])
def test_a_change_without_a_time_is_not_known(at: str) -> None:
    with pytest.raises(UnfollowedError, match="cannot be read"):
        told(90, 90, change(90, at))


def test_what_was_not_seen_says_why() -> None:
    position = Fact("r", "its checkpoint", "x", "2026-11-28T02:00:00Z", Position(90, 90, "2026-11-28T02:00:05Z"))
    held = Fact("m", "what it holds", "x", "2026-11-28T02:01:00Z", Directory(LATEST))
    lacking: Fact[RecentChanges] = missing("m", "its latest changes", "x", "LDAP result 51 (busy)")
    with pytest.raises(UnfollowedError, match="the times of these are not known: LDAP result 51"):
        following(position, held, lacking)
    gone: Fact[Position] = missing("r", "its checkpoint", "x", "no LDAP")
    with pytest.raises(UnfollowedError, match="no LDAP"):
        following(gone, held, lacking)
    none: Fact[Directory] = missing("m", "what it holds", "x", "no bind")
    with pytest.raises(UnfollowedError, match="no bind"):
        following(position, none, lacking)


# What each side tells


class Asked:
    """A UFDS with a checkpoint that moves as told, a changelog, and no other entry."""

    def __init__(self, *checkpoints: int, numbers: Sequence[int] = ()) -> None:
        self.checkpoints, self.numbers = [*checkpoints], numbers
        self.searches: list[Search] = []

    async def __call__(self, searches: Sequence[Search]) -> tuple[Found, ...]:
        self.searches += searches
        return tuple(map(self.answer, searches))

    def answer(self, search: Search) -> Found:
        if "sdcreplcheckpoint" in search.filter:
            return Found((Entry("cn=c", {"url": ("u",), "changenumber": (str(self.checkpoints.pop(0)),)}),))
        if search.base == "cn=changelog":
            asked = [
                int(each) for each in search.filter.replace("=", ")").replace("(", ")").split(")") if each.isdigit()
            ]
            spans = list(zip(asked[::2], asked[1::2], strict=True))
            wanted = [number for number in self.numbers if any(first <= number <= last for first, last in spans)]
            return Found(
                tuple(Entry(f"changenumber={n}", {"changenumber": (str(n),), "targetdn": (USER,)}) for n in wanted)
            )
        return Found()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def rest(_: float) -> None:
        pass

    monkeypatch.setattr(replication.asyncio, "sleep", rest)


def test_a_replica_looks_until_its_checkpoint_moves() -> None:
    asked = Asked(5, 5, 7)
    seen = asyncio.run(collected.position("r", Checkpoint("u", 5), None, asked))
    assert (seen.before, seen.after, seen.next) == (5, 7, 0)
    standing = Asked(*[5] * replication.LOOKS)
    assert asyncio.run(collected.position("r", Checkpoint("u", 5), None, standing)).after == 5
    assert standing.checkpoints == []


def test_a_replica_asks_about_the_change_that_earlier_evidence_names() -> None:
    known = RecentChanges(1, (Change(5, "uuid=x, uuid=gone, ou=users, o=smartdc", "add", "t"),))
    seen = asyncio.run(collected.position("r", Checkpoint("u", 5), known, Asked(*[5] * replication.LOOKS)))
    assert (seen.next, seen.parentless, seen.conflict) == (5, True, "")
    elsewhere = replace(known, since=6)
    seen = asyncio.run(collected.position("r", Checkpoint("u", 5), elsewhere, Asked(*[5] * replication.LOOKS)))
    assert seen.next == 0


def test_a_master_tells_its_latest_changes_and_what_comes_at_known_checkpoints() -> None:
    numbers = [*range(1, 11), 100, *range(4000, 5001)]
    seen = asyncio.run(collected.recent(5000, {3, 20, 4990}, Asked(numbers=numbers)))
    assert seen.since == 5001 - collected.LATEST
    assert [each.number for each in seen.changes] == [*range(3, 11), *range(seen.since, 5001)]
    assert seen.resumes == {3: 0, 20: 100}
    assert seen.reaches(3)
    assert not seen.reaches(4)
