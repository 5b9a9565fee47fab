"""The bucket of the lab's UFDS finds by its indices what it would find by looking at every row."""

from __future__ import annotations

import random

import pytest

from lab.ufds import filters
from lab.ufds.store import Store

ROUNDS = 40


def numbers(store: Store, wanted: str) -> list[int]:
    return [row.number for row in store.search(filters.from_text(wanted), 10_000)]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_stretch_of_numbers_is_found_whatever_was_changed_and_removed(seed: int) -> None:
    """As moray's index on `_id`: bounds on either side, in any depth, and rows that were put again keep their number."""
    rolls = random.Random(seed)
    store = Store()
    there: dict[str, int] = {}
    for at in range(1, 60):
        key = f"uuid={at}, o=smartdc"
        store.put(key, {"objectclass": ["sdcperson"], "uuid": [str(at)]})
        there[key] = at
        if rolls.random() < 0.3:
            gone = rolls.choice([*there])
            store.remove(gone)
            del there[gone]
        elif rolls.random() < 0.3:
            store.put(rolls.choice([*there]), {"objectclass": ["sdcperson"], "login": [f"l{at}"]})
    first, last = sorted(rolls.choices(range(-3, 70), k=2))
    within = [number for number in there.values() if first <= number <= last]
    assert numbers(store, f"(&(objectclass=sdcperson)(&(_id>={first})(_id<={last})))") == within
    assert numbers(store, f"(&(objectclass=*)(_id>={first}.5))") == [n for n in there.values() if n > first]
    assert numbers(store, f"(_id<={last})") == [number for number in there.values() if number <= last]
    assert numbers(store, f"(|(_id<={first})(_id>={last}))") == [n for n in there.values() if n <= first or n >= last]
    assert numbers(store, "(&(objectclass=sdcperson)(_id>=1e400))") == []
    assert numbers(store, "(&(objectclass=sdcperson)(_id>=nonsense))") == []
