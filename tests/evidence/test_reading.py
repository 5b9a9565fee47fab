"""Directories of any size: read stretch by stretch, each entry once, whatever is deleted, added, slow or late meanwhile."""

from __future__ import annotations

import asyncio
import random
import re
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence

import pytest

from evidence.collect import digests, reading
from evidence.collect.digests import PARTS, Digests, Record
from evidence.collect.ldap import USERS, Entry, Found, Search
from evidence.collect.parse import UnreadableError
from evidence.collect.reading import ReadSoFar
from evidence.collect.unanswered import UnansweredError

WHERE = re.compile(r"\(_id>=(\d+)\)(?:\(_id<=(\d+)\))?")
PEOPLE = Search(USERS, "(objectclass=sdcperson)")


class Moray:
    """Numbered entries, and how often somebody asked. `before` is called with the number of the conversation."""

    def __init__(self, numbers: Sequence[int], before: Callable[[int], None] = lambda _: None) -> None:
        self.numbers, self.asked, self.before = list(numbers), 0, before
        self.largest = 0

    async def __call__(self, searches: Sequence[Search]) -> tuple[Found, ...]:
        self.asked += 1
        self.before(self.asked)
        return tuple(map(self._found, searches))

    def _found(self, search: Search) -> Found:
        found = WHERE.search(search.filter)
        assert found is not None
        first, last = int(found[1]), int(found[2] or 1 << 62)
        there = sorted(each for each in self.numbers if first <= each <= last)[: search.limit]
        self.largest = max(self.largest, len(there))
        return Found(tuple(Entry(f"uuid={number}, {USERS}", {}) for number in there))


def read(
    moray: Callable[[Sequence[Search]], Awaitable[tuple[Found, ...]]], seconds: float = 3600.0
) -> tuple[ReadSoFar, list[str], int]:
    """How far it got, the dns that came, and how often it was said that one answer is not enough."""
    seen, into, grown = ReadSoFar(), list[str](), list[int]()

    async def all_of_it() -> None:
        until = asyncio.get_running_loop().time() + seconds
        await reading.read(
            moray, (PEOPLE,), lambda entry: into.append(entry.dn), seen, lambda: until, lambda: grown.append(1)
        )

    asyncio.run(all_of_it())
    return seen, into, len(grown)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAUSE", 0.0)


@pytest.mark.parametrize(
    "numbers",
    [
        [], [1], range(1, 2000), range(1, 2001), range(1, 2002), range(1, 50_000), range(1, 10**9, 10**7),
        [*range(1, 300), *range(5 * 10**8, 5 * 10**8 + 9000)],
    ],
    ids=["none", "one", "all but one", "a stretch", "one more", "many", "sparse", "a gap"],
)  # fmt: skip
def test_each_entry_comes_once(numbers: Sequence[int]) -> None:
    moray = Moray(numbers)
    seen, came, grown = read(moray)
    assert (seen.whole, seen.entries, seen.why) == (True, len(numbers), "")
    assert came == [f"uuid={number}, {USERS}" for number in numbers]
    assert moray.asked <= len(numbers) // reading.WANTED + 60
    assert moray.largest <= reading.MOST
    assert bool(grown) is (len(numbers) > reading.FIRST + 1)


def test_numbers_drawn_at_random_come_once_each() -> None:
    for seed in range(20):
        draw = random.Random(seed)
        numbers = sorted({int(draw.expovariate(1 / 10 ** draw.randint(3, 9))) for _ in range(draw.randint(0, 6000))})
        seen, came, _ = read(Moray(numbers))
        assert (seen.whole, len(came), len(set(came))) == (True, len(numbers), len(numbers)), seed


def test_what_is_added_and_deleted_meanwhile_breaks_nothing() -> None:
    moray = Moray(range(1, 20_000))

    def changes(conversation: int) -> None:
        moray.numbers = [each for each in moray.numbers if each % 7 or each < 10_000]
        if conversation < 5:
            moray.numbers.append(20_000 + conversation)

    moray.before = changes
    seen, came, _ = read(moray)
    assert seen.whole
    assert len(set(came)) == len(came)
    assert {f"uuid={number}, {USERS}" for number in moray.numbers} <= set(came)


def test_an_answer_that_is_late_is_asked_for_in_smaller_parts() -> None:
    def late(conversation: int) -> None:
        if conversation in (3, 4):
            raise UnansweredError("no answer within 20 s")

    seen, came, _ = read(Moray(range(1, 20_000), late))
    assert (seen.whole, len(came)) == (True, 19_999)


def test_one_that_stays_late_is_read_in_part_and_says_so() -> None:
    def late(conversation: int) -> None:
        if conversation > 3:
            raise UnansweredError("no answer within 20 s")

    seen, came, _ = read(Moray(range(1, 20_000), late))
    assert (seen.whole, seen.why) == (False, "no answer within 20 s")
    assert seen.entries == len(came) > 3000


def test_one_that_never_answers_costs_one_wait() -> None:
    def silent(_: int) -> None:
        raise UnansweredError("no answer within 20 s")

    moray = Moray(range(10), silent)
    with pytest.raises(UnansweredError):
        read(moray)
    assert moray.asked == 1


def test_its_time_is_over() -> None:
    seen, came, _ = read(Moray(range(1, 50_000)), seconds=-1.0)
    assert (seen.whole, seen.why, came) == (False, "its time was over", [])


def test_a_search_that_is_refused_is_no_empty_stretch() -> None:
    async def refuses(searches: Sequence[Search]) -> tuple[Found, ...]:
        return tuple(Found(why="LDAP result 51 (busy)") for _ in searches)

    with pytest.raises(UnreadableError, match="busy"):
        read(refuses)


def test_a_listing_keeps_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory and in its file; names of any characters."""
    monkeypatch.setattr(digests, "IN_MEMORY", 1000)
    held = Digests()
    names = [f"uuid={number}, ou=\u00fc\ud800\\,{'x' * (number % 90)}, {USERS}" for number in range(5000)]
    for number, name in enumerate(names):
        held.add(name, number.to_bytes(16), is_key=number % 3 == 0)
    found = {dn: record for part in range(PARTS) for dn, record in held.part(part).items()}
    held.close()
    assert found == {name: Record(number.to_bytes(16), number % 3 == 0) for number, name in enumerate(names)}


def test_memory_does_not_grow_with_the_directory() -> None:
    """Four times as many entries cost less than twice the memory, which is a fraction of what they are, and not ten times the work."""
    peaks, times = [], []
    for count in (20_000, 80_000):
        held = Digests()
        tracemalloc.start()
        begun = time.process_time()
        for number in range(count):
            held.add(f"fingerprint={number}, uuid=930896af-bf8c-48d4-885c-{number:012d}, {USERS}", bytes(16))
        for part in range(PARTS):
            held.part(part)
        times.append(time.process_time() - begun)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        held.close()
    assert peaks[1] < min(2 * peaks[0], 6 << 20)
    assert times[1] < 10 * times[0]
